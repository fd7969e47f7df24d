"""Evidence as a value: what is known of one locked environment, on one platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from envlock.lock.model import Lock, Stack
from envlock.report import Verdict
from envlock.report.model import Finding
from envlock.run.receipt import Receipt


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeRow:
    """A probe that was not equal. `median_ulp` None: not a number of floats; `cause` restored the bits."""

    name: str
    changed_percent: float
    median_ulp: float | None
    max_relative: float | None
    cause: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NumbersSeen:
    """What probes gave beside the reference of a class: `equal` is a count."""

    class_name: str
    reference: str
    host: Mapping[str, str]
    equal: int
    differing: tuple[ProbeRow, ...]

    @property
    def total(self) -> int:
        return self.equal + len(self.differing)


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenReport:
    """One `verify --json` document, under its name in the folder. `signature` is that of `ssh-keygen` beside
    it, as text; `is_own`: made by the one who wrote the evidence, who signs for it."""

    name: str
    data: bytes
    verdict: Verdict
    expected: str | None
    observed: str | None
    level: str | None
    target: str
    findings: tuple[Finding, ...]
    files: int = 0
    size_bytes: int = 0
    numerics: NumbersSeen | None = None
    signature: bytes | None = None
    is_own: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenReceipt:
    """One receipt of `envlock run`, under its name in the folder, and the signature that lay beside it."""

    name: str
    data: bytes
    receipt: Receipt
    signature: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CarriedLibrary:
    """A shared library inside a distribution, relative to site-packages. `cuda` is its family (`cudart`)."""

    path: str
    sha256: str
    cuda: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """What an installed distribution says of itself. `licences` as it spells them."""

    licences: tuple[str, ...] = ()
    libraries: tuple[CarriedLibrary, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All that the folder is written from. `made` is RFC 3339 with a `Z`, the time that stands in it; of a
    bill of materials alone it may be "", and then no time stands there.

    `host` are facts of the host that was verified here, without its name; empty where none was.
    """

    title: str
    platform: str
    lock: Lock
    lock_data: bytes
    runtime: Mapping[str, str]
    reports: tuple[SeenReport, ...]
    receipts: tuple[SeenReceipt, ...]
    host: Mapping[str, str]
    installed: Mapping[str, Installed]
    made: str
    is_signed: bool = False
    license: str | None = None

    @property
    def stack(self) -> Stack:
        return self.lock.stack.get(self.platform, Stack())

    @property
    def main_hash(self) -> str:
        """The runtime hash that the reports are of. Without a report: that with all that the lock has."""
        seen = {report.expected for report in self.reports}
        conda = self.runtime.get("conda")
        is_conda = conda in seen if seen else conda is not None
        return conda if conda is not None and is_conda else self.runtime["wheels"]

    @property
    def is_conda(self) -> bool:
        return self.main_hash != self.runtime["wheels"]

    @property
    def verdict(self) -> Verdict:
        """The worst of all reports; without one nothing was looked at."""
        return worst(self.reports)

    def documents(self) -> Iterator[tuple[str, bytes]]:
        """Every document that was handed over, and the signatures beside them: name in the folder, bytes."""
        seen: tuple[SeenReport | SeenReceipt, ...] = (*self.reports, *self.receipts)
        for each in seen:
            yield each.name, each.data
            if each.signature is not None:
                yield f"{each.name}.sig", each.signature


def worst(reports: Sequence[SeenReport]) -> Verdict:
    verdicts = {report.verdict for report in reports}
    order = (Verdict.MISMATCH, Verdict.INCOMPLETE, Verdict.MATCH)
    return next((each for each in order if each in verdicts), Verdict.INCOMPLETE)
