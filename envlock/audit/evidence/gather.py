"""Documents, a lock and an environment -> Evidence; whatever does not belong together is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from envlock.audit.evidence.documents import parse_receipt, parse_report, read_document, stored_name
from envlock.audit.evidence.model import Evidence, SeenReceipt, SeenReport
from envlock.errors import EvidenceInvalid, Fault
from envlock.lock.model import Lock
from envlock.lock.runtime import conda_runtime_hash, runtime_hash

_Seen = TypeVar("_Seen", SeenReport, SeenReceipt)


@dataclass(frozen=True, kw_only=True, slots=True)
class Handed:
    """Documents as they were handed over."""

    reports: tuple[SeenReport, ...]
    receipts: tuple[SeenReceipt, ...]


def read_handed(reports: Sequence[Path], receipts: Sequence[Path]) -> Handed:
    """Read them all. Raises EvidenceInvalid with every document that is none."""
    faults: list[Fault] = []
    found = Handed(
        reports=tuple(_each("reports", reports, parse_report, faults)),
        receipts=tuple(_each("receipts", receipts, parse_receipt, faults)),
    )
    if faults:
        raise EvidenceInvalid(
            "a document cannot be taken into the evidence",
            faults=faults,
            hint="`envlock verify --json` writes reports, `envlock run -- CMD` receipts",
        )
    return found


def _each(
    room: str,
    paths: Sequence[Path],
    parse: Callable[[str, bytes, bytes | None], _Seen],
    faults: list[Fault],
) -> Iterator[_Seen]:
    for number, path in enumerate(paths, 1):
        try:
            data, signature = read_document(path)
            yield parse(stored_name(room, number, path), data, signature)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            faults.append(Fault(where=str(path), message=f"it cannot be read: {reason}"))
        except ValueError as error:
            faults.append(Fault(where=str(path), message=str(error)))


def runtimes(lock: Lock, platform: str) -> dict[str, str]:
    """Kind -> the runtime hash that the lock promises: `wheels`, and `conda` where it has packages."""
    conda = conda_runtime_hash(lock, platform)
    return {"wheels": runtime_hash(lock, platform), **({"conda": conda} if conda is not None else {})}


def refuse_strangers(evidence: Evidence) -> None:
    """Raise EvidenceInvalid naming every document that is of another runtime than the lock's."""
    own = set(evidence.runtime.values())
    faults = [Fault(where=name, message=message) for name, message in strangers(evidence, own)]
    if faults:
        raise EvidenceInvalid(
            "documents of another environment are no evidence of this one",
            faults=faults,
            hint="name the lockfile that they were made with, or leave them out",
        )


def strangers(evidence: Evidence, own: set[str]) -> Iterator[tuple[str, str]]:
    """(name, what is wrong) of each document whose runtime hash is none of `own`."""
    for report in evidence.reports:
        if report.expected not in own:
            expected = report.expected or "no single runtime hash"
            yield report.name, f"it was held against {expected}, which is not of this lock"
    for receipt in evidence.receipts:
        value = receipt.receipt["runtime"]["hash"]
        if value not in own:
            yield receipt.name, f"its run was in {value}, which is not of this lock"


def moment(epoch: int | None, verified: str | None, handed: Handed, lock: Lock) -> str:
    """The time that stands in the evidence: SOURCE_DATE_EPOCH; when it was verified here; when the last run
    of a receipt started; the date of the lock. So the same documents give the same bytes on another day."""
    from datetime import UTC, datetime

    if epoch is not None:
        return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    started = sorted(each.receipt["about"]["started"] for each in handed.receipts)
    return verified or (started[-1] if started else None) or lock.exclude_newer or "1970-01-01T00:00:00Z"


def records_of(lock: Lock, platform: str) -> Mapping[str, str]:
    """Name of a conda package -> the file in conda-meta that an installer writes for it."""
    return {row.name: f"{row.name}-{row.version}-{row.build}.json" for row in lock.conda_on(platform)}


def versions_of(lock: Lock, platform: str) -> Mapping[str, str]:
    return {row.name: row.version for row, _ in lock.on(platform)}
