"""The verdict over many hosts: each against the lock, all against how many there must be, and each other."""

from __future__ import annotations

import hashlib
import marshal
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from envlock.errors import CouldNotTell
from envlock.observe.answers import Answer
from envlock.report import Finding, Report, Severity, Verdict
from envlock.report.fleet import FleetReport, Group, NumericsClass
from envlock.verify.smallest import explanation_of

_MOST_FINDINGS = 100  # kept for a group: a thousand odd hosts with ten thousand files each must fit in memory
_MOST_NAMED = 20
_MOST_DIGITS = 20  # of a number in a host's name, to be sorted as one

Judge = Callable[[Any], Report]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedHosts:
    """How many hosts, or tasks, must answer; or which. Neither: as many as do."""

    count: int | None = None
    names: tuple[str, ...] = ()


class _Kind(NamedTuple):
    """What the hosts of a group have in common."""

    verdict: Verdict
    expected: str | None
    observed: str | None
    level: str | None
    explanation: str | None
    findings: tuple[Finding, ...] = ()
    found: int = 0


class _Seen(NamedTuple):
    host: str
    rank: str
    kind: _Kind
    kernels: tuple[tuple[str, str], ...] | None = None


@dataclass(kw_only=True)
class _Fleet:
    """What is kept while documents pass by: a row a host, and each kind of host once."""

    judge: Judge
    rows: list[_Seen] = field(default_factory=list)
    kinds: dict[_Kind, _Kind] = field(default_factory=dict)
    known: dict[bytes, _Kind] = field(default_factory=dict)
    libraries: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    size: int = 0

    def take(self, answer: Answer) -> None:
        self.size = max(self.size, answer.size)
        kind = self._kind_of(answer)
        was_looked_at = kind.expected is not None
        kernels = tuple(sorted(answer.document["kernels"].items())) if was_looked_at else None
        self.rows.append(_Seen(answer.host, answer.rank, self.kinds.setdefault(kind, kind), kernels))
        if was_looked_at:
            self._take_library(answer)

    def _kind_of(self, answer: Answer) -> _Kind:
        if answer.fault is not None:
            return _unlooked(answer.fault)
        content = _content(answer.document)
        if content is None:
            return self._judged(answer.document)
        if content not in self.known:
            self.known[content] = self._judged(answer.document)
        return self.known[content]

    def _judged(self, document: Any) -> _Kind:
        try:
            return _kind(self.judge(document))
        except (ValueError, RecursionError) as error:
            return _unlooked(f"what it answered is no facts document: {error}")
        except CouldNotTell as error:
            return _unlooked(error.message)

    def _take_library(self, answer: Answer) -> None:
        python = answer.document["python"]
        if python and python["standard_library"]:
            called = f"{python['implementation']} {python['version']}"
            hosts = self.libraries.setdefault(called, {}).setdefault(python["standard_library"], [])
            hosts.append(answer.host)


def judge_fleet(
    answers: Iterable[Answer],
    judge: Judge,
    expected: ExpectedHosts,
    faults: Callable[[], Sequence[str]] = tuple,
) -> FleetReport:
    """Judge each answer as it comes. `judge` raises ValueError for what is no facts document, CouldNotTell
    for a host that the lock does not know; documents that say the same are judged once. `faults` has, when
    all answers came, what went wrong with the engine that brought them.

    A host that is missing, or without facts, makes the fleet incomplete: it never matches.
    """
    fleet = _Fleet(judge=judge)
    for answer in answers:
        fleet.take(answer)
    findings = (*_missing(fleet, expected), *_engine(faults()), *_libraries(fleet.libraries))
    groups = _groups(fleet.rows)
    return FleetReport(
        verdict=_verdict(groups, findings),
        groups=groups,
        classes=_classes(fleet.rows),
        findings=findings,
    )


def _verdict(groups: Sequence[Group], findings: Sequence[Finding]) -> Verdict:
    verdicts = {group.verdict for group in groups}
    if Verdict.MISMATCH in verdicts:
        return Verdict.MISMATCH
    unknown = any(each.severity is Severity.UNKNOWN for each in findings)
    return Verdict.INCOMPLETE if unknown or verdicts != {Verdict.MATCH} else Verdict.MATCH


def _content(document: Any) -> bytes | None:
    """A digest of all that a judgement can depend on: everything but the host's name and the times.

    None where the document is not even formed so that this can be told.
    """
    if not isinstance(document, dict):
        return None
    host, timing = document.get("host"), document.get("timing")
    if not (isinstance(host, dict) and isinstance(host.get("name"), str) and _are_numbers(timing)):
        return None
    # Version 2 has no references between objects: equal values are equal bytes.
    data = marshal.dumps({**document, "timing": {}, "host": {**host, "name": ""}}, 2)
    return hashlib.sha256(data).digest()


def _are_numbers(timing: Any) -> bool:
    return isinstance(timing, dict) and all(type(value) in (int, float) for value in timing.values())


def _kind(report: Report) -> _Kind:
    counting = tuple(each for each in report.findings if each.severity is not Severity.NOTE)
    return _Kind(
        report.verdict,
        report.expected,
        report.observed,
        report.level,
        explanation_of(counting),
        counting[:_MOST_FINDINGS],
        len(counting),
    )


def _unlooked(why: str) -> _Kind:
    return _Kind(Verdict.INCOMPLETE, None, None, None, why)


