"""Which change between two locks flips the result of a command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from envlock.errors import CouldNotTell
from envlock.lock.model import Lock
from envlock.run.mixture import Change, Mixtures, RequiresDist
from envlock.run.smallest import smallest_set
from envlock.run.steps import Result, StepLog

Told = Callable[[str], None]


class Bench(Protocol):
    """Makes the environment of a lock and runs the command in it."""

    def run(self, lock: Lock) -> Result: ...

    def needs(self, lock: Lock) -> RequiresDist: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """`culprits` flip the result together, and none of them can be left out. `along` moved with them, since
    a requirement says so: it cannot be told apart from them. `steps` that were run now, of `tried` in all."""

    culprits: tuple[Change, ...]
    along: tuple[Change, ...]
    good: Result
    bad: Result
    flipped: Result
    changes: int
    steps: int
    tried: int


def bisect(mixtures: Mixtures, bench: Bench, log: StepLog, *, by_output: bool, told: Told) -> Found:
    """Search. Raises CouldNotTell where the command does not repeat itself, or gives the same with both."""
    search = _Search(mixtures=mixtures, bench=bench, log=log, by_output=by_output, told=told)
    return search.run()


class _Search:
    def __init__(
        self, *, mixtures: Mixtures, bench: Bench, log: StepLog, by_output: bool, told: Told
    ) -> None:
        self._mixtures, self._bench, self._log, self._told = mixtures, bench, log, told
        self._by_output = by_output
        self._known = dict(log.known())
        self._steps = 0

    def run(self) -> Found:
        names = [each.name for each in self._mixtures.changes]
        if not names:
            raise CouldNotTell(
                "the locks install the same files under the same settings: there is nothing between them",
                hint="`envlock diff A B` says what else differs",
            )
        everything = frozenset(names)
        good = self._result(frozenset(), "GOOD")
        self._refuse_unsteady(good)
        if self._by_output and good.output is None:
            raise CouldNotTell(
                "the command does not write the output with GOOD",
                hint="`--output` names a file that it writes, below this folder",
            )
        needs_good = self._bench.needs(self._mixtures.lock(frozenset()))
        bad = self._result(everything, "BAD")
        self._refuse_equal(good, bad)
        needs_bad = self._bench.needs(self._mixtures.lock(everything))
        self._mixtures = replace(self._mixtures, needs=(needs_good, needs_bad))
        culprits = smallest_set(names, self._flips(good))
        return self._found(frozenset(culprits), good, bad)

    def _flips(self, good: Result) -> Callable[[frozenset[str]], bool]:
        def flips(moved: frozenset[str]) -> bool:
            whole = self._mixtures.closed(moved)
            return not self._same(self._result(whole, ", ".join(sorted(whole))), good)

        return flips

    def _same(self, one: Result, other: Result) -> bool:
        return one.is_as(other, by_output=self._by_output)

    def _result(self, moved: frozenset[str], title: str, again: str = "") -> Result:
        """What was tried before is not tried again; `again` asks for another try of the same."""
        key = (*sorted(moved), *([again] if again else []))
        if key not in self._known:
            self._known[key] = self._bench.run(self._mixtures.lock(moved))
            self._log.keep(key, self._known[key])
            self._steps += 1
            self._told(f"{_said(self._known[key])}  {title}")
        return self._known[key]

    def _refuse_equal(self, good: Result, bad: Result) -> None:
        if self._same(good, bad):
            raise CouldNotTell(
                f"the command gives the same with both locks: {_said(good)}",
                hint="what changed is not in the locks: compare the code, the data and the host"
                " (`envlock run` and `envlock receipt compare` name it)",
            )

    def _refuse_unsteady(self, good: Result) -> None:
        again = self._result(frozenset(), "GOOD, once more", again="again")
        if not self._same(good, again):
            raise CouldNotTell(
                f"the command does not repeat itself with GOOD: {_said(good)}, then {_said(again)}",
                hint="seed it (`envlock.deterministic`), and pin its threads (`OMP_NUM_THREADS`)",
            )

    def _found(self, culprits: frozenset[str], good: Result, bad: Result) -> Found:
        whole = self._mixtures.closed(culprits)
        changes = [self._mixtures.told(each) for each in self._mixtures.changes]
        return Found(
            culprits=tuple(each for each in changes if each.name in culprits),
            along=tuple(each for each in changes if each.name in whole - culprits),
            good=good,
            bad=bad,
            flipped=self._result(whole, "the culprit"),
            changes=len(changes),
            steps=self._steps,
            tried=len(self._known),
        )


def _said(result: Result) -> str:
    output = f", output {result.output[:12]}" if result.output else ""
    return f"exit status {result.status}{output}"
