"""`make bench`: every budget of the design, beside its peer, as a table.

    python -m benchmarks [--runs N] [--prefix DIR --lock FILE]

Without a prefix the quick rows are measured and an environment of the quickstart is made for the rest.
`--prefix` names an installed environment of `--lock`: the rows about hashing then measure gigabytes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.bare import bare_loop, files_of
from benchmarks.locking import locking
from benchmarks.measure import ENVLOCK, ROOT, Row, Sample, machine, sample, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--prefix", type=Path)
    parser.add_argument("--lock", type=Path, default=Path("envlock.lock"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="envlock-bench-") as folder:
        work = Path(folder)
        rows = [*start_up(arguments.runs), *locking(work, arguments.runs)]
        prefix, lock = (arguments.prefix, arguments.lock) if arguments.prefix else quickstart(work)
        rows += verifying(prefix.absolute(), lock.absolute(), arguments.runs)
    print(machine())
    print(table(rows))


def start_up(runs: int) -> list[Row]:
    check = [ENVLOCK, "lock", "--check", "-p", str(ROOT / "examples/bert-cu124")]
    return [
        Row("envlock --help", sample([ENVLOCK, "--help"], runs), "budget 0.12 s"),
        Row("python -c pass", sample([sys.executable, "-c", "pass"], runs), "peer"),
        Row("lock --check", sample(check, runs), "budget 0.25 s"),
    ]


def verifying(prefix: Path, lock: Path, runs: int) -> list[Row]:
    """Every byte, and what changed, beside a bare loop and sha256sum over the same files."""
    paths, size = files_of(prefix, lock)
    content = [ENVLOCK, "verify", "--level", "content", "--prefix", str(prefix), "-l", str(lock)]
    warm = [*content[:2], "--level", "warm", *content[4:]]
    listing = prefix.parent / ".envlock-bench-files"
    listing.write_bytes(b"\0".join(os.fsencode(path) for path in paths))
    xargs = ["sh", "-c", f"xargs -0 -P2 -n 64 sha256sum < '{listing}' > /dev/null"]
    rows: dict[str, list[Sample]] = {"content": [], "bare": [], "xargs": []}
    try:
        sample(content, 1)
        for _ in range(runs):
            rows["content"] += sample(content, 1)
            rows["bare"].append(bare_loop(paths))
            rows["xargs"] += sample(xargs, 1)
    finally:
        listing.unlink()
    gigabytes = f"{len(paths):,} files, {size / 1e9:.2f} GB"
    return [
        Row("verify --level content", rows["content"], gigabytes),
        Row("bare loop: 2 threads, readv, sha256", rows["bare"], "peer, big files first"),
        Row("xargs -P2 sha256sum", rows["xargs"], "peer"),
        Row("verify --level warm", sample(warm, runs), "budget 0.35 s"),
    ]


def quickstart(work: Path) -> tuple[Path, Path]:
    project = work / "quickstart"
    shutil.copytree(ROOT / "examples/quickstart", project)
    manifest = project / "pyproject.toml"
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    manifest.write_text(manifest.read_text().replace('python = "3.11"', f'python = "{here}"'))
    for command in ("lock", "sync"):
        subprocess.run([ENVLOCK, command, "-q"], cwd=project, check=True)
    return project / ".venv", project / "envlock.lock"


if __name__ == "__main__":
    main()
