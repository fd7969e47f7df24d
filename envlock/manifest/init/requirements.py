"""Requirements files, and pip's words in other files.

A file that our own reader takes as it is, is named in `requirements-files`: it stays the truth, its
hashes and constraints with it. Of one that has anything in it which cannot be locked, the lines are
taken over one by one, and those that cannot be are told.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from packaging.utils import canonicalize_name

from envlock.errors import Fault
from envlock.manifest import patterns
from envlock.manifest.init.indexes import Pointer, add_index, add_torch_links
from envlock.manifest.init.model import Asking, Place, Row, Said
from envlock.manifest.init.names import is_for_work
from envlock.manifest.init.rows import requirement_row, short
from envlock.manifest.model import Asked
from envlock.manifest.requirement import canonical, without_credentials
from envlock.manifest.requirements_file import (
    IndexOption,
    Line,
    Reading,
    logical_lines,
    read_requirement_line,
    read_requirements_file,
    shown_path,
)
from envlock.manifest.tables import Faults, code

_MAIN = "requirements.txt"
_PATTERNS = (
    "requirements*.txt",
    "*requirements.txt",
    "requirements/*.txt",
    "requirements*.in",
    "requirements/*.in",
)
_BASE = frozenset(
    ("base", "main", "core", "common", "default", "prod", "production", "runtime", "requirements")
)


def find_requirements(root: Path, asking: Asking) -> tuple[Path, ...]:
    """The file to take of a directory; the others become comments."""
    found = _distinct(sorted(path for each in _PATTERNS for path in root.glob(each) if path.is_file()))
    plain = [path for path in found if not is_for_work(path.stem.replace("requirements", ""))]
    chosen = _chosen(root, plain)
    if chosen is None and len(plain) > 1:
        one = shown_path(plain[0], root)
        names = ", ".join(code(shown_path(path, root)) for path in plain)
        asking.note(names, f"which of them belongs here is not known; `envlock init {one}` takes that one")
    for path in found:
        if path != chosen:
            asking.files.append(_other(path, root, is_work=path not in plain))
    return () if chosen is None else (chosen,)


def _distinct(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Without the `.in` that a `.txt` was compiled from."""
    every = dict.fromkeys(paths)
    return tuple(path for path in every if path.suffix != ".in" or path.with_suffix(".txt") not in every)


def _chosen(root: Path, plain: list[Path]) -> Path | None:
    if root / _MAIN in plain:
        return root / _MAIN
    based = [path for path in plain if path.stem.rpartition("-")[2] in _BASE]
    return next((few[0] for few in (plain, based) if len(few) == 1), None)


def _other(path: Path, root: Path, *, is_work: bool) -> Row:
    why = "for work on the code" if is_work else "another set of requirements"
    return Row(text=shown_path(path, root), where="not taken", left_out=why)


def read_requirements(path: Path, place: Place, asking: Asking) -> None:
    """Add what a file and those that it includes ask for."""
    shown = shown_path(path, place.root)
    if shown in asking.read:
        return
    asking.read.append(shown)
    reading, faults = Reading(), Faults()
    read_requirements_file(path.resolve(), place.root, place.environment, reading, faults)
    _forget_included(reading, place, asking)
    _add_options(reading, asking)
    can_be_named = patterns.RELATIVE_PATH.admits(shown) and not (reading.own_extras and not place.has_project)
    if not faults and can_be_named and _all_said(reading.index_options, asking):
        _name_file(shown, reading, asking)
        return
    asking.note(shown, "has what cannot be locked, so its lines are taken over one by one")
    rows = (*_rows(reading, place, asking), *(_faulty(fault, place) for fault in faults.found()))
    asking.requirements.extend(sorted(rows, key=_line_number))


def read_lines(lines: Iterable[Line], place: Place, asking: Asking) -> None:
    """Add what lines of pip's grammar ask for that stand in another kind of file.

    They are believed less than the files before: what those ask for stays as it is.
    """
    reading, left_out = Reading(), list[Row]()
    for line in lines:
        included = _included(line, place)
        if included is not None:
            read_requirements(included, place, asking)
        else:
            left_out += _read_line(line, place, reading)
    _add_options(reading, asking)
    asking.add_unless_asked((*_rows(reading, place, asking), *left_out))


def _read_line(line: Line, place: Place, reading: Reading) -> list[Row]:
    """Add what one line says to `reading`; what cannot be locked in it is returned."""
    faults = Faults()
    read_requirement_line(line, place.root, place.environment, reading, faults)
    return [requirement_row(line.text, each.where, short(each.message)) for each in faults.found()]


