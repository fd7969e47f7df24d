"""What the files of a repository ask for, in the words of a manifest, each with the place that says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.specifiers import SpecifierSet

from envlock.manifest.tables import Faults


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A value and the place that says it: `11.8`, `requirements.txt:1, --extra-index-url`."""

    value: str
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonSaid:
    """A Python as a file asks for it. `allows` are alternatives, of which one has to admit the version;
    `exact` is a version that is asked for by name."""

    text: str
    where: str
    allows: tuple[SpecifierSet, ...] = ()
    exact: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of a list; where `left_out` says why, a comment. `name`: the distribution it is about,
    normalised."""

    text: str
    where: str
    left_out: str | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """An index or a channel to be: `sources.name = url`."""

    name: str
    url: str
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VariantSaid:
    """An extra that chooses a build of torch: `extra = "cpu"` with an index of its own."""

    extra: str
    cuda: str
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """Extras or groups (`key`) that are there to be asked for, and are not."""

    key: str
    names: tuple[str, ...]
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """What was asked for so far. Readers add to it in the order in which they are believed: of two
    Pythons or two CUDA the first one counts.

    `project` are the dependencies of `[project]` beside the manifest, which need not be repeated while
    nothing else is asked for; `requirements` are those of all other files. `files` are requirements
    files that the manifest can name, `named` the distributions that they ask for. `known_sources` are
    URLs that count without being written down.
    """

    faults: Faults = field(default_factory=Faults)
    read: list[str] = field(default_factory=list)
    pythons: list[PythonSaid] = field(default_factory=list)
    cudas: list[Said] = field(default_factory=list)
    platforms: list[Said] = field(default_factory=list)
    project: list[Row] = field(default_factory=list)
    requirements: list[Row] = field(default_factory=list)
    files: list[Row] = field(default_factory=list)
    named: dict[str, Said] = field(default_factory=dict)
    offers: list[Offer] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    index_of: dict[str, Said] = field(default_factory=dict)
    exclude_newer: list[Said] = field(default_factory=list)
    settings: dict[str, Said] = field(default_factory=dict)
    channels: list[Said] = field(default_factory=list)
    packages: list[Row] = field(default_factory=list)
    images: list[Said] = field(default_factory=list)
    image_tags: list[Said] = field(default_factory=list)  # of pytorch/pytorch, which is no base here
    users: list[Said] = field(default_factory=list)
    variants: list[VariantSaid] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    known_sources: frozenset[str] = frozenset()

    def note(self, where: str, text: str) -> None:
        told = f"{where}: {text}"
        if told not in self.notes:
            self.notes.append(told)

    def add_unless_asked(self, rows: Iterable[Row]) -> None:
        """Add rows of a file that is believed less: what is asked for already stays as it is."""
        first = self.asked_by_name()
        for row in rows:
            other = first.get(row.name) if row.name is not None else None
            if other is not None and row.left_out is None and other.value != row.text:
                reason = f"`{other.value}` is asked for already ({other.where})"
                self.requirements.append(replace(row, left_out=reason))
            elif other is None or row.left_out is not None:
                self.requirements.append(row)

    def asked_by_name(self) -> dict[str, Said]:
        """distribution -> the first requirement that is taken over, and where it stands."""
        found = dict(self.named)
        for row in (*self.project, *self.requirements):
            if row.name is not None and row.left_out is None:
                found.setdefault(row.name, Said(value=row.text, where=row.where))
        return found

    def left_out(self) -> tuple[Row, ...]:
        rows = (*self.project, *self.requirements, *self.files, *self.packages)
        return tuple(row for row in rows if row.left_out is not None)

    def is_empty(self) -> bool:
        """Is nothing asked for that can be locked?"""
        rows = (*self.project, *self.requirements, *self.files, *self.packages)
        return all(row.left_out is not None for row in rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where reading happens. `root` is the folder that the manifest will lie in, which places are told
    from; `pyproject` is the one beside the manifest, parsed (empty: none); `environment` gives `${NAME}`
    in requirements files."""

    root: Path
    pyproject: Mapping[str, object]
    environment: Mapping[str, str]

    @property
    def project(self) -> Mapping[str, object]:
        found = self.pyproject.get("project")
        return found if isinstance(found, dict) else {}

    @property
    def has_project(self) -> bool:
        """Whether `-e .` of a requirements file can be read."""
        return bool(self.project)

    @property
    def dependencies(self) -> tuple[str, ...]:
        listed = self.project.get("dependencies")
        return tuple(each for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()
