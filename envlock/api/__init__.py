"""The pipeline, wired in a few short functions: what the commands call, and what scripts may call.

    lock      manifest -> envlock.lock           check     is the lock that of the manifest?
    verify    lock and a prefix -> Report        verify_facts  lock and a facts document -> Report
    sync      lock -> virtual environment        repair    restore what differs
    emit      lock -> a file for another tool        diff      two locks -> what differs
    explain   a combination -> Explanation           explain_lock  lock -> why it holds what it holds
    verify_documents  many facts documents -> FleetReport   verify_launched  through srun, mpirun, ssh, …
    init      a repository -> a manifest
    run       a command in the locked environment -> a receipt      compare_receipts  two of them
    bisect_locks  two locks and a command -> the change that flips its result
    bundle    lock -> one archive that installs without a network    verify_bundle, sync_bundle
    write_evidence  a lock, reports, receipts -> a folder for a paper
    check_evidence  such folders -> does all of it hold, and who signed
    audit     a repository -> findings, without running it
    resurrect  a repository and a day -> the manifest and the lock that it would have had
    compare   a lock -> every route to an environment, planned or measured
    record_numerics  results of this host into the lock     verify_numerics  hold a host against them
    compare_numerics  two environments of a host -> what an upgrade does to the numbers

Names are imported when they are used: `lock --check` has a quarter of a second in all.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from envlock.api.auditing import Audit, AuditRequest, audit
    from envlock.api.bisecting import BisectOrder, bisect_locks
    from envlock.api.building import OciOrder, OciResult, build_oci
    from envlock.api.bundling import (
        BundleOrder,
        BundleResult,
        bundle,
        repair_bundle,
        sync_bundle,
        verify_bundle,
    )
    from envlock.api.comparing import CompareOrder, Comparison, compare
    from envlock.api.container_numerics import verify_container_numerics, verify_image_numerics
    from envlock.api.diffing import diff, diff_hosts, is_facts
    from envlock.api.doctoring import doctor
    from envlock.api.emitting import EmitRequest, emit
    from envlock.api.evidence import EvidenceOrder, EvidenceResult, write_evidence
    from envlock.api.evidence_checking import EvidenceCheck, check_evidence
    from envlock.api.explaining import LockExplanation, Question, explain, explain_lock
    from envlock.api.fleets import (
        ExpectedHosts,
        FleetRequest,
        Reach,
        verify_documents,
        verify_launched,
        verify_ray,
    )
    from envlock.api.loaded import RunningRequest, verify_loaded, verify_running
    from envlock.api.locking import LockRequest, LockResult, check, lock
    from envlock.api.numerics import (
        Changed,
        NumericsRequest,
        Recorded,
        Upgrade,
        compare_numerics,
        numerics_profile,
        record_numerics,
        verify_numerics,
    )
    from envlock.api.resurrecting import Resurrected, ResurrectRequest, resurrect
    from envlock.api.running import RunOrder, RunOutcome, compare_receipts, read_receipt, run
    from envlock.api.standings import Checked, CheckOrder, check_sources
    from envlock.api.starting import InitRequest, InitResult, init
    from envlock.api.syncing import RepairOutcome, SyncOrder, repair, sync
    from envlock.api.verifying import (
        ContainerRequest,
        How,
        ImageRequest,
        VerifyRequest,
        verify,
        verify_container,
        verify_facts,
        verify_image,
    )

_HOMES = {
    "locking": ("LockRequest", "LockResult", "check", "lock"),
    "verifying": (
        *("ContainerRequest", "How", "ImageRequest", "VerifyRequest"),
        *("verify", "verify_container", "verify_facts", "verify_image"),
    ),
    "fleets": (
        *("ExpectedHosts", "FleetRequest", "Reach"),
        *("verify_documents", "verify_launched", "verify_ray"),
    ),
    "syncing": ("RepairOutcome", "SyncOrder", "repair", "sync"),
    "emitting": ("EmitRequest", "emit"),
    "standings": ("CheckOrder", "Checked", "check_sources"),
    "diffing": ("diff", "diff_hosts", "is_facts"),
    "bisecting": ("BisectOrder", "bisect_locks"),
    "bundling": (
        *("BundleOrder", "BundleResult"),
        *("bundle", "repair_bundle", "sync_bundle", "verify_bundle"),
    ),
    "building": ("OciOrder", "OciResult", "build_oci"),
    "evidence": ("EvidenceOrder", "EvidenceResult", "write_evidence"),
    "evidence_checking": ("EvidenceCheck", "check_evidence"),
    "container_numerics": ("verify_container_numerics", "verify_image_numerics"),
    "explaining": ("LockExplanation", "Question", "explain", "explain_lock"),
    "doctoring": ("doctor",),
    "comparing": ("CompareOrder", "Comparison", "compare"),
    "numerics": (
        *("Changed", "NumericsRequest", "Recorded", "Upgrade"),
        *("compare_numerics", "numerics_profile", "record_numerics", "verify_numerics"),
    ),
    "running": ("RunOrder", "RunOutcome", "compare_receipts", "read_receipt", "run"),
    "loaded": ("RunningRequest", "verify_loaded", "verify_running"),
    "resurrecting": ("ResurrectRequest", "Resurrected", "resurrect"),
    "auditing": ("Audit", "AuditRequest", "audit"),
    "starting": ("InitRequest", "InitResult", "init"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Audit",
    "AuditRequest",
    "BisectOrder",
    "BundleOrder",
    "BundleResult",
    "Changed",
    "CheckOrder",
    "Checked",
    "CompareOrder",
    "Comparison",
    "ContainerRequest",
    "EmitRequest",
    "EvidenceCheck",
    "EvidenceOrder",
    "EvidenceResult",
    "ExpectedHosts",
    "FleetRequest",
    "How",
    "ImageRequest",
    "InitRequest",
    "InitResult",
    "LockExplanation",
    "LockRequest",
    "LockResult",
    "NumericsRequest",
    "OciOrder",
    "OciResult",
    "Question",
    "Reach",
    "Recorded",
    "RepairOutcome",
    "ResurrectRequest",
    "Resurrected",
    "RunOrder",
    "RunOutcome",
    "RunningRequest",
    "SyncOrder",
    "Upgrade",
    "VerifyRequest",
    "audit",
    "bisect_locks",
    "build_oci",
    "bundle",
    "check",
    "check_evidence",
    "check_sources",
    "compare",
    "compare_numerics",
    "compare_receipts",
    "diff",
    "diff_hosts",
    "doctor",
    "emit",
    "explain",
    "explain_lock",
    "init",
    "is_facts",
    "lock",
    "numerics_profile",
    "read_receipt",
    "record_numerics",
    "repair",
    "repair_bundle",
    "resurrect",
    "run",
    "sync",
    "sync_bundle",
    "verify",
    "verify_bundle",
    "verify_container",
    "verify_container_numerics",
    "verify_documents",
    "verify_facts",
    "verify_image",
    "verify_image_numerics",
    "verify_launched",
    "verify_loaded",
    "verify_numerics",
    "verify_ray",
    "verify_running",
    "write_evidence",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module `envlock.api` has no `{name}`")
    return getattr(importlib.import_module(f"envlock.api.{_HOME_OF[name]}"), name)
