"""Numeric references: record them in a lock, hold an environment against them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from envlock.agent.host import platform_name
from envlock.agent.numerics.document import NumericsFacts
from envlock.agent.numerics.session import exercises, may_move
from envlock.api.verifying import VerifyRequest, locked_platform, verify
from envlock.errors import CouldNotTell
from envlock.lock.file import read_lock, write_lock
from envlock.lock.model import Lock
from envlock.lock.numerics import ProbeReference, Reference, recorded
from envlock.lock.runtime import runtime_hash
from envlock.observe.numerics import NumericsTarget, Runner, observe_numerics, run_here
from envlock.report import Finding, Report, Severity, Verdict, finding_order
from envlock.report.model import Numerics, ProbeDifference, verdict_of
from envlock.stack.profiles import Profile, profile
from envlock.verify.knobs import Knob, Unlocked, knobs, unlocked
from envlock.verify.numerics import (
    BYTES_ONLY,
    Comparison,
    Judging,
    Trial,
    compare,
    judge_numerics,
    not_computed,
    not_imported,
    not_recorded,
    nothing_to_compute,
    reference_for,
    restored_by,
)

LEVEL = "numerics"


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericsRequest:
    """An environment and its lock, as for `verify`. `bytes_too` False: only the numbers are judged, as if
    the bytes had been proved. `compile` adds the probe of `torch.compile`; `emulator` goes before the
    interpreter."""

    target: VerifyRequest
    bytes_too: bool = True
    compile: bool = False
    emulator: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What was recorded, or why not: a `report` that is no match, or probes that do not repeat. `unlocked`:
    variables that are set here, steer numeric libraries, and are not in the lock. `slowest` probes: their
    seconds."""

    report: Report
    reference: Reference | None
    unstable: tuple[str, ...] = ()
    failed: Mapping[str, str] | None = None
    changed: bool = False
    seconds: Mapping[str, float] | None = None
    slowest: Mapping[str, float] = field(default_factory=dict)
    unlocked: tuple[Unlocked, ...] = ()


def record_numerics(request: NumericsRequest) -> Recorded:
    """Run the probes and keep their results in the lockfile, by class of this host.

    An environment that is not what the lock says gives no reference: the report tells why. A probe that
    does not repeat in one process is left out. Raises LockfileInvalid, CouldNotTell (also where no probe
    applies: no NumPy and no torch).
    """
    target = request.target
    report = verify(replace(target, level="content"))
    if report.verdict is not Verdict.MATCH:
        return Recorded(report=report, reference=None)
    lock = read_lock(target.lock)
    observed = observe_numerics(_target(request, lock))
    if observed["broken"]:
        return Recorded(report=_with(report, None, not_imported(observed["broken"])), reference=None)
    if not observed["probes"] and not observed["failed"]:
        raise CouldNotTell(
            f"{nothing_to_compute(f'`{target.prefix}`')}: nothing was recorded", hint=BYTES_ONLY
        )
    reference = _reference(lock, _platform(request, lock), observed)
    return Recorded(
        report=report,
        reference=reference,
        unstable=tuple(sorted(set(observed["probes"]) - {each.name for each in reference.probes})),
        failed=observed["failed"],
        changed=write_lock(target.lock, recorded(lock, reference)),
        seconds=observed["seconds"],
        slowest=slowest(observed),
        unlocked=unlocked(target.environment, lock.settings),
    )


def slowest(observed: NumericsFacts) -> Mapping[str, float]:
    """The five probes that took longest, the first one first; in seconds."""
    took = [(name, each["seconds"]) for name, each in observed["probes"].items()]
    return dict(sorted(took, key=lambda row: -row[1])[:5])


