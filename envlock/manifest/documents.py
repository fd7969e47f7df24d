"""Files as text and TOML, with a fault for everything that can be wrong with a file."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from pathlib import Path

import tomli

from envlock.manifest.tables import Faults

# PEP 723, "Reference Implementation".
_SCRIPT_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def read_text(path: Path, shown_as: str, faults: Faults) -> str | None:
    """The text of a file, newlines as LF; None where it cannot be read, with a fault.

    UTF-8; UTF-16 where a byte order mark says so, because PowerShell's `>` writes requirements so.
    """
    try:
        return decoded(path.read_bytes()).replace("\r\n", "\n")
    except FileNotFoundError:
        faults.add(shown_as, "there is no such file")
    except IsADirectoryError:
        faults.add(shown_as, "is a directory, not a file")
    except UnicodeDecodeError as error:
        faults.add(shown_as, f"is not UTF-8 (byte {error.start})", "save it as UTF-8")
    except (OSError, ValueError) as error:
        faults.add(shown_as, f"cannot be read: {getattr(error, 'strerror', None) or error}")
    return None


def exists(path: Path) -> bool:
    """Whether there is something at `path`; a name too long for the disk, or out of reach, is not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def decoded(data: bytes) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    return data.decode()


def parse_toml(
    text: str, shown_as: str, faults: Faults, *, first_line: int = 1
) -> Mapping[str, object] | None:
    """The TOML document, or None with a fault that names line and column.

    `first_line` is the line of the file that `text` starts on.
    """
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        line, reason = error.lineno + first_line - 1, error.msg[:1].lower() + error.msg[1:]
        where = f"{shown_as}, line {line}, column {error.colno}"
        faults.add(where, f"not valid TOML: {reason}", _merge_hint(text))
    except (ValueError, RecursionError):  # a number of thousands of digits, a thousand nested lists
        faults.add(shown_as, "not valid TOML: a value is too large or nested too deeply")
    return None


def _merge_hint(text: str) -> str | None:
    return "resolve the merge conflict first" if re.search(r"(?m)^<<<<<<< ", text) else None


def script_metadata(text: str, shown_as: str, faults: Faults) -> Mapping[str, object] | None:
    """The TOML of a script's `# /// script` block (PEP 723); None, with a fault, where it has not one."""
    blocks = [match for match in _SCRIPT_BLOCK.finditer(text) if match["type"] == "script"]
    if len(blocks) != 1:
        many = "has more than one `# /// script` block" if blocks else "has no `# /// script` block"
        faults.add(shown_as, many, "PEP 723 asks for exactly one, closed by `# ///`")
        return None
    lines = blocks[0]["content"].splitlines()
    toml = "".join((line[2:] if line.startswith("# ") else line[1:]) + "\n" for line in lines)
    first_line = text.count("\n", 0, blocks[0].start("content")) + 1
    return parse_toml(toml, shown_as, faults, first_line=first_line)
