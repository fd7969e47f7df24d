"""Run a command in an environment that matches its lock, and leave a receipt; compare receipts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from envlock import __version__
from envlock.agent.environment import relevant
from envlock.agent.host import platform_name
from envlock.api.verifying import VerifyRequest, locked_platform, verify
from envlock.errors import UsageFault
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.observe.numerics import NumericsTarget, observe_class
from envlock.report import Report, Verdict
from envlock.run.code import observe_code
from envlock.run.compare import Comparison, Difference, compare
from envlock.run.mapped import MappedFiles
from envlock.run.outputs import declare, observe
from envlock.run.process import Command, activated, run_to_end
from envlock.run.receipt import (
    SCHEMA,
    AboutFacts,
    CheckFacts,
    ClassFacts,
    CodeFacts,
    Receipt,
    RuntimeFacts,
    is_receipt,
    prove_writable,
    read_receipt,
    reserve,
    write_receipt,
)
from envlock.run.secrets import without_secrets


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOrder:
    """A command, the environment that it needs, and where its receipt goes. `outputs` are paths as the user
    names them, below `folder`, where the command runs. `numerics` False: the class is not asked for, which
    saves an import of torch. `keep`: a receipt that is there stays, and the new one gets the next number."""

    target: VerifyRequest
    words: tuple[str, ...]
    receipt: Path
    folder: Path
    outputs: tuple[str, ...] = ()
    numerics: bool = True
    keep: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOutcome:
    """`report` is that of the check before the command; where it is no match, nothing was run and there is no
    receipt. `path` is where the receipt is, `replaced` whether another was there. `after` is the report of
    the check at the end."""

    report: Report
    receipt: Receipt | None = None
    path: Path | None = None
    replaced: bool = False
    after: Report | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Declared outputs that are not there."""
        outputs = self.receipt["outputs"] if self.receipt else {}
        return tuple(name for name, each in outputs.items() if each["sha256"] is None)

    @property
    def unwritten(self) -> tuple[str, ...]:
        """Declared outputs that were there before, and that the command left alone."""
        outputs = self.receipt["outputs"] if self.receipt else {}
        return tuple(
            name for name, each in outputs.items() if each["sha256"] is not None and not each["written"]
        )


def run(order: RunOrder) -> RunOutcome:
    """Verify, run, verify again, write the receipt. Raises LockfileInvalid, CouldNotTell, ToolMissing where
    the command cannot be started, DiskFailed before it where no receipt could be written."""
    _check(order)
    lock = read_lock(order.target.lock)
    prefix = order.target.prefix.absolute()
    job = activated(order.target.environment, prefix, lock.settings)
    target = replace(order.target, prefix=prefix, environment=job, how=replace(order.target.how, in_job=True))
    report = verify(target)
    if report.verdict is not Verdict.MATCH:
        return RunOutcome(report=report)
    before = _before(order, lock, job)
    mapped, declared = MappedFiles(prefix), declare(order.outputs, order.folder)
    started, clock = datetime.now(UTC), time.monotonic()
    command = Command(words=order.words, environment=job, folder=order.folder)
    status = run_to_end(command, mapped.look)
    seconds = time.monotonic() - clock
    after = verify(replace(target, level="warm"))
    receipt = Receipt(
        schema=SCHEMA,
        runtime=RuntimeFacts(platform=before.platform, hash=report.expected, held=_held(report, after)),
        settings=dict(sorted(lock.settings.items())),
        variables=before.variables,
        numerics=before.numerics,
        code=before.code,
        command=without_secrets(order.words),
        exit_status=status,
        outputs=observe(declared),
        about=AboutFacts(
            envlock=__version__,
            started=started.isoformat(timespec="seconds").replace("+00:00", "Z"),
            seconds=round(seconds, 3),
            start=_check_facts(report),
            end=_check_facts(after),
            libraries=mapped.facts(),
        ),
    )
    replaced = order.receipt.exists() and not order.keep
    path = _left(order, receipt)
    return RunOutcome(report=report, receipt=receipt, path=path, replaced=replaced, after=after)


def compare_receipts(first: Path, second: Path) -> Comparison:
    """Hold two receipts against each other. Raises CouldNotTell for what is none."""
    return compare(read_receipt(first), read_receipt(second))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Before:
    """What is known before the command runs."""

    platform: str
    variables: dict[str, str]
    numerics: ClassFacts | None
    code: CodeFacts | None


def _check(order: RunOrder) -> None:
    if not order.words:
        raise UsageFault("there is no command to run", hint="`envlock run -- python train.py`")
    receipt = order.receipt.absolute()
    if any((order.folder / name).absolute() == receipt for name in order.outputs):
        raise UsageFault(
            f"`{order.receipt}` is the receipt and cannot be an output of the command",
            hint="name another file: `envlock run --receipt FILE -- CMD`",
        )
    if not order.keep and _would_lose(order.receipt):
        raise UsageFault(
            f"`{order.receipt}` is there and is no receipt: it would be lost",
            hint="name another file: `envlock run --receipt FILE -- CMD`",
        )
    prove_writable(order.receipt)


def _left(order: RunOrder, receipt: Receipt) -> Path:
    """Where the receipt lies, once it is written."""
    path = reserve(order.receipt) if order.keep else order.receipt
    write_receipt(path, receipt)
    return path


def _would_lose(path: Path) -> bool:
    """A file with something in it that no run left."""
    return path.is_file() and path.stat().st_size > 0 and not is_receipt(path)


def _before(order: RunOrder, lock: Lock, job: Mapping[str, str]) -> _Before:
    watched = relevant(job, ())
    return _Before(
        platform=locked_platform(lock, order.target.how.platform or platform_name()),
        variables={name: value for name, value in watched.items() if name not in lock.settings},
        numerics=_class(order, job) if order.numerics else None,
        code=observe_code(order.folder, order.target.environment, _not_code(order)),
    )


def _not_code(order: RunOrder) -> tuple[Path, ...]:
    return (order.receipt.absolute(), order.target.prefix.absolute(), *map(Path, order.outputs))


def _class(order: RunOrder, job: Mapping[str, str]) -> ClassFacts:
    target = NumericsTarget(python=order.target.prefix.absolute() / "bin" / "python", environment=job)
    name, host = observe_class(target)
    return ClassFacts(name=name, host=dict(host))


def _held(report: Report, after: Report) -> bool:
    return after.verdict is Verdict.MATCH and after.observed == report.observed


def _check_facts(report: Report) -> CheckFacts:
    return CheckFacts(
        verdict=str(report.verdict),
        level=report.level,
        hash=report.observed,
        findings=[each.message for each in report.findings if each.severity.turns_verdict],
    )


__all__ = [
    "Comparison",
    "Difference",
    "Receipt",
    "RunOrder",
    "RunOutcome",
    "compare_receipts",
    "read_receipt",
    "run",
]
