"""Numbers against their reference (DESIGN 6): same class and other bits is a fault, another class explains.

1  choose   the reference of this class, else the one whose class is nearest
2  compare  every probe that the reference has
3  try      where bits differ, the caller runs these probes again with one knob turned at a time
4  judge    a fault, an expected difference with its cause, or nothing
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from envlock.agent.numerics.document import NumericsFacts
from envlock.lock.model import Lock
from envlock.lock.numerics import ProbeReference, Reference
from envlock.report import Finding, Severity
from envlock.report.model import Numerics, ProbeDifference
from envlock.verify.distance import distance
from envlock.verify.knobs import Knob

COMPONENT = "numerics"
_RECORD = (
    "if you trust the results of this host, `envlock numerics record` here adds one; else record on a host "
    "whose results you trust, and use the lock that it writes"
)
BYTES_ONLY = "`envlock verify --level content` proves the bytes, which is all there is to prove here"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """The probes run again with some knobs turned: `restored` gave the reference's bits."""

    knobs: tuple[Knob, ...]
    restored: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """An observation beside the reference that it is judged by. `differing` has what other bits came of,
    `missing` what did not run here (name -> why)."""

    reference: Reference
    observed: NumericsFacts
    differing: tuple[ProbeReference, ...]
    missing: Mapping[str, str]

    @property
    def same_class(self) -> bool:
        return self.reference.class_name == self.observed["class"]


def reference_for(lock: Lock, platform: str, observed: NumericsFacts, runtime: str) -> Reference | None:
    """The reference of the observed class; else that of the class with the fewest other values."""
    usable = [
        each
        for each in lock.numerics
        if each.platform == platform and each.runtime == runtime and each.probes
    ]
    return min(usable, key=lambda each: (_apart(each.host, observed["host"]), each.class_name), default=None)


def _apart(one: Mapping[str, str], other: Mapping[str, str]) -> int:
    return sum(one.get(key) != other.get(key) for key in {*one, *other})


def compare(reference: Reference, observed: NumericsFacts) -> Comparison:
    """Which of the reference's probes gave other bits, and which did not run."""
    probes, failed = observed["probes"], observed["failed"]
    unrun = "; ".join(f"{name} could not be imported" for name in observed["broken"]) or "it was not run"
    here = [each for each in reference.probes if each.name in probes]
    return Comparison(
        reference=reference,
        observed=observed,
        differing=tuple(each for each in here if probes[each.name]["sha256"] != each.sha256),
        missing={
            each.name: failed.get(each.name, unrun) for each in reference.probes if each.name not in probes
        },
    )


