"""Installed distributions: what their dist-info says they own, as entries to hash (IDENTITY 2)."""

import os
import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from .expect import ExpectedDistribution
from .hashing import without_waiting
from .identity import (
    LIB,
    SCRIPTS,
    RecordRow,
    UnsafePath,
    entry_point_scripts,
    is_cached_bytecode,
    is_installer_file,
    normalized_name,
    parse_record,
)
from .prefix import Layout

_INFO = re.compile(r"(?P<name>[^-]+)-(?P<version>.+)\.dist-info$")
# Debian's packages and setup.py installs: `numpy-1.24.2.egg-info`, `x-1.0-py3.11.egg-info`.
_EGG_INFO = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(-py\d[\d.]*)?\.egg-info$")
_SEEDS = ("pip", "setuptools", "wheel")
_ALIAS = re.compile(r"-?\d+(\.\d+)?$")
_MOST_RECORD_BYTES = 256 << 20


class Owned(NamedTuple):
    """One file that a distribution owns. `hex` and `size` are RECORD's claims ("" and None where it
    claims nothing)."""

    place: str
    path: str
    absolute: str
    algorithm: str
    hex: str
    size: Optional[int] = None


class Installed(NamedTuple):
    """One distribution as its dist-info describes it, before any file is read.

    `entries` are the files that count for the digest; `owned` are all absolute paths it answers for,
    bytecode and generated scripts included; `absent` are paths that must not exist; `problems` are
    faults of the description itself.
    """

    name: str
    version: str
    site: str
    info: str
    entries: List[Owned]
    owned: List[str]
    absent: List[str]
    scripts: Dict[str, str]
    entry_points: str
    editable: Optional[str]
    problems: List[Tuple[str, str]]


def find_infos(site: str) -> List[str]:
    """Names of the dist-info and egg-info folders (or files) of a site directory, sorted."""
    try:
        names = os.listdir(site)
    except OSError:
        return []
    return sorted(name for name in names if name.endswith((".dist-info", ".egg-info")))


def record_bytes(site: str, info: str) -> int:
    try:
        return os.path.getsize(os.path.join(site, info, "RECORD"))
    except OSError:
        return 0


def entry_point_groups(entry_points: str) -> List[str]:
    return re.findall(r"^\s*\[([^\]]+)\]", entry_points, re.MULTILINE)


def groups_in(directory: str) -> List[str]:
    """The entry-point groups of every dist-info and egg-info of a directory, sorted."""
    texts = [_text(os.path.join(directory, info, "entry_points.txt")) for info in find_infos(directory)]
    return sorted({group for text in texts if text for group in entry_point_groups(text)})


def split_info(info: str) -> Optional[Tuple[str, str]]:
    """(normalised name, version) of the name of a dist-info or egg-info."""
    match = _INFO.match(info) or _EGG_INFO.match(info)
    return (normalized_name(match["name"]), match["version"]) if match else None


def read_distribution(
    site: str, info: str, layout: Layout, python: Tuple[int, int], expected: Optional[ExpectedDistribution]
) -> Installed:
    """Read one dist-info. Never raises for its content."""
    # importlib.metadata reads the entry points of a folder without a version, too.
    name, version = split_info(info) or (normalized_name(info.rpartition(".")[0]), "")
    problems: List[Tuple[str, str]] = []
    rows = _record_rows(site, info, problems)
    entry_points = _text(os.path.join(site, info, "entry_points.txt")) or ""
    scripts = entry_point_scripts(entry_points, name, python)
    reader = _Reader(name, site, info, layout, scripts)
    for row in rows:
        reader.add(row, problems)
    absent = reader.apply_fixups(expected)
    if entry_points and f"{site}/{info}/entry_points.txt" not in reader.owned:
        problems.append((f"{info}/entry_points.txt", "is not in its RECORD"))
    return Installed(
        name,
        version,
        site,
        info,
        list(reader.entries.values()),
        reader.owned,
        absent,
        scripts,
        entry_points,
        _editable(os.path.join(site, info, "direct_url.json")),
        problems,
    )


