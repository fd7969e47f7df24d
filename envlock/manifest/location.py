"""Which file is the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from envlock.errors import ManifestInvalid
from envlock.manifest.documents import exists, parse_toml, read_text
from envlock.manifest.tables import Faults, shown

PYPROJECT, ENVLOCK_TOML, REQUIREMENTS = "pyproject.toml", "envlock.toml", "requirements.txt"
_NOTHING_HERE = "write `dependencies` under [project] in pyproject.toml, or `requirements` in envlock.toml"


class Kind(Enum):
    PYPROJECT = auto()
    ENVLOCK_TOML = auto()
    REQUIREMENTS = auto()
    SCRIPT = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The manifest's file, with the pyproject.toml that lies beside it, parsed (empty: none)."""

    path: Path
    kind: Kind
    pyproject: Mapping[str, object]
    notes: tuple[str, ...] = ()


def find(project: Path) -> Path:
    """Tell which file is the manifest of `project`, a directory or one of the files themselves.

    In a directory: `[tool.envlock]` of pyproject.toml, or envlock.toml (both: an error); else
    requirements.txt; else a pyproject.toml with `[project].dependencies`.
    """
    faults = Faults()
    found = locate(project, faults)
    faults.raise_if_any(ManifestInvalid, project.name or str(project))
    return found.path


def locate(project: Path, faults: Faults) -> Found:
    """As `find`, with what was learned on the way. Raises ManifestInvalid where nothing can go on."""
    path = _absolute(project)
    if not exists(path):
        raise ManifestInvalid("there is no such file or directory", where=str(path), hint=_NOTHING_HERE)
    if path.is_dir():
        return _in_directory(path, faults)
    kind = _kind_of(path)
    beside = _pyproject_in(path.parent, faults)
    if kind in (Kind.PYPROJECT, Kind.ENVLOCK_TOML):
        _refuse_both(path.parent, beside)
    return Found(path=path, kind=kind, pyproject=beside, notes=_notes(kind, path, beside))


def _notes(kind: Kind, path: Path, pyproject: Mapping[str, object]) -> tuple[str, ...]:
    """Say which file is the manifest where none says so itself."""
    match kind:
        case Kind.PYPROJECT if not asks_envlock(pyproject):
            return (f"no [tool.envlock] in {PYPROJECT}: locking [project].dependencies with defaults",)
        case Kind.REQUIREMENTS:
            passed_by = f" (not the [project].dependencies of {PYPROJECT})"
            return (f"locking {path.name} with defaults{passed_by if _has_dependencies(pyproject) else ''}",)
        case _:
            return ()


def _absolute(project: Path) -> Path:
    try:
        return project.absolute().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL in the name
        raise ManifestInvalid(f"{shown(str(project))} cannot be read: {error}") from error


def _kind_of(path: Path) -> Kind:
    named = {PYPROJECT: Kind.PYPROJECT, ENVLOCK_TOML: Kind.ENVLOCK_TOML}
    suffixes = {".txt": Kind.REQUIREMENTS, ".in": Kind.REQUIREMENTS, ".py": Kind.SCRIPT}
    kind = named.get(path.name) or suffixes.get(path.suffix)
    if kind is None:
        raise ManifestInvalid(
            f"{shown(path.name)} is not a manifest",
            where=str(path),
            hint="give a directory, a pyproject.toml, an envlock.toml, a requirements file or a script",
        )
    return kind


def _in_directory(root: Path, faults: Faults) -> Found:
    pyproject = _pyproject_in(root, faults)
    _refuse_both(root, pyproject)
    kind, name = _choose(root, pyproject, faults)
    notes = () if faults else _notes(kind, root / name, pyproject)
    return Found(path=root / name, kind=kind, pyproject=pyproject, notes=notes)


def _choose(root: Path, pyproject: Mapping[str, object], faults: Faults) -> tuple[Kind, str]:
    if asks_envlock(pyproject):
        return Kind.PYPROJECT, PYPROJECT
    if exists(root / ENVLOCK_TOML):
        return Kind.ENVLOCK_TOML, ENVLOCK_TOML
    if exists(root / REQUIREMENTS):
        return Kind.REQUIREMENTS, REQUIREMENTS
    if _has_dependencies(pyproject) or faults:  # one that cannot be read is the better answer, too
        return Kind.PYPROJECT, PYPROJECT
    raise ManifestInvalid("there is no manifest here", where=str(root), hint=_NOTHING_HERE)


def _pyproject_in(root: Path, faults: Faults) -> Mapping[str, object]:
    path = root / PYPROJECT
    if not exists(path):
        return {}
    text = read_text(path, PYPROJECT, faults)
    return (parse_toml(text, PYPROJECT, faults) if text is not None else None) or {}


def asks_envlock(pyproject: Mapping[str, object]) -> bool:
    tool = pyproject.get("tool")
    return isinstance(tool, dict) and "envlock" in tool


def _has_dependencies(pyproject: Mapping[str, object]) -> bool:
    project = pyproject.get("project")
    return isinstance(project, dict) and "dependencies" in project


def _refuse_both(root: Path, pyproject: Mapping[str, object]) -> None:
    if asks_envlock(pyproject) and exists(root / ENVLOCK_TOML):
        raise ManifestInvalid(
            f"two manifests: [tool.envlock] in {PYPROJECT}, and {ENVLOCK_TOML}",
            where=str(root),
            hint=f"keep one: move the keys of {ENVLOCK_TOML} into [tool.envlock], or delete that table",
        )
