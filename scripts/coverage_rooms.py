"""What `coverage json -o FILE` found, by room: lines and branches together, as `coverage report` counts."""

import json
import sys
from collections import Counter
from pathlib import Path, PurePath


def room_of(path: str) -> str:
    parts = PurePath(path).parts[1:-1]
    return "/".join(parts[: 2 if parts[:2] == ("agent", "numerics") else 1]) or "(top)"


def main(file: str) -> None:
    reached, there = Counter[str](), Counter[str]()
    for path, row in json.loads(Path(file).read_text())["files"].items():
        found = row["summary"]
        reached[room_of(path)] += found["covered_lines"] + found["covered_branches"]
        there[room_of(path)] += found["num_statements"] + found["num_branches"]
    for room in sorted(there):
        print(f"{room:<16}{100 * reached[room] / max(there[room], 1):6.1f} %")


main(sys.argv[1])
