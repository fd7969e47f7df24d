"""`uv.lock`: the graph that uv walks, walked for one platform.

The format has no specification; this is what uv's documentation of projects and conflicts says, and
what its releases write (version 1, all revisions: a revision adds keys and takes none away).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from envlock.errors import ForeignLockInvalid
from envlock.lock import patterns
from envlock.lock.foreign.model import Adopted, Format, Wanted
from envlock.manifest.documents import exists, parse_toml, read_text
from envlock.manifest.patterns import ANY_TEXT
from envlock.manifest.tables import Faults, Table, shown
from envlock.resolve.adopt import Missing
from envlock.resolve.graph import Markers, marker_environment
from envlock.resolve.model import AdoptedPin

_VERSION = 1
_DEFAULT_GROUPS = ("dev",)  # uv, "Default groups": "By default, uv includes the dev dependency group"
_SHA256 = re.compile(r"sha256:([0-9a-f]{64})")
# Conflicting extras and groups are told apart by markers of uv's own: `extra-{length}-{package}-{extra}`.
_CONFLICT = re.compile(r"extra (==|!=) '((?:extra|group)-\d+-[^']*)'")
_TRUE, _FALSE = "python_version >= '0'", "python_version < '0'"
_PLACES = {
    "git": "it comes from git, not from an index",
    "url": "it comes from a URL, not from an index",
    "path": "it is a file of this machine, not of an index",
    "directory": "it is a folder, not a wheel",
    "editable": "it is installed from a folder of the workspace, not from a wheel",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Edge:
    """That something is needed: where its marker holds, with extras, one version where several are locked."""

    name: NormalizedName
    version: str | None
    marker: str | None
    extras: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Package:
    name: NormalizedName
    version: str | None
    source: Mapping[str, object]
    sha256: frozenset[str]
    has_wheels: bool
    forks: tuple[str, ...]
    needs: tuple[_Edge, ...]
    extras: Mapping[str, tuple[_Edge, ...]]
    groups: Mapping[str, tuple[_Edge, ...]]

    @property
    def is_local(self) -> bool:
        """The project itself, or another member of its workspace."""
        return "editable" in self.source or "virtual" in self.source

    def why_not(self) -> str | None:
        """Why no wheel of an index stands for it."""
        for kind, why in _PLACES.items():
            if kind in self.source:
                return why
        if not self.has_wheels:
            return "there is a source distribution of it, and no wheel"
        return None if self.sha256 else "its wheels have no sha256"


@dataclass(frozen=True, kw_only=True, slots=True)
class UvLock:
    """A uv.lock, and the groups that uv installs by default in the project beside it."""

    file: str
    requires_python: SpecifierSet | None
    environments: tuple[str, ...]
    packages: Mapping[NormalizedName, tuple[_Package, ...]]
    script_needs: tuple[_Edge, ...]
    default_groups: tuple[str, ...] | None

    def adopted(self, wanted: Wanted) -> Adopted:
        """What `uv sync` installs on a platform, the project itself apart. Raises ForeignLockInvalid."""
        self._refuse_elsewhere(wanted)
        roots = self._roots(wanted.project)
        walk = _Walk(lock=self, markers=marker_environment(wanted.platform, wanted.python))
        walk.choose(roots, wanted, self._groups(wanted, roots))
        walk.follow()
        return _sorted(walk, roots, self.file)

    def _refuse_elsewhere(self, wanted: Wanted) -> None:
        markers = marker_environment(wanted.platform, wanted.python)
        python = markers["python_full_version"]
        is_python = self.requires_python is None or _admits(self.requires_python, wanted.python)
        if is_python and (not self.environments or any(_holds(each, markers) for each in self.environments)):
            return
        asked = "" if self.requires_python is None else f"requires-python {str(self.requires_python)!r}"
        facts = [("it says", asked)] if asked and not is_python else []
        facts += [("it is for", each) for each in self.environments]
        message = f"`{self.file}` is not for {wanted.platform} with Python {python.removesuffix('.0')}"
        hint = "ask for a platform and Python that it is for, or lock it anew with `uv lock`"
        raise ForeignLockInvalid(message, where=self.file, hint=hint, facts=facts)

    def _roots(self, project: NormalizedName | None) -> tuple[_Package, ...]:
        """The project; else what lies at the lock's root; else every member of the workspace."""
        local = [each for rows in self.packages.values() for each in rows if each.is_local]
        named = [each for each in local if each.name == project]
        at_root = [each for each in local if "." in each.source.values()]
        return tuple(named or at_root or local)

    def _groups(self, wanted: Wanted, roots: Sequence[_Package]) -> tuple[str, ...]:
        if wanted.groups is not None:
            return wanted.groups
        known = tuple(name for root in roots for name in root.groups)
        return known if self.default_groups is None else self.default_groups


