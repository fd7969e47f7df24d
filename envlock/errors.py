"""Everything that envlock can fail with, and the exit status each failure ends in.

EnvlockError                          exit
├── EnvironmentDiffers                1   environment-differs: `require()` found a mismatch
├── UsageFault                        2   usage
├── InvalidInput                      3   a file that the user wrote, or a lockfile
│   ├── ManifestInvalid                   manifest-invalid
│   ├── LockfileInvalid                   lockfile-invalid
│   ├── ForeignLockInvalid                foreign-lock-invalid
│   └── BundleInvalid                     bundle-invalid
├── NoSolution                        4   what was asked for cannot be had
│   ├── NoSuchBuild                       no-such-build
│   ├── WrongBuild                        wrong-build
│   ├── NoSuchImage                       no-such-image
│   ├── NoWheel                           no-wheel
│   ├── BadWheel                          bad-wheel
│   ├── BadPackage                        bad-package
│   ├── FileClash                         file-clash
│   ├── RecordLies                        record-lies
│   └── CannotAdopt                       cannot-adopt
├── SourceFailed                      5   network, index or registry
│   ├── IndexFailed                       index-failed
│   ├── RegistryFailed                    registry-failed
│   ├── HashMismatch                      hash-mismatch
│   └── GoneFromIndex                     gone-from-index
├── ToolFailed                        6   a tool is missing or failed
│   ├── ToolMissing                       tool-missing
│   ├── NoInterpreter                     no-interpreter
│   └── DiskFailed                        disk-failed
└── CouldNotTell                      8   could not look; never called a match
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from envlock.report.model import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One fault of an input that is read to its end: where it is, and what would mend it."""

    where: str
    message: str
    hint: str | None = None


class EnvlockError(Exception):
    """Base of all failures: a message, the place it is about, and the next thing to do.

    `facts` are labelled lines between message and hint: `("exists", "2.6.0 with 11.8, 12.4")`.
    """

    code: ClassVar[str] = "failed"
    exit_status: ClassVar[int] = 70

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        facts: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint
        self.facts = tuple(facts)


class EnvironmentDiffers(EnvlockError):
    """The environment that a program runs in is not what its lock says. `report` has every finding."""

    code = "environment-differs"
    exit_status = 1

    def __init__(
        self,
        message: str,
        *,
        report: Report,
        where: str | None = None,
        hint: str | None = None,
        facts: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message, where=where, hint=hint, facts=facts)
        self.report = report


class UsageFault(EnvlockError):
    code = "usage"
    exit_status = 2


class InvalidInput(EnvlockError):
    """A file with faults. All of them are reported at once."""

    code = "invalid-input"
    exit_status = 3

    def __init__(
        self,
        message: str,
        *,
        faults: Sequence[Fault] = (),
        where: str | None = None,
        hint: str | None = None,
        facts: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message, where=where, hint=hint, facts=facts)
        self.faults = tuple(faults)


class ManifestInvalid(InvalidInput):
    code = "manifest-invalid"


class LockfileInvalid(InvalidInput):
    code = "lockfile-invalid"


class EvidenceInvalid(InvalidInput):
    """A document, or a folder of evidence, that is not what it must be."""

    code = "evidence-invalid"


class ForeignLockInvalid(InvalidInput):
    """The lock of another tool, which `lock --from` cannot read."""

    code = "foreign-lock-invalid"


class BundleInvalid(InvalidInput):
    """A file or folder that is no bundle, or one that no bundle of ours looks like."""

    code = "bundle-invalid"


class NoSolution(EnvlockError):
    code = "no-solution"
    exit_status = 4


class NoSuchBuild(NoSolution):
    """The combination of PyTorch and CUDA was never published."""

    code = "no-such-build"


class WrongBuild(NoSolution):
    """The resolution holds another build than the one asked for (a CPU wheel, another CUDA)."""

    code = "wrong-build"


class NoSuchImage(NoSolution):
    """An image that was never published, or that cannot be the base of what is locked."""

    code = "no-such-image"


class NoWheel(NoSolution):
    """A distribution has no wheel for a platform (IDENTITY 1)."""

    code = "no-wheel"


class BadWheel(NoSolution):
    """A wheel whose member names cannot be installed safely (IDENTITY 2.6)."""

    code = "bad-wheel"


class BadPackage(NoSolution):
    """A conda package that does not say what it holds, or holds what no lock may."""

    code = "bad-package"


class FileClash(NoSolution):
    """Two distributions install one path with different bytes (IDENTITY 2.7), or a conda package and a
    wheel bring one CUDA library."""

    code = "file-clash"


class RecordLies(NoSolution):
    """The RECORD of a wheel does not describe its members."""

    code = "record-lies"


class CannotAdopt(NoSolution):
    """A pin of another tool's lock that no wheel of an index stands for; all of them are told at once."""

    code = "cannot-adopt"


class SourceFailed(EnvlockError):
    code = "source-failed"
    exit_status = 5


class IndexFailed(SourceFailed):
    code = "index-failed"


class RegistryFailed(SourceFailed):
    """A registry, or a layout of an image on disk, does not give what it is asked for."""

    code = "registry-failed"


class HashMismatch(SourceFailed):
    code = "hash-mismatch"


class GoneFromIndex(SourceFailed):
    """A locked file is no longer on the index that the lock names."""

    code = "gone-from-index"


class ToolFailed(EnvlockError):
    code = "tool-failed"
    exit_status = 6


class ToolMissing(ToolFailed):
    code = "tool-missing"


class NoInterpreter(ToolFailed):
    code = "no-interpreter"


class DiskFailed(ToolFailed):
    code = "disk-failed"


class CouldNotTell(EnvlockError):
    code = "could-not-tell"
    exit_status = 8
