"""What the hosts of a fleet answered: facts, or why there are none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from envlock.errors import CouldNotTell
from envlock.observe.document import MOST_BYTES
from envlock.observe.frames import printable


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One host. `document` is unchecked JSON; None: `fault` says why there is none. `size` is how many tasks
    there are by what this one's engine told it (0: not told)."""

    host: str
    document: Any = None
    fault: str | None = None
    rank: str = ""
    size: int = 0


def answers_in_files(paths: Iterable[Path]) -> Iterator[Answer]:
    """One answer for each document: a file has one, or one on each line; of a directory, its *.json and
    *.jsonl files. One is in memory at a time. What is no facts document is an answer with a fault."""
    for path in paths:
        for file in _files(path):
            yield from _documents(file)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    found = sorted(each for each in path.iterdir() if each.suffix in (".json", ".jsonl"))
    if not found:
        raise CouldNotTell(f"no facts documents (*.json, *.jsonl) in `{path}`", where=str(path))
    yield from found


def _documents(path: Path) -> Iterator[Answer]:
    try:
        with path.open("rb") as file:
            if path.suffix == ".jsonl":
                yield from _lines(file, path.name)
            else:
                yield _parsed(file.read(MOST_BYTES + 1), path.name)
    except OSError as error:
        yield Answer(host=printable(path.name), fault=f"cannot read `{path}`: {error.strerror}")


def _lines(file: IO[bytes], name: str) -> Iterator[Answer]:
    number = 0
    while line := file.readline(MOST_BYTES + 1):
        number += 1
        if line.strip():
            yield _parsed(line, f"{name}:{number}")
        if len(line) > MOST_BYTES:
            return  # where the next line begins is not worth reading for


def _parsed(data: bytes, place: str) -> Answer:
    try:
        if len(data) > MOST_BYTES:
            raise ValueError("it is larger than any facts document")
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        return Answer(host=printable(place), fault=f"`{place}` is no facts document: {error}")
    return Answer(host=printable(_name(document) or place), document=document)


def _name(document: Any) -> str:
    host = document.get("host") if isinstance(document, dict) else None
    name = host.get("name") if isinstance(host, dict) else None
    return name if isinstance(name, str) else ""
