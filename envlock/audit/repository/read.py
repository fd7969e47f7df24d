"""A folder, or one file -> what is in it. A file that is broken is told and passed over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from envlock.audit.repository import asking, containers, notebooks, prose, python_code, shells
from envlock.audit.repository.claims import OF_STACKS, sentences
from envlock.audit.repository.content import (
    Code,
    Declared,
    Dockerfile,
    ImageUse,
    IndexUse,
    Notebook,
    Repository,
    Script,
    Sentence,
    Source,
)
from envlock.audit.repository.kinds import BUDGETS, NOTEBOOK_AT_MOST, Kind, kind_of, rank
from envlock.audit.repository.model import Hit, Place
from envlock.audit.repository.walk import Walk, walk
from envlock.errors import InvalidInput, UsageFault
from envlock.manifest.documents import decoded

_ENVIRONMENT = re.compile(r"(?:.*[-_.])?(?:environment|conda|env)(?:[-_.].*)?\.ya?ml")
_CI = re.compile(r"(?:.*/)?(?:\.github/workflows/.*|\.circleci/.*|\.gitlab-ci)\.ya?ml")


@dataclass(kw_only=True, slots=True)
class Reading:
    """What was read so far; readers of single formats add to it. `left` is how many bytes more are read of a
    kind of file; one that is not in it is read whole."""

    left: dict[Kind, int]
    texts: dict[str, str] = field(default_factory=dict)
    lock_texts: dict[str, str] = field(default_factory=dict)
    code: list[Code] = field(default_factory=list)
    notebooks: list[Notebook] = field(default_factory=list)
    dockerfiles: list[Dockerfile] = field(default_factory=list)
    images: list[ImageUse] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    prose: list[Source] = field(default_factory=list)
    spoken: list[tuple[Sentence, ...]] = field(default_factory=list)
    declared: list[Declared] = field(default_factory=list)
    indexes: list[IndexUse] = field(default_factory=list)
    broken: list[Hit] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def affords(self, kind: Kind, size: int) -> bool:
        """Take a file off what is left of its kind; False where it is more than that."""
        cost = min(size, NOTEBOOK_AT_MOST) if kind is Kind.NOTEBOOK else size
        if cost > self.left.get(kind, cost):
            return False
        if kind in self.left:
            self.left[kind] -= cost
        return True

    def tell_broken(self, place: Place, message: str) -> None:
        self.broken.append(Hit(place=place, message=message))

    def add_asked(self, rows: Callable[[Source], Iterable[asking.Asked]], source: Source) -> None:
        """Add what a file asks for; one that cannot be parsed is told."""
        try:
            self._add(rows(source))
        except asking.Malformed as error:
            self.tell_broken(source.place(error.line, error.column), str(error))

    def add_script(self, script: Script) -> None:
        self.scripts.append(script)
        if script.kind != "prose":
            self._add(asking.of_script(script))

    def _add(self, rows: Iterable[asking.Asked]) -> None:
        for row in rows:
            if isinstance(row, IndexUse):
                self.indexes.append(row)
            else:
                self.declared.append(row)


def read_repository(path: Path, *, whole: bool = False) -> Repository:
    """Read `path`, a folder or one file; `whole` reads all there is. Raises UsageFault where there is
    nothing, InvalidInput where the one file that is named cannot be parsed."""
    if not path.exists():
        raise UsageFault(
            "there is no such file or directory", where=str(path), hint="name a folder, or a file"
        )
    is_folder = path.is_dir()
    root, found = (path, walk(path)) if is_folder else (path.parent, _one(path))
    reading = Reading(left={} if whole or not is_folder else dict(BUDGETS))
    kinds = {name: kind for name in found.files if (kind := kind_of(name)) is not None}
    for name in sorted(kinds, key=rank):  # stable: near the root before far from it
        _read_file(root, name, kinds[name], found.sizes.get(name, 0), reading)
    if not is_folder and reading.broken:
        first = reading.broken[0]
        raise InvalidInput(f"`{path.name}` cannot be judged: {first.message}", where=str(first.place))
    return _repository(root, found, reading, is_folder=is_folder)


def _one(path: Path) -> Walk:
    return Walk(files=(path.name,), left_out=(), is_whole=True)


def _repository(root: Path, found: Walk, reading: Reading, *, is_folder: bool) -> Repository:
    return Repository(
        root=root,
        names=found.files,
        texts=reading.texts,
        code=tuple(reading.code),
        notebooks=tuple(reading.notebooks),
        dockerfiles=tuple(reading.dockerfiles),
        images=tuple(reading.images),
        scripts=tuple(reading.scripts),
        prose=tuple(reading.prose),
        spoken=tuple(reading.spoken),
        declared=tuple(reading.declared),
        indexes=tuple(reading.indexes),
        locks=tuple(reading.lock_texts),
        lock_texts=reading.lock_texts,
        broken=tuple(reading.broken),
        unread=(*found.left_out, *reading.unread),
        is_whole=found.is_whole,
        is_folder=is_folder,
    )


def _read_file(root: Path, name: str, kind: Kind, size: int, reading: Reading) -> None:
    if not reading.affords(kind, size):
        reading.unread.append(name)
        return
    text = _text(root / name, name, reading)
    if kind is Kind.LOCK:
        reading.lock_texts[name] = text or ""
    elif text is not None:
        reading.texts[name] = text
        _READERS[kind](Source(file=name, text=text), reading)


def _text(path: Path, name: str, reading: Reading) -> str | None:
    try:
        return decoded(path.read_bytes()).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        reading.tell_broken(Place(file=name), f"is not UTF-8 (byte {error.start})")
    except OSError as error:
        reading.tell_broken(Place(file=name), f"cannot be read: {(error.strerror or str(error)).lower()}")
    return None


def _read_dockerfile(source: Source, reading: Reading, *, is_example: bool = False) -> None:
    found = containers.dockerfile(source, is_example=is_example)
    if found is None:
        if not is_example:
            reading.tell_broken(source.place(1), "has no FROM, so it is no Dockerfile")
        return
    reading.dockerfiles.append(found)
    if not is_example:  # in prose, images are found wherever they stand
        reading.images.extend(containers.images_of(found))
    reading.add_script(containers.script_of(found))


def _read_python(source: Source, reading: Reading) -> None:
    try:
        code = python_code.parse(source)
    except python_code.NotPython as error:
        reading.tell_broken(source.place(error.line, error.column), f"not valid Python 3: {error}")
        return
    reading.code.append(code)
    if PurePosixPath(source.file).name == "setup.py":
        reading.declared.extend(asking.of_setup(code))


def _read_notebook(source: Source, reading: Reading) -> None:
    try:
        parts = notebooks.take_apart(source)
    except ValueError as error:
        reading.tell_broken(source.place(1), str(error))
        return
    reading.notebooks.append(parts.notebook)
    reading.add_script(parts.script)
    for each in parts.prose:
        _read_prose(each, reading)
    try:
        reading.code.append(python_code.parse(parts.code))
    except python_code.NotPython:
        _read_cells(parts.cells, reading)


def _read_cells(cells: tuple[Source, ...], reading: Reading) -> None:
    """Cell by cell, where one of them is no Python."""
    for each in cells:
        try:
            reading.code.append(python_code.parse(each))
        except python_code.NotPython as error:
            reading.tell_broken(each.place(error.line, error.column), f"not valid Python 3: {error}")


def _read_yaml(source: Source, reading: Reading) -> None:
    low = PurePosixPath(source.file).name.lower()
    reading.images.extend(containers.images_of_yaml(source))
    has_list = re.search(r"(?m)^dependencies:", source.text) is not None
    has_channels = re.search(r"(?m)^channels:", source.text) is not None
    if _ENVIRONMENT.fullmatch(low) or (has_list and has_channels):
        reading.add_asked(asking.of_environment, source)
    if _CI.fullmatch(source.file):
        reading.add_script(shells.steps(source))


def _read_prose(source: Source, reading: Reading) -> None:
    if ":" in source.text:
        reading.images.extend(prose.images_told(source))
    plain, examples = prose.split(source)
    reading.prose.append(plain)
    if OF_STACKS.search(plain.text):
        reading.spoken.append(tuple(sentences(plain)))
    for each in examples:
        _read_example(each, reading)


def _read_example(example: prose.Example, reading: Reading) -> None:
    match example.language:
        case "python" | "py" | "python3":
            try:
                reading.code.append(python_code.parse(example.source, is_example=True))
            except python_code.NotPython:
                return  # half a line of code is no fault of a README
        case "dockerfile" | "docker":
            _read_dockerfile(example.source, reading, is_example=True)
        case "bash" | "sh" | "shell" | "console" | "":
            reading.add_script(shells.script(example.source, "prose"))


def _asking(rows: Callable[[Source], Iterable[asking.Asked]]) -> Callable[[Source, Reading], None]:
    return lambda source, reading: reading.add_asked(rows, source)


_READERS: Mapping[Kind, Callable[[Source, Reading], None]] = {
    Kind.DOCKERFILE: _read_dockerfile,
    Kind.PYTHON: _read_python,
    Kind.NOTEBOOK: _read_notebook,
    Kind.REQUIREMENTS: _asking(asking.of_requirements),
    Kind.PYPROJECT: _asking(asking.of_pyproject),
    Kind.SETUP_CFG: _asking(asking.of_setup_cfg),
    Kind.COG: _asking(asking.of_cog),
    Kind.PIPFILE: lambda _source, _reading: None,  # its text says which Python
    Kind.YAML: _read_yaml,
    Kind.SHELL: lambda source, reading: reading.add_script(shells.script(source, "shell")),
    Kind.PROSE: _read_prose,
}