@dataclass(kw_only=True, slots=True)
class _Walk:
    """What is reached on one platform. `switched` has the extras and groups that are on, in uv's words."""

    lock: UvLock
    markers: Markers
    switched: set[str] = field(default_factory=set)
    waiting: list[_Edge] = field(default_factory=list)
    reached: dict[NormalizedName, _Package] = field(default_factory=dict)
    seen: set[tuple[NormalizedName, str]] = field(default_factory=set)
    faults: Faults = field(default_factory=Faults)

    def choose(self, roots: Iterable[_Package], wanted: Wanted, groups: Iterable[str]) -> None:
        self.waiting.extend(self.lock.script_needs)
        for root in roots:
            self.waiting.extend(root.needs)
            self._switch(root, "extra", wanted.extras, root.extras)
            self._switch(root, "group", groups, root.groups)

    def _switch(
        self, root: _Package, kind: str, names: Iterable[str], table: Mapping[str, tuple[_Edge, ...]]
    ) -> None:
        keys = {canonicalize_name(key): key for key in table}
        for name in map(canonicalize_name, names):
            self.switched.add(f"{kind}-{len(root.name)}-{root.name}-{name}")
            self.waiting.extend(table.get(keys.get(name, ""), ()))

    def follow(self) -> None:
        while self.waiting:
            edge = self.waiting.pop()
            if edge.marker is not None and not self._holds(edge.marker):
                continue
            package = self._package(edge)
            if package is not None:
                self._reach(package, edge.extras)
        self.faults.raise_if_any(ForeignLockInvalid, self.lock.file, "lock it anew with `uv lock`")

    def _reach(self, package: _Package, extras: Iterable[str]) -> None:
        for extra in ("", *extras):
            if (package.name, extra) not in self.seen:
                self.seen.add((package.name, extra))
                self.waiting.extend(package.extras.get(extra, ()) if extra else package.needs)
        first = self.reached.setdefault(package.name, package)
        if first.version != package.version:
            message = f"`{package.name}` is needed as {first.version} and as {package.version} at once"
            self.faults.add(self.lock.file, message)

    def _package(self, edge: _Edge) -> _Package | None:
        """The one that is meant; of several versions that are not told apart, the one whose fork this is."""
        rows = self.lock.packages.get(edge.name, ())
        meant = [each for each in rows if edge.version in (None, each.version)]
        here = [each for each in meant if not each.forks or any(self._holds(fork) for fork in each.forks)]
        found = here if len(meant) > 1 else meant
        if len(found) != 1:
            what = f"{edge.name} {edge.version}" if edge.version else edge.name
            self.faults.add(self.lock.file, f"`{what}` is needed, and {len(found)} packages are that")
            return None
        return found[0]

    def _holds(self, marker: str) -> bool:
        return _holds(_CONFLICT.sub(self._told_apart, marker), self.markers)

    def _told_apart(self, match: re.Match[str]) -> str:
        return _TRUE if (match[2] in self.switched) == (match[1] == "==") else _FALSE


def _sorted(walk: _Walk, roots: Iterable[_Package], file: str) -> Adopted:
    own = {root.name for root in roots}
    pins, missing = [], []
    for package in walk.reached.values():
        if package.name in own or "virtual" in package.source:
            continue  # the project itself, and what only stands for its dependencies
        pin, why = _pin(package, file), package.why_not()
        if why is None:
            pins.append(pin)
        else:
            missing.append(Missing(pin=pin, why=why))
    return Adopted(pins=tuple(pins), missing=tuple(missing))


def _pin(package: _Package, file: str) -> AdoptedPin:
    registry = package.source.get("registry")
    return AdoptedPin(
        name=package.name,
        version=package.version or "of no version",
        sha256=package.sha256,
        index_url=registry if isinstance(registry, str) else None,
        origin=file,
    )


def _holds(marker: str, markers: Markers) -> bool:
    return Marker(marker).evaluate({**markers, "extra": ""})


def _admits(specifier: SpecifierSet, python: str) -> bool:
    """A series counts as its newest patch: `3.11` is a Python of `>=3.11.4`."""
    return specifier.contains(python if python.count(".") == 2 else f"{python}.99")


# -- reading ------------------------------------------------------------------------------------


