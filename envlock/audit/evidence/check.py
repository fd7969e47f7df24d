"""Does a folder of evidence still hold? Everything in it is held against everything else.

1. the statement is read, and its signature is checked  signature-broken, unsigned, signer-unknown
2. every file has its hash, and no other is there       file-differs, file-missing, file-extra
3. the crate describes the same files                   crate-differs
4. the runtime hashes follow from the lock              runtime-differs
5. the bill of materials lists what the lock locks      sbom-differs
6. reports and receipts are of this runtime, and match  document-differs, report-mismatch
7. the pages, drawn again, are the same                 page-differs

A folder of another version of envlock may have other pages: of those only the runtime hash is looked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypedDict, cast

from envlock import __version__
from envlock.audit.evidence import appendix, checklist, crate, page, sbom, statement
from envlock.audit.evidence.documents import SIGNATURE, parse_receipt, parse_report
from envlock.audit.evidence.folder import LOCK
from envlock.audit.evidence.gather import runtimes
from envlock.audit.evidence.model import Evidence, SeenReceipt, SeenReport, worst
from envlock.audit.evidence.opened import Opened
from envlock.audit.evidence.rebuilt import rebuild
from envlock.audit.evidence.signing import Signer, signer_of
from envlock.errors import EvidenceInvalid, LockfileInvalid
from envlock.lock.model import Lock
from envlock.lock.reader import loads
from envlock.observe.document import check
from envlock.report import Finding, Severity, Verdict


class _Subject(TypedDict):
    name: str
    digest: dict[str, str]


class _ReportRow(TypedDict):
    name: str
    own: bool
    verdict: str
    observed: str | None
    level: str | None


class _ReceiptRow(TypedDict):
    name: str
    runtime: str
    outputs: dict[str, str | None]


class _Predicate(TypedDict):
    schema: str
    envlock: str
    title: str
    made: str
    platform: str
    runtime: str
    verdict: str
    host: dict[str, str]
    reports: list[_ReportRow]
    receipts: list[_ReceiptRow]


class _Statement(TypedDict):
    _type: str
    subject: list[_Subject]
    predicateType: str
    predicate: _Predicate


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What came of one folder. `signer` None: not signed, or the signature does not hold."""

    place: str
    runtime: str
    files: int
    signer: Signer | None
    findings: tuple[Finding, ...]
    reports: tuple[SeenReport, ...]
    receipts: tuple[SeenReceipt, ...]


def check_folder(opened: Opened, allowed: Path | None) -> Checked:
    """Check a folder in the order above. Raises EvidenceInvalid for a statement that is none, ToolMissing,
    CouldNotTell."""
    payload, signatures = _payload(opened)
    told = _statement(payload, opened)
    findings: list[Finding] = []
    signer = _signer(payload, signatures, allowed, findings)
    findings += _files(told, opened)
    findings += _crate(opened)
    lock = _lock(opened, findings)
    reports, receipts = _documents(told, opened, findings)
    if lock is not None:
        findings += _runtimes(told, lock)
        findings += _sbom(opened, lock, told["predicate"])
        findings += _pages(told["predicate"], opened, (lock, reports, receipts))
    return Checked(
        place=opened.place,
        runtime=told["predicate"]["runtime"],
        files=len(opened.files),
        signer=signer,
        findings=tuple(findings),
        reports=reports,
        receipts=receipts,
    )


# 1. The statement and its signature


def _payload(opened: Opened) -> tuple[bytes, tuple[bytes, ...]]:
    data = opened.files[opened.statement]
    if opened.statement == statement.UNSIGNED:
        return data, ()
    try:
        return statement.opened_envelope(data)
    except ValueError as error:
        raise _no_statement(opened, str(error)) from error


