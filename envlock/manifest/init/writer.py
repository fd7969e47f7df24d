"""What was asked for -> the text of an envlock.toml, with the place that says so beside each value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from envlock.manifest.init.model import Asking, Place, Row, Said
from envlock.manifest.init.settle import Settled
from envlock.manifest.tables import printable


def manifest_text(
    asking: Asking, settled: Settled, place: Place, advice: Sequence[str] = (), *, by: str = "envlock init"
) -> str:
    """The manifest. `advice` is what the facts have to say of it; with the notes it stands on top. `by` is
    the command that writes it."""
    blocks = (
        _head(asking, advice, by),
        _choices(asking, settled),
        _requirements(asking, place),
        _files(asking),
        _offers(asking),
        _table("settings", asking.settings),
        _conda(asking),
        _image(asking),
        _table("sources", {each.name: Said(value=each.url, where=each.where) for each in asking.sources}),
        _table("index-of", asking.index_of),
        _variants(asking),
    )
    return "\n".join("".join(f"{line}\n" for line in block) for block in map(tuple, blocks) if block)


def _head(asking: Asking, advice: Sequence[str], by: str) -> Iterator[str]:
    yield f"# Written by `{by}` from {_and(asking.read)}. From here on it is yours."
    notes = (*asking.notes, *advice)
    if notes:
        yield "#"
        yield "# What was not carried over, or wants a look:"
        yield from (f"# - {printable(note)}" for note in notes)


def _and(names: Sequence[str]) -> str:
    shown = [printable(name) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


# Values


def _choices(asking: Asking, settled: Settled) -> Iterator[str]:
    yield _pair("python", settled.python)
    if settled.cuda is not None:
        yield _pair("cuda", settled.cuda)
    if asking.platforms:
        names = ", ".join(_quoted(each.value) for each in asking.platforms)
        yield f"platforms = [{names}]{_comment(asking.platforms[0].where)}"
    if settled.exclude_newer is not None:
        yield _pair("exclude-newer", settled.exclude_newer)


def _pair(key: str, said: Said) -> str:
    return f"{key} = {_quoted(said.value)}{_comment(said.where)}"


def _quoted(text: str) -> str:
    """A literal string where quotes are in it; else a basic one, which takes JSON's escapes. What is
    invisible is escaped too."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)


def _comment(text: str) -> str:
    return f"  # {printable(text)}"


# Lists


def _requirements(asking: Asking, place: Place) -> Iterator[str]:
    """The list, or why there is none: while nothing else is asked for, [project] stays the truth."""
    others = [row for row in asking.requirements if row.left_out is None]
    if others or any(row.left_out for row in asking.project):
        yield from _list("requirements", (*asking.project, *asking.requirements))
        return
    if asking.project:
        yield "# requirements: the dependencies of pyproject.toml, which stay there."
    elif place.dependencies and asking.files:
        yield "requirements = []  # not the dependencies of pyproject.toml"
    for row in asking.requirements:
        yield f"# {_item(row)}"


def _files(asking: Asking) -> Iterator[str]:
    if asking.files:
        taken = any(row.left_out is None for row in asking.files)
        lines = tuple(_list("requirements-files", sorted(asking.files, key=lambda row: row.left_out or "")))
        yield from lines if taken else (f"# {line}" for line in lines)


def _list(key: str, rows: Iterable[Row]) -> Iterator[str]:
    yield f"{key} = ["
    for row in dict.fromkeys(rows):
        yield f"    {_item(row)}" if row.left_out is None else f"    # {_item(row)}"
    yield "]"


def _item(row: Row) -> str:
    where = row.where if row.left_out is None else f"{row.where}: {row.left_out}"
    return f"{_quoted(row.text)},{_comment(where)}"


def _offers(asking: Asking) -> Iterator[str]:
    for offer in asking.offers:
        names = ", ".join(map(_quoted, offer.names))
        yield f"# {offer.key} = [{names}]{_comment(f'{offer.where}: there to be asked for')}"


# Tables


def _table(name: str, rows: Mapping[str, Said]) -> Iterator[str]:
    if rows:
        yield f"[{name}]"
        yield from (_pair(_key(key), said) for key, said in rows.items())


def _key(text: str) -> str:
    """A bare key where TOML has it so."""
    is_bare = text.replace("-", "").replace("_", "").isalnum() and text.isascii()
    return text if is_bare else _quoted(text)


def _conda(asking: Asking) -> Iterator[str]:
    if all(row.left_out is not None for row in asking.packages):
        yield from (f"# {_item(row)}" for row in asking.packages)
        return
    yield "[conda]"
    if asking.channels:
        names = ", ".join(_quoted(each.value) for each in asking.channels)
        yield f"channels = [{names}]{_comment(asking.channels[0].where)}"
    yield from _list("packages", asking.packages)


def _image(asking: Asking) -> Iterator[str]:
    rows = (("base", asking.images), ("user", asking.users))
    if any(said for _, said in rows):
        yield "[image]"
        yield from (_pair(key, said[0]) for key, said in rows if said)


def _variants(asking: Asking) -> Iterator[str]:
    for each in asking.variants:
        yield f"[variants.{_key(each.extra)}]{_comment(each.where)}"
        yield f"cuda = {_quoted(each.cuda)}"
        yield f"extras = [{_quoted(each.extra)}]"
