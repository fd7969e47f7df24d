"""Write the evidence of an environment for a paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from envlock.agent.host import host_facts, platform_name
from envlock.api.numerics import LEVEL, NumericsRequest, verify_numerics
from envlock.api.verifying import VerifyRequest, locked_platform, verify
from envlock.audit.evidence.documents import parse_report
from envlock.audit.evidence.folder import render_folder, write_folder
from envlock.audit.evidence.gather import (
    moment,
    read_handed,
    records_of,
    refuse_strangers,
    runtimes,
    versions_of,
)
from envlock.audit.evidence.installed import read_conda, read_installed
from envlock.audit.evidence.model import Evidence, Installed, SeenReport
from envlock.audit.evidence.signing import SshKey
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.report import Report

OWN = "reports/own.json"
_PRIVATE = ("name", "libcuda")


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceOrder:
    """What the evidence is made of, and where it goes. `target` None: nothing is verified now, and the
    reports are all there is. `key` is a private SSH key (or a public one whose private half an agent has);
    `epoch` is SOURCE_DATE_EPOCH, `title` None: the lock's project. `license` is that of the folder itself."""

    lock: Path
    folder: Path
    target: VerifyRequest | None = None
    reports: tuple[Path, ...] = ()
    receipts: tuple[Path, ...] = ()
    key: Path | None = None
    title: str | None = None
    license: str | None = None
    epoch: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceResult:
    """What was written: names relative to `folder`, and the fingerprint of the key that signed."""

    folder: Path
    evidence: Evidence
    files: tuple[str, ...]
    key: str | None


def write_evidence(order: EvidenceOrder) -> EvidenceResult:
    """Verify (where a target is named), gather, and write the folder.

    An environment that does not match is evidence, too: the verdict is in the result. Raises LockfileInvalid,
    EvidenceInvalid, CouldNotTell, ToolMissing, ToolFailed, DiskFailed.
    """
    evidence = _gathered(order)
    refuse_strangers(evidence)
    key = SshKey(order.key) if order.key is not None else None
    files = render_folder(evidence, key)
    write_folder(order.folder, files)
    return EvidenceResult(
        folder=order.folder,
        evidence=evidence,
        files=tuple(sorted(files)),
        key=key.fingerprint if key is not None else None,
    )


def _gathered(order: EvidenceOrder) -> Evidence:
    lock = read_lock(order.lock)
    handed = read_handed(order.reports, order.receipts)
    platform = locked_platform(lock, _platform(lock.platforms))
    own = tuple(_verified(order.target)) if order.target is not None else ()
    verified = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if own else None
    target = order.target
    return Evidence(
        title=order.title or lock.project or "a locked environment",
        platform=platform,
        lock=lock,
        lock_data=order.lock.read_bytes(),
        runtime=runtimes(lock, platform),
        reports=(*own, *handed.reports),
        receipts=handed.receipts,
        host=_host(target) if target is not None else {},
        installed=_installed(target.prefix, lock, platform) if target is not None else {},
        made=moment(order.epoch, verified, handed, lock),
        is_signed=order.key is not None,
        license=order.license,
    )


def _installed(prefix: Path, lock: Lock, platform: str) -> dict[str, Installed]:
    wheels = read_installed(prefix, versions_of(lock, platform))
    return {**wheels, **read_conda(prefix, records_of(lock, platform))}


def _platform(platforms: tuple[str, ...]) -> str:
    """This host's, where it is locked; else the first."""
    return platform_name() if platform_name() in platforms else platforms[0]


def _verified(target: VerifyRequest) -> Iterator[SeenReport]:
    """The report of a verification now. The seconds that it took and the folder that it was in stay out:
    they would make every folder another, and say where somebody's home is."""
    numbers = target.level == LEVEL
    report = verify_numerics(NumericsRequest(target=target)) if numbers else verify(target)
    data = json.dumps(_told(report), indent=2, ensure_ascii=False) + "\n"
    yield replace(parse_report(OWN, data.encode()), is_own=True)


def _told(report: Report) -> dict[str, object]:
    numerics = replace(report.numerics, seconds={}) if report.numerics is not None else None
    return replace(report, target=Path(report.target).name, timing={}, numerics=numerics).to_json()


def _host(target: VerifyRequest) -> dict[str, str]:
    found = host_facts(target.environment)
    return {name: value for name, value in found.items() if name not in _PRIVATE}
