"""A diagnosis: what is wrong, why, and the next command."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """`code` is stable; `seen` is what it was recognised by; `is_fault` false: worth knowing, no more."""

    code: str
    message: str
    hint: str
    seen: str | None = None
    is_fault: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
