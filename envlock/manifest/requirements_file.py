"""Requirements files: the grammar of pip's documentation ("Requirements File Format").

Own code, and small: pip-requirements-parser, the library for it, had its last release in 2022 and
imports pyparsing; requirements-parser knows neither hashes nor options per requirement. The tests
hold this reader against pip itself.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from envlock.manifest import patterns
from envlock.manifest.documents import exists, read_text
from envlock.manifest.model import Asked
from envlock.manifest.requirement import parse_requirement, refuse_url, without_credentials
from envlock.manifest.tables import Faults, code, shown, suggestion

_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTIONS = re.compile(r"\s(?=--?[A-Za-z])")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_EXTRAS = re.compile(r"\[([A-Za-z0-9._, -]*)\]$")
_LINK = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:|\.{0,2}/|\.{1,2}(?:\[|$)|~/)|[^\s@]*\.(?:whl|zip|tar\.gz)$")
# The layout of the PyTorch index: one folder per CUDA variant, and in it the page for `--find-links`.
_TORCH_INDEX = re.compile(
    r".*/whl/(?:(?P<cpu>cpu)|cu(?P<major>[0-9]{2})(?P<minor>[0-9]))(?:/torch_stable\.html)?/?"
)
# The address that installers have built in: to say it says nothing.
_BUILT_IN = re.compile(r"https?://(?:www\.)?pypi\.(?:org|python\.org)/simple/?")

_SHORT = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "-f": "--find-links",
}
_INDEX_OPTIONS = ("--index-url", "--pypi-url", "--extra-index-url", "--find-links", "--no-index")
# About how pip installs; a lock names exactly one wheel and its hash, so they say nothing here.
_NO_MATTER = ("--require-hashes", "--prefer-binary", "--only-binary", "--trusted-host", "--use-feature")
_NOT_READ = ("--pre", "--no-binary")
_PER_REQUIREMENT = ("--hash", "--config-settings", "--global-option", "--install-option")
_KNOWN = ("--requirement", "--constraint", "--editable", *_INDEX_OPTIONS, *_NO_MATTER, *_NOT_READ)
_FLAGS = ("--no-index", "--require-hashes", "--prefer-binary", "--pre")


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexOption:
    """An option that names an index: not read, so the manifest has to say the same in its words."""

    option: str
    url: str
    where: str

    @property
    def cuda(self) -> str | None:
        """The `cuda` that a URL of the PyTorch index stands for."""
        match = _TORCH_INDEX.fullmatch(self.url)
        if match is None:
            return None
        return "cpu" if match["cpu"] else f"{match['major']}.{match['minor']}"

    @property
    def is_built_in(self) -> bool:
        """Is this the index that installers ask without being told?"""
        return self.option != "--find-links" and _BUILT_IN.fullmatch(self.url) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What requirements files said so far; `own_extras` are those of `-e .[extra]`."""

    requirements: list[Asked] = field(default_factory=list)
    constraints: list[Asked] = field(default_factory=list)
    index_options: list[IndexOption] = field(default_factory=list)
    own_extras: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: set[tuple[Path, bool]] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    """A file being read: its place below `root`, the files that lead to it, and where rows go."""

    path: Path
    root: Path
    trail: tuple[Path, ...]
    as_constraints: bool
    environment: Mapping[str, str]
    reading: Reading
    faults: Faults

    @property
    def shown_as(self) -> str:
        return shown_path(self.path, self.root)


