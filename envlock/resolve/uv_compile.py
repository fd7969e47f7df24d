"""One run of `uv pip compile`: requirements and routes in, pins with their wheels out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

import tomli
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename

from envlock.errors import NoSolution, ToolFailed
from envlock.manifest.platforms import Platform
from envlock.resolve.model import DEFAULT_INDEX, Candidate, Pin
from envlock.resolve.stub_wheel import write_stub
from envlock.resolve.tags import Glibc, uv_platform
from envlock.resolve.uv import (
    PROJECT,
    Environment,
    Outcome,
    python_arguments,
    run_uv,
    toml_document,
    workspace,
)

_OUTPUT = "pylock.envlock.toml"
_CONSTRAINTS = "constraints.txt"
_NO_DATE = re.compile(r"`([^`/]+\.whl)` is missing an upload date")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """For what uv resolves; `python` as written in the manifest."""

    platform: Platform
    python: str
    glibc: Glibc


@dataclass(frozen=True, kw_only=True, slots=True)
class Indexes:
    """Where names point: the default index (None: the installer's own), named ones, and which
    distributions must come from which named index."""

    default: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[NormalizedName, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """All that one run is asked. `undated` are exempt from `exclude_newer`; `preferences` are pins
    that stay where they still fit, `provided` distributions that are there already."""

    target: Target
    indexes: Indexes
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    exclude_newer: str | None = None
    undated: frozenset[NormalizedName] = frozenset()
    preferences: Mapping[str, str] = field(default_factory=dict)
    provided: Mapping[NormalizedName, str] = field(default_factory=dict)
    with_dependencies: bool = True
    refresh: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`pins` by name, or None where there is no solution. `undated` has the distributions whose wheels
    were passed over because their index gives no upload time."""

    outcome: Outcome
    pins: Mapping[NormalizedName, Pin] | None
    undated: frozenset[NormalizedName]


def ask(question: Question, environment: Environment) -> Answer:
    """Run uv once. A run that fails is an answer too; only uv itself missing raises."""
    with workspace() as folder:
        _write_project(folder, question)
        outcome = run_uv(_arguments(question), directory=folder, environment=environment)
        pins = _read_pins(folder / _OUTPUT, question) if outcome.status == 0 else None
    return Answer(outcome=outcome, pins=pins, undated=_undated(outcome))


def _undated(outcome: Outcome) -> frozenset[NormalizedName]:
    return frozenset(parse_wheel_filename(file)[0] for file in _NO_DATE.findall(outcome.stderr))


def _write_project(folder: Path, question: Question) -> None:
    """The private project: only there may a requirement be tied to an index that serves no other."""
    routes = question.indexes.routes
    used = sorted(set(routes.values()))
    stubs = {name: write_stub(folder, name, version) for name, version in question.provided.items()}
    routed = {name: {"index": index} for name, index in sorted(routes.items())}
    uv = {
        "sources": {**routed, **{name: {"path": file} for name, file in sorted(stubs.items())}},
        "index": [{"name": name, "url": question.indexes.named[name], "explicit": True} for name in used],
    }
    project = {
        "name": PROJECT,
        "version": "0",
        "dependencies": [*question.requirements, *sorted(question.provided)],
    }
    text = toml_document({"project": project, "tool": {"uv": uv}})
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    if question.constraints:
        lines = "".join(f"{line}\n" for line in question.constraints)
        (folder / _CONSTRAINTS).write_text(lines, encoding="utf-8")
    if question.preferences:
        (folder / _OUTPUT).write_text(_preferences(question), encoding="utf-8")


def _preferences(question: Question) -> str:
    """An earlier output as uv honours it: names and versions, and the index where it is a named one."""
    packages = [_preference(question.indexes, *pin) for pin in sorted(question.preferences.items())]
    return toml_document({"lock-version": "1.0", "created-by": "envlock", "packages": packages})


def _preference(indexes: Indexes, name: str, version: str) -> dict[str, str]:
    index = indexes.routes.get(canonicalize_name(name))
    place = {} if index is None else {"index": indexes.named[index]}
    return {"name": name, "version": version, **place}


def _arguments(question: Question) -> tuple[str, ...]:
    target = question.target
    return (
        *("pip", "compile", "pyproject.toml", "--format", "pylock.toml", "-o", _OUTPUT),
        *("--no-header", "--no-annotate"),
        *(("--constraints", _CONSTRAINTS) if question.constraints else ()),
        *("--python-version", target.python),
        *("--python-platform", uv_platform(target.platform, target.glibc)),
        *python_arguments(),
        # What a wheel's METADATA does not tell, a build on this machine must not decide.
        *("--only-binary", ":all:"),
        *(("--default-index", question.indexes.default) if question.indexes.default else ()),
        *_time_travel(question),
        *(() if question.with_dependencies else ("--no-deps",)),
        *(("--refresh",) if question.refresh else ()),
    )


def _time_travel(question: Question) -> tuple[str, ...]:
    if question.exclude_newer is None:
        return ()
    exempt = (("--exclude-newer-package", f"{name}=false") for name in sorted(question.undated))
    return ("--exclude-newer", question.exclude_newer, *(word for pair in exempt for word in pair))


def _read_pins(path: Path, question: Question) -> dict[NormalizedName, Pin]:
    try:
        packages = tomli.loads(path.read_text(encoding="utf-8")).get("packages", [])
        wanted = (each for each in packages if canonicalize_name(each["name"]) not in question.provided)
        pins = [_pin(package, path, question.indexes.routes) for package in wanted]
    except (OSError, tomli.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ToolFailed(f"`uv` wrote a pylock.toml that cannot be read: {error!r}") from error
    return {pin.name: pin for pin in pins}


def _pin(package: Mapping[str, Any], path: Path, routes: Mapping[NormalizedName, str]) -> Pin:
    name = canonicalize_name(package["name"])
    if any(kind in package for kind in ("archive", "directory", "vcs")):
        message = f"`{name}` comes from a URL or a folder, which has no index to be found on again"
        raise NoSolution(message, hint=f"ask for `{name}` by name and version")
    index = routes.get(name, DEFAULT_INDEX)
    wheels: Iterable[Mapping[str, Any]] = package.get("wheels", ())
    candidates = tuple(_candidate(wheel, path.parent) for wheel in wheels)
    return Pin(name=name, version=package["version"], index=index, candidates=candidates)


def _candidate(wheel: Mapping[str, Any], folder: Path) -> Candidate:
    url = wheel.get("url") or (folder / wheel["path"]).resolve().as_uri()
    file = wheel.get("name") or unquote(urlsplit(url).path.rpartition("/")[2])
    sha256 = wheel.get("hashes", {}).get("sha256")
    return Candidate(file=file, url=urldefrag(url).url, sha256=sha256, size=wheel.get("size"))
