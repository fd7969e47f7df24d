"""The page of the documentation: what people wrote stays, what was measured is written anew from the records.

`docs/benchmarks/NAME/record.json` are the records; the plots lie beside each.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import ROOT
from benchmarks.plots import Picture, pictures
from benchmarks.record import Record, read_record
from benchmarks.tables import left_out, tables

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN = "<!-- from here on written by `python -m benchmarks --publish NAME` -->\n"


def publish(record: Record, name: str, page: Path = PAGE) -> None:
    """Keep a record beside the page under this name, in place of an older one, and write the page anew."""
    folder = page.with_suffix("") / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        old.unlink()
    record.write(folder / "record.json")
    for picture in pictures(record):
        (folder / picture.name).write_text(picture.svg, encoding="utf-8")
    rewrite(page)


def rewrite(page: Path = PAGE) -> None:
    records = sorted(page.with_suffix("").glob("*/record.json"))
    written = page.read_text(encoding="utf-8").partition(BEGIN)[0]
    sections = [section(read_record(path), f"{page.stem}/{path.parent.name}") for path in records]
    page.write_text("\n".join([written + BEGIN, *sections]), encoding="utf-8")


def section(record: Record, folder: str) -> str:
    return "\n\n".join(_parts(record, folder)) + "\n"


def _parts(record: Record, folder: str) -> Iterator[str]:
    yield f"## {record.title}"
    yield _filled(f"{record.machine.date}: {record.machine}. The run took {record.seconds:.0f} s.")
    versions = ", ".join(f"{name} {version}" for name, version in record.machine.versions)
    yield _filled(f"Versions: {versions}.")
    command = textwrap.wrap(record.command, 100, subsequent_indent="    ", break_on_hyphens=False)
    yield "```sh\n" + " \\\n".join(command) + "\n```"
    drawn: dict[str, list[Picture]] = {}
    for picture in pictures(record):
        drawn.setdefault(picture.row, []).append(picture)
    for row, table in tables(record):
        yield f"### {row}"
        yield table
        yield from (f"![{each.told}]({folder}/{each.name})" for each in drawn.get(row, ()))
    if record.left_out:
        yield "### Left out"
        yield left_out(record)


def _filled(text: str) -> str:
    return textwrap.fill(text, 108, break_on_hyphens=False)