class _Reader:
    """Sorts the rows of one RECORD into entries and merely owned files."""

    def __init__(self, name: str, site: str, info: str, layout: Layout, scripts: Dict[str, str]) -> None:
        self.name, self.site, self.info = name, site, info
        self.layout, self.scripts = layout, scripts
        self.entries: Dict[Tuple[str, str], Owned] = {}
        self.owned: List[str] = []

    def add(self, row: RecordRow, problems: List[Tuple[str, str]]) -> None:
        if row.path.startswith(".."):
            absolute = os.path.normpath(f"{self.site}/{row.path}")
            placed = self.layout.place(absolute, self.name)
        else:  # nearly every row: no need to look at the layout
            absolute, placed = f"{self.site}/{row.path}", (LIB, row.path)
        if placed is None:
            problems.append((row.path, "leaves the prefix"))
            return
        self.owned.append(absolute)
        place, path = placed
        if place == LIB and is_installer_file(path, self.info):
            return
        if is_cached_bytecode(path) or (place == SCRIPTS and self._is_generated(path)):
            return
        if path.endswith(".virtualenv") and place == LIB and self._is_seed_marker(path, absolute):
            return
        algorithm, hexdigest = (row.algorithm, row.hex) if row.hex else ("sha256", "")
        if place == SCRIPTS:
            # RECORD has the hash of the script as installed, shebang and all: no claim about the wheel's.
            algorithm, hexdigest = "sha256", ""
        self.entries[placed] = Owned(place, path, absolute, algorithm, hexdigest, row.size)

    def _is_generated(self, script: str) -> bool:
        """A script of an entry point, or one of the aliases that virtualenv's seeds get: `pip-3.11`,
        `wheel3`. An alias must call what its entry point calls, and is judged like it."""
        base = _ALIAS.sub("", script)
        if script not in self.scripts and base in self.scripts and self.name in _SEEDS:
            self.scripts[script] = self.scripts[base]
        return script in self.scripts

    def _is_seed_marker(self, path: str, absolute: str) -> bool:
        """The empty file that virtualenv leaves beside what it seeds: `pip-26.3.virtualenv`."""
        if path != self.info.replace(".dist-info", ".virtualenv"):
            return False
        return os.path.isfile(absolute) and os.path.getsize(absolute) == 0

    def apply_fixups(self, expected: Optional[ExpectedDistribution]) -> List[str]:
        """Overlay the lock's values where RECORD does not tell the truth; return what must be absent."""
        absent = []
        for fixup in expected.fixups if expected else ():
            key = (fixup.place, fixup.path)
            absolute = self.layout.locate(fixup.place, fixup.path, self.name, self.site)
            if fixup.sha256 is None:
                self.entries.pop(key, None)
                self.owned = [path for path in self.owned if path != absolute]
                absent.append(absolute)
                continue
            if key not in self.entries:
                self.owned.append(absolute)
            self.entries[key] = Owned(fixup.place, fixup.path, absolute, "sha256", fixup.sha256)
        return absent


def _record_rows(site: str, info: str, problems: List[Tuple[str, str]]) -> List[RecordRow]:
    path = os.path.join(site, info, "RECORD")
    try:
        if os.path.getsize(path) > _MOST_RECORD_BYTES:
            raise ValueError("it is larger than any RECORD")
        with open(path, encoding="utf-8", newline="", opener=without_waiting) as file:
            return parse_record(file.read())
    except FileNotFoundError:
        problems.append((f"{info}/RECORD", "is missing"))
    except UnsafePath as error:
        problems.append((f"{info}/RECORD", f"holds a path with {error}"))
    except (OSError, ValueError) as error:
        problems.append((f"{info}/RECORD", f"cannot be read: {error}"))
    return []


def _text(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8", opener=without_waiting) as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return None


def _editable(path: str) -> Optional[str]:
    """The project folder of an editable installation (PEP 610), or None."""
    text = _text(path)
    if text is None:
        return None
    import json
    from urllib.parse import unquote, urlsplit

    try:
        document = json.loads(text)
        if not document.get("dir_info", {}).get("editable"):
            return None
        return os.path.normpath(unquote(urlsplit(document["url"]).path))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def relative_to_prefix(path: str, prefix: str) -> str:
    """How a finding names a file: relative to the prefix where it is inside, else as it is."""
    return path[len(prefix) + 1 :] if path.startswith(prefix + "/") else path
