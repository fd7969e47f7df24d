"""Look and judge: question in, answer out. In the clean process it reads stdin and writes stdout."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from envlock.agent.host import platform_name
from envlock.errors import EnvlockError
from envlock.job.answer import answer_of_failure
from envlock.job.question import Question, question_from_json
from envlock.lock.file import read_lock
from envlock.observe.expectation import expectation_of
from envlock.observe.local import LocalTarget, observe_local
from envlock.resolve.wheels.entries import EntryCache
from envlock.verify.judge import Judgement, judge
from envlock.verify.platform import locked_platform


def main() -> None:
    json.dump(answered(question_from_json(sys.stdin.read())), sys.stdout)


def answered(question: Question) -> dict[str, Any]:
    try:
        return _judged(question)
    except EnvlockError as error:
        return answer_of_failure(error)


def _judged(question: Question) -> dict[str, Any]:
    """As `envlock verify --in-job`: the same reader, the same facts, the same judgement."""
    lock = read_lock(Path(question.lock))
    platform = locked_platform(lock, platform_name())
    cache = Path(question.cache)
    target = LocalTarget(
        prefix=Path(question.prefix),
        level=question.level,
        environment=question.environment,
        expectation=expectation_of(lock, platform),
        cache=cache,
    )
    how = Judgement(
        platform=platform,
        entries=EntryCache(directory=cache).entries,
        strict=question.strict,
        require_gpu=question.require_gpu,
        in_job=True,
    )
    report = judge(lock, observe_local(target), how)
    return {"report": report.to_json(), "settings": sorted(lock.settings)}
