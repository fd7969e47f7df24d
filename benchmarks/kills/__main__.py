"""`python -m benchmarks.kills`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.kills.changes import can_watch
from benchmarks.kills.conda_states import conda_states_of
from benchmarks.kills.desk import Desk, index_apart
from benchmarks.kills.environments import Syncing, Verifying
from benchmarks.kills.ledger import Ledger, Line, table
from benchmarks.kills.outputs import Bundling, Imaging
from benchmarks.kills.proof import cache_faults, leftovers
from benchmarks.kills.running import KILLED, Ended
from benchmarks.kills.trials import Caching, Locking, Trial, states_of
from benchmarks.measure import machine

TRIALS: dict[str, Callable[[Desk], Trial]] = {
    "lock": lambda desk: Locking(states=states_of(desk)),
    "sync": lambda desk: Syncing(states=states_of(desk)),
    "repair": lambda desk: Syncing(
        states=states_of(desk), words=("sync", "--venv", "env", "--repair"), repairs=True
    ),
    "conda": lambda desk: Syncing(states=conda_states_of(desk), words=("sync", "--conda", "env")),
    "oci": lambda desk: Imaging(states=states_of(desk)),
    "bundle": lambda desk: Bundling(states=states_of(desk)),
    "cache": lambda desk: Caching(states=states_of(desk)),
    "verify": lambda desk: Verifying(states=states_of(desk)),
}
_MOST_IN_A_ROW = 3


@dataclass(kw_only=True, slots=True)
class Course:
    """One command at its desk. `spans`: how many changes, and how many seconds, an undisturbed run takes
    of each variant of the state before."""

    command: str
    desk: Desk
    trial: Trial
    ledger: Ledger
    spans: dict[str, tuple[int, float]] = field(default_factory=dict)

    def round(self, chance: Random) -> None:
        """Up to three kills in a row, the next on what the last has left; then a run that nobody disturbs."""
        number = self.ledger.next_number(self.command)
        variant = self.trial.before(chance)
        if variant not in self.spans:
            self._measure(variant)
            while self.trial.before(chance) != variant:
                continue
        for _ in range(chance.randint(1, _MOST_IN_A_ROW)):
            if not self._kill(number, variant, chance):
                break
        self._next(number, variant)

    def _measure(self, variant: str) -> None:
        """One undisturbed run; watched, it takes a little longer than it would."""
        runner, words = self.desk.runner, self.trial.words
        ended = runner.watched(words) if can_watch() else runner.run(words)
        if ended.status != 0:
            raise SystemExit(f"envlock {' '.join(words)} ended with {ended.status}:\n{ended.output}")
        self.spans[variant] = (ended.changes, ended.seconds)

    def _kill(self, number: int, variant: str, chance: Random) -> bool:
        """Whether it was met at work. Two of three are killed between two changes of the disk."""
        changes, seconds = self.spans[variant]
        if changes and chance.random() < 2 / 3:
            how, at, of = "change", float(chance.randint(1, changes)), float(changes)
            ended = self.desk.runner.watched(self.trial.words, int(at))
        else:
            how, at, of = "time", chance.uniform(0, seconds), seconds
            ended = self.desk.runner.run(self.trial.words, at)
            if ended.status != KILLED:  # faster than it was when it was measured
                self.spans[variant] = (changes, (seconds + ended.seconds) / 2)
        self._note(ended, number, variant, how, at, of)
        return ended.status == KILLED

    def _note(self, ended: Ended, number: int, variant: str, how: str, at: float, of: float) -> None:
        killed, state = ended.status == KILLED, self.trial.state()
        faults = [*self.trial.after_kill(state), *cache_faults(self.desk.cache)]
        if not killed and ended.status != 0:
            faults.append(f"it ended with {ended.status}: {ended.output[:300]}")
        self._add(ended, number, variant, how, at, of, state, faults)

    def _next(self, number: int, variant: str) -> None:
        ended = self.desk.runner.run(self.trial.words)
        faults = [f"the next run ended with {ended.status}: {ended.output[:300]}"] if ended.status else []
        faults += [*self.trial.after_next(), *cache_faults(self.desk.cache)]
        self._add(ended, number, variant, "next", 0, 0, self.trial.state(), faults)

    def _add(
        self,
        ended: Ended,
        number: int,
        variant: str,
        how: str,
        at: float,
        of: float,
        state: str,
        faults: list[str],
    ) -> None:
        before = f"{ended.before.call} {ended.before.path}".strip() if ended.before else ""
        line = Line(
            command=self.command,
            number=number,
            variant=variant,
            how=how,
            at=at,
            of=of,
            killed=ended.status == KILLED,
            before=before.replace(str(self.desk.root), ""),
            seconds=ended.seconds,
            state=state,
            left=len(leftovers(self.desk.project, self.desk.cache)),
            faults=faults,
        )
        self.ledger.add(line)
        for fault in faults:
            print(f"{self.command} {number}, {how} {at:g} of {of:g}: {fault}", file=sys.stderr, flush=True)


def main() -> None:
    arguments = _arguments()
    ledger, started = Ledger(path=arguments.json), time.monotonic()
    ledger.read()
    with (
        tempfile.TemporaryDirectory(prefix="envlock-kills-", dir=arguments.work) as name,
        index_apart() as url,
    ):
        courses = {each: _course(each, Path(name).resolve(), url, ledger) for each in arguments.only}
        _rounds(courses, ledger, arguments)
    print(f"{machine()}; seed {arguments.seed}; {time.monotonic() - started:.0f} s")
    print(*table(ledger, TRIALS), sep="\n")
    sys.exit(1 if any(line.faults for line in ledger.lines) else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.kills")
    parser.add_argument("--times", type=int, default=60, help="kills at work in all, shared by the commands")
    parser.add_argument("--minutes", type=float, default=60, help="end after so many, with what there is")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(TRIALS))
    parser.add_argument(
        "--json", type=Path, help="a file for a line of each kill; one that is there is gone on with"
    )
    parser.add_argument("--work", type=Path, help="a folder to work in, on the disk that is of interest")
    return parser.parse_args()


def _course(command: str, root: Path, url: str, ledger: Ledger) -> Course:
    desk = Desk(root=root / command, url=url)
    desk.prepare()
    return Course(command=command, desk=desk, trial=TRIALS[command](desk), ledger=ledger)


def _rounds(courses: Mapping[str, Course], ledger: Ledger, arguments: argparse.Namespace) -> None:
    """The command with the fewest kills is next, until there are as many as were asked for or time is up."""
    end = time.monotonic() + 60 * arguments.minutes
    while sum(map(ledger.killed, courses)) < arguments.times and time.monotonic() < end:
        command = min(courses, key=ledger.killed)
        courses[command].round(Random(f"{arguments.seed}/{command}/{ledger.next_number(command)}"))


if __name__ == "__main__":
    main()
