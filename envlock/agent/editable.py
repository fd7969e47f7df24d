"""Editable installs by a finder: where setuptools' generated module leads (IDENTITY 6).

The `.pth` of such an install runs code. It is judged like a plain path only when the module that it
installs is, apart from its mappings, letter by letter what setuptools writes.
"""

import ast
import hashlib
import os
import re
from typing import List, Optional, Tuple

from .data.finders import FINDERS
from .hashing import without_waiting

_INSTALL = re.compile(r"import (__editable___\w+_finder); \1\.install\(\)")
_FINDER = re.compile(r"__editable___\w+_finder\.py")
# site.py imports these after the `.pth` files: mapped, they run when Python starts.
_CUSTOMIZE = {"sitecustomize", "usercustomize"}
_SLOTS = (
    re.compile(r"^(MAPPING(?:: [^=\n]+)? = )(.*)$", re.MULTILINE),
    re.compile(r"^(NAMESPACES(?:: [^=\n]+)? = )(.*)$", re.MULTILINE),
    re.compile(r"^(PATH_PLACEHOLDER = )('[\w.-]*')", re.MULTILINE),
)


def is_finder_name(name: str) -> bool:
    return bool(_FINDER.fullmatch(name))


def finder_directories(line: str, site: str) -> Optional[List[str]]:
    """The folders that the finder of a `.pth` line maps to; None where it is no known finder."""
    match = _INSTALL.fullmatch(line.strip())
    if match is None:
        return None
    try:
        with open(os.path.join(site, match[1] + ".py"), encoding="utf-8", opener=without_waiting) as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return None
    return _mapped(text) if blanked_digest(text) in FINDERS else None


def blanked_digest(text: str) -> Optional[str]:
    """The sha256 of a finder with its literals blanked; None where one is no literal."""
    for slot in _SLOTS:
        values = slot.findall(text)
        if len(values) != 1 or not _is_literal(values[0]):
            return None
        text = slot.sub(r"\1@", text)
    return hashlib.sha256(text.encode()).hexdigest()


def _is_literal(found: Tuple[str, str]) -> bool:
    try:
        ast.literal_eval(found[1])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _mapped(text: str) -> Optional[List[str]]:
    """Every folder of MAPPING and NAMESPACES; None where they are no mappings of names to folders."""
    mapping, namespaces = (ast.literal_eval(slot.findall(text)[0][1]) for slot in _SLOTS[:2])
    if not isinstance(mapping, dict) or not isinstance(namespaces, dict):
        return None
    if _CUSTOMIZE.intersection(mapping) or _CUSTOMIZE.intersection(namespaces):
        return None
    folders = list(mapping.values())
    for paths in namespaces.values():
        folders.extend(paths if isinstance(paths, list) else [None])
    if not all(isinstance(folder, str) for folder in folders):
        return None
    return [os.path.normpath(folder) for folder in folders]
