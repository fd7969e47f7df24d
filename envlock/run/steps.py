"""What has been tried: one JSON line a step, so that a search that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from envlock.errors import DiskFailed


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """How the command ended: its status, and where an output is watched its sha256 (None: not written)."""

    status: int
    output: str | None = None
    seconds: float = 0.0

    def is_as(self, other: Result, *, by_output: bool) -> bool:
        """By the output alone where one is watched, else by the status."""
        return self.output == other.output if by_output else self.status == other.status


@dataclass(frozen=True, kw_only=True, slots=True)
class StepLog:
    """A file that grows by a line a step; lines of another search (`key`) are left alone and not read."""

    path: Path
    key: str

    def known(self) -> Mapping[tuple[str, ...], Result]:
        """What this search has tried, by the changes that were made."""
        found = {}
        for row in self._rows():
            if row.get("key") == self.key:
                try:
                    result = Result(status=int(row["status"]), output=row["output"], seconds=row["seconds"])
                    found[tuple(map(str, row["moved"]))] = result
                except (KeyError, TypeError, ValueError, OverflowError):
                    continue
        return found

    def _rows(self) -> list[dict[str, Any]]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise self._failed("read", error) from error
        rows = []
        for line in text.splitlines():
            try:
                rows.append(json.loads(line))
            except (ValueError, RecursionError):  # the line that a killed search was writing
                continue
        return [row for row in rows if isinstance(row, dict)]

    def keep(self, moved: tuple[str, ...], result: Result) -> None:
        """Raises DiskFailed."""
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write("" if self._ends_whole() else "\n")
                file.write(json.dumps({"key": self.key, "moved": moved, **asdict(result)}) + "\n")
        except OSError as error:
            raise self._failed("written", error) from error

    def _failed(self, what: str, error: OSError | UnicodeDecodeError) -> DiskFailed:
        reason = getattr(error, "strerror", None) or "it is no text"
        return DiskFailed(
            f"the log cannot be {what}: {reason[:1].lower()}{reason[1:]}",
            where=str(self.path),
            hint="name another file: `envlock bisect --log FILE …`",
        )

    def _ends_whole(self) -> bool:
        with self.path.open("rb") as file:
            data = file.read()
        return not data or data.endswith(b"\n")


def search_key(texts: Sequence[str]) -> str:
    """What makes two searches the same: both locks, the command, the output."""
    return hashlib.sha256(json.dumps(list(texts)).encode()).hexdigest()[:16]
