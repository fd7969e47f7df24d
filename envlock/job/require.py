"""Guard a program: go on only in the environment that the lock promises."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from envlock.agent.places import cache_directory
from envlock.errors import CouldNotTell, EnvironmentDiffers, EnvlockError
from envlock.job import child, ranks
from envlock.job.answer import failure_of, told_whole
from envlock.job.question import Question
from envlock.report.model import Finding, Report, Severity, Verdict

if TYPE_CHECKING:
    from typing import Literal

    Level = Literal["roots", "warm", "content"]

_MOST_TOLD = 12


def require(
    lock: str | os.PathLike[str] = "envlock.lock",
    *,
    level: Level = "warm",
    strict: bool = False,
    require_gpu: bool = False,
    cache: str | os.PathLike[str] | None = None,
    timeout_seconds: float = 600.0,
) -> Report:
    """Hold the environment of the running interpreter against a lock, as `envlock verify --in-job` does.

    The settings must be set as locked: an unset one differs. The check runs in a process of its own that
    runs none of the environment's start-up code. Where torchrun started this process, local rank 0 looks and
    the other ranks of the node take its verdict. Several nodes tell each other theirs: a node that differs
    stops the ranks of all of them. `timeout_seconds` is how long ranks wait for rank 0, and nodes for nodes.

    Returns the report of a match. Raises EnvironmentDiffers (its `report` has the findings), CouldNotTell
    where something could not be looked at, LockfileInvalid; all of them are EnvlockError.
    """
    environment = dict(os.environ)
    question = Question(
        lock=os.path.abspath(lock),
        prefix=sys.prefix,
        level=level,
        strict=strict,
        require_gpu=require_gpu,
        cache=os.path.abspath(cache or cache_directory(environment)),
        environment=environment,
    )
    try:
        return _match(ranks.answered(question, child.answered, timeout_seconds), os.fspath(lock))
    except EnvlockError as error:
        told_whole(error)
        raise


def _match(answer: Mapping[str, Any], lock: str) -> Report:
    if "report" not in answer:
        raise failure_of(answer)
    report = Report.from_json(answer["report"])
    if report.verdict is not Verdict.MATCH:
        raise _differs(report, lock) if report.verdict is Verdict.MISMATCH else _unknown(report, lock)
    return report


def _differs(report: Report, lock: str) -> EnvironmentDiffers:
    found = [each for each in report.findings if each.severity.turns_verdict]
    elsewhere = all(each.component.startswith("node:") for each in found)
    subject = "a node of this job" if elsewhere else "this environment"
    count = "1 finding" if len(found) == 1 else f"{len(found)} findings"
    return EnvironmentDiffers(
        f"{subject} is not what `{lock}` says: {count}",
        report=report,
        where=report.target,
        hint=_hint(found),
        facts=_facts(found),
    )


def _unknown(report: Report, lock: str) -> CouldNotTell:
    found = [each for each in report.findings if each.severity is Severity.UNKNOWN]
    message = f"whether this environment is what `{lock}` says could not be told"
    return CouldNotTell(message, where=report.target, hint=_hint(found), facts=_facts(found))


def _facts(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    facts = [(str(each.severity), each.message) for each in findings[:_MOST_TOLD]]
    left = len(findings) - len(facts)
    return facts + ([("and", f"{left} more: `report.findings` has all")] if left else [])


def _hint(findings: Sequence[Finding]) -> str | None:
    return next((each.hint for each in findings if each.hint), None)
