"""What files ask for: requirements, pyproject.toml, setup.py, environment.yml, and commands that install."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import tomli
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envlock.audit.repository.content import Code, Declared, IndexUse, Script, Source, declared
from envlock.audit.repository.model import Place
from envlock.manifest.init.conda_spec import conda_spec, pep_440_of
from envlock.manifest.init.indexes import cuda_of_url
from envlock.manifest.init.install_words import read_command
from envlock.manifest.init.shell_words import commands
from envlock.manifest.init.yaml_file import Node, parse_yaml
from envlock.manifest.requirements_file import logical_lines
from envlock.manifest.tables import Faults

_OPTION = re.compile(r"\s(?=--?[A-Za-z])")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9._-]+)")
_EDITABLE = re.compile(r"(?:-e|--editable)[ =]\s*(?P<target>\S+)")
_INDEX = re.compile(
    r"(?:-i|-f|--index-url|--extra-index-url|--find-links|--index|--default-index)[ =]\s*(?P<url>\S+)"
)
_NAME_OF_URL = re.compile(r"/([A-Za-z0-9._-]+?)(?:\.git)?(?:@[^/]*)?(?:#.*)?$")
Asked = Declared | IndexUse


class Malformed(ValueError):
    """A file of a known kind that cannot be parsed; `line` says where."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


# Lines in pip's words


def of_requirements(source: Source, kind: str = "requirements") -> Iterator[Asked]:
    """The rows of a requirements file. Lines that are no requirement are passed over."""
    for number, text in logical_lines(source.text):
        yield from of_line(text, source.place(number), kind)


def of_line(text: str, place: Place, kind: str) -> Iterator[Asked]:
    """What one line in pip's words asks for."""
    for match in _INDEX.finditer(text):
        yield IndexUse(url=match["url"], cuda=cuda_of_url(match["url"]), place=place)
    editable = _EDITABLE.match(text)
    if editable is not None:
        text = editable["target"]
    elif text.startswith("-"):
        return
    requirement, *options = _OPTION.split(text, maxsplit=1)
    found = _requirement(requirement.strip(), place, kind)
    if found is not None:
        has_hash = any("--hash" in each for each in options)
        yield replace(found, has_hash=has_hash, is_optional=False)


def _requirement(text: str, place: Place, kind: str) -> Declared | None:
    if "://" in text and " @ " not in text and not re.match(r"[A-Za-z0-9._-]+(?:\[.*\])?@", text):
        return _link(text, place, kind)
    try:
        return declared(Requirement(text), place, kind)
    except InvalidRequirement:
        return None


def _link(text: str, place: Place, kind: str) -> Declared | None:
    match = _EGG.search(text) or _NAME_OF_URL.search(text)
    name = match[1] if match is not None else text
    return Declared(
        name=canonicalize_name(name),
        text=text,
        specifier=SpecifierSet(),
        place=place,
        kind=kind,
        url=text,
    )


# TOML


def of_pyproject(source: Source) -> Iterator[Asked]:
    """[project], groups, [tool.envlock], poetry's tables. Raises Malformed."""
    document = _toml(source.text)
    for text, is_optional in _texts(document):
        place = _place_of(text, source)
        try:
            yield replace(declared(Requirement(text), place, "pyproject"), is_optional=is_optional)
        except InvalidRequirement:
            continue
    yield from _poetry(document, source)
    for text in _urls(document):
        yield IndexUse(url=text, cuda=cuda_of_url(text), place=_place_of(text, source))


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise Malformed(
            f"not valid TOML: {error.msg[:1].lower()}{error.msg[1:]}", error.lineno, error.colno
        ) from error
    except (ValueError, RecursionError) as error:
        raise Malformed("not valid TOML: a value is too large or nested too deeply") from error


