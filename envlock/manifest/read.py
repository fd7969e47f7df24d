"""From the files of a project to a Manifest, all faults at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from envlock.errors import ManifestInvalid
from envlock.manifest.choices import Choices, chosen
from envlock.manifest.containers import image_request, job_request
from envlock.manifest.documents import exists, parse_toml, read_text, script_metadata
from envlock.manifest.fingerprint import fingerprint
from envlock.manifest.location import PYPROJECT, REQUIREMENTS, Found, Kind, locate
from envlock.manifest.model import AUTO, CPU, Asked, CondaRequest, ImageRequest, Manifest
from envlock.manifest.platforms import Platform
from envlock.manifest.project import Given, Project
from envlock.manifest.pythons import nearby_python, settled_python
from envlock.manifest.requirement import canonical
from envlock.manifest.requirements_file import IndexOption, Reading, read_requirements_file
from envlock.manifest.sources import all_sources
from envlock.manifest.tables import Faults, Table, code

_NO_ENVIRONMENT: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader:
    """The tables of one manifest while it is read."""

    found: Found
    envlock: Table
    project: Project
    environment: Mapping[str, str]
    faults: Faults

    @property
    def root(self) -> Path:
        return self.found.path.parent


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asks:
    requirements: tuple[Asked, ...]
    reading: Reading


def read_manifest(
    project: Path,
    *,
    variant: str | None = None,
    environment: Mapping[str, str] = _NO_ENVIRONMENT,
    default_python: str = "3.11",
) -> Manifest:
    """Read the manifest of `project`: a directory, or one of the files that `find` knows.

    `environment` gives `ENVLOCK_SOURCE_<NAME>`, `${NAME}` in requirements files, and the place of the
    user's configuration. `default_python` counts where nothing asks for a Python. Raises
    ManifestInvalid with all faults.
    """
    faults = Faults()
    reader = _reader(locate(project, faults), environment, faults)
    manifest = _manifest(reader, chosen(reader.envlock, variant), variant, default_python)
    faults.raise_if_any(ManifestInvalid, reader.found.path.name)
    return replace(manifest, fingerprint=fingerprint(manifest))


def _reader(found: Found, environment: Mapping[str, str], faults: Faults) -> _Reader:
    file = found.path.name
    document = found.pyproject if found.kind is Kind.PYPROJECT else _document(found, faults)
    whole = Table(file=file, path="", data=document, faults=faults)
    pyproject = Table(file=PYPROJECT, path="", data=found.pyproject, faults=faults)
    is_script = found.kind is Kind.SCRIPT
    project = Project(
        table=whole if is_script else pyproject.below("project"),
        groups=(whole if is_script else pyproject).below("dependency-groups"),
        label=file if is_script else PYPROJECT,
    )
    envlock = whole if found.kind is Kind.ENVLOCK_TOML else whole.below("tool").below("envlock")
    return _Reader(found=found, envlock=envlock, project=project, environment=environment, faults=faults)


def _document(found: Found, faults: Faults) -> Mapping[str, object]:
    if found.kind is Kind.REQUIREMENTS:
        return {}
    text = read_text(found.path, found.path.name, faults)
    parse = script_metadata if found.kind is Kind.SCRIPT else parse_toml
    return (parse(text, found.path.name, faults) if text is not None else None) or {}


def _manifest(reader: _Reader, choices: Choices, variant: str | None, default_python: str) -> Manifest:
    platforms = choices.platforms or (Platform.LINUX_64,)
    cuda, cuda_notes = _cuda(choices.cuda, platforms, reader.faults)
    image = image_request(choices.image)
    sources = all_sources(choices.sources, _names(choices, image), reader.environment, reader.faults)
    asks, requires = _asks(reader, choices), reader.project.requires_python()
    nearby = _nearby_python(reader)
    python = settled_python(choices.python, requires, default_python, reader.faults, nearby)
    index_notes = _judge_index_options(asks.reading.index_options, choices, sources, reader)
    return Manifest(
        path=reader.found.path,
        root=reader.root,
        lockfile=_lockfile(reader.found, variant),
        variant=variant,
        project_name=None if reader.found.kind is Kind.SCRIPT else reader.project.name,
        python=python,
        cuda=cuda,
        platforms=platforms,
        glibc=_glibc(choices.glibc or "2.28"),
        requirements=asks.requirements,
        constraints=_distinct(asks.reading.constraints),
        exclude_newer=choices.exclude_newer,
        settings=choices.settings,
        index_of=choices.index_of,
        sources=sources,
        conda=_conda(choices),
        image=image,
        job=job_request(choices.job),
        allow_sdist=choices.allow_sdist or (),
        extras=tuple(given.text for given in choices.extras or ()),
        groups=None if choices.groups is None else tuple(given.text for given in choices.groups),
        notes=(
            *reader.found.notes,
            *_python_notes(choices, nearby, python),
            *cuda_notes,
            *_image_notes(image),
            *asks.reading.notes,
            *index_notes,
        ),
        python_because=_python_because(choices, nearby, requires, reader.found.kind),
    )


def _nearby_python(reader: _Reader) -> Given | None:
    """A script says all of itself in its block; files of the folder around it are others'."""
    kind, path = reader.found.kind, reader.found.path
    if kind is Kind.SCRIPT:
        return None
    return nearby_python(reader.root, path if kind is Kind.REQUIREMENTS else None)


