"""What was read of a repository: every file once, in the form that rules ask of."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from envlock.audit.repository.model import Hit, Place
from envlock.manifest.init.dockerfile_lines import Instruction


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Text, and where each of its lines stands: `spots` are (line of the file, cell of a notebook), None
    where the text is the whole file."""

    file: str
    text: str
    spots: tuple[tuple[int, int | None], ...] | None = None

    def place(self, line: int, column: int = 1) -> Place:
        if self.spots is None:
            return Place(file=self.file, line=line, column=column)
        real, cell = self.spots[min(max(line, 1), len(self.spots)) - 1] if self.spots else (1, None)
        return Place(file=self.file, line=real, column=column, cell=cell)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    text: str
    place: Place
    paragraph: int


# Python


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """A module that is imported; `is_optional`: the code says what to do without it, or never runs it."""

    module: str
    place: Place
    is_optional: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A call with its name in full: `torch.cuda.amp.autocast` for an `autocast()` that is from there."""

    name: str
    node: ast.Call
    place: Place

    def keyword(self, name: str) -> ast.expr | None:
        return next((each.value for each in self.node.keywords if each.arg == name), None)

    @property
    def passes_on(self) -> bool:
        """Are there arguments that cannot be seen here: `**options`?"""
        return any(each.arg is None for each in self.node.keywords)


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """`torch.backends.cudnn.benchmark = True`, the target's name in full."""

    name: str
    value: ast.expr
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """One Python file, notebook, or example in prose (`is_example`). `constants`: names that are given one
    text or number only, by assignment or as a default, and it."""

    source: Source
    constants: Mapping[str, str | int]
    imports: tuple[Import, ...]
    calls: tuple[Call, ...]
    assignments: tuple[Assignment, ...]
    is_example: bool = False

    def text_of(self, node: ast.expr) -> str | None:
        """A text that is written there, or in the one assignment to the name that stands there."""
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                value = self.constants.get(name)
                return value if isinstance(value, str) else None
            case _:
                return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A code cell: `number` counts all cells from 1, `count` is In[n] (None: never run)."""

    number: int
    count: int | None
    has_outputs: bool
    is_empty: bool
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Notebook:
    file: str
    cells: tuple[Cell, ...]


# Containers and shells


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """A stage of a Dockerfile. `is_image`: it stands on an image, not on a stage before it."""

    base: str
    place: Place
    is_image: bool
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Dockerfile:
    source: Source
    stages: tuple[Stage, ...]
    is_example: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageUse:
    """An image that is named. `is_told`: in prose, else it is what a file makes a container of."""

    reference: str
    place: Place
    is_told: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """Lines of shell, continuations joined: (place, text). `kind`: `dockerfile`, `shell`, `notebook`, `ci`,
    `prose`."""

    file: str
    kind: str
    lines: tuple[tuple[Place, str], ...]


# What is asked for


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """A distribution or conda package that a file asks for. `name` is normalised; `kind`: `requirements`,
    `pyproject`, `setup`, `conda`, `conda-pip`, `dockerfile`, `notebook`, `shell`."""

    name: str
    text: str
    specifier: SpecifierSet
    place: Place
    kind: str
    url: str | None = None
    has_hash: bool = False
    build: str | None = None
    is_optional: bool = False
    is_for_linux: bool = True

    @property
    def is_conda(self) -> bool:
        return self.kind == "conda"

    @property
    def exact(self) -> str | None:
        """The one version that is asked for."""
        for each in self.specifier:
            if each.operator in ("==", "===") and not each.version.endswith(".*"):
                return each.version
        return None


def declared(requirement: Requirement, place: Place, kind: str) -> Declared:
    from packaging.utils import canonicalize_name

    return Declared(
        name=canonicalize_name(requirement.name),
        text=str(requirement),
        specifier=requirement.specifier,
        place=place,
        kind=kind,
        url=requirement.url,
        is_for_linux=requirement.marker is None or _is_for_linux(requirement.marker),
    )


_PYTHONS = ("2.7", *(f"3.{minor}" for minor in range(5, 16)))


def _is_for_linux(marker: Marker) -> bool:
    """Whether it could hold on x86-64 Linux, whatever the Python and the extras: only what is of another
    system or machine is not."""
    there = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    text = str(marker)
    pythons = ("3.10", *re.findall(r"\d+\.\d+", text), *_PYTHONS) if "python_" in text else ("3.10",)
    extras = ("", *re.findall(r"extra == \"([^\"]+)\"", text))
    return any(
        marker.evaluate(
            {
                **there,
                "platform_machine": "x86_64",
                "python_version": python,
                "python_full_version": f"{python}.0",
                "extra": extra,
            }
        )
        for python in pythons
        for extra in extras
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexUse:
    """An index that is named, and the CUDA that its part of the PyTorch index stands for."""

    url: str
    cuda: str | None
    place: Place


@dataclass(frozen=True, kw_only=True)
class Repository:
    """All of it. `names` are the names of every file seen; `unread` those that were left out, `broken` what
    could not be parsed, `spoken` the sentences of texts that speak of PyTorch or CUDA, `locks` the lockfiles
    of whatever tool, by name; `stale`: why one is not that of its manifest."""

    root: Path
    names: tuple[str, ...]
    texts: Mapping[str, str]
    code: tuple[Code, ...] = ()
    notebooks: tuple[Notebook, ...] = ()
    dockerfiles: tuple[Dockerfile, ...] = ()
    images: tuple[ImageUse, ...] = ()
    scripts: tuple[Script, ...] = ()
    prose: tuple[Source, ...] = ()
    spoken: tuple[tuple[Sentence, ...], ...] = ()
    declared: tuple[Declared, ...] = ()
    indexes: tuple[IndexUse, ...] = ()
    locks: tuple[str, ...] = ()
    lock_texts: Mapping[str, str] = field(default_factory=dict)
    stale: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    broken: tuple[Hit, ...] = ()
    unread: tuple[str, ...] = ()
    is_whole: bool = True
    is_folder: bool = True

    @cached_property
    def own_code(self) -> tuple[Code, ...]:
        """What is run: examples in prose apart."""
        return tuple(each for each in self.code if not each.is_example)

    @cached_property
    def declared_by(self) -> Mapping[str, tuple[Declared, ...]]:
        """file -> what it asks for, files and rows in the order of reading."""
        found: dict[str, list[Declared]] = {}
        for each in self.declared:
            found.setdefault(each.place.file, []).append(each)
        return {file: tuple(rows) for file, rows in found.items()}
