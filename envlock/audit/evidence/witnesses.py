"""Who says so: signed reports and receipts of several hosts, counted by key and by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from envlock.audit.evidence.check import Checked
from envlock.audit.evidence.model import SeenReceipt, SeenReport
from envlock.audit.evidence.signing import Signer, signer_of
from envlock.report import Finding, Severity, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Witness:
    """One document and who signed it (None: nobody, or the signature does not hold). `values` is what it
    says: the runtime hash, and of a receipt its outputs by name. `odd` are the names of those values in which
    it differs from most."""

    document: str
    signer: Signer | None
    values: Mapping[str, str]
    odd: tuple[str, ...] = ()
    is_broken: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Quorum:
    """`counted` signers agree, of `needed`. Two documents of one key, or of one name, count once."""

    needed: int
    counted: int
    witnesses: tuple[Witness, ...]
    findings: tuple[Finding, ...]


def quorum(folders: Sequence[Checked], needed: int, allowed: Path | None) -> Quorum:
    """Do `needed` independent signers say the same? With `allowed` only those count that it names.

    Raises ToolMissing, CouldNotTell.
    """
    seen = [row for folder in folders for row in _witnesses(folder, allowed, several=len(folders) > 1)]
    witnesses = tuple(_judged(seen))
    agreeing = [row.signer for row in witnesses if row.signer is not None and not row.odd]
    odd = {row.signer for row in witnesses if row.odd}
    counted = _independent([s for s in agreeing if s not in odd and (allowed is None or s.principal)])
    findings = (*_odd(witnesses), *_broken(witnesses), *_missing(counted, needed))
    return Quorum(needed=needed, counted=counted, witnesses=witnesses, findings=findings)


def _witnesses(folder: Checked, allowed: Path | None, *, several: bool) -> Iterator[Witness]:
    where = f"{folder.place}/" if several else ""
    for report in folder.reports:
        yield _witness(report, f"{where}{report.name}", _said(report), folder.signer, allowed)
    for receipt in folder.receipts:
        yield _witness(receipt, f"{where}{receipt.name}", _gave(receipt), folder.signer, allowed)


def _witness(
    seen: SeenReport | SeenReceipt,
    document: str,
    values: Mapping[str, str],
    folder: Signer | None,
    allowed: Path | None,
) -> Witness:
    """A document without a signature of its own is the word of who signed the folder."""
    if seen.signature is None:
        return Witness(document=document, signer=folder, values=values)
    signer = signer_of(seen.data, seen.signature, allowed)
    return Witness(document=document, signer=signer, values=values, is_broken=signer is None)


def _said(report: SeenReport) -> dict[str, str]:
    """What a report stands for. Numbers of another class of host differ by nature: those that differ within
    a class made the verdict."""
    runtime = report.observed if report.verdict is Verdict.MATCH else f"{report.verdict}, {report.observed}"
    return {"runtime hash": str(runtime)}


def _gave(receipt: SeenReceipt) -> dict[str, str]:
    outputs = receipt.receipt["outputs"]
    held = receipt.receipt["runtime"]
    runtime = held["hash"] if held["held"] else f"changed while it ran, {held['hash']}"
    given = {f"output {name}": row["sha256"] or "not there" for name, row in outputs.items()}
    return {"runtime hash": runtime, **given}


def _judged(seen: Sequence[Witness]) -> Iterator[Witness]:
    """Each with the names of the values in which it is not with most: signers first, then documents."""
    from dataclasses import replace

    common = {name: _most(name, seen) for name in {name for row in seen for name in row.values}}
    for row in seen:
        odd = tuple(sorted(name for name, value in row.values.items() if value != common[name]))
        yield replace(row, odd=odd)


def _most(name: str, seen: Sequence[Witness]) -> str:
    """The value with the most keys behind it; of equals that with most documents, then the first by text."""
    rows = [row for row in seen if name in row.values]
    keys = Counter(value for value, _ in {(r.values[name], r.signer.key) for r in rows if r.signer})
    documents = Counter(row.values[name] for row in rows)
    return min(documents, key=lambda value: (-keys[value], -documents[value], value))


def _independent(signers: Sequence[Signer]) -> int:
    """How many are surely different ones: one key under two names is one, as is one name with two keys."""
    keys = {signer.key for signer in signers}
    names = {signer.principal or signer.key for signer in signers}
    return min(len(keys), len(names))


def _odd(witnesses: Sequence[Witness]) -> Iterator[Finding]:
    common = {name: _most(name, witnesses) for row in witnesses for name in row.values}
    for row in witnesses:
        for name in row.odd:
            who = (row.signer.principal or row.signer.key) if row.signer else "nobody's signature"
            yield Finding(
                code="witness-odd",
                severity=Severity.DIFFERS,
                component=row.document,
                message=f"`{row.document}` ({who}) has another {name} than most",
                expected=common[name],
                observed=row.values[name],
            )


def _broken(witnesses: Sequence[Witness]) -> Iterator[Finding]:
    for row in witnesses:
        if row.is_broken:
            yield Finding(
                code="signature-broken",
                severity=Severity.DIFFERS,
                component=row.document,
                message=f"the signature beside `{row.document}` does not hold",
            )


def _missing(counted: int, needed: int) -> Iterator[Finding]:
    if counted < needed:
        yield Finding(
            code="quorum-not-reached",
            severity=Severity.UNKNOWN,
            component="quorum",
            message=f"{counted} of {needed} independent signers say the same",
            hint="on each host: `envlock verify --json > FILE`, `ssh-keygen -Y sign -n envlock -f KEY FILE`",
        )
