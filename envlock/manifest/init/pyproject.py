"""`pyproject.toml`: the standard tables, then those of uv, poetry and pdm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envlock.manifest import patterns
from envlock.manifest.documents import parse_toml, read_text
from envlock.manifest.init.model import Asking, Offer, Place, PythonSaid, Row
from envlock.manifest.init.pdm import read_pdm
from envlock.manifest.init.poetry import read_poetry
from envlock.manifest.init.requirements import read_requirements
from envlock.manifest.init.rows import elsewhere_row, requirement_row
from envlock.manifest.init.uv import Elsewhere, read_uv
from envlock.manifest.requirements_file import shown_path
from envlock.manifest.tables import Table, code, shown

_COMPUTED = "computed when the project is built, which is not done here"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Project:
    """`[project]`, or the block of a script, with what comes from no index."""

    table: Table
    elsewhere: Mapping[str, Elsewhere]
    asking: Asking


def read_pyproject(path: Path, place: Place, asking: Asking) -> None:
    """Add what a pyproject.toml asks for. What cannot be read in it is a fault."""
    name = shown_path(path, place.root)
    asking.read.append(name)
    text = read_text(path, name, asking.faults)
    document = parse_toml(text, name, asking.faults) if text is not None else None
    whole = Table(file=name, path="", data=document or {}, faults=asking.faults)
    tool, project = whole.below("tool"), whole.below("project")
    elsewhere = read_uv(tool.below("uv"), asking)
    is_beside = path.parent == place.root
    rows = _add_project(_Project(table=project, elsewhere=elsewhere, asking=asking))
    (asking.project if is_beside else asking.requirements).extend(rows)
    _add_dynamic(project, tool, path, place, asking)
    _add_offers(whole, asking)
    _add_tools(tool, asking, has_project="dependencies" in project.data)


def add_block(table: Table, asking: Asking) -> None:
    """Add what the block of a script asks for (PEP 723)."""
    elsewhere = read_uv(table.below("tool").below("uv"), asking)
    asking.requirements.extend(_add_project(_Project(table=table, elsewhere=elsewhere, asking=asking)))


def _add_project(project: _Project) -> list[Row]:
    _add_python(project.table, project.asking)
    where = project.table.at("dependencies")
    texts = project.table.texts("dependencies", patterns.ANY_TEXT) or ()
    return [_row(text, where, project.elsewhere) for text in texts]


def _row(text: str, where: str, elsewhere: Mapping[str, Elsewhere]) -> Row:
    row = requirement_row(text, where)
    other = elsewhere.get(row.name) if row.name is not None else None
    if other is None:
        return row
    return elsewhere_row(str(row.name), other.kind, other.target, other.where)


def _add_python(table: Table, asking: Asking) -> None:
    text = table.text("requires-python", patterns.ANY_TEXT)
    if text is None:
        return
    where = table.at("requires-python")
    try:
        asking.pythons.append(PythonSaid(text=text, where=where, allows=(SpecifierSet(text),)))
    except InvalidSpecifier:
        asking.note(where, f"not carried over: {shown(text)} is not a version specifier")


def _add_dynamic(project: Table, tool: Table, path: Path, place: Place, asking: Asking) -> None:
    """`dynamic = ["dependencies"]`: setuptools may name the file that they are in."""
    dynamic = project.data.get("dynamic")
    if not isinstance(dynamic, list) or "dependencies" not in dynamic:
        return
    table = tool.below("setuptools").below("dynamic").below("dependencies")
    files = table.data.get("file")
    named = [files] if isinstance(files, str) else files if isinstance(files, list) else []
    if not named:
        asking.note(project.at("dynamic"), f"`dependencies` are {_COMPUTED}")
    for each in named:
        found = path.parent / str(each)
        if found.is_file():
            read_requirements(found, place, asking)
        else:
            asking.note(table.at("file"), f"there is no file {code(str(each))}")


def _add_offers(whole: Table, asking: Asking) -> None:
    extras = whole.below("project").below("optional-dependencies")
    taken = {canonicalize_name(each.extra) for each in asking.variants}
    rows = (
        ("extras", [name for name in extras.data if canonicalize_name(name) not in taken], extras),
        ("groups", list(whole.below("dependency-groups").data), whole.below("dependency-groups")),
    )
    for key, names, table in rows:
        if names:
            asking.offers.append(Offer(key=key, names=tuple(names), where=f"{table.file}, {table.path}"))


def _add_tools(tool: Table, asking: Asking, *, has_project: bool) -> None:
    names = {str(row.name) for row in asking.project if row.name is not None}
    asking.requirements.extend(read_pdm(tool.below("pdm"), names, asking))
    read_poetry(tool.below("poetry"), asking, has_project=has_project)
