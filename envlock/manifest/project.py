"""What a project says about itself: name, Python, dependencies, extras (PEP 621) and groups (PEP 735)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from envlock.manifest import patterns
from envlock.manifest.model import Asked
from envlock.manifest.requirement import parse_requirement
from envlock.manifest.tables import Faults, Table, code, described, shown, suggestion


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A text of the manifest with the place it stands at."""

    text: str
    where: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """`[project]` and `[dependency-groups]`; for a script, the top level of its block.

    Read on demand: what envlock was not asked for is not judged.
    """

    table: Table
    groups: Table
    label: str

    @property
    def name(self) -> NormalizedName | None:
        name = self.table.text("name", patterns.PROJECT_NAME)
        return None if name is None else canonicalize_name(name)

    def requires_python(self) -> tuple[SpecifierSet, Given] | None:
        text = self.table.text("requires-python", patterns.ANY_TEXT)
        if text is None:
            return None
        try:
            return SpecifierSet(text), Given(text=text, where=self.table.at("requires-python"))
        except InvalidSpecifier:
            self.table.fault("requires-python", f"{shown(text)} is not a version specifier")
            return None

    def has_dependencies(self) -> bool:
        return "dependencies" in self.table.data

    def dependencies(self) -> tuple[Asked, ...]:
        """`dependencies`; that they are computed at build time (`dynamic`) is a fault."""
        dynamic = self.table.data.get("dynamic")
        if isinstance(dynamic, list) and "dependencies" in dynamic:
            self.table.fault(
                "dynamic",
                "`dependencies` are computed when the project is built",
                "name the file they come from in `requirements-files`",
            )
            return ()
        texts = self.table.texts("dependencies", patterns.ANY_TEXT) or ()
        return self._asked(texts, self.table.at("dependencies"))

    def extra_requirements(self, wanted: Given) -> tuple[Asked, ...]:
        """The requirements of an extra, extras of the project itself (`all = ["me[a,b]"]`) followed."""
        table = self.table.table("optional-dependencies")
        rows = () if table is None else tuple(self._extra_rows(table, wanted, ()))
        if table is None:
            self.table.faults.add(wanted.where, f"{self.label} has no extra {code(wanted.text)}")
        return rows

    def _extra_rows(self, table: Table, wanted: Given, path: tuple[str, ...]) -> Iterator[Asked]:
        name = canonicalize_name(wanted.text)
        if name in path:
            return  # extras may name one another; each counts once
        key = _spelled(table, wanted, "extra", self.label)
        texts = (table.texts(key, patterns.ANY_TEXT) or ()) if key else ()
        for asked in self._asked(texts, table.at(key or "")):
            if canonicalize_name(asked.requirement.name) != self.name:
                yield asked
                continue
            for inner in sorted(asked.requirement.extras):
                yield from self._extra_rows(table, Given(text=inner, where=asked.origin), (*path, name))

    def group_requirements(self, wanted: Given) -> tuple[Asked, ...]:
        """The requirements of a dependency group, its `include-group` entries followed."""
        return tuple(self._group_rows(wanted, ()))

    def _group_rows(self, wanted: Given, path: tuple[str, ...]) -> Iterator[Asked]:
        # PEP 735: names are normalised before they are compared; cycles are errors.
        name = canonicalize_name(wanted.text)
        if name in path:
            cycle = " → ".join((*path[path.index(name) :], name))
            self.groups.faults.add(wanted.where, f"dependency groups include one another: {cycle}")
            return
        key = _spelled(self.groups, wanted, "dependency group", self.label)
        for number, entry in enumerate((self.groups.listed(key, "a list") or ()) if key else ()):
            yield from self._group_entry(entry, f"{key}[{number}]", (*path, name))

    def _group_entry(self, entry: object, key: str, path: tuple[str, ...]) -> Iterator[Asked]:
        where = self.groups.at(key)
        match entry:
            case str():
                yield from self._asked((entry,), where)
            case {"include-group": str(inner), **others} if not others:
                yield from self._group_rows(Given(text=inner, where=where), path)
            case _:
                message = f"must be a requirement or `{{include-group = …}}`, found {described(entry)}"
                self.groups.faults.add(where, message)

    def _asked(self, texts: Sequence[str], where: str) -> tuple[Asked, ...]:
        return asked_each(texts, where, self.table.faults)


def asked_each(texts: Sequence[str], where: str, faults: Faults) -> tuple[Asked, ...]:
    parsed = (parse_requirement(text, where, faults) for text in texts)
    return tuple(Asked(requirement=requirement, origin=where) for requirement in parsed if requirement)


def _spelled(table: Table, wanted: Given, kind: str, label: str) -> str | None:
    """The key of `table` that `wanted` means by PEP 503's comparison, or None with a fault."""
    keys = [key for key in table.data if canonicalize_name(key) == canonicalize_name(wanted.text)]
    if len(keys) == 1:
        return keys[0]
    if keys:
        two = f"{code(keys[0])}, {code(keys[1])}"
        table.faults.add(wanted.where, f"{label} has two spellings of one {kind}: {two}")
    else:
        message, hint = f"{label} has no {kind} {code(wanted.text)}", _nearest(wanted.text, table.data)
        table.faults.add(wanted.where, message, hint)
    return None


def _nearest(word: str, table: Mapping[str, object]) -> str | None:
    return suggestion(word, tuple(table)) if table else None
