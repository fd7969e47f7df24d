"""What makers of environments leave behind, accepted by content (IDENTITY 6).

A known file is a template with slots: places where the maker writes the prefix, the prompt, X.Y or the
library of Tcl, each quoted in a known way. The data holds, for every template, where its slots are and
the sha256 of the text with the slots blanked. A file is accepted when every slot reads as one honest
literal and the rest hashes to a known value; names prove nothing.
"""

import hashlib
import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .quoting import STYLES

PREFIX, PROMPT, PYTHON, TCL = "prefix", "prompt", "python", "tcl"
DATA = "data/makers.json"
_LARGEST = 64 << 10

# A prompt ends up in PS1 or its like, which shells expand once more when they show it.
_EXPANDED_LATER = re.compile(r"[$`\\\x00-\x1f\x7f]")
# csh replaces `!` even between quotes, cmd `%`, and in fish `\` escapes the quote: only a style that
# escapes them may hold them.
_SPECIAL = {"activate.csh": "!", "deactivate.csh": "!", "activate.bat": "%", "activate.fish": "\\"}
_TCL_LIBRARY = re.compile(r"(.+)/(?:tcl|tk)[0-9.]+")
_TCL_FOLDERS = frozenset(["/usr/share/tcltk", "/usr/lib", "/usr/lib64"])
_FOLDERS = frozenset(["_distutils_hack"])


class Slot(NamedTuple):
    """`gap` characters after the end of the slot before it; `after` is the text that follows."""

    gap: int
    holds: str
    style: str
    after: str


class Template(NamedTuple):
    """What one maker writes into files of one kind. `maker` says which releases: "uv 0.9.0 - 0.13.8"."""

    kind: str
    maker: str
    sha256: str
    slots: Tuple[Slot, ...]


class Owner(NamedTuple):
    """The environment that a file must be written for. `base_prefix` is "" where it is not known."""

    prefix: str
    python: Tuple[int, int]
    base_prefix: str


def accepted(
    path: str, content: bytes, *, prefix: str, python: Tuple[int, int], base_prefix: str = ""
) -> Optional[str]:
    """The maker of a file that is exactly what it writes into this environment, else None.

    `path` may be absolute or relative; its last part (with its folder for `_distutils_hack`) says what
    kind of file it is. `python` is the (major, minor) of the environment.
    """
    candidates = templates().get(kind_of(path), ())
    return match(content, candidates, Owner(prefix, python, base_prefix))


def match(content: bytes, candidates: Sequence[Template], owner: Owner) -> Optional[str]:
    """The maker of the first template that `content` is, for this owner."""
    if len(content) > _LARGEST or b"\0" in content:
        return None
    text = content.decode("utf-8", "surrogateescape")
    for template in candidates:
        if _digest(text, template, owner) == template.sha256:
            return template.maker
    return None


def kind_of(path: str) -> str:
    """The kind of a file by its path: `activate`, `_distutils_hack/__init__.py`.

    >>> kind_of("/env/lib/python3.11/site-packages/_distutils_hack/override.py")
    '_distutils_hack/override.py'
    """
    folder, name = os.path.split(path)
    parent = os.path.basename(folder)
    return f"{parent}/{name}" if parent in _FOLDERS else name


def blanked(text: str, slots: Sequence[Slot]) -> Optional[Tuple[str, List[Tuple[Slot, str]]]]:
    """`text` with its slots blanked, and the values that stood there; None where a slot is no literal."""
    parts, values, at = [], [], 0
    for slot in slots:
        start = at + slot.gap
        token = STYLES[slot.style].read(text, start, slot.after)
        if token is None:
            return None
        parts.append(text[at:start] + f"\0{slot.holds}\0")
        values.append((slot, token[0]))
        at = token[1]
    return "".join(parts) + text[at:], values


def digest_of(blank: str) -> str:
    return hashlib.sha256(blank.encode("utf-8", "surrogateescape")).hexdigest()


def _digest(text: str, template: Template, owner: Owner) -> Optional[str]:
    read = blanked(text, template.slots)
    if read is None or not all(_is_honest(slot, value, template.kind, owner) for slot, value in read[1]):
        return None
    return digest_of(read[0])


def _is_honest(slot: Slot, value: str, kind: str, owner: Owner) -> bool:
    if slot.holds == PREFIX:
        return _is_prefix(value, owner.prefix) and not _escapes(slot, value, kind)
    if slot.holds == PROMPT:
        return _EXPANDED_LATER.search(value) is None and not _escapes(slot, value, kind)
    if slot.holds == PYTHON:
        return value.rstrip("t") == "%d.%d" % owner.python
    return value == "" or _is_tcl_library(value, owner.base_prefix)


def _escapes(slot: Slot, value: str, kind: str) -> bool:
    """Is there a character that a quote of this kind of file does not hold?"""
    pasted = slot.style.startswith(("in-", "posix"))
    return pasted and any(character in value for character in _SPECIAL.get(kind, ""))


def _is_prefix(value: str, prefix: str) -> bool:
    if value == prefix or not os.path.isabs(value):
        return value == prefix
    try:
        return os.path.realpath(value) == os.path.realpath(prefix)
    except ValueError:  # no name of a file: it holds a NUL, or half of a surrogate pair
        return False


def _is_tcl_library(value: str, base_prefix: str) -> bool:
    library = _TCL_LIBRARY.fullmatch(value)
    if library is None:
        return False
    folder = library.group(1)
    return folder in _TCL_FOLDERS or (bool(base_prefix) and folder == base_prefix + "/lib")


_TEMPLATES: Dict[str, Tuple[Template, ...]] = {}


def templates() -> Dict[str, Tuple[Template, ...]]:
    """What known makers leave, read once."""
    if not _TEMPLATES:
        import json
        import pkgutil

        # Through the loader: inside the zipapp there is no file to open.
        data = pkgutil.get_data(__name__.rpartition(".")[0], DATA)
        _TEMPLATES.update(parse(json.loads(data or b"{}")))
    return _TEMPLATES


def parse(document: Dict[str, Any]) -> Dict[str, Tuple[Template, ...]]:
    """Templates by kind, from the document that `scripts/refresh_makers.py` writes."""
    return {
        kind: tuple(
            Template(kind, row["maker"], row["sha256"], tuple(Slot(*slot) for slot in row["slots"]))
            for row in rows
        )
        for kind, rows in document.items()
    }
