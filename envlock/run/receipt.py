"""The receipt of a run: what decided its results, and their hashes. Schema `envlock.receipt/1`.

All but `about` is compared with another receipt; nothing in it says when or on which host the run was.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import TypedDict, cast

from envlock.errors import CouldNotTell, DiskFailed
from envlock.lock.file import replace_bytes
from envlock.observe.document import check

SCHEMA = "envlock.receipt/1"
_MOST_BYTES = 64 << 20
_BEGINNING = rb'\{\s*"schema":\s*"envlock\.receipt/\d+"'
_MOST_BEGINNING = 200


class RuntimeFacts(TypedDict):
    """`held`: the environment was the same when the command had ended."""

    platform: str
    hash: str
    held: bool


class ClassFacts(TypedDict):
    """The numerics class of the host, and the values that it is made of."""

    name: str
    host: dict[str, str]


class CodeFacts(TypedDict):
    """The repository that the command ran in. `commit` null: none is made yet. `folder` is that of the run,
    relative to the top. `changes` is the sha256 of what is not committed, null where nothing is."""

    commit: str | None
    folder: str
    changes: str | None
    changed_files: list[str]


class OutputFacts(TypedDict):
    """A declared output: a file, or a folder as a whole. `sha256` null: it is not there. `size` in bytes.
    `written`: the command made or changed it."""

    sha256: str | None
    size: int
    files: int
    written: bool


class CheckFacts(TypedDict):
    """One look at the environment."""

    verdict: str
    level: str
    hash: str | None
    findings: list[str]


class LibraryFacts(TypedDict):
    """Files whose code the command's processes had mapped at one of the `looks`: those of the environment,
    relative to it, and those of the system."""

    environment: list[str]
    system: list[str]
    looks: int


class AboutFacts(TypedDict):
    """When, how long, and how it was looked at: no part of what is compared."""

    envlock: str
    started: str
    seconds: float
    start: CheckFacts
    end: CheckFacts
    libraries: LibraryFacts


class Receipt(TypedDict):
    schema: str
    runtime: RuntimeFacts
    settings: dict[str, str]
    variables: dict[str, str]
    numerics: ClassFacts | None
    code: CodeFacts | None
    command: list[str]
    exit_status: int
    outputs: dict[str, OutputFacts]
    about: AboutFacts


def read_receipt(path: Path) -> Receipt:
    """Read a receipt. Raises CouldNotTell, with the place in it, for anything else."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is larger than any receipt")
        document = json.loads(path.read_bytes())
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ValueError(f"its schema is not `{SCHEMA}`")
        check(document, Receipt)
    except OSError as error:
        raise CouldNotTell(
            f"cannot read `{path}`: {error.strerror}",
            where=str(path),
            hint="`envlock run -- CMD` writes a receipt",
        ) from error
    except (ValueError, RecursionError) as error:
        raise CouldNotTell(
            f"`{path}` is no receipt: {error}", where=str(path), hint="`envlock run -- CMD` writes one"
        ) from error
    return cast(Receipt, document)


def write_receipt(path: Path, receipt: Receipt) -> None:
    """Write a receipt in one step, in the place of what is there. Raises DiskFailed."""
    try:
        replace_bytes(path.resolve(), (json.dumps(receipt, indent=2) + "\n").encode())
    except OSError as error:
        raise _no_receipt(path, error) from error


def reserve(path: Path) -> Path:
    """Make an empty file of that name, of `NAME-2.json` where it is taken, and so on: of two runs that end
    at once each has its own. Raises DiskFailed."""
    free, number = path, 1
    while True:
        try:
            free.open("x").close()
        except FileExistsError:
            number += 1
            free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        except OSError as error:
            raise _no_receipt(path, error) from error
        else:
            return free


def is_receipt(path: Path) -> bool:
    """Whether a file begins as one that `write_receipt` wrote."""
    with suppress(OSError), path.open("rb") as file:
        return re.match(_BEGINNING, file.read(_MOST_BEGINNING)) is not None
    return False


def prove_writable(path: Path) -> None:
    """Raise DiskFailed now where no receipt could be written when the command has ended."""
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        trial = path.resolve().with_name(f".{path.name}.trial")
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise _no_receipt(path, error) from error


def _no_receipt(path: Path, error: OSError) -> DiskFailed:
    reason = error.strerror or str(error)
    return DiskFailed(
        f"the receipt cannot be written: {reason[:1].lower()}{reason[1:]}",
        where=str(path),
        hint="name another file: `envlock run --receipt FILE -- CMD`",
    )
