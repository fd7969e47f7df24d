"""The verdict over one target, part by part (IDENTITY 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from envlock.agent.facts import Facts
from envlock.agent.merkle import RuntimeTree, distribution_value, runtime_hash
from envlock.lock.model import Lock
from envlock.lock.runtime import runtime_tree
from envlock.report import Finding, Report, Severity, finding_order
from envlock.report.model import verdict_of
from envlock.verify.conda import CondaPrefix, judge_conda
from envlock.verify.distributions import Installation, judge_distributions
from envlock.verify.environment import judge_environment, observed_settings
from envlock.verify.foreign import judge_foreign
from envlock.verify.interpreter import judge_python, observed_python
from envlock.verify.platform import judge_host


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """How to judge. `entries` gives the entry list of a digest (IDENTITY 8: RECORD cache) or None.

    `in_job`: the environment seen is the job's own, so an unset setting differs.
    """

    platform: str
    entries: Callable[[str], bytes | None]
    strict: bool = False
    require_gpu: bool = False
    in_job: bool = False


def judge(lock: Lock, facts: Facts, how: Judgement) -> Report:
    """Compare what was observed with the lock. The same facts always give the same report."""
    conda = CondaPrefix.of(lock, facts, how.platform)
    tree = runtime_tree(lock, how.platform, conda=conda is not None)
    installation = Installation.of(lock, facts, how.platform)
    findings = tuple(sorted(_findings(lock, facts, Seen(tree, installation, conda), how), key=finding_order))
    observed = _observed_tree(lock, facts, Seen(tree, installation, conda))
    return Report(
        verdict=verdict_of(findings),
        expected=runtime_hash(tree),
        observed=runtime_hash(observed) if observed is not None else None,
        level=facts["level"],
        target=facts["prefix"],
        findings=findings,
        counts=facts["counts"],
        timing=facts["timing"],
    )


class Seen(NamedTuple):
    """What is expected, and what is installed; `conda` None where no conda prefix is judged."""

    tree: RuntimeTree
    installation: Installation
    conda: CondaPrefix | None


def _findings(lock: Lock, facts: Facts, seen: Seen, how: Judgement) -> Iterator[Finding]:
    yield from judge_python(seen.tree.python, facts)
    if seen.conda is not None:
        yield from judge_conda(seen.conda)
    yield from judge_distributions(seen.installation, how.entries, strict=how.strict)
    yield from judge_foreign(seen.installation, facts)
    yield from judge_environment(lock, facts, in_job=how.in_job)
    yield from judge_host(lock, how.platform, facts, require_gpu=how.require_gpu)
    for path, reason in facts["unreadable"]:
        yield Finding(
            code="unreadable",
            severity=Severity.UNKNOWN,
            component="host",
            path=path,
            message=f"`{path}` could not be looked at: {reason}",
            hint="run as a user who can read it, or make the environment again: `envlock sync`",
        )


def _observed_tree(lock: Lock, facts: Facts, seen: Seen) -> RuntimeTree | None:
    """The tree as observed, relative to the lock; None when a part of it could not be read."""
    python = facts["python"]
    found = seen.installation.locked.values()
    conda = seen.conda.observed() if seen.conda is not None else {}
    if python is None or conda is None or any(item["digest"] is None for item in found):
        return None
    return RuntimeTree(
        observed_python(seen.tree.python, python),
        {item["name"]: distribution_value(item["version"], item["digest"] or "") for item in found},
        conda,
        observed_settings(lock, facts),
    )
