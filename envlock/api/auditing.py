"""A repository -> findings, without running it."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envlock import __version__
from envlock.audit.repository import RULES, Audit, fixing, judge, read_repository, reference, sarif
from envlock.audit.repository.content import Repository
from envlock.audit.repository.fixing import Fixed
from envlock.audit.repository.model import Hit, Place
from envlock.audit.repository.text import Look, render
from envlock.errors import InvalidInput

__all__ = ["Audit", "AuditRequest", "Fixed", "Look", "audit", "fix", "render", "rules_page", "sarif_document"]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditRequest:
    """`path`: a folder, or one file of it. `whole` looks at all Python there is, however long it takes."""

    path: Path
    whole: bool = False


def audit(request: AuditRequest, *, environment: Mapping[str, str]) -> Audit:
    """Judge a repository. Nothing of it is run, nothing is fetched.

    Raises UsageFault where there is nothing at `path`, InvalidInput for a single file that is broken.
    """
    with _uncollected():
        return judge(_with_locks(read_repository(request.path, whole=request.whole), environment))


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles, which would look through every syntax tree again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def fix(found: Audit) -> Fixed:
    """Make the safe changes that its findings offer; each file is replaced whole."""
    from envlock.lock.file import replace_bytes

    return fixing.fix(Path(found.root), found.findings, replace_bytes)


def sarif_document(found: Audit) -> dict[str, Any]:
    """The judgement as SARIF 2.1.0."""
    return sarif.sarif(found, RULES, __version__)


def rules_page() -> str:
    """All rules, as docs/audit-rules.md has them."""
    return reference.page(RULES)


def _with_locks(repository: Repository, environment: Mapping[str, str]) -> Repository:
    """With what its own lockfiles say: stale against their manifests, or malformed."""
    stale, broken = dict[str, tuple[str, ...]](), list[Hit]()
    for name, project, variant in _own_locks(repository):
        try:
            reasons = _stale(repository.root / name, repository.root / project, variant, environment)
        except InvalidInput as error:
            within = f"{repository.root / name}, "  # which the place says
            told = "; ".join(
                f"{fault.where.removeprefix(within)}: {fault.message}" for fault in error.faults[:3]
            )
            broken.append(Hit(place=Place(file=name), message=told or error.message))
            continue
        if reasons:
            stale[name] = reasons
    return replace(repository, stale=stale, broken=(*repository.broken, *broken))


def _stale(path: Path, project: Path, variant: str | None, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Why a lockfile is not that of its manifest. What reads them is loaded here: few have one."""
    from envlock.api.manifests import manifest_of
    from envlock.lock.file import read_lock
    from envlock.lock.freshness import stale_because

    lock = read_lock(path)
    return stale_because(lock, manifest_of(project, variant=variant, environment=environment))


def _own_locks(repository: Repository) -> Iterator[tuple[str, str, str | None]]:
    """(lockfile, its project, its variant)."""
    for name in repository.locks:
        folder, _, base = name.rpartition("/")
        if base == "envlock.lock":
            yield name, folder or ".", None
        elif base.endswith(".envlock.lock"):
            yield name, name.removesuffix(".envlock.lock"), None
        elif base.startswith("envlock.") and base.endswith(".lock"):
            yield name, folder or ".", base.removeprefix("envlock.").removesuffix(".lock")
