"""Scripts in `bin`: which interpreter they start, what they call, how they count (IDENTITY 2.3 and 4)."""

import re
from typing import Callable, NamedTuple, Optional

from .identity import PLACEHOLDER_SHEBANG
from .quoting import STYLES

IsPrefixPython = Callable[[str], bool]

# What the kernel takes for the interpreter ends at the first blank, so a path with one is another path.
_DIRECT = re.compile(rb"#!(/[^\s\0]+)\n")
_ANY_LINE = re.compile(rb"#![^\n]*")
# pip, distlib, uv, conda and mamba close the trampoline on a line of its own, rattler on the same line.
_TRAMPOLINE = re.compile(rb"#!/bin/sh\n'''exec' ([^\n\0]+) \"\$0\" \"\$@\"(?:\n' '''\n| #'''\n)")
_RELATIVE = re.compile(
    r"(?:\"\$\(dirname -- \"\$\(realpath -- \"\$0\"\)\"\)\""  # uv 0.5 and newer
    r"|\"\$\(CDPATH= cd -- \"\$\(dirname -- \"\$0\"\)\" && echo \"\$PWD\"\)\")"  # uv 0.4
    r"/'([\w.]+)'",
    re.ASCII,
)
_TARGET = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_CALL = r"(?ms)^\s*from ([\w.]+) import \w+$.*^\s+sys\.exit\(([\w.]+)\(\)\)$"


class Shebang(NamedTuple):
    """The interpreter that starts a script, and where the text below begins.

    `interpreter` is an absolute path, or (`is_relative`) a name in the script's own directory.
    """

    interpreter: str
    is_relative: bool
    body_offset: int


def shebang_interpreter(content: bytes) -> Optional[Shebang]:
    """Read the first line, or the `/bin/sh` trampoline for paths that a first line cannot hold.

    None for anything else: no shebang, arguments for the interpreter, a blank in a first line's path, a
    trampoline that no installer writes or that a shell would read in another way.
    """
    trampoline = _TRAMPOLINE.match(content)
    if trampoline is not None:
        return _read_trampoline(trampoline.group(1), trampoline.end())
    line = _DIRECT.match(content)
    if line is None:
        return None
    return _shebang(_text(line.group(1)), line.end())


def normalize_script(content: bytes, is_prefix_python: IsPrefixPython) -> bytes:
    r"""A file placed in `scripts` as it counts (IDENTITY 2.3, the disk's side).

    `is_prefix_python` gets an absolute path, or a name relative to the directory of the scripts.

    >>> normalize_script(b"#!/env/bin/python3\nprint()\n", lambda path: path == "/env/bin/python3")
    b'#!python\nprint()\n'
    """
    shebang = shebang_interpreter(content)
    if shebang is None or not is_prefix_python(shebang.interpreter):
        return content
    return PLACEHOLDER_SHEBANG + content[shebang.body_offset :]


def check_entry_point_script(
    content: bytes, *, target: str, is_prefix_python: IsPrefixPython
) -> Optional[str]:
    """None when the script is what an installer writes to call `target` (`module:attr`) with this
    prefix's Python, else why not, as the predicate of "the script …" (IDENTITY 4).
    """
    shebang = shebang_interpreter(content)
    if shebang is None:
        return _strange_start(content)
    if not is_prefix_python(shebang.interpreter):
        return f"starts `{shebang.interpreter}`, which is not this environment's Python"
    return _body_fault(_text(content[shebang.body_offset :]), target)


def script_maker(content: bytes, *, target: str) -> Optional[str]:
    """Who writes such a script for `target`, by its text below the shebang; None for nobody known."""
    shebang = shebang_interpreter(content)
    return _maker(_text(content[shebang.body_offset :]), target) if shebang is not None else None


def _read_trampoline(word: bytes, end: int) -> Optional[Shebang]:
    text = _text(word)
    # Python reads the trampoline as one string: a path must not end it early and go on as code.
    if "'''" in text:
        return None
    relative = _RELATIVE.fullmatch(text)
    if relative is not None:
        return Shebang(relative.group(1), True, end)
    path = _shell_word(text)
    return None if path is None else _shebang(path, end)


def _shell_word(text: str) -> Optional[str]:
    """The path of a trampoline: bare or between double quotes (pip, conda), between single quotes (uv)."""
    if text.startswith('"') and text.endswith('"'):
        inside = text[1:-1]
        return None if re.search(r"[\"$`\\]", inside) else inside
    read = STYLES["posix-word"].read(text, 0, "") or STYLES["posix"].read(text, 0, "")
    return read[0] if read is not None and read[1] == len(text) else None


def _shebang(path: str, end: int) -> Optional[Shebang]:
    parts = path.split("/")
    if parts[0] or len(parts) < 2 or any(part in ("", ".") for part in parts[1:]):
        return None
    return Shebang(path, False, end)


def _strange_start(content: bytes) -> str:
    line = _ANY_LINE.match(content)
    if line is None:
        return "has no first line that names an interpreter"
    words = _text(line.group())[2:].split()
    if len(words) > 1:
        return f"starts `{words[0]}` with arguments, as no installer does"
    return "starts in a way that no installer writes"


def _body_fault(body: str, target: str) -> Optional[str]:
    if _TARGET.fullmatch(target) is None:
        return f"stands for `{target}`, which names no function of a module"
    if _maker(body, target) is not None:
        return None
    called = re.search(_CALL, body)
    if called is not None:
        other = f"{called.group(1)}:{called.group(2)}"
        if _maker(body, other) is not None:
            return f"calls `{other}` instead of `{target}`"
    return "is not what pip, uv, distlib or conda writes for an entry point"


def _maker(body: str, target: str) -> Optional[str]:
    from .data.script_templates import TEMPLATES

    match = _TARGET.fullmatch(target)
    if match is None:
        return None
    module, func = match.groups()
    values = {"module": module, "import_name": func.partition(".")[0], "func": func}
    return next((maker for maker, text in TEMPLATES if text.format(**values) == body), None)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
