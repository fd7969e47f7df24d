"""A case: what was done to what, and who raised an alarm; and the notes of those that are done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

OURS = "envlock verify"
UNTOUCHED = "untouched"


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """Which change it is; `seed` is of this case alone."""

    kind: str
    seed: str
    harmful: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """`alarms` has tool -> did it complain; None where a tool takes no part."""

    environment: str
    kind: str
    seed: str
    harmful: bool
    told: str
    said: str
    alarms: Mapping[str, bool | None]

    @property
    def is_right(self) -> bool:
        return self.alarms[OURS] is self.harmful

    @property
    def key(self) -> Key:
        return Key(kind=self.kind, seed=self.seed, harmful=self.harmful)


class Journal:
    """The cases of one environment that are done, a line of JSON each, in a file where there is a `path`."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path is not None and path.exists() else []
        self._done = {case.key: case for case in (Case(**json.loads(line)) for line in lines)}

    def known(self, key: Key) -> Case | None:
        return self._done.get(key)

    def noted(self, case: Case) -> Case:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as lines:
                lines.write(json.dumps(asdict(case)) + "\n")
        return case
