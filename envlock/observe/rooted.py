"""The agent's pass over an image that lies below a folder, as if that were `/`. Runs as a process of its own.

It enters the folder (chroot; without root in a user namespace of its own) and runs nothing of what lies
there: what the interpreter is follows from its files, and starting any program is refused. Reads one JSON
request on stdin, writes one JSON answer on stdout.
"""

from __future__ import annotations

import codecs
import ctypes
import importlib
import json
import os
import pkgutil
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from envlock.resolve.oci.base import HEADER_VERSION, VERSION

_NEW_USER = 0x10000000
_LIBRARIES = (
    "ast",
    "csv",
    "io",
    "marshal",
    "tempfile",
    "warnings",
    "zipfile",
    "_imp",
    "importlib.util",
    "resource",
)
_GLIBC = re.compile(rb"GNU C Library[^\0]*? version (\d+\.\d+)")
_STARTS = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.spawn")


def main() -> None:
    """Answer the request on stdin."""
    request = json.load(sys.stdin)
    _import_all()
    try:
        _enter(request["root"])
    except OSError as error:
        json.dump({"refused": error.strerror or str(error)}, sys.stdout)
        return
    sys.addaudithook(_refuse_programs)
    json.dump({"facts": _facts(request)}, sys.stdout)


def _import_all() -> None:
    """There is no library to import from once the folder is entered."""
    import envlock.agent
    from envlock.agent.makers import templates

    templates()
    for module in pkgutil.walk_packages(envlock.agent.__path__, "envlock.agent."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in _LIBRARIES:
        importlib.import_module(name)
    for codec in ("utf-8-sig", "ascii", "latin-1"):
        codecs.lookup(codec)


def _enter(root: str) -> None:
    if os.geteuid() != 0:
        _become_root_of_a_namespace()
    os.chroot(root)
    os.chdir("/")


def _become_root_of_a_namespace() -> None:
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_USER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _refuse_programs(event: str, _: object) -> None:
    if event in _STARTS:
        raise PermissionError("nothing of an image is started")


def _facts(request: Mapping[str, Any]) -> Mapping[str, Any]:
    from envlock.agent.expect import from_json
    from envlock.agent.survey import Request, survey

    document: dict[str, Any] = dict(
        survey(
            Request(
                prefix=request["prefix"],
                level="content",
                expectation=from_json(request["expectation"]),
                environment=request["environment"],
                described=describe(request["prefix"]),
            )
        )
    )
    document["host"] = {"platform": request["platform"], "name": "", "libc": _libc()}
    return document


def describe(prefix: str) -> dict[str, Any] | None:
    """What an interpreter would say of itself, from its files; None where there is none."""
    from envlock.agent.prefix import open_prefix

    opened = open_prefix(prefix)
    python = _interpreter(opened.executable)
    if python is None:
        return None
    version = _version(python)
    short = ".".join(version.split(".")[:2])
    base = posixpath.dirname(posixpath.dirname(python))
    stdlib = f"{base}/lib/python{short}"
    build = _build_variables(stdlib)
    return {
        "implementation": "cpython",
        "version": [int(part) for part in version.split(".")],
        "full_version": version,
        "soabi": str(build.get("SOABI", "")),
        "abiflags": str(build.get("ABIFLAGS", "")),
        "debug": str(int(bool(build.get("Py_DEBUG")))),
        "gil_disabled": str(int(bool(build.get("Py_GIL_DISABLED")))),
        "cache_tag": f"cpython-{short.replace('.', '')}",
        "magic": "",
        "prefix": prefix,
        "base_prefix": base,
        "sites": list(_sites(prefix, short, is_venv=opened.is_venv)),
        "user_site": "",
        "scripts": f"{prefix}/bin",
        "data": prefix,
        "include": f"{prefix}/include/site/python{short}"
        if opened.is_venv
        else f"{prefix}/include/python{short}",
        "stdlib": [stdlib],
        "stdlib_names": _names(stdlib, short),
    }


def _interpreter(executable: str | None) -> str | None:
    if executable is None:
        return None
    real = os.path.realpath(executable)
    return real if re.fullmatch(r"python3\.\d+", posixpath.basename(real)) else None


def _version(python: str) -> str:
    """The version of its series that the interpreter, its library or its header has in it; `3.11.0`, which no
    lock asks for to the patch, where none of them tells."""
    series = posixpath.basename(python).removeprefix("python")
    base = posixpath.dirname(posixpath.dirname(python))
    library = f"libpython{series}.so*"
    places = [python, *_globbed(base, f"lib/{library}"), *_globbed("/usr/lib", f"*/{library}")]
    for place in places:
        found: set[str] = {text.decode() for text in VERSION.findall(_bytes(place))}
        fitting = {text for text in found if text.startswith(f"{series}.")}
        if len(fitting) == 1:
            return fitting.pop()
    header = HEADER_VERSION.search(_bytes(f"{base}/include/python{series}/patchlevel.h"))
    return str(header[1], "ascii") if header is not None else f"{series}.0"


def _globbed(folder: str, pattern: str) -> list[str]:
    return sorted(map(str, Path(folder).glob(pattern)))


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _build_variables(stdlib: str) -> Mapping[str, Any]:
    """`build_time_vars` of `_sysconfigdata_*.py`: a literal, read and never run."""
    import ast

    for path in _globbed(stdlib, "_sysconfigdata_*.py"):
        try:
            for node in ast.parse(_bytes(path)).body:
                if isinstance(node, ast.Assign):
                    value = ast.literal_eval(node.value)
                    return value if isinstance(value, dict) else {}
        except (SyntaxError, ValueError):
            continue
    return {}


def _sites(prefix: str, short: str, *, is_venv: bool) -> Iterator[str]:
    """The site directories; of Debian's own Python, those of its packages as well."""
    usual = f"{prefix}/lib/python{short}/site-packages"
    debian = [f"/usr/local/lib/python{short}/dist-packages", "/usr/lib/python3/dist-packages"]
    if not is_venv and prefix == "/usr" and any(Path(each).is_dir() for each in debian):
        yield from debian
        return
    yield usual
    second = f"{prefix}/lib64/python{short}/site-packages"
    if Path(second).is_dir() and os.path.realpath(second) != os.path.realpath(usual):
        yield second


def _names(stdlib: str, short: str) -> list[str]:
    """The names of the standard library: this interpreter's where it is of that series, else by its files."""
    found = set(sys.builtin_module_names)
    if short == f"{sys.version_info[0]}.{sys.version_info[1]}":
        found.update(sys.stdlib_module_names)
    for folder in (stdlib, f"{stdlib}/lib-dynload"):
        if Path(folder).is_dir():
            found.update(path.name.split(".", 1)[0] for path in Path(folder).iterdir())
    return sorted(name for name in found if name.isidentifier())


def _libc() -> str:
    """The C library of the image, as `host_facts` would say it."""
    for path in _globbed("/", "lib*/libc.so.6") + _globbed("/lib", "*/libc.so.6"):
        match = _GLIBC.search(_bytes(path))
        if match is not None:
            return f"glibc {match[1].decode()}"
    return ""


if __name__ == "__main__":
    main()
