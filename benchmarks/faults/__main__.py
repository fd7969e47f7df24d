"""Run the scorecard; print the table, and keep it as JSON and as the markdown that the docs include."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.faults.cases import OURS
from benchmarks.faults.scorecard import SHARES, Order, run
from benchmarks.faults.tables import document, markdown


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.faults", description=__doc__)
    parser.add_argument("--cases", type=int, default=200, help="faults; as many harmless changes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=SHARES, action="append", help="this environment alone")
    parser.add_argument("--no-peers", action="store_true", help="ask them of the untouched only")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="note what is done; go on from there")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="envlock-faults-") as folder:
        order = Order(
            folder=Path(folder),
            cases=asked.cases,
            seed=asked.seed,
            only=tuple(asked.only or SHARES),
            peers=not asked.no_peers,
            kept=asked.keep,
        )
        cases = run(order)
    table, found = markdown(cases), document(cases, asked.seed)
    for path, text in ((asked.json, json.dumps(found, indent=1) + "\n"), (asked.markdown, table)):
        if path is not None:
            path.write_text(text)
    print(found["machine"], found["date"], f"seed {asked.seed}", sep=", ")
    print(table)
    for case in cases:
        if not case.is_right:
            what = "MISSED" if case.harmful else "FALSE ALARM"
            print(f"{what}: {case.environment}, {case.kind}, {case.told} [{case.seed}] {case.said}")
    total = found["totals"][OURS]
    print(
        f"{OURS}: {total['found']} of {total['faults']} faults found, "
        f"{total['false_alarms']} false alarms in {total['harmless']} harmless changes"
    )
    return int(total["found"] != total["faults"] or total["false_alarms"] > 0)


if __name__ == "__main__":
    sys.exit(main())