def _included(line: Line, place: Place) -> Path | None:
    """The file of `-r FILE`, where it is there: beside the file that says it, or below the root."""
    try:
        tokens = shlex.split(line.text)
    except ValueError:
        return None
    match tokens:
        case ["-r" | "--requirement", str(name)]:
            pass
        case [str(one)] if one.startswith("--requirement="):
            name = one.partition("=")[2]
        case [str(one)] if one.startswith("-r") and len(one) > 2:
            name = one[2:]
        case _:
            return None
    places = (line.path.parent / name, place.root / name)
    return next((each.resolve() for each in places if "://" not in name and each.is_file()), None)


def _forget_included(reading: Reading, place: Place, asking: Asking) -> None:
    """A file that is included is no other set."""
    included = {shown_path(path, place.root) for path, _ in reading.files}
    asking.files[:] = [row for row in asking.files if row.left_out is None or row.text not in included]


def _name_file(shown: str, reading: Reading, asking: Asking) -> None:
    asking.files.append(Row(text=shown, where=_counted(reading)))
    for note in reading.notes:
        asking.notes.append(note)
    for row in reading.requirements:
        said = Said(value=canonical(row.requirement), where=row.origin)
        asking.named.setdefault(canonicalize_name(row.requirement.name), said)


def _counted(reading: Reading) -> str:
    count, hashed = len(reading.requirements), any(row.hashes for row in reading.requirements)
    files = len({path for path, _ in reading.files})
    parts = [f"{count} requirement{'s' * (count != 1)}"]
    parts += [f"with those of {files - 1} included"] if files > 1 else []
    parts += ["with hashes"] if hashed else []
    return f"stays as it is: {', '.join(parts)}"


# Index options


def _add_options(reading: Reading, asking: Asking) -> None:
    for option in reading.index_options:
        where = f"{option.where}, {option.option}"
        if option.option == "--no-index":
            asking.note(where, "not carried over: envlock looks at indexes")
        elif option.option == "--find-links":
            if not add_torch_links(option.url, where, asking):
                asking.note(where, f"not carried over: {code(option.url)} is a page of links, not an index")
        else:
            replaces = option.option != "--extra-index-url"
            add_index(Pointer(url=option.url, where=where, everything=True, replaces=replaces), asking)


def _all_said(options: Iterable[IndexOption], asking: Asking) -> bool:
    """Whether our reader finds each index option said in the manifest's own words."""
    own = bool(asking.sources or asking.index_of)
    return all(option.is_built_in or (bool(asking.cudas) if option.cuda else own) for option in options)


# Line by line


def _rows(reading: Reading, place: Place, asking: Asking) -> Iterator[Row]:
    if any(row.hashes for row in reading.requirements):
        asking.note(reading.requirements[0].origin, "hashes were left out; the lock has those of its wheels")
    for row in reading.requirements:
        yield requirement_row(canonical(row.requirement), row.origin)
    yield from _constraints(reading, asking)
    for extras, where in reading.own_extras:
        yield from _project_itself(extras, where, place, asking)
    for note in reading.notes:
        asking.notes.append(note)


def _constraints(reading: Reading, asking: Asking) -> Iterator[Row]:
    """A constraint holds for what is asked for by name; else it would bring in what nobody asks for."""
    asked = {str(canonicalize_name(row.requirement.name)) for row in reading.requirements}
    asked |= set(asking.asked_by_name())
    for row in reading.constraints:
        is_asked = canonicalize_name(row.requirement.name) in asked
        yield requirement_row(canonical(row.requirement), row.origin, None if is_asked else _constraint(row))


def _constraint(row: Asked) -> str:
    return f"a constraint, and nothing here asks for `{row.requirement.name}` by name"


def _project_itself(extras: tuple[str, ...], where: str, place: Place, asking: Asking) -> Iterator[Row]:
    if not place.has_project:
        reason = "the project itself, which has no [project] table to read; setup.py is not run"
        yield Row(text="-e .", where=where, left_out=reason)
        return
    if extras:
        named = ", ".join(f'"{each}"' for each in extras)
        asking.note(where, f"asks for extras of the project: write `extras = [{named}]`")
    if not asking.project:
        yield from (requirement_row(text, where) for text in place.dependencies)


def _line_number(row: Row) -> tuple[str, int]:
    file, _, number = row.where.rpartition(":")
    return file, int(number) if number.isdecimal() else 0


def _faulty(fault: Fault, place: Place) -> Row:
    text = _line_at(fault.where, place) or fault.where
    return requirement_row(text, fault.where, short(fault.message))


@lru_cache(maxsize=1)
def _lines_of(path: Path, _mtime_ns: int) -> dict[int, str]:
    """Read once for all faults of a file."""
    return dict(logical_lines(path.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")))


def _line_at(where: str, place: Place) -> str | None:
    """The line that a place like `requirements.txt:3` names, without what may be secret."""
    file, _, number = where.rpartition(":")
    path = place.root / file
    if not number.isdecimal() or not path.is_file():
        return None
    found = _lines_of(path, path.stat().st_mtime_ns).get(int(number))
    return None if found is None else without_credentials(found)