def _statement(payload: bytes, opened: Opened) -> _Statement:
    try:
        document = json.loads(payload)
        check(document, _Statement)
        if document["_type"] != statement.STATEMENT_TYPE:
            raise ValueError(f"its type is not `{statement.STATEMENT_TYPE}`")
        if document["predicate"]["schema"] != statement.SCHEMA:
            raise ValueError(f"its predicate is not `{statement.SCHEMA}`")
    except (ValueError, RecursionError) as error:
        raise _no_statement(opened, str(error)) from error
    return cast(_Statement, document)


def _no_statement(opened: Opened, reason: str) -> EvidenceInvalid:
    return EvidenceInvalid(
        f"the statement is none of envlock's: {reason}",
        where=f"{opened.place}/{opened.statement}",
        hint="take the folder from where it was published again",
    )


def _signer(
    payload: bytes, signatures: tuple[bytes, ...], allowed: Path | None, findings: list[Finding]
) -> Signer | None:
    if not signatures:
        findings.append(_unknown("unsigned", "statement", "nobody signed the statement of this folder"))
        return None
    message = statement.pre_authentication(payload)
    signers = [signer_of(message, signature, allowed) for signature in signatures]
    held = [signer for signer in signers if signer is not None]
    if len(held) < len(signers):
        text = "a signature of the statement does not hold: it was changed, or signed for something else"
        findings.append(_differs("signature-broken", "statement", text))
        return None
    signer = next((each for each in held if each.principal is not None), held[0])
    findings += _vouched(signer, allowed)
    return signer


def _vouched(signer: Signer, allowed: Path | None) -> Iterator[Finding]:
    if signer.principal is not None:
        return
    if allowed is None:
        hint = "`--allowed-signers FILE` names the keys that you trust (ssh-keygen(1), ALLOWED SIGNERS)"
        text = f"the signature holds, of key {signer.key}; whose key that is was not told"
        yield _unknown("signer-not-named", "statement", text, hint)
    else:
        text = f"the signature holds, of key {signer.key}, which the allowed signers do not have"
        yield _unknown("signer-unknown", "statement", text)


# 2. Files


def _files(told: _Statement, opened: Opened) -> Iterator[Finding]:
    claimed = [row for row in told["subject"] if "sha256" in row["digest"]]
    names = [row["name"] for row in claimed]
    for row in claimed:
        name, expected = row["name"], row["digest"]["sha256"]
        data = opened.files.get(name)
        if data is None:
            yield _differs("file-missing", name, f"`{name}` is in the statement, and not in the folder")
        elif _sha256(data) != expected:
            yield _differs("file-differs", name, f"`{name}` is not the file of the statement", expected, data)
    for name in sorted(opened.files.keys() - set(names) - {opened.statement}):
        yield _differs("file-extra", name, f"`{name}` is in the folder, and not in the statement")
    for name in (LOCK, crate.NAME, sbom.NAME):  # without these nothing else can be held against anything
        if name not in names and name not in opened.files:
            yield _differs("file-missing", name, f"`{name}` is neither in the statement nor in the folder")
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _differs("file-differs", name, f"`{name}` is twice in the statement")


# 3. The crate


