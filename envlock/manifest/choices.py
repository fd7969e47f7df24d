"""The keys of `[tool.envlock]`, read and checked one table at a time; a variant is a second table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from packaging.utils import NormalizedName, canonicalize_name

from envlock.manifest import patterns
from envlock.manifest.containers import ImageChoices, JobChoices, read_image, read_job
from envlock.manifest.instants import utc_instant
from envlock.manifest.model import Asked
from envlock.manifest.platforms import Platform
from envlock.manifest.project import Given, asked_each
from envlock.manifest.sources import read_sources
from envlock.manifest.tables import Rule, Table, code, described, suggestion

_PLATFORMS = tuple(str(platform) for platform in Platform)


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """What one table says. None: the key is not there."""

    python: Given | None = None
    cuda: Given | Mapping[Platform, Given] | None = None
    platforms: tuple[Platform, ...] | None = None
    glibc: str | None = None
    requirements: tuple[Asked, ...] | None = None
    requirements_files: tuple[Given, ...] | None = None
    extras: tuple[Given, ...] | None = None
    groups: tuple[Given, ...] | None = None
    exclude_newer: str | None = None
    allow_sdist: tuple[NormalizedName, ...] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    conda: CondaChoices | None = None
    image: ImageChoices | None = None
    job: JobChoices | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    index_of: Mapping[NormalizedName, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaChoices:
    channels: tuple[str, ...] | None = None
    packages: tuple[str, ...] | None = None
    virtual_packages: Mapping[str, str] = field(default_factory=dict)


_Chosen = TypeVar("_Chosen", Choices, CondaChoices, ImageChoices, JobChoices)


def chosen(table: Table, variant: str | None) -> Choices:
    """The choices of `table`, with those of `variant` over them.

    Every variant is read, so a fault in one that is not asked for is found too.
    """
    table.only((*KEYS, "variants"))
    variants = table.table("variants")
    read = {} if variants is None else _read_variants(variants)
    base = _read(table)
    if variant is None:
        return base
    if variant not in read:
        _unknown_variant(table, variant, tuple(variants.data) if variants else ())
        return base
    return _over(base, read[variant])


def _read_variants(variants: Table) -> dict[str, Choices]:
    names = [name for name in variants.data if variants.admits_key(name, patterns.VARIANT_NAME)]
    tables = {name: variants.table(name) for name in names}
    for table in tables.values():
        if table is not None:
            table.only(KEYS)
    return {name: _read(table) for name, table in tables.items() if table is not None}


def _unknown_variant(table: Table, variant: str, known: tuple[str, ...]) -> None:
    place = table.below("variants").at(variant).removeprefix(f"{table.file}, ")
    hint = suggestion(variant, known) if known else f"add the table `[{place}]`"
    table.fault("variants", f"there is no variant {code(variant)}", hint)


def _over(base: _Chosen, over: _Chosen) -> _Chosen:
    """`over` where it says something, else `base`. Tables are merged key by key, lists replaced."""
    names = [row.name for row in fields(base)]
    return replace(base, **{name: _merged(getattr(base, name), getattr(over, name)) for name in names})


def _merged(base: Any, over: Any) -> Any:
    if over is None:
        return base
    if isinstance(over, CondaChoices | ImageChoices | JobChoices) and base is not None:
        return _over(base, over)
    if isinstance(over, Mapping) and isinstance(base, Mapping):
        return {**base, **over}
    return over


def _read(table: Table) -> Choices:
    return Choices(**{key.replace("-", "_"): read(table, key) for key, read in _READERS.items()})


def _given(wanted: Rule) -> Callable[[Table, str], Given | None]:
    def read(table: Table, key: str) -> Given | None:
        text = table.text(key, wanted)
        return None if text is None else Given(text=text, where=table.at(key))

    return read


def _givens(wanted: Rule) -> Callable[[Table, str], tuple[Given, ...] | None]:
    def read(table: Table, key: str) -> tuple[Given, ...] | None:
        texts = table.texts(key, wanted)
        return None if texts is None else tuple(Given(text=text, where=table.at(key)) for text in texts)

    return read


def _cuda(table: Table, key: str) -> Given | Mapping[Platform, Given] | None:
    if not isinstance(table.data.get(key), dict):
        return _given_cuda(table, key)
    rows = table.below(key)
    known = [name for name in rows.data if _is_platform(rows, name, name)]
    given = {Platform(name): _given_cuda(rows, name) for name in known}
    return {name: cuda for name, cuda in given.items() if cuda is not None}


def _given_cuda(table: Table, key: str) -> Given | None:
    value = table.data.get(key)
    variant = patterns.CUDA_VARIANT.pattern.fullmatch(value) if isinstance(value, str) else None
    if variant:
        hint = f'write `cuda = "{variant[1]}.{variant[2]}"`'
        table.fault(key, f"{code(variant[0])} is the variant of a wheel", hint)
        return None
    return _given(patterns.CUDA)(table, key)


def _platforms(table: Table, key: str) -> tuple[Platform, ...] | None:
    names = table.texts(key, patterns.ANY_TEXT)
    if names is None:
        return None
    if table.data[key] == []:
        table.fault(key, "`platforms` is empty", 'the default is `["linux-64"]`')
    for name in {name for name in names if names.count(name) > 1}:
        table.fault(key, f"{code(name)} is there twice")
    return tuple(Platform(name) for name in names if _is_platform(table, key, name))


def _is_platform(table: Table, key: str, name: str) -> bool:
    if name in _PLATFORMS:
        return True
    table.fault(key, f"{code(name)} is not a platform that can be locked", suggestion(name, _PLATFORMS))
    return False


def _requirements(table: Table, key: str) -> tuple[Asked, ...] | None:
    texts = table.texts(key, patterns.ANY_TEXT)
    return None if texts is None else asked_each(texts, table.at(key), table.faults)


def _exclude_newer(table: Table, key: str) -> str | None:
    value = table.data.get(key)
    if value is None:
        return None
    try:
        return utc_instant(value)
    except ValueError as error:
        table.fault(
            key,
            f"{described(value)} {error}",
            f"write `{key} = 2025-03-01` or `{key} = 2025-03-01T00:00:00Z`",
        )
        return None


def _names(table: Table, key: str) -> tuple[NormalizedName, ...] | None:
    names = table.texts(key, patterns.PROJECT_NAME)
    return None if names is None else tuple(canonicalize_name(name) for name in names)


def _settings(table: Table, key: str) -> dict[str, str]:
    return table.named_texts(key, patterns.SETTING_NAME, patterns.SETTING_VALUE)


def _index_of(table: Table, key: str) -> dict[NormalizedName, str]:
    found: dict[NormalizedName, str] = {}
    for name, index in table.named_texts(key, patterns.PROJECT_NAME, patterns.INDEX_NAME).items():
        normalized = canonicalize_name(name)
        if found.setdefault(normalized, index) != index:
            two = f"{code(found[normalized])}, {code(index)}"
            table.fault(key, f"{code(normalized)} is given two indexes: {two}")
    return found


def _conda(table: Table, key: str) -> CondaChoices | None:
    conda = table.table(key)
    if conda is None:
        return None
    conda.only(("channels", "packages", "virtual-packages"))
    return CondaChoices(
        channels=conda.texts("channels", patterns.CHANNEL),
        packages=conda.texts("packages", patterns.CONDA_PACKAGE),
        virtual_packages=conda.named_texts(
            "virtual-packages", patterns.VIRTUAL_PACKAGE, patterns.VIRTUAL_VERSION
        ),
    )


_READERS: Mapping[str, Callable[[Table, str], Any]] = {
    "python": _given(patterns.PYTHON),
    "cuda": _cuda,
    "platforms": _platforms,
    "glibc": lambda table, key: table.text(key, patterns.GLIBC),
    "requirements": _requirements,
    "requirements-files": _givens(patterns.RELATIVE_PATH),
    "extras": _givens(patterns.PROJECT_NAME),
    "groups": _givens(patterns.PROJECT_NAME),
    "exclude-newer": _exclude_newer,
    "allow-sdist": _names,
    "settings": _settings,
    "conda": _conda,
    "image": read_image,
    "job": read_job,
    "sources": read_sources,
    "index-of": _index_of,
}
KEYS = tuple(_READERS)