# Groups


_ORDER = (Verdict.MATCH, Verdict.MISMATCH, Verdict.INCOMPLETE)


def _groups(rows: Sequence[_Seen]) -> tuple[Group, ...]:
    labels = _labels(rows)
    hosts: dict[_Kind, list[str]] = {}
    for row, label in zip(rows, labels, strict=True):
        hosts.setdefault(row.kind, []).append(label)
    found = [_group(kind, names) for kind, names in hosts.items()]
    return tuple(sorted(found, key=lambda g: (_ORDER.index(g.verdict), -len(g.hosts), g.hosts)))


def _group(kind: _Kind, names: list[str]) -> Group:
    return Group(
        verdict=kind.verdict,
        expected=kind.expected,
        observed=kind.observed,
        level=kind.level,
        explanation=kind.explanation,
        hosts=tuple(sorted(names, key=_natural)),
        findings=kind.findings,
        found=kind.found,
    )


def _classes(rows: Sequence[_Seen]) -> tuple[NumericsClass, ...]:
    hosts: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for row, label in zip(rows, _labels(rows), strict=True):
        if row.kernels is not None:
            hosts.setdefault(row.kernels, []).append(label)
    found = [
        NumericsClass(kernels=dict(kernels), hosts=tuple(sorted(names, key=_natural)))
        for kernels, names in hosts.items()
    ]
    return tuple(sorted(found, key=lambda each: (-len(each.hosts), each.hosts)))


def _labels(rows: Sequence[_Seen]) -> Iterator[str]:
    """The name of the host; of a host with several tasks its rank too, else which of its documents it is."""
    several = {name for name, count in Counter(row.host for row in rows).items() if count > 1}
    seen: Counter[str] = Counter()
    for row in rows:
        seen[row.host] += 1
        number = f" rank {row.rank}" if row.rank else f" ({seen[row.host]})"
        yield row.host + (number if row.host in several else "")


def _natural(name: str) -> tuple[str, str]:
    """node9 before node10; the name itself decides between node1 and node01."""
    return re.sub(r"\d+", lambda number: number[0].zfill(_MOST_DIGITS), name), name


# What must be there


def _missing(fleet: _Fleet, expected: ExpectedHosts) -> Iterator[Finding]:
    if not fleet.rows:
        yield _no_answer("no host answered")
        return
    if expected.names:
        yield from _missing_names(fleet.rows, expected.names)
        return
    # Two documents of one host, without ranks, must not stand in for a host that is missing.
    answered = len({(row.host, row.rank) for row in fleet.rows})
    wanted = expected.count if expected.count is not None else fleet.size
    if answered < wanted:
        ranks = _missing_ranks(fleet, wanted)
        named = f": {_listed(ranks)}" if ranks else ""
        yield _no_answer(f"{wanted - answered} of {wanted} did not answer{named}")
    if expected.count is not None and answered > wanted:
        yield _unexpected(f"{answered} answered where {wanted} were expected")


def _missing_names(rows: Sequence[_Seen], names: Sequence[str]) -> Iterator[Finding]:
    """A name fits with or without its domain, as hosts call themselves either way."""
    answered = {row.host for row in rows} | {_short(row.host) for row in rows if _short(row.host) in names}
    missing = [name for name in names if name not in answered and _short(name) not in answered]
    if missing:
        yield _no_answer(f"{len(missing)} of {len(names)} did not answer: {_listed(missing)}")
    known = {*names, *map(_short, names)}
    others = sorted({row.host for row in rows if row.host not in known and _short(row.host) not in known})
    if others:
        yield _unexpected(f"{len(others)} answered and were not expected: {_listed(others)}")


def _short(name: str) -> str:
    return name.partition(".")[0]


def _missing_ranks(fleet: _Fleet, wanted: int) -> list[str]:
    if fleet.size != wanted or not all(row.rank for row in fleet.rows):
        return []
    there = {int(row.rank) for row in fleet.rows}
    return [f"rank {number}" for number in range(wanted) if number not in there]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _engine(faults: Sequence[str]) -> Iterator[Finding]:
    for fault in faults:
        yield Finding(code="launcher-failed", severity=Severity.UNKNOWN, component="host", message=fault)


def _libraries(libraries: Mapping[str, Mapping[str, Sequence[str]]]) -> Iterator[Finding]:
    """Hosts whose standard library is not that of most hosts with the same Python (IDENTITY 6.6)."""
    for python, digests in sorted(libraries.items()):
        # Of a host with several tasks each has a document: it counts once.
        found = [sorted(set(hosts), key=_natural) for hosts in digests.values()]
        most, *others = sorted(found, key=lambda hosts: (-len(hosts), hosts[0]))
        counted = f"{len(most)} {'hosts' if len(most) > 1 else 'host'}"
        for hosts in others:
            message = f"the standard library of {python} is another one than on {counted}: {_listed(hosts)}"
            yield Finding(
                code="standard-library-differs", severity=Severity.NOTE, component="host", message=message
            )


def _no_answer(message: str) -> Finding:
    hint = "it may be down, or without `python3`; the engine's own output tells"
    return Finding(
        code="host-missing", severity=Severity.UNKNOWN, component="host", message=message, hint=hint
    )


def _unexpected(message: str) -> Finding:
    return Finding(code="host-unexpected", severity=Severity.NOTE, component="host", message=message)
