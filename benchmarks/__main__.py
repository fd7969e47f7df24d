"""`make bench`: every row beside its peers, in one run, as tables and plots.

    python -m benchmarks                                  the whole set, to .bench/
    python -m benchmarks --only verify --rounds 9
    python -m benchmarks --only verify-sizes --files 1000000
    python -m benchmarks --prefix DIR --lock FILE         the rows about hashing take this environment

The package index is needed for the rows about real packages, and Docker for the one beside `docker build`;
what cannot be measured is told, and the rest is.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.desk import DISTRIBUTIONS, FILES, Desk
from benchmarks.measure import ROOT
from benchmarks.page import publish, section
from benchmarks.plots import pictures
from benchmarks.record import Record
from benchmarks.rows import every_row
from benchmarks.runner import Order, measured


def main(words: list[str] | None = None) -> int:
    asked = _parser().parse_args(words)
    with tempfile.TemporaryDirectory(prefix="envlock-bench-", dir=asked.scratch) as folder:
        desk = Desk(
            work=Path(folder),
            files=tuple(asked.files),
            distributions=tuple(asked.distributions),
            prefix=asked.prefix.absolute() if asked.prefix else None,
            lock=asked.lock.absolute(),
        )
        given = sys.argv[1:] if words is None else words
        order = Order(
            rows=tuple(asked.only or every_row()),
            rounds=asked.rounds,
            title=asked.title,
            command=shlex.join(["python", "-m", "benchmarks", *_without_places(given)]),
        )
        record = measured(order, desk)
    keep(record, asked.output)
    if asked.publish:
        publish(record, asked.publish)
    print(section(record, "."))
    return int(not record.outcomes)


def _without_places(words: list[str]) -> list[str]:
    """What was asked, without where it was kept: that is of this machine."""
    places = {"--output", "--scratch"}
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if word.partition("=")[0] not in places and before not in places
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", choices=list(every_row()), metavar="ROW", help="repeatable"
    )
    parser.add_argument("--rounds", type=int, default=5, help="the most; long rows have fewer")
    sizes: dict[str, Any] = {"type": int, "nargs": "+", "metavar": "N"}
    parser.add_argument("--files", default=FILES, help=f"of verify-sizes (default: {FILES})", **sizes)
    parser.add_argument(
        "--distributions", default=DISTRIBUTIONS, help=f"of lock-sizes (default: {DISTRIBUTIONS})", **sizes
    )
    parser.add_argument("--prefix", type=Path, metavar="DIR", help="an installed environment of --lock")
    parser.add_argument("--lock", type=Path, default=Path("envlock.lock"), metavar="FILE")
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="where to work (default: TMPDIR)")
    parser.add_argument("--output", type=Path, default=ROOT / ".bench", metavar="DIR")
    parser.add_argument("--publish", metavar="NAME", help="write it into docs/benchmarks.md, under this name")
    parser.add_argument("--title", default="The whole set", help="its heading there")
    return parser


def keep(record: Record, folder: Path) -> None:
    """record.json, results.md and the plots, in one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    record.write(folder / "record.json")
    (folder / "results.md").write_text(section(record, "."), encoding="utf-8")
    for picture in pictures(record):
        (folder / picture.name).write_text(picture.svg, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