def read(path: Path, text: str) -> UvLock:
    """Read a uv.lock. Raises ForeignLockInvalid with all faults."""
    faults = Faults()
    document = parse_toml(text, path.name, faults)
    faults.raise_if_any(ForeignLockInvalid, path.name)
    table = Table(file=path.name, path="", data=document or {}, faults=faults)
    _refuse_version(table, path)
    lock = UvLock(
        file=path.name,
        requires_python=_specifier(table, "requires-python"),
        environments=_markers(table, "supported-markers"),
        packages=_by_name(_package(row) for row in table.tables("package")),
        script_needs=_edges(table.below("manifest"), "requirements") if path.stem.endswith(".py") else (),
        default_groups=_default_groups(path),
    )
    faults.raise_if_any(ForeignLockInvalid, path.name)
    return lock


def _refuse_version(table: Table, path: Path) -> None:
    version = table.data.get("version")
    if version != _VERSION:
        message = f"`{path.name}` has format version {version}, and {_VERSION} is known"
        hint = "lock with a release of envlock that knows it"
        raise ForeignLockInvalid(message, where=str(path), hint=hint)


def _package(row: Table) -> _Package | None:
    row.require(("name", "source"))
    name = row.text("name", patterns.NAME)
    source = row.below("source")
    wheels = row.tables("wheels")
    if name is None:
        return None
    return _Package(
        name=canonicalize_name(name),
        version=row.text("version", patterns.VERSION),
        source=source.data,
        sha256=frozenset(_hashes(wheels)),
        has_wheels=bool(wheels),
        forks=_markers(row, "resolution-markers"),
        needs=_edges(row, "dependencies"),
        extras=_edge_lists(row, "optional-dependencies"),
        groups=_edge_lists(row, "dev-dependencies"),
    )


def _hashes(wheels: Iterable[Table]) -> Iterator[str]:
    for wheel in wheels:
        match = _SHA256.fullmatch(wheel.text("hash", ANY_TEXT) or "")
        if match is not None:
            yield match[1]


def _edge_lists(row: Table, key: str) -> dict[str, tuple[_Edge, ...]]:
    table = row.below(key)
    return {name: _edges(table, name) for name in table.data}


def _edges(row: Table, key: str) -> tuple[_Edge, ...]:
    return tuple(edge for each in row.tables(key) if (edge := _edge(each)) is not None)


def _edge(row: Table) -> _Edge | None:
    row.require(("name",))
    name = row.text("name", patterns.NAME)
    marker = _marker(row, "marker")
    extras = row.texts("extra" if "extra" in row.data else "extras", ANY_TEXT) or ()
    if name is None:
        return None
    return _Edge(
        name=canonicalize_name(name),
        version=row.text("version", patterns.VERSION),
        marker=marker,
        extras=extras,
    )


def _marker(row: Table, key: str) -> str | None:
    text = row.text(key, ANY_TEXT)
    return text if text is None or _is_marker(text, row, key) else None


def _markers(table: Table, key: str) -> tuple[str, ...]:
    texts = table.texts(key, ANY_TEXT) or ()
    return tuple(text for text in texts if _is_marker(text, table, key))


def _is_marker(text: str, table: Table, key: str) -> bool:
    try:
        Marker(text)
    except InvalidMarker:
        table.fault(key, f"{shown(text)} is not a marker")
        return False
    return True


def _specifier(table: Table, key: str) -> SpecifierSet | None:
    text = table.text(key, ANY_TEXT)
    try:
        return None if text is None else SpecifierSet(text)
    except InvalidSpecifier:
        table.fault(key, f"{shown(text or '')} is not a version specifier")
        return None


def _by_name(packages: Iterable[_Package | None]) -> dict[NormalizedName, tuple[_Package, ...]]:
    found: dict[NormalizedName, tuple[_Package, ...]] = {}
    for package in packages:
        if package is not None:
            found[package.name] = (*found.get(package.name, ()), package)
    return found


def _default_groups(path: Path) -> tuple[str, ...] | None:
    """`default-groups` of the pyproject.toml beside the lock; None stands for "all"."""
    beside = path.parent / "pyproject.toml"
    if not exists(beside):
        return _DEFAULT_GROUPS
    faults = Faults()  # what is wrong with it, the manifest's reader tells
    text = read_text(beside, beside.name, faults)
    document = (parse_toml(text, beside.name, faults) if text is not None else None) or {}
    uv = Table(file=beside.name, path="", data=document, faults=faults).below("tool").below("uv")
    if uv.data.get("default-groups") == "all":
        return None
    groups = uv.texts("default-groups", ANY_TEXT)
    return _DEFAULT_GROUPS if groups is None else groups


def _fits(name: str, text: str) -> bool:
    """`uv.lock`, and `train.py.lock` of a script; another name where the content says so."""
    return name == "uv.lock" or (name.endswith(".lock") and "[[package]]" in text and "source = {" in text)


FORMAT = Format(name="uv.lock", fits=_fits, read=read)