def restored_by(comparison: Comparison, again: NumericsFacts) -> frozenset[str]:
    """Which of the differing probes gave the reference's bits when they were run again."""
    probes = again["probes"]
    return frozenset(
        each.name
        for each in comparison.differing
        if each.name in probes and probes[each.name]["sha256"] == each.sha256
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Judging:
    """What the judgement needs to know of the probes: may one move, what does one exercise. And whether
    bytes of this environment were found to differ: then they are the likely cause of a fault."""

    may_move: Callable[[str], bool]
    exercises: Callable[[str], str]
    bytes_differ: bool = False


def judge_numerics(
    comparison: Comparison, trials: Sequence[Trial], about: Judging
) -> tuple[Numerics, tuple[Finding, ...]]:
    """The summary and the findings of a comparison."""
    causes = _causes(trials)
    differences = tuple(_difference(comparison, each, causes) for each in comparison.differing)
    summary = Numerics(
        class_name=comparison.observed["class"],
        reference=comparison.reference.class_name,
        host=comparison.observed["host"],
        reference_host=comparison.reference.host,
        equal=len(comparison.reference.probes) - len(differences) - len(comparison.missing),
        differences=differences,
        seconds=comparison.observed["seconds"],
    )
    return summary, tuple(_findings(comparison, differences, about))


def not_recorded(lock: Lock, platform: str) -> Finding:
    """No reference for this platform, or those that are there are of other bytes."""
    stale = any(each.platform == platform for each in lock.numerics)
    message = (
        "the lock's numeric references were recorded under another runtime hash"
        if stale
        else f"the lock has no numeric reference for {platform}"
    )
    return Finding(
        code="numerics-not-recorded",
        severity=Severity.UNKNOWN,
        component=COMPONENT,
        message=message,
        hint=_RECORD,
    )


def nothing_to_compute(target: str) -> str:
    """Why no probe applies to an environment."""
    return f"neither NumPy nor torch is in {target}, and envlock computes with nothing else"


def not_computed() -> Finding:
    """Without a probe there is nothing that could be equal."""
    return Finding(
        code="numerics-not-run",
        severity=Severity.UNKNOWN,
        component=COMPONENT,
        message=nothing_to_compute("this environment"),
        hint=BYTES_ONLY,
    )


def _causes(trials: Sequence[Trial]) -> dict[str, tuple[Knob, ...]]:
    """The fewest knobs that restore each probe."""
    found: dict[str, tuple[Knob, ...]] = {}
    for trial in sorted(trials, key=lambda trial: len(trial.knobs)):
        for name in trial.restored:
            found.setdefault(name, trial.knobs)
    return found


def _difference(
    comparison: Comparison, probe: ProbeReference, causes: Mapping[str, tuple[Knob, ...]]
) -> ProbeDifference:
    seen = comparison.observed["probes"][probe.name]
    same_type = seen["dtype"] == probe.dtype
    apart = distance(probe.dtype, probe.sample, seen["sample"] if same_type else "")
    return ProbeDifference(
        name=probe.name,
        changed_percent=round(apart.changed_percent, 1),
        median_ulp=apart.median_ulp,
        max_relative=apart.max_relative,
        repeats=seen["repeats"],
        cause=" ".join(map(str, causes.get(probe.name, ()))) or None,
        because="; ".join(knob.because for knob in causes.get(probe.name, ())) or None,
        words=str(apart),
    )


def _findings(
    comparison: Comparison, differences: Sequence[ProbeDifference], about: Judging
) -> Iterator[Finding]:
    faults = [each for each in differences if _is_fault(comparison, each, about)]
    for each in faults:
        yield _fault(comparison, each, about)
    for each in differences:
        if not each.repeats:
            yield _unstable(each)
    moved = [each for each in differences if each not in faults and each.repeats]
    yield from _moved(comparison, moved)
    broken, failed = comparison.observed["broken"], comparison.observed["failed"]
    yield from not_imported(broken)
    for name, why in comparison.missing.items():
        if name in failed or not broken:  # what a library that does not load would have run is told by that
            yield _not_run(name, why, about)


def _not_run(name: str, why: str, about: Judging) -> Finding:
    what = f" ({about.exercises(name)})" if about.exercises(name) else ""
    return Finding(
        code="numerics-not-run",
        severity=Severity.UNKNOWN,
        component=f"{COMPONENT}:{name}",
        message=f"the probe `{name}`{what} has a reference and gave no result here: {why}",
        hint="the other probes are judged; `envlock numerics record` on this host leaves it out",
    )


def not_imported(broken: Mapping[str, str]) -> tuple[Finding, ...]:
    """A finding for each library that is installed and does not load: without it nothing can be computed."""
    return tuple(
        Finding(
            code="numerics-not-imported",
            severity=Severity.UNKNOWN,
            component=f"{COMPONENT}:{name}",
            message=f"`{name}` is installed and cannot be imported, so nothing was computed with it: {why}",
            hint=f"`python -c 'import {name}'` in the environment says all of it; where the bytes are as "
            "locked, a library of the system is missing, or a variable is set that it does not bear",
        )
        for name, why in sorted(broken.items())
    )


def _is_fault(comparison: Comparison, difference: ProbeDifference, about: Judging) -> bool:
    """A probe that may never move is one everywhere; another only in its own class, where no knob that is
    turned here explains it."""
    if not about.may_move(difference.name):
        return True
    return comparison.same_class and difference.repeats and difference.cause is None


def _fault(comparison: Comparison, difference: ProbeDifference, about: Judging) -> Finding:
    moves = about.may_move(difference.name)
    why = (
        f"this host is of the reference's class {comparison.reference.class_name}"
        if moves
        else "no hardware and no setting may move it"
    )
    what = f" ({about.exercises(difference.name)})" if about.exercises(difference.name) else ""
    reference = {each.name: each for each in comparison.reference.probes}[difference.name]
    return Finding(
        code="numerics-fault",
        severity=Severity.DIFFERS,
        component=f"{COMPONENT}:{difference.name}",
        expected=reference.sha256,
        observed=comparison.observed["probes"][difference.name]["sha256"],
        message=f"`{difference.name}`{what} gives other bits, and {why}: {difference.words}",
        hint=_REPAIR if about.bytes_differ else _SUSPECT,
    )


_REPAIR = (
    "do not use results of this environment: files of it are not what the lock says, which can do this; "
    "`envlock sync --repair`, then verify again"
)
_SUSPECT = (
    "do not use results of this host: `envlock verify --level content` names changed libraries; "
    "where there are none, run this again, then suspect memory or CPU"
)


def _unstable(difference: ProbeDifference) -> Finding:
    return Finding(
        code="numerics-unstable",
        severity=Severity.NOTE,
        component=f"{COMPONENT}:{difference.name}",
        message=f"`{difference.name}` gives other bits each time on this host: it has no reference to keep",
        hint="`torch.use_deterministic_algorithms(True)` replaces such kernels, or refuses them",
    )


def _moved(comparison: Comparison, moved: Sequence[ProbeDifference]) -> Iterator[Finding]:
    """One finding a cause, and one for what no knob brought back."""
    by_cause: dict[str | None, list[ProbeDifference]] = {}
    for each in moved:
        by_cause.setdefault(each.cause, []).append(each)
    for cause, group in sorted(by_cause.items(), key=lambda row: (row[0] is None, -len(row[1]))):
        yield _explained(cause, group) if cause else _hardware(comparison, group)


def _explained(cause: str, group: Sequence[ProbeDifference]) -> Finding:
    restores = "restores the bits" if len(group) == 1 else f"restores the bits of all {len(group)}"
    return Finding(
        code="numerics-knob",
        severity=Severity.NOTE,
        component=COMPONENT,
        message=f"{group[0].because}: {_named(group)}; `{cause}` {restores}",
        hint=f"for the numbers of the reference: `{cause}` before the job; for all hosts to have the same, "
        "set the variable under `[tool.envlock.settings]`, then `envlock lock` and `envlock numerics record`",
    )


def _hardware(comparison: Comparison, group: Sequence[ProbeDifference]) -> Finding:
    return Finding(
        code="numerics-moved",
        severity=Severity.NOTE,
        component=COMPONENT,
        message=f"expected on another class of host ({_values(comparison)}): {_named(group)}",
        hint="compare results by a tolerance here, not by bits; `envlock numerics profile portable` prints "
        "settings under which fewer probes move, more slowly",
    )


def _named(group: Sequence[ProbeDifference]) -> str:
    """The probes that moved, and how far the worst of them went."""
    worst = max(group, key=lambda each: (each.max_relative or 0.0, each.changed_percent))
    names = ", ".join(each.name for each in group)
    if len(group) == 1:
        return f"the probe (a small fixed computation) {names} gave other bits ({worst.words})"
    count = f"{len(group)} probes (small fixed computations)"
    return f"{count} gave other bits: {names} (the most: {worst.name}, {worst.words})"


def _values(comparison: Comparison) -> str:
    here, there = comparison.observed["host"], comparison.reference.host
    keys = sorted(key for key in {*here, *there} if here.get(key) != there.get(key))
    return ", ".join(f"{key} {here.get(key, 'none')} instead of {there.get(key, 'none')}" for key in keys)