def _python_notes(choices: Choices, nearby: Given | None, python: str) -> list[str]:
    is_taken = choices.python is None and nearby is not None and nearby.text == python
    return [f"Python {python}, as {nearby.where} says"] if is_taken and nearby is not None else []


def _python_because(choices: Choices, nearby: Given | None, requires: object, kind: Kind) -> str | None:
    """Why it is the Python that it is, where nobody named one. A script says all of itself, and with conda
    packages the solver has a say."""
    if choices.python is not None or choices.conda is not None or nearby is not None or kind is Kind.SCRIPT:
        return None
    why = (
        "the lowest of requires-python"
        if requires is not None
        else "the newest that PyTorch and its release before have wheels for, as nothing asks for one"
    )
    return f"{why}; {_PINS_BESIDE if kind is Kind.REQUIREMENTS else _PINS}"


_PINS = '`python = "3.11"` in the manifest takes another'
_PINS_BESIDE = "a file `.python-version` with `3.11` in it takes another"


def _lockfile(found: Found, variant: str | None) -> Path:
    """`envlock.lock` beside the manifest; a script's and a named requirements file's bear its name."""
    own = found.kind is Kind.SCRIPT or (found.kind is Kind.REQUIREMENTS and found.path.name != REQUIREMENTS)
    stem = f"{found.path.name}.envlock" if own else "envlock"
    return found.path.parent / (f"{stem}.{variant}.lock" if variant else f"{stem}.lock")


def _cuda(
    asked: Given | Mapping[Platform, Given] | None, platforms: tuple[Platform, ...], faults: Faults
) -> tuple[dict[Platform, str], list[str]]:
    table = asked if isinstance(asked, Mapping) else {}
    default = asked.text if isinstance(asked, Given) else AUTO
    wanted = {name: table[name].text if name in table else default for name in platforms}
    unused = [name for name in table if name not in platforms]
    notes = [f"cuda of {name} is not used: it is not among `platforms`" for name in unused]
    for name, value in wanted.items():
        if name is not Platform.OSX_ARM64 or value == CPU:
            continue
        if name in table and value != AUTO:
            faults.add(table[name].where, "there is no CUDA on macOS", f'write `{name} = "cpu"`')
        notes.append(f"{name}: there is no CUDA on macOS, so `cuda` counts as `cpu` there")
    return {name: CPU if name is Platform.OSX_ARM64 else value for name, value in wanted.items()}, notes