def verify_numerics(request: NumericsRequest) -> Report:
    """Verify every byte, then the numbers (DESIGN 6). Raises LockfileInvalid, CouldNotTell."""
    report = verify(replace(request.target, level="content" if request.bytes_too else "roots"))
    lock = read_lock(request.target.lock)
    subject = Subject(lock=lock, platform=_platform(request, lock), target=_target(request, lock))
    return with_numerics(report, subject)


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Whose numbers are judged, and by what the probes are run."""

    lock: Lock
    platform: str
    target: NumericsTarget
    run: Runner = run_here


def with_numerics(report: Report, subject: Subject) -> Report:
    """A report of the bytes, with what the probes of the same environment say. Raises CouldNotTell."""
    lock, platform = subject.lock, subject.platform
    observed = observe_numerics(subject.target, subject.run)
    reference = reference_for(lock, platform, observed, runtime_hash(lock, platform))
    broken = not_imported(observed["broken"])
    if reference is None and not observed["probes"] and not observed["failed"]:
        return _with(report, None, broken or (not_computed(),))
    if reference is None:
        return _with(report, None, (*broken, not_recorded(lock, platform)))
    comparison = compare(reference, observed)
    started = time.perf_counter()
    trials = tuple(_trials(subject, comparison))
    comparison.observed["seconds"]["trials"] = round(time.perf_counter() - started, 3)
    about = Judging(
        may_move=may_move,
        exercises=exercises,
        bytes_differ=any(each.severity is Severity.DIFFERS and each.path for each in report.findings),
    )
    return _with(report, *judge_numerics(comparison, trials, about))


@dataclass(frozen=True, kw_only=True, slots=True)
class Upgrade:
    """Two environments (prefixes) whose numbers are compared on this host, each run under `environment`."""

    old: Path
    new: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """What an upgrade does to the numbers. `versions` are of NumPy and torch, (old, new), None: not there;
    `only` names probes that ran on one side, with the reason where there is one."""

    versions: Mapping[str, tuple[str | None, str | None]]
    same_class: bool
    equal: tuple[str, ...]
    differences: tuple[ProbeDifference, ...]
    only: Mapping[str, str]
    exercises: Mapping[str, str]


def compare_numerics(upgrade: Upgrade) -> Changed:
    """Run the probes in two environments on this host, with the same seeds and inputs, and compare the bits.
    Raises CouldNotTell, also where no probe ran in both."""
    old, new = (
        observe_numerics(NumericsTarget(python=_python(prefix), environment=upgrade.environment))
        for prefix in (upgrade.old, upgrade.new)
    )
    if not {*old["probes"]} & {*new["probes"]}:
        raise CouldNotTell(
            f"no probe ran in both `{upgrade.old}` and `{upgrade.new}`",
            hint="both need NumPy, or both need torch: envlock computes with nothing else",
        )
    comparison = compare(_unlocked_reference(old), new)
    differences = judge_numerics(comparison, (), Judging(may_move=may_move, exercises=exercises))[
        0
    ].differences
    moved, both = {each.name for each in differences}, {*old["probes"]} & {*new["probes"]}
    return Changed(
        versions=_versions(old, new),
        same_class=comparison.same_class,
        equal=tuple(sorted(both - moved)),
        differences=differences,
        only=_only(old, new),
        exercises={name: exercises(name) for name in sorted(both)},
    )


def _versions(old: NumericsFacts, new: NumericsFacts) -> Mapping[str, tuple[str | None, str | None]]:
    names = sorted({*old["versions"], *new["versions"]})
    return {name: (old["versions"].get(name), new["versions"].get(name)) for name in names}


def _only(old: NumericsFacts, new: NumericsFacts) -> Mapping[str, str]:
    names = sorted({*old["probes"]} ^ {*new["probes"]})
    failed = {**old["failed"], **new["failed"]}
    broken = [
        f"{name} could not be imported there: {why}"
        for side in (old, new)
        for name, why in side["broken"].items()
    ]
    return {name: failed.get(name, "; ".join(broken) or "it does not apply there") for name in names}


def _unlocked_reference(observed: NumericsFacts) -> Reference:
    return Reference(
        class_name=observed["class"], platform="", runtime="", host=observed["host"], probes=_probes(observed)
    )


def numerics_profile(name: str, lock: Path | None = None) -> Profile:
    """The settings of a profile, for the NumPy of a lock (else the newest). Raises LockfileInvalid."""
    rows = read_lock(lock).distributions if lock is not None else ()
    return profile(name, next((row.version for row in rows if row.name == "numpy"), None))


def _with(report: Report, numerics: Numerics | None, findings: tuple[Finding, ...]) -> Report:
    whole = tuple(sorted((*report.findings, *findings), key=finding_order))
    return replace(report, level=LEVEL, findings=whole, verdict=verdict_of(whole), numerics=numerics)


def _platform(request: NumericsRequest, lock: Lock) -> str:
    return locked_platform(lock, request.target.how.platform or platform_name())


def _target(request: NumericsRequest, lock: Lock) -> NumericsTarget:
    """The target's own Python, under the job's environment with the lock's settings applied."""
    return NumericsTarget(
        python=_python(request.target.prefix),
        environment={**request.target.environment, **lock.settings},
        compile=request.compile,
        emulator=request.emulator,
    )


def _python(prefix: Path) -> Path:
    found = next((path for name in ("python3", "python") if (path := prefix / "bin" / name).exists()), None)
    if found is None:
        inside = prefix / ".venv"
        nearby = f": `{inside}`" if inside.is_dir() else ""
        raise CouldNotTell(
            f"there is no Python in `{prefix}` to run the probes with",
            hint=f"name the environment itself, the directory with `bin/python`{nearby}",
        )
    return found.absolute()


def _probes(observed: NumericsFacts) -> tuple[ProbeReference, ...]:
    """Those that repeat: others have no reference."""
    return tuple(
        ProbeReference(name=name, dtype=each["dtype"], sha256=each["sha256"], sample=each["sample"])
        for name, each in sorted(observed["probes"].items())
        if each["repeats"]
    )


def _reference(lock: Lock, platform: str, observed: NumericsFacts) -> Reference:
    return Reference(
        class_name=observed["class"],
        platform=platform,
        runtime=runtime_hash(lock, platform),
        host=dict(sorted(observed["host"].items())),
        probes=_probes(observed),
    )


def _trials(subject: Subject, comparison: Comparison) -> Iterator[Trial]:
    """The differing probes again, under each knob alone and then under all of them together."""
    names = tuple(each.name for each in comparison.differing)
    if not names:
        return
    again = replace(subject, target=replace(subject.target, probes=names))
    found = [
        knob
        for knob in knobs(comparison.reference.host, comparison.observed["host"], subject.target.environment)
        if knob.variable not in subject.lock.settings
    ]
    for knob in found:
        yield _trial(again, comparison, (knob,))
    if len(found) > 1:
        yield _trial(again, comparison, _last_word(found))


def _last_word(found: list[Knob]) -> tuple[Knob, ...]:
    """One knob a variable: a value to set goes before the wish to unset it."""
    return tuple({knob.variable: knob for knob in found}.values())


def _trial(subject: Subject, comparison: Comparison, turned: tuple[Knob, ...]) -> Trial:
    environment = dict(subject.target.environment)
    for knob in turned:
        environment = knob.turned(environment)
    try:
        again = observe_numerics(replace(subject.target, environment=environment), subject.run)
    except CouldNotTell:  # a knob that this CPU cannot bear (SIGILL) explains nothing
        return Trial(knobs=turned, restored=frozenset())
    return Trial(knobs=turned, restored=restored_by(comparison, again))
