"""What a job asks of its environment, as it travels to the process that looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """`prefix` of the running interpreter against the lockfile `lock`, in the job's `environment`.

    Paths are absolute; `cache` is envlock's cache directory.
    """

    lock: str
    prefix: str
    level: str
    strict: bool
    require_gpu: bool
    cache: str
    environment: Mapping[str, str]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def name(self) -> str:
        """The question without the environment: the same for every rank of a job."""
        return json.dumps({**asdict(self), "environment": None}, sort_keys=True)


def question_from_json(text: str) -> Question:
    return Question(**json.loads(text))