def _glibc(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _conda(choices: Choices) -> CondaRequest | None:
    conda = choices.conda
    if conda is None:
        return None
    return CondaRequest(
        channels=conda.channels if conda.channels is not None else ("conda-forge",),
        packages=conda.packages if conda.packages is not None else ("python",),
        virtual_packages=conda.virtual_packages,
    )


def _names(choices: Choices, image: ImageRequest | None) -> Iterable[str]:
    """Names that a source may be given for: indexes, channels, and the registry of the base image."""
    yield from choices.index_of.values()
    yield from (choices.conda and choices.conda.channels) or ()
    registry, slash, _ = (image.base if image and image.base else "").partition("/")
    if slash and ("." in registry or ":" in registry):
        yield registry


def _image_notes(image: ImageRequest | None) -> list[str]:
    base = image.base if image else None
    if base is None or "@" in base or base.startswith("oci:"):
        return []
    _, _, tag = base.rpartition("/")[2].partition(":")
    moving = f"the image base {code(base)} has no exact tag, so what it is will change without notice"
    return [moving] if tag in ("", "latest") else []


def _asks(reader: _Reader, choices: Choices) -> _Asks:
    """Everything that is asked for, each requirement once, in the order it is written."""
    reading = Reading()
    for given in _files(reader, choices):
        _read_file(reader, given, reading)
    rows = (
        *_own_requirements(reader, choices),
        *(row for extra in choices.extras or () for row in reader.project.extra_requirements(extra)),
        *(row for group in choices.groups or () for row in reader.project.group_requirements(group)),
        *reading.requirements,
        *(row for extras, where in reading.own_extras for row in _editable(reader, extras, where)),
    )
    if not rows and not reader.faults and choices.conda is None:
        hint = "write `requirements`, or `dependencies` of [project]"
        reader.faults.add(reader.found.path.name, "nothing is asked for", hint)
    return _Asks(requirements=_distinct(rows), reading=reading)


def _own_requirements(reader: _Reader, choices: Choices) -> tuple[Asked, ...]:
    """`requirements`; else the project's dependencies, unless files or groups say what they are."""
    if choices.requirements is not None:
        return choices.requirements
    elsewhere = choices.requirements_files or choices.groups or reader.found.kind is Kind.REQUIREMENTS
    if reader.found.kind is Kind.REQUIREMENTS or (elsewhere and not reader.project.has_dependencies()):
        return ()
    return reader.project.dependencies()


def _files(reader: _Reader, choices: Choices) -> tuple[Given, ...]:
    if reader.found.kind is Kind.REQUIREMENTS:
        return (Given(text=reader.found.path.name, where=reader.found.path.name),)
    return choices.requirements_files or ()


def _read_file(reader: _Reader, given: Given, reading: Reading) -> None:
    path = reader.root / given.text
    if not exists(path):
        reader.faults.add(given.where, f"there is no file {code(given.text)}")
        return
    read_requirements_file(path.resolve(), reader.root, reader.environment, reading, reader.faults)


def _editable(reader: _Reader, extras: tuple[str, ...], where: str) -> tuple[Asked, ...]:
    """What `-e .[extras]` of a requirements file asks for: the project's own dependencies."""
    if not reader.project.table.data:
        hint = f"give {PYPROJECT} a [project] table with `dependencies`; setup.py is not run"
        reader.faults.add(where, "asks for the project itself, whose dependencies cannot be read", hint)
        return ()
    wanted = (Given(text=extra, where=where) for extra in extras)
    of_extras = (row for given in wanted for row in reader.project.extra_requirements(given))
    return (*reader.project.dependencies(), *of_extras)


def _distinct(rows: Iterable[Asked]) -> tuple[Asked, ...]:
    first: dict[tuple[str, tuple[str, ...]], Asked] = {}
    for row in rows:
        first.setdefault((canonical(row.requirement), row.hashes), row)
    return tuple(first.values())


def _judge_index_options(
    options: Iterable[IndexOption], choices: Choices, sources: Mapping[str, str], reader: _Reader
) -> list[str]:
    """A note for each index option of requirements files, where the manifest says the same in its words.

    Else a fault: to leave an index out would take a distribution from another one without a word.
    """
    notes = []
    for option in options:
        if option.is_built_in:
            continue
        message = f"{code(f'{option.option} {option.url}'.strip())} is not read from a requirements file"
        said = choices.cuda is not None if option.cuda else bool(sources or choices.index_of)
        if said:
            notes.append(f"{option.where}: {message}")
        else:
            reader.faults.add(option.where, message, _say_it(option, reader))
    return notes


def _say_it(option: IndexOption, reader: _Reader) -> str:
    words = f'`cuda = "{option.cuda}"`' if option.cuda else "`sources` and `index-of`"
    if reader.found.kind is not Kind.REQUIREMENTS:
        return f"say it with {words}"
    return f'say it with {words} in an envlock.toml with `requirements-files = ["{reader.found.path.name}"]`'
