"""Real shared libraries and extension modules, compiled here."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

from tests.support.tools import need


def compile_library(folder: Path, name: str, source: str, *flags: str) -> bytes:
    """The bytes of a shared library with this soname. Needs a C compiler."""
    folder.mkdir(parents=True, exist_ok=True)
    text, output = folder / f"{name}.c", folder / name
    text.write_text(source)
    soname = [f"-Wl,-soname,{name}"]
    need("cc")
    command = ["cc", "-shared", "-fPIC", "-o", str(output), str(text), *soname, *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output.read_bytes()


def compile_extension(folder: Path, module: str, call: str, *flags: str) -> bytes:
    """An extension module whose import calls `call`, a C expression with an int value kept as `value`."""
    source = f"""
#include <Python.h>
#include <dlfcn.h>
{call}
static struct PyModuleDef definition = {{PyModuleDef_HEAD_INIT, "{module}", 0, -1, 0}};
PyMODINIT_FUNC PyInit_{module}(void) {{
    PyObject *made = PyModule_Create(&definition);
    PyModule_AddIntConstant(made, "value", answer());
    return made;
}}
"""
    include = sysconfig.get_path("include")
    return compile_library(folder, f"{module}.so", source, f"-I{include}", *flags)