def _crate(opened: Opened) -> Iterator[Finding]:
    data = opened.files.get(crate.NAME)
    if data is None:
        return
    try:
        graph = json.loads(data)["@graph"]
        rows = {str(row["@id"]): row for row in graph if row.get("@type") == "File"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield _differs("crate-differs", crate.NAME, f"`{crate.NAME}` is no crate")
        return
    there = opened.files.keys() - {crate.NAME}
    for name in sorted(there ^ rows.keys()):
        where = "folder" if name in there else "crate"
        yield _differs("crate-differs", name, f"`{name}` is in the {where} alone")
    for name in sorted((there & rows.keys()) - {opened.statement}):
        data = opened.files[name]
        if rows[name].get("sha256") != _sha256(data) or rows[name].get("contentSize") != str(len(data)):
            yield _differs("crate-differs", name, f"`{name}` is not the file that the crate describes")


# 4. The lock and its runtime hashes


def _lock(opened: Opened, findings: list[Finding]) -> Lock | None:
    try:
        return loads(opened.files[LOCK].decode(), where=LOCK)
    except KeyError:
        return None  # told as missing
    except (UnicodeDecodeError, LockfileInvalid) as error:
        findings.append(_differs("runtime-differs", LOCK, f"`{LOCK}` cannot be read: {error}"))
    return None


def _runtimes(told: _Statement, lock: Lock) -> Iterator[Finding]:
    platform = told["predicate"]["platform"]
    if platform not in lock.platforms:
        yield _differs("runtime-differs", LOCK, f"`{LOCK}` has no platform `{platform}`")
        return
    claimed = _claimed(told)
    found = {f"runtime:{platform}:{kind}": value for kind, value in runtimes(lock, platform).items()}
    if claimed != found or told["predicate"]["runtime"] not in found.values():
        values = ", ".join(sorted(found.values()))
        text = f"the runtime hash does not follow from `{LOCK}`, which gives {values}"
        yield _differs("runtime-differs", LOCK, text)


def _claimed(told: _Statement) -> dict[str, str]:
    """Name of a subject -> runtime hash."""
    key = statement.RUNTIME_DIGEST
    return {row["name"]: f"rt1:{row['digest'][key]}" for row in told["subject"] if key in row["digest"]}


# 5. The bill of materials


def _sbom(opened: Opened, lock: Lock, told: _Predicate) -> Iterator[Finding]:
    data = opened.files.get(sbom.NAME)
    if data is None:
        return
    platform = told["platform"]
    try:
        bill = json.loads(data)
        rows = [_listed(row) for row in bill["components"]]
        facts = {row["value"] for row in bill["metadata"]["component"]["properties"]}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield _differs("sbom-differs", sbom.NAME, f"`{sbom.NAME}` is no bill of materials")
        return
    if told["runtime"] not in facts:
        yield _differs("sbom-differs", sbom.NAME, f"`{sbom.NAME}` is of another runtime hash")
    locked = [
        (sbom.wheel_ref(row.name), row.name, row.version, wheel.sha256) for row, wheel in lock.on(platform)
    ]
    conda = [(f"conda:{row.name}", row.name, row.version, row.sha256) for row in lock.conda_on(platform)]
    found = [row for row in rows if row[0].startswith(("distribution:", "conda:"))]
    wanted = locked + (conda if any(row[0].startswith("conda:") for row in found) else [])
    for reference, name, version, _ in sorted(set(wanted) ^ set(found)):
        text = f"{name} {version} ({reference}) is not the same in the lock and in the bill of materials"
        yield _differs("sbom-differs", sbom.NAME, text)


def _listed(row: Any) -> tuple[str, str, str, str]:
    hashes = [each["content"] for each in row.get("hashes", ()) if each["alg"] == "SHA-256"]
    return (
        str(row["bom-ref"]),
        str(row["name"]),
        str(row.get("version", "")),
        str(hashes[0] if hashes else ""),
    )


# 6. Reports and receipts


def _documents(
    told: _Statement, opened: Opened, findings: list[Finding]
) -> tuple[tuple[SeenReport, ...], tuple[SeenReceipt, ...]]:
    reports: list[SeenReport] = []
    receipts: list[SeenReceipt] = []
    own = set(_claimed(told).values())
    for report_row in told["predicate"]["reports"]:
        name = report_row["name"]
        try:
            report = parse_report(name, opened.files.get(name, b""), opened.files.get(name + SIGNATURE))
        except ValueError as error:
            findings.append(_differs("document-differs", name, f"`{name}` is no report: {error}"))
            continue
        findings += _report(report, report_row, own)
        reports.append(replace(report, is_own=report_row["own"]))
    for receipt_row in told["predicate"]["receipts"]:
        name = receipt_row["name"]
        try:
            receipt = parse_receipt(name, opened.files.get(name, b""), opened.files.get(name + SIGNATURE))
        except ValueError as error:
            findings.append(_differs("document-differs", name, f"`{name}` is no receipt: {error}"))
            continue
        findings += _receipt(receipt, receipt_row, own)
        receipts.append(receipt)
    findings += _worst(reports, told["predicate"])
    return tuple(reports), tuple(receipts)


def _report(report: SeenReport, row: _ReportRow, own: set[str]) -> Iterator[Finding]:
    name = report.name
    if report.expected not in own:
        yield _differs("document-differs", name, f"`{name}` was held against another runtime hash")
    told = (row["verdict"], row["observed"], row["level"])
    if (str(report.verdict), report.observed, report.level) != told:
        yield _differs("document-differs", name, f"`{name}` is not what the statement says of it")
    if report.verdict is Verdict.MISMATCH:
        yield _differs("report-mismatch", name, f"`{name}` says that the environment was not as locked")
    if report.verdict is Verdict.INCOMPLETE:
        yield _unknown("report-incomplete", name, f"`{name}` says that not everything could be looked at")


def _receipt(receipt: SeenReceipt, row: _ReceiptRow, own: set[str]) -> Iterator[Finding]:
    name, runtime = receipt.name, receipt.receipt["runtime"]["hash"]
    if runtime not in own:
        yield _differs("document-differs", name, f"`{name}` is of another runtime")
    outputs = {output: each["sha256"] for output, each in receipt.receipt["outputs"].items()}
    if (runtime, outputs) != (row["runtime"], row["outputs"]):
        yield _differs("document-differs", name, f"`{name}` is not what the statement says of it")


def _worst(reports: list[SeenReport], told: _Predicate) -> Iterator[Finding]:
    """The verdict of the statement is no better than that of its reports."""
    if reports and told["verdict"] != str(worst(reports)):
        text = f"the statement says `{told['verdict']}`, and its reports say `{worst(reports)}`"
        yield _differs("document-differs", "statement", text)


# 7. The pages


def _pages(
    told: _Predicate, opened: Opened, held: tuple[Lock, tuple[SeenReport, ...], tuple[SeenReceipt, ...]]
) -> Iterator[Finding]:
    for name in (page.NAME, appendix.MARKDOWN, appendix.LATEX):
        text = opened.files.get(name, b"").decode(errors="replace").replace(r"\allowbreak{}", "")
        if name in opened.files and told["runtime"] not in text:
            yield _differs("page-differs", name, f"`{name}` does not name the runtime hash")
    if told["envlock"] != __version__ or told["platform"] not in held[0].platforms:
        return
    try:
        evidence = rebuild(told, opened, *held)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return  # a bill of materials that is none is told already
    for name, drawn in _drawn(evidence).items():
        if opened.files.get(name, drawn) != drawn:
            text = f"`{name}` does not say what the lock, the reports and the receipts say"
            yield _differs("page-differs", name, text)


def _drawn(evidence: Evidence) -> dict[str, bytes]:
    """The pages as they must be; that in HTML where the library that draws it is installed."""
    drawn = {
        appendix.MARKDOWN: appendix.render_markdown(evidence),
        appendix.LATEX: appendix.render_latex(evidence),
        checklist.CHECKLIST: checklist.render_checklist(evidence),
        checklist.ARTIFACT: checklist.render_artifact(evidence),
    }
    return {**drawn, **({page.NAME: page.render_page(evidence)} if find_spec("jinja2") else {})}


# Findings


def _differs(
    code: str, component: str, message: str, expected: str | None = None, data: bytes | None = None
) -> Finding:
    return Finding(
        code=code,
        severity=Severity.DIFFERS,
        component=component,
        message=message,
        expected=expected,
        observed=_sha256(data) if data is not None else None,
    )


def _unknown(code: str, component: str, message: str, hint: str | None = None) -> Finding:
    return Finding(code=code, severity=Severity.UNKNOWN, component=component, message=message, hint=hint)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
