"""What a distribution is: places, entries and the digest over them (IDENTITY 2).

Both sides use it: the lock side over the members of a wheel, the target over the files on disk.
"""

import hashlib
import re
from binascii import a2b_base64
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

LIB, SCRIPTS, HEADERS, DATA = "lib", "scripts", "headers", "data"

# Written by installers, or about the installation rather than the distribution (IDENTITY 2.1).
INSTALLER_FILES = frozenset(
    [
        "RECORD",
        "RECORD.jws",
        "RECORD.p7s",
        "INSTALLER",
        "REQUESTED",
        "direct_url.json",
        "provenance_url.json",
        "uv_cache.json",
        "uv_build.json",
    ]
)
ALGORITHMS = {"sha256": 64, "sha384": 96, "sha512": 128}
PLACEHOLDER_SHEBANG = b"#!python\n"

_URLSAFE = str.maketrans("-_", "+/")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Entry(NamedTuple):
    """One file that counts: where it lands and what it is."""

    place: str
    path: str
    algorithm: str
    hex: str


class UnsafePath(ValueError):
    """A path that must not be installed or followed: absolute, `..`, control characters."""


def normalized_name(name: str) -> str:
    """PEP 503.

    >>> normalized_name("Jupyterlab_Widgets")
    'jupyterlab-widgets'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def entry_list(name: str, version: str, entries: Iterable[Entry]) -> bytes:
    """The exact bytes that are hashed (IDENTITY 2.5): their sha256 is the digest."""
    rows = sorted(
        (entry.place.encode(), entry.path.encode(), entry.algorithm.encode(), entry.hex.encode())
        for entry in entries
    )
    body = b"".join(b"%b\0%b\0%b\0%b\n" % row for row in rows)
    return b"envlock-dist-v1\0%b\0%b\0%b" % (name.encode(), version.encode(), body)


def distribution_digest(name: str, version: str, entries: Iterable[Entry]) -> str:
    return hashlib.sha256(entry_list(name, version, entries)).hexdigest()


def parse_entry_list(data: bytes) -> Tuple[str, str, List[Entry]]:
    """Undo `entry_list`: name, version, entries. Raises ValueError on anything else."""
    magic, name, version, body = data.split(b"\0", 3)
    if magic != b"envlock-dist-v1":
        raise ValueError("not an entry list")
    entries = []
    for row in body.decode().split("\n")[:-1]:
        place, path, algorithm, hexdigest = row.split("\0")
        entries.append(Entry(place, path, algorithm, hexdigest))
    return name.decode(), version.decode(), entries


def safe_relative_path(path: str) -> str:
    """A path as RECORD and wheels may spell it, normalised (IDENTITY 2.4), or UnsafePath.

    Backslashes become slashes, `.` and empty parts vanish, so leading slashes do. What leaves
    the root is the caller's to judge: RECORD paths start with `..` by right.
    """
    if _CONTROL.search(path):
        raise UnsafePath("control characters")
    parts: List[str] = []
    for part in path.replace("\\", "/").split("/"):
        if part in ("", "."):
            continue
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def is_cached_bytecode(path: str) -> bool:
    """`__pycache__/*.pyc`: not part of the digest (IDENTITY 5 judges it)."""
    if not path.endswith(".pyc"):
        return False
    head = path.rpartition("/")[0]
    return head == "__pycache__" or head.endswith("/__pycache__")


def is_installer_file(path: str, info: str) -> bool:
    """`path` (relative to the site directory) is one that installers write into dist-info `info`."""
    return path.startswith(info) and path[len(info) + 1 :] in INSTALLER_FILES and path[len(info)] == "/"


def entry_point_scripts(entry_points: str, name: str, python: Tuple[int, int]) -> Dict[str, str]:
    """Script name -> `module:attr` of console and GUI scripts; for pip also `pipX` and `pipX.Y`.

    `entry_points` is the text of entry_points.txt, `python` the target's (major, minor). Extras of
    an entry point are dropped, as installers do.
    """
    scripts: Dict[str, str] = {}
    for group in ("console_scripts", "gui_scripts"):
        for script, target in entry_point_group(entry_points, group):
            scripts[script] = target.partition("[")[0].strip().replace(" ", "")
    if name == "pip" and "pip" in scripts:
        # PyPA: the pip distribution names versions of its own build; installers write the target's.
        scripts = {key: value for key, value in scripts.items() if not re.fullmatch(r"pip\d[\d.]*", key)}
        for alias in ("pip", f"pip{python[0]}", f"pip{python[0]}.{python[1]}"):
            scripts[alias] = scripts["pip"]
    return scripts


def entry_point_group(entry_points: str, group: str) -> List[Tuple[str, str]]:
    """(name, object reference) rows of one group of entry_points.txt.

    The subset of INI that the entry points specification allows; configparser costs 10 ms to import.
    """
    rows: List[Tuple[str, str]] = []
    current = None
    for raw in entry_points.splitlines():
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.startswith("[") and line.endswith("]"):
            current = line[1:-1].strip()
        elif current == group and "=" in line:
            key, _, value = line.partition("=")
            rows.append((key.strip(), value.strip()))
    return rows


def place_wheel_member(
    path: str, distribution: str, python: Tuple[int, int], data_dir: Optional[str]
) -> Tuple[str, str]:
    """Where a member of a wheel lands: (place, path) (IDENTITY 2.2).

    `data_dir` is the wheel's `{name}-{version}.data`. The layout is that of a virtual environment.
    Raises UnsafePath for an unknown key of `.data`.
    """
    if data_dir is None or not path.startswith(data_dir + "/"):
        return LIB, path
    key, _, rest = path[len(data_dir) + 1 :].partition("/")
    if not rest:
        raise UnsafePath("a file directly under .data")
    if key in ("purelib", "platlib"):
        return LIB, rest
    if key == "scripts":
        return SCRIPTS, rest
    if key == "headers":
        return HEADERS, rest
    if key == "data":
        return _place_in_prefix(rest, distribution, python)
    raise UnsafePath(f"unknown key `{key}` under .data")


def _place_in_prefix(path: str, distribution: str, python: Tuple[int, int]) -> Tuple[str, str]:
    version = f"python{python[0]}.{python[1]}"
    for root in (f"lib/{version}/site-packages/", f"lib64/{version}/site-packages/"):
        if path.startswith(root):
            return LIB, path[len(root) :]
    if path.startswith("bin/"):
        return SCRIPTS, path[len("bin/") :]
    headers = strip_header_root(path, distribution, version)
    return (DATA, path) if headers is None else (HEADERS, headers)


def strip_header_root(path: str, distribution: str, version: str) -> Optional[str]:
    """The rest of `path` below `include/[site/]pythonX.Y/<name>/`, or None.

    `version` is `pythonX.Y` with the abiflags that the target appends.
    """
    for root in (f"include/site/{version}/", f"include/{version}/"):
        if path.startswith(root):
            owner, _, rest = path[len(root) :].partition("/")
            if rest and normalized_name(owner) == distribution:
                return rest
    return None


def normalize_wheel_script(content: bytes) -> bytes:
    """A member of `.data/scripts` as it counts (IDENTITY 2.3): `#!python…` becomes `#!python`."""
    if not content.startswith(b"#!python"):
        return content
    return PLACEHOLDER_SHEBANG + content.partition(b"\n")[2]


def needs_whole_script(head: bytes) -> bool:
    """From its first 8 bytes: does the value of a script depend on its text (IDENTITY 2.3)?"""
    return head.startswith(b"#!python")


class RecordRow(NamedTuple):
    """A row of RECORD: path as normalised, algorithm and hex ("" when there is none), size or None."""

    path: str
    algorithm: str
    hex: str
    size: Optional[int]


def parse_record(text: str) -> List[RecordRow]:
    """The rows of a RECORD, one per path; of two rows for one file the one with a hash counts.

    Raises UnsafePath for control characters, ValueError for a row that is not CSV of RECORD.
    """
    rows: Dict[str, RecordRow] = {}
    clean = _is_plain(text)
    for fields in _csv_rows(text):
        if not fields or not fields[0]:
            continue
        path = fields[0]
        if not clean or path[0] in "./" or "/." in path or path[-1] == "/":
            path = safe_relative_path(path)
        algorithm, hexdigest = decode_hash(fields[1] if len(fields) > 1 else "")
        size = fields[2] if len(fields) > 2 else ""
        row = RecordRow(path, algorithm, hexdigest, _size(size))
        known = rows.get(path)
        if known is None or (not known.hex and row.hex):
            rows[path] = row
    return list(rows.values())


def _size(text: str) -> Optional[int]:
    """`isdigit` admits `²`, which is no number; `int` refuses thousands of digits."""
    return int(text) if text.isdecimal() and len(text) < 20 else None


_CONTROL_IN_ROWS = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n|\Z)")


def _is_plain(text: str) -> bool:
    """Nearly every RECORD: only paths with a part that starts with a dot could need normalising."""
    if any(odd in text for odd in ("\\", '"', "//")):
        return False
    return _CONTROL_IN_ROWS.search(text) is None


def _csv_rows(text: str) -> Iterable[Sequence[str]]:
    if '"' not in text:  # the fast way: 13,000 rows of torch in 4 ms instead of 15
        return [line.rstrip("\r").split(",") for line in text.split("\n")]
    import csv
    import io

    try:
        return list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise ValueError("it is not CSV: %s" % error) from error


def decode_hash(value: str) -> Tuple[str, str]:
    """RECORD's `sha256=<urlsafe base64>` as (algorithm, hex); ("", "") where there is none to use.

    >>> decode_hash("sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU")[1][:8]
    'e3b0c442'
    """
    if len(value) == 50 and value.startswith("sha256="):  # nearly every row
        try:
            digest = a2b_base64(value[7:].translate(_URLSAFE) + "=")
        except ValueError:
            digest = b""
        if len(digest) == 32:
            return "sha256", digest.hex()
    algorithm, separator, encoded = value.partition("=")
    if not separator or algorithm not in ALGORITHMS:
        return "", ""
    stripped = encoded.rstrip("=")
    try:
        digest = a2b_base64(stripped.translate(_URLSAFE) + "=" * (-len(stripped) % 4))
    except ValueError:
        return "", ""
    if len(digest) * 2 != ALGORITHMS[algorithm]:
        return "", ""
    return algorithm, digest.hex()


def clashes(owners: Iterable[Tuple[str, Iterable[Entry]]]) -> List[Tuple[str, str, str, str]]:
    """(place, path, first owner, second owner) where two distributions disagree on one file."""
    seen: Dict[Tuple[str, str], Tuple[str, Entry]] = {}
    found: List[Tuple[str, str, str, str]] = []
    reported: Set[Tuple[str, str]] = set()
    for owner, entries in owners:
        for entry in entries:
            key = (entry.place, entry.path)
            known = seen.setdefault(key, (owner, entry))
            if known[1] != entry and known[0] != owner and key not in reported:
                reported.add(key)
                found.append((entry.place, entry.path, known[0], owner))
    return found