def _texts(document: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    project, tool = _table(document, "project"), _table(document, "tool")
    own = _table(tool, "envlock") or document
    for each in (*_list(project.get("dependencies")), *_list(own.get("requirements"))):
        yield each, False
    groups = (
        *_table(project, "optional-dependencies").values(),
        *_table(document, "dependency-groups").values(),
    )
    for group in groups:
        yield from ((each, True) for each in _list(group))


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _list(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _poetry(document: Mapping[str, Any], source: Source) -> Iterator[Declared]:
    poetry = _table(_table(document, "tool"), "poetry")
    for name, value in _table(poetry, "dependencies").items():
        for each in value if isinstance(value, list) else (value,):  # one for each system or Python
            if name != "python":
                yield _of_poetry(name, each if isinstance(each, dict) else {"version": each}, source)


def _of_poetry(name: str, value: Mapping[str, Any], source: Source) -> Declared:
    version, git = value.get("version", ""), value.get("git")
    ref = next((value[key] for key in ("rev", "tag", "branch") if key in value), "")
    url = value.get("url") or value.get("path") if git is None else f"git+{git}@{ref}"
    return Declared(
        name=canonicalize_name(name),
        text=f'{name} = "{version}"' if url is None else f"{name} @ {url}",
        specifier=_specifier(str(version)),
        place=_place_of_key(name, source),
        kind="pyproject",
        url=None if url is None else str(url),
    )


def _specifier(version: str) -> SpecifierSet:
    """Poetry's exact version is one; what else it has is a range."""
    bare = version.strip().removeprefix("==")
    try:
        return SpecifierSet(f"=={bare}" if bare[:1].isdigit() else "")
    except InvalidSpecifier:
        return SpecifierSet()


def _urls(document: Mapping[str, Any]) -> Iterator[str]:
    tool = _table(document, "tool")
    rows = (
        *(_table(tool, "uv").get("index") or ()),
        *(_table(tool, "poetry").get("source") or ()),
        *(_table(tool, "pdm").get("source") or ()),
    )
    yield from (str(row["url"]) for row in rows if isinstance(row, dict) and "url" in row)


def _place_of(text: str, source: Source) -> Place:
    """Where a value stands first, by itself between quotes if anywhere."""
    found = (source.text.find(quoted) + 1 for quoted in (json.dumps(text), f"'{text}'"))
    return _place_at(next((at for at in found if at), source.text.find(text)), source)


def _place_of_key(name: str, source: Source) -> Place:
    match = re.search(rf"(?m)^[ \t]*([\"']?){re.escape(name)}\1[ \t]*[.=]", source.text)
    return _place_of(name, source) if match is None else _place_at(match.start(1), source)


def _place_at(at: int, source: Source) -> Place:
    if at < 0:
        return source.place(1)
    return source.place(source.text.count("\n", 0, at) + 1, at - source.text.rfind("\n", 0, at))


# setup.py and setup.cfg


def of_setup(code: Code) -> Iterator[Declared]:
    """`install_requires` and `extras_require` that are written out."""
    for call in code.calls:
        if call.name.rpartition(".")[2] != "setup":
            continue
        for key in ("install_requires", "extras_require"):
            value = call.keyword(key)
            for node in _written(value):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    place = replace(call.place, line=node.lineno, column=node.col_offset + 1)
                    found = _requirement(node.value, place, "setup")
                    if found is not None:
                        yield replace(found, is_optional=key == "extras_require")


def _written(value: ast.expr | None) -> Iterator[ast.AST]:
    """What stands in a value; the keys of a mapping are names of extras."""
    parts = value.values if isinstance(value, ast.Dict) else () if value is None else (value,)
    for each in parts:
        yield from ast.walk(each)


def of_setup_cfg(source: Source) -> Iterator[Asked]:
    import configparser

    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(source.text)
    except configparser.Error as error:
        raise Malformed(f"cannot be parsed: {str(error).splitlines()[0].lower()}") from error
    text = parser.get("options", "install_requires", fallback="")
    for line in text.splitlines():
        if line.strip():
            yield from of_line(line.strip(), _place_of(line.strip(), source), "setup")


# conda


def of_environment(source: Source) -> Iterator[Asked]:
    """environment.yml. Raises Malformed."""
    root = _yaml(source)
    listed = root.keys["dependencies"].items if root is not None and "dependencies" in root.keys else ()
    for node in listed:
        if node.text is not None:
            yield from of_spec(node.text, source.place(node.line))
        yield from _pip_part(node, source)


def _yaml(source: Source) -> Node | None:
    faults = Faults()
    root = parse_yaml(source.text, source.file, faults)
    for fault in faults.found():
        line = re.search(r"line (\d+)", fault.where)
        raise Malformed(fault.message, int(line[1]) if line else 1)
    return root


def _pip_part(node: Node, source: Source) -> Iterator[Asked]:
    for each in node.keys["pip"].items if "pip" in node.keys else ():
        if each.text:
            yield from of_line(each.text.strip(), source.place(each.line), "conda-pip")


def of_spec(text: str, place: Place) -> Iterator[Declared]:
    """One specification of conda."""
    try:
        spec = conda_spec(text)
        specifier = SpecifierSet(pep_440_of(spec))
    except ValueError:
        return
    yield Declared(
        name=spec.name, text=text.strip(), specifier=specifier, place=place, kind="conda", build=spec.build
    )


def of_cog(source: Source) -> Iterator[Asked]:
    """`python_packages` of cog.yaml, in pip's words; its `python_version`. Raises Malformed."""
    root = _yaml(source)
    build = root.keys.get("build") if root is not None else None
    if build is None:
        return
    python = build.keys.get("python_version")
    if python is not None and python.text:
        yield from of_line(f"python=={python.text}.*", source.place(python.line), "cog")
    packages = build.keys.get("python_packages")
    for each in packages.items if packages is not None else ():
        if each.text:
            yield from of_line(each.text.strip(), source.place(each.line), "cog")


# Commands


def of_script(script: Script) -> Iterator[Asked]:
    """What pip and conda are told to install."""
    for place, text in script.lines:
        if "pip" in text or "conda" in text or "mamba" in text:
            for words in commands(text):
                yield from _of_command(words, place, script.kind)


def _of_command(words: tuple[str, ...], place: Place, kind: str) -> Iterator[Asked]:
    wanted = read_command(words)
    for line in wanted.lines if wanted is not None else ():
        yield from of_line(_long(line), place, kind)
    for spec in wanted.specs if wanted is not None else ():
        yield from of_spec(spec, place)


def _long(line: str) -> str:
    """`-e X` as this file's own lines have it."""
    return line.replace("--editable ", "-e ", 1)


_LOCKS = re.compile(
    r"(?:uv|poetry|pdm|pixi|Pipfile)\.lock|conda-lock\.ya?ml|.*envlock\.lock|envlock\..+\.lock|pylock(\..+)?\.toml"
)


def is_lock(name: str) -> bool:
    """Is it a lockfile, of whatever tool?"""
    return _LOCKS.fullmatch(name, name.rfind("/") + 1) is not None