def read_requirements_file(
    path: Path, root: Path, environment: Mapping[str, str], reading: Reading, faults: Faults
) -> None:
    """Add to `reading` what a file and all that it includes say; places are relative to `root`."""
    _read_file(
        _File(
            path=path,
            root=root,
            trail=(),
            as_constraints=False,
            environment=environment,
            reading=reading,
            faults=faults,
        )
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line in pip's words that stands in a file of another kind, at `path`; `where` is its place."""

    text: str
    where: str
    path: Path


def read_requirement_line(
    line: Line, root: Path, environment: Mapping[str, str], reading: Reading, faults: Faults
) -> None:
    """Add to `reading` what one line says, and all files that it includes."""
    file = _File(
        path=line.path,
        root=root,
        trail=(),
        as_constraints=False,
        environment=environment,
        reading=reading,
        faults=faults,
    )
    _read_line(line.text, line.where, file)


def shown_path(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _read_file(file: _File) -> None:
    if (file.path, file.as_constraints) in file.reading.files:
        return  # included twice: once is enough
    file.reading.files.add((file.path, file.as_constraints))
    text = read_text(file.path, file.shown_as, file.faults)
    for number, line in logical_lines(text or ""):
        _read_line(line, f"{file.shown_as}:{number}", file)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    r"""(first line number, text) with continuations joined and comments gone, as pip does it.

    >>> list(logical_lines("a \\\n  --hash=x # note\n# b\nc"))
    [(1, 'a   --hash=x'), (4, 'c')]
    """
    started, parts = 0, list[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        started = started if parts else number
        is_comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not is_comment:
            parts.append(line.strip("\\"))
            continue
        # pip: a comment line ends a continuation, and must still be seen as a comment once joined
        yield from _stripped(started, "".join((*parts, f" {line}" if is_comment else line)))
        parts = []
    yield from _stripped(started, "".join(parts))


def _stripped(number: int, line: str) -> Iterator[tuple[int, str]]:
    text = _COMMENT.sub("", line).strip()
    if text:
        yield number, text


def _read_line(line: str, where: str, file: _File) -> None:
    if line.startswith("-"):
        _read_option(line, where, file)
        return
    requirement, *options = _OPTIONS.split(line, maxsplit=1)
    hashes = _read_hashes(options[0], where, file) if options else ()
    text = _expanded(requirement.strip(), where, file)
    if text is not None:
        _read_requirement(text, hashes, where, file)


def _read_requirement(text: str, hashes: tuple[str, ...], where: str, file: _File) -> None:
    if _LINK.match(text):
        _read_link(text, where, file)
        return
    requirement = parse_requirement(text, where, file.faults)
    if requirement is not None:
        rows = file.reading.constraints if file.as_constraints else file.reading.requirements
        rows.append(Asked(requirement=requirement, origin=where, hashes=hashes))


def _read_link(text: str, where: str, file: _File) -> None:
    """A path or URL: the project's own folder counts as its dependencies, all else is refused."""
    extras = _EXTRAS.search(text)
    place = text[: extras.start()] if extras else text
    if not _is_root(place, file):
        refuse_url(text, None, where, file.faults)
        return
    names = tuple(name.strip() for name in extras[1].split(",") if name.strip()) if extras else ()
    file.reading.own_extras.append((names, where))


def _is_root(place: str, file: _File) -> bool:
    # pip takes paths from where it runs; here that is the manifest's folder, or the file's own
    if ":" in place or not patterns.RELATIVE_PATH.admits(place):
        return False
    return file.root in ((file.root / place).resolve(), (file.path.parent / place).resolve())


def _read_hashes(options: str, where: str, file: _File) -> tuple[str, ...]:
    hashes = []
    for option, value in _options(options, where, file, _PER_REQUIREMENT, ()):
        if option != "--hash":
            file.reading.notes.append(f"{where}: {code(option)} is not read")
        elif patterns.HASH.admits(value):
            hashes.append(value)
        else:
            message = f"{shown(value)} is not a hash that can be locked"
            file.faults.add(where, message, "give it as `sha256:…`")
    return tuple(hashes)


def _read_option(line: str, where: str, file: _File) -> None:
    for option, value in _options(line, where, file, _KNOWN, _FLAGS):
        if option in _INDEX_OPTIONS:
            found = IndexOption(option=option, url=without_credentials(value), where=where)
            file.reading.index_options.append(found)
        elif option in _NOT_READ:
            file.reading.notes.append(f"{where}: {code(option)} is not read")
        elif option not in _NO_MATTER:
            _follow(option, value, where, file)


def _follow(option: str, value: str, where: str, file: _File) -> None:
    text = _expanded(value, where, file)
    if text is None:
        return
    follow: Callable[[str, str, _File], None] = {"--editable": _read_link}.get(option, _include)
    # pip: what a file includes with `-r` are requirements, also where that file holds constraints
    follow(text, where, replace(file, as_constraints=option == "--constraint"))


def _include(text: str, where: str, file: _File) -> None:
    if not patterns.RELATIVE_PATH.admits(text) or "://" in text:
        message = f"{shown(without_credentials(text))} is not a relative path"
        file.faults.add(where, message, "a file that is locked has to lie in the repository")
        return
    path, trail = (file.path.parent / text).resolve(), (*file.trail, file.path)
    if path in trail:
        cycle = " → ".join(shown_path(step, file.root) for step in (*trail[trail.index(path) :], path))
        file.faults.add(where, f"requirements files include one another: {cycle}")
    elif not exists(path):
        file.faults.add(where, f"there is no file {code(text)}")
    else:
        _read_file(replace(file, path=path, trail=trail))


def _options(
    line: str, where: str, file: _File, known: tuple[str, ...], flags: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """(long option, value) pairs of a line; an unknown one or one without its value is a fault."""
    tokens = iter(_tokens(line, where, file))
    for token in tokens:
        option, value = _split(token)
        if option not in known:
            file.faults.add(where, f"unknown option {code(option)}", suggestion(option, known))
            return
        if value is None:
            value = "" if option in flags else next(tokens, None)
        if value is None:
            file.faults.add(where, f"{code(option)} has no value")
            return
        yield option, value


def _tokens(line: str, where: str, file: _File) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        file.faults.add(where, f"{shown(line)} cannot be read: {str(error).lower()}")
        return []


def _split(token: str) -> tuple[str, str | None]:
    """`-rfile`, `--requirement=file`, `-r` and `--requirement` as (long option, value or None)."""
    if token[:2] in _SHORT:
        return _SHORT[token[:2]], token[2:].removeprefix("=") or None
    option, equals, value = token.partition("=")
    return option, value if equals else None


def _expanded(text: str, where: str, file: _File) -> str | None:
    """`text` with `${NAME}` replaced, as pip does; None, with a fault, where a variable is not set."""
    unset = [name for name in _VARIABLE.findall(text) if name not in file.environment]
    for name in unset:
        file.faults.add(where, f"the environment variable {code(name)} is not set")
    return None if unset else _VARIABLE.sub(lambda match: file.environment[match[1]], text)
