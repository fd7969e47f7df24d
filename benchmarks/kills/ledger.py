"""What was done, a line of JSON for each kill and for each run after it, kept as it happens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One run of `command` in round `number`. `how`: "change" (killed before change `at` of the `of` that
    an undisturbed run makes), "time" (after `at` of `of` seconds) or "next" (undisturbed, after the kills).
    `killed` is false where it had ended by then. `left`: temporary files where files are kept."""

    command: str
    number: int
    variant: str
    how: str
    at: float
    of: float
    killed: bool
    before: str
    seconds: float
    state: str
    left: int
    faults: list[str] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class Ledger:
    """The lines so far; those of `path` first, which a run that broke off has left. None: kept nowhere."""

    path: Path | None
    lines: list[Line] = field(default_factory=list)

    def read(self) -> None:
        if self.path is not None and self.path.exists():
            self.lines += map(_line, self.path.read_text().splitlines())

    def add(self, line: Line) -> None:
        self.lines.append(line)
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(json.dumps(asdict(line)) + "\n")

    def of(self, command: str) -> list[Line]:
        return [line for line in self.lines if line.command == command]

    def killed(self, command: str) -> int:
        return sum(line.killed for line in self.of(command))

    def next_number(self, command: str) -> int:
        """Rounds are numbered; one that broke off is not done again."""
        return 1 + max((line.number for line in self.of(command)), default=0)


def _line(text: str) -> Line:
    document: dict[str, Any] = json.loads(text)
    return Line(**document)


def table(ledger: Ledger, commands: Iterable[str]) -> Iterator[str]:
    """A row for each command, as Markdown."""
    rows = [_row(command, ledger.of(command)) for command in commands if ledger.of(command)]
    if not rows:
        return
    rows.append(_row("**all**", ledger.lines))
    yield "| " + " | ".join(rows[0]) + " |"
    yield "|" + "---|" * len(rows[0])
    for row in rows:
        yield "| " + " | ".join(row.values()) + " |"


def _row(name: str, lines: list[Line]) -> dict[str, str]:
    runs = [line for line in lines if line.how != "next"]
    killed = [line for line in runs if line.killed]
    states = ("old", "new", "half made, and verify says so")
    counts = [sum(line.state == state for line in killed) for state in states]
    return {
        "command": name,
        "runs": str(len(runs)),
        "had ended": str(len(runs) - len(killed)),
        "killed at work": str(len(killed)),
        "between two changes": str(sum(line.how == "change" for line in killed)),
        "old state": str(counts[0]),
        "new state": str(counts[1]),
        "half made, told": str(counts[2]),
        "runs after them": str(len(lines) - len(runs)),
        "faults": str(sum(len(line.faults) for line in lines)),
    }
