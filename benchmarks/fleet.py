"""A fleet that is simulated: N facts documents judged and summarised, seconds and memory.

    python -m benchmarks.fleet [--hosts N]

The documents are those of a real environment (the one that runs this), with the 54 distributions of
examples/bert-cu124 in it. In the first row hosts are alike but for 2 in 100; in the second no two are, so
that nothing is judged once for many.
"""

from __future__ import annotations

import argparse
import copy
import json
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import ENVLOCK, ROOT, Row, sample, table
from envlock.agent.expect import NOTHING
from envlock.lock import read_lock
from envlock.observe import LocalTarget, observe_local
from envlock.report.text import size

LOCK = ROOT / "examples" / "bert-cu124" / "envlock.lock"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.fleet")
    parser.add_argument("--hosts", type=int, default=10_000)
    hosts = parser.parse_args().hosts
    document = base_document()
    with tempfile.TemporaryDirectory(prefix="envlock-bench-") as folder:
        rows = [measured(Path(folder), document, hosts, is_alike) for is_alike in (True, False)]
    print(f"a document has {size(len(json.dumps(document)))}")
    print(table(rows))


def measured(folder: Path, document: Any, hosts: int, is_alike: bool) -> Row:
    path = folder / "facts.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for each in fleet(document, hosts, is_alike):
            file.write(json.dumps(each, sort_keys=True) + "\n")
    command = [
        ENVLOCK,
        "verify",
        "-l",
        str(LOCK),
        "--facts",
        str(path),
        "--expect-hosts",
        str(hosts),
        "--json",
    ]
    told = "alike" if is_alike else "each its own"
    return Row(
        f"verify --facts, {hosts:,} hosts, {told}",
        sample(["sh", "-c", f"{shlex.join(command)} || [ $? = 1 ]"], 1),
        size(path.stat().st_size),
    )


def base_document() -> Any:
    """Facts of this environment, its distributions those of the lock."""
    prefix = Path(sys.prefix)
    target = LocalTarget(prefix=prefix, level="roots", environment={}, expectation=NOTHING)
    document: Any = observe_local(target)
    model = next(each for each in document["distributions"] if each["role"] == "site")
    lock = read_lock(LOCK)
    document["distributions"] = [
        {
            **model,
            "name": row.name,
            "version": row.version,
            "info": f"{row.name}-{row.version}.dist-info",
            "digest": wheel.digest,
            "entries": None,
            "changed": [],
            "scripts": [],
            "problems": [],
            "top_level": [row.name],
            "startup": [],
            "groups": [],
        }
        for row, wheel in lock.on("linux-64")
    ]
    return {**document, "level": "content", "foreign": [], "paths": [], "bytecode": [], "unreadable": []}


def fleet(document: Any, hosts: int, is_alike: bool) -> Iterator[Any]:
    for number in range(hosts):
        each = copy.deepcopy(document)
        each["host"]["name"] = f"node{number}"
        each["timing"] = {"total_seconds": number / 1000}
        if not is_alike:
            each["environment"]["TMPDIR"] = f"/scratch/{number}"
        if number % 100 == 7:
            each["distributions"][number % 54]["version"] = "0.0.1"
        if number % 100 == 11:
            each["libraries"] = [{"variable": "LD_PRELOAD", "file": f"/opt/{number % 7}.so", "shadows": ""}]
        yield each


if __name__ == "__main__":
    main()
