"""`python -m benchmarks.kills`."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from benchmarks.__main__ import machine
from benchmarks.kills.desk import Desk, index_apart
from benchmarks.kills.proof import cache_faults, leftovers
from benchmarks.kills.trials import Bundling, Caching, Imaging, Locking, States, Syncing, Trial, states_of

TRIALS: dict[str, Callable[[States], Trial]] = {
    "lock": lambda states: Locking(states=states),
    "sync": lambda states: Syncing(states=states),
    "repair": lambda states: Syncing(states=states, repairs=True),
    "oci": lambda states: Imaging(states=states),
    "bundle": lambda states: Bundling(states=states),
    "cache": lambda states: Caching(states=states),
}


@dataclass(kw_only=True, slots=True)
class Count:
    """Of one command: `killed` of `runs` were met at work, the others had ended. `left` is the most
    temporary files that a kill left where files are kept, `left_after` those the next run did not remove."""

    command: str
    seconds: float
    runs: int = 0
    killed: int = 0
    left: int = 0
    left_after: int = 0
    left_temporary: int = 0
    faults: list[str] = field(default_factory=list)


def main() -> None:
    arguments = _arguments()
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="envlock-kills-", dir=arguments.work) as name,
        index_apart() as url,
    ):
        desk = Desk(root=Path(name).resolve(), url=url)
        desk.prepare()
        states = states_of(desk)
        chance = Random(arguments.seed)
        share = -(-arguments.times // len(arguments.only))
        counts = [_count(desk, name, TRIALS[name](states), share, chance) for name in arguments.only]
    _report(counts, arguments, time.monotonic() - started)
    sys.exit(1 if any(count.faults for count in counts) else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.kills")
    parser.add_argument("--times", type=int, default=60, help="kills in all, shared by the commands")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(TRIALS))
    parser.add_argument("--json", type=Path, help="also write the counts there")
    parser.add_argument("--work", type=Path, help="a folder to work in, on the disk that is of interest")
    return parser.parse_args()


def _count(desk: Desk, name: str, trial: Trial, times: int, chance: Random) -> Count:
    count = Count(command=name, seconds=_undisturbed(desk, trial, chance))
    for number in range(times):
        trial.before(chance)
        seconds = chance.uniform(0, count.seconds)
        ended = desk.killed(trial.words, seconds)
        count.runs += 1
        count.killed += ended.status == -9
        count.faults += [
            f"kill {number} at {seconds:.3f} s: {fault}" for fault in _faults(desk, trial, count)
        ]
    return count


def _undisturbed(desk: Desk, trial: Trial, chance: Random) -> float:
    """The median of three whole runs, in seconds."""
    seconds = []
    for _ in range(3):
        trial.before(chance)
        ended = desk.run(trial.words)
        if ended.status != 0:
            raise SystemExit(f"envlock {' '.join(trial.words)} ended with {ended.status}:\n{ended.output}")
        seconds.append(ended.seconds)
    return statistics.median(seconds)


def _faults(desk: Desk, trial: Trial, count: Count) -> list[str]:
    """What does not hold after a kill, and after the run that follows every second one of them."""
    found = [*trial.after_kill(), *cache_faults(desk.cache)]
    count.left = max(count.left, len(leftovers(desk.project, desk.cache)))
    if count.runs % 2:  # two kills in a row must not keep a third run from its work
        desk.killed(trial.words, count.seconds / 2)
        found += [f"second kill: {fault}" for fault in trial.after_kill()]
    ended = desk.run(trial.words)
    if ended.status != 0:
        return [*found, f"the next run ended with {ended.status}: {ended.output[:300]}"]
    found += [*trial.after_next(), *cache_faults(desk.cache)]
    count.left_after = max(count.left_after, len(leftovers(desk.project, desk.cache)))
    count.left_temporary = len(list(desk.temporary.iterdir()))
    return found


def _report(counts: list[Count], arguments: argparse.Namespace, seconds: float) -> None:
    print(f"{machine()}; seed {arguments.seed}; {seconds:.0f} s")
    print("| command | takes | runs | killed at work | left by a kill, most | after the next run | faults |")
    print("|---|---|---|---|---|---|---|")
    for count in counts:
        row = (
            f"{count.seconds:.2f} s",
            count.runs,
            count.killed,
            count.left,
            count.left_after,
            len(count.faults),
        )
        print(f"| {count.command} | {' | '.join(map(str, row))} |")
    if arguments.json:
        document = {"machine": machine(), "seed": arguments.seed, "counts": [asdict(each) for each in counts]}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
