"""`python -m benchmarks.kills`."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from benchmarks.kills.desk import Desk, index_apart
from benchmarks.kills.proof import cache_faults, leftovers
from benchmarks.kills.trials import Bundling, Caching, Imaging, Locking, States, Syncing, Trial, states_of
from benchmarks.measure import machine

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
    """Of one command: `killed` of `runs` were met at work, the others had ended; `killed_writing` of those
    were timed from the first write. `left` is the most temporary files that a kill left where files are
    kept, `left_after` the most that were there after the next run, `left_temporary` those in TMPDIR at the
    end."""

    command: str
    seconds: float
    writing_seconds: float
    runs: int = 0
    killed: int = 0
    killed_writing: int = 0
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
        counts = _rounds(desk, {name: TRIALS[name](states) for name in arguments.only}, arguments)
    _report(counts, arguments, time.monotonic() - started)
    sys.exit(1 if any(count.faults for count in counts) else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.kills")
    parser.add_argument("--times", type=int, default=60, help="kills in all, shared by the commands")
    parser.add_argument("--minutes", type=float, default=60, help="end after so many, with what there is")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(TRIALS))
    parser.add_argument("--json", type=Path, help="also write the counts there")
    parser.add_argument("--work", type=Path, help="a folder to work in, on the disk that is of interest")
    return parser.parse_args()


def _rounds(desk: Desk, trials: Mapping[str, Trial], arguments: argparse.Namespace) -> list[Count]:
    """A kill of each command in turn, until there are as many as were asked for, or time is up."""
    chance, end = Random(arguments.seed), time.monotonic() + 60 * arguments.minutes
    counts = {name: _undisturbed(desk, name, trial, chance) for name, trial in trials.items()}
    for number in range(arguments.times):
        name = arguments.only[number % len(arguments.only)]
        _kill_once(desk, trials[name], counts[name], chance)
        if time.monotonic() > end:
            break
    return list(counts.values())


def _kill_once(desk: Desk, trial: Trial, count: Count, chance: Random) -> None:
    """Every second kill is timed from the start, the others from when the command begins to write."""
    trial.before(chance)
    if count.runs % 2:
        ended = desk.killed(trial.words, chance.uniform(0, count.seconds))
    else:
        seconds = chance.uniform(0, count.writing_seconds)
        ended = desk.killed_writing(trial.words, seconds, trial.writes)
        count.killed_writing += ended.status == -9
    count.runs += 1
    count.killed += ended.status == -9
    for fault in _faults(desk, trial, count):
        count.faults.append(f"kill {count.runs} at {ended.seconds:.3f} s: {fault}")
        print(f"{count.command}: {count.faults[-1]}", file=sys.stderr, flush=True)


def _undisturbed(desk: Desk, name: str, trial: Trial, chance: Random) -> Count:
    """Nothing killed yet. The times are medians of three whole runs: from the start, and from the first
    write."""
    seconds, writing = [], []
    for _ in range(3):
        trial.before(chance)
        ended = desk.run(trial.words, trial.writes)
        if ended.status != 0:
            raise SystemExit(f"envlock {' '.join(trial.words)} ended with {ended.status}:\n{ended.output}")
        seconds.append(ended.seconds)
        writing.append(ended.seconds - (ended.writes_at or ended.seconds))
    median = statistics.median
    return Count(command=name, seconds=median(seconds), writing_seconds=max(median(writing), 0.005))


def _faults(desk: Desk, trial: Trial, count: Count) -> list[str]:
    """What does not hold after a kill, and after the run that follows."""
    found = [*trial.after_kill(), *cache_faults(desk.cache)]
    count.left = max(count.left, len(leftovers(desk.project, desk.cache)))
    if count.runs % 3 == 0:  # two kills in a row must not keep a third run from its work
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
    rows = [_row(count) for count in counts]
    print(" | ".join(rows[0]), "-|-".join("-" * len(name) for name in rows[0]), sep="\n")
    print(*(" | ".join(row.values()) for row in rows), sep="\n")
    if arguments.json:
        document = {"machine": machine(), "seed": arguments.seed, "counts": [asdict(each) for each in counts]}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


def _row(count: Count) -> dict[str, str]:
    return {
        "command": count.command,
        "takes": f"{count.seconds:.2f} s",
        "runs": str(count.runs),
        "killed at work": str(count.killed),
        "of them timed from the first write": str(count.killed_writing),
        "left over, most": str(count.left),
        "after the next run": str(count.left_after),
        "in TMPDIR": str(count.left_temporary),
        "faults": str(len(count.faults)),
    }


if __name__ == "__main__":
    main()
