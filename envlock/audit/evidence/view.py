"""What all pages of the folder say: rows of label and value, parts, and numbers, out of the evidence."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from envlock.audit.evidence.model import CarriedLibrary, Evidence, Installed, SeenReceipt
from envlock.lock.numerics import Reference
from envlock.report.text import size
from envlock.verify.distance import Distance, distance

_VERDICTS = {
    "match": "match: every locked file is byte for byte the one that is there",
    "mismatch": "mismatch: the environment is not what the lock says",
    "incomplete": "incomplete: something could not be looked at",
}
_HOST_NAMES = {
    "platform": "platform",
    "system": "system",
    "kernel": "kernel",
    "machine": "machine",
    "libc": "C library",
    "byte_order": "byte order",
    "nvidia_driver": "NVIDIA driver",
    "nvidia_capabilities": "compute capabilities",
    "gpu_devices": "GPU devices",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    label: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A distribution or a conda package. `size_bytes` is what it takes on disk; of a conda package, whose
    lock does not say it, None."""

    name: str
    version: str
    kind: str
    rows: tuple[Row, ...]
    needs: tuple[str, ...]
    licences: tuple[str, ...]
    libraries: tuple[CarriedLibrary, ...]
    size_bytes: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Apart:
    """How far a probe lies from its reference: `where` says which two were compared."""

    probe: str
    where: str
    changed_percent: float
    median_ulp: float | None
    max_relative: float | None
    cause: str | None = None

    @property
    def words(self) -> str:
        found = Distance(
            changed_percent=self.changed_percent, median_ulp=self.median_ulp, max_relative=self.max_relative
        )
        return f"{found}; restored by {self.cause}" if self.cause else str(found)


def verdict_words(evidence: Evidence) -> str:
    return _VERDICTS[str(evidence.verdict)]


def stack_rows(evidence: Evidence) -> tuple[Row, ...]:
    """The stack as it was locked; what the lock does not have is left out."""
    lock, stack = evidence.lock, evidence.stack
    rows = (
        ("Python", f"{lock.python} (CPython; {lock.python_exact} where one is installed)"),
        ("platform", evidence.platform),
        ("PyTorch", stack.torch),
        ("CUDA toolkit", stack.cuda),
        ("CUDA variant", stack.variant),
        ("cuDNN", stack.cudnn),
        ("NCCL", stack.nccl),
        ("Triton", stack.triton),
        ("GPU architectures", " ".join(stack.gpu_archs)),
        ("NVIDIA driver", f"{stack.driver} or newer" if stack.driver else None),
        ("C library", f"glibc {lock.glibc} or newer" if evidence.platform.startswith("linux-") else None),
        ("index as of", lock.exclude_newer),
        ("base image", _base(evidence)),
    )
    return tuple(Row(label=label, value=value) for label, value in rows if value)


def _base(evidence: Evidence) -> str | None:
    image = evidence.lock.image
    return f"{image.base} {image.digest or ''}".strip() if image is not None else None


def setting_rows(evidence: Evidence) -> tuple[Row, ...]:
    return tuple(Row(label=name, value=value) for name, value in sorted(evidence.lock.settings.items()))


def host_rows(evidence: Evidence) -> tuple[Row, ...]:
    return tuple(
        Row(label=label, value=evidence.host[name])
        for name, label in _HOST_NAMES.items()
        if evidence.host.get(name)
    )


def totals(evidence: Evidence) -> tuple[int, int, int]:
    """(distributions and packages, files of wheels, bytes of wheels on disk)."""
    wheels = [wheel for _, wheel in evidence.lock.on(evidence.platform)]
    conda = list(evidence.lock.conda_on(evidence.platform)) if evidence.is_conda else []
    count = len(wheels) + len(conda)
    return count, sum(wheel.files for wheel in wheels), sum(wheel.unpacked for wheel in wheels)


def parts(evidence: Evidence) -> tuple[Part, ...]:
    """Every locked part of the platform, by kind and name."""
    conda = _conda_parts(evidence) if evidence.is_conda else ()
    return (*_wheel_parts(evidence), *conda)


def _wheel_parts(evidence: Evidence) -> Iterator[Part]:
    for row, wheel in evidence.lock.on(evidence.platform):
        said = evidence.installed.get(row.name, Installed())
        facts = (
            ("wheel", wheel.file),
            ("sha256", wheel.sha256),
            ("digest of its files", wheel.digest),
            ("files", f"{wheel.files:,}"),
            ("on disk", size(wheel.unpacked)),
            ("index", row.index),
        )
        yield Part(
            name=row.name,
            version=row.version,
            kind="distribution",
            rows=tuple(Row(label=label, value=value) for label, value in facts),
            needs=row.requires,
            licences=said.licences,
            libraries=said.libraries,
            size_bytes=wheel.unpacked,
        )


def _conda_parts(evidence: Evidence) -> Iterator[Part]:
    for row in evidence.lock.conda_on(evidence.platform):
        said = evidence.installed.get(f"conda:{row.name}", Installed())
        facts = (
            ("archive", f"{row.subdir}/{row.file}"),
            ("sha256", row.sha256),
            ("digest of its files", row.paths),
            ("archive size", size(row.size)),
            ("channel", row.channel),
        )
        yield Part(
            name=row.name,
            version=row.version,
            kind="conda package",
            rows=tuple(Row(label=label, value=value) for label, value in facts),
            needs=row.depends,
            licences=said.licences,
            libraries=said.libraries,
            size_bytes=None,
        )


def references(evidence: Evidence) -> tuple[Reference, ...]:
    """The recorded numerics of this platform that are of this runtime: one for each class of host."""
    wanted = {(evidence.platform, value) for value in evidence.runtime.values()}
    return tuple(each for each in evidence.lock.numerics if (each.platform, each.runtime) in wanted)


def apart(evidence: Evidence) -> tuple[Apart, ...]:
    """Every probe that is not equal: between the classes of the lock, then in each report."""
    return (*_between_classes(evidence), *_in_reports(evidence))


def _between_classes(evidence: Evidence) -> Iterator[Apart]:
    first, *others = references(evidence) or (None,)
    if first is None:
        return
    known = {probe.name: probe for probe in first.probes}
    for other in others:
        for probe in other.probes:
            base = known.get(probe.name)
            if base is not None and base.sha256 != probe.sha256:
                found = distance(probe.dtype, base.sample, probe.sample)
                yield Apart(
                    probe=probe.name,
                    where=f"{first.class_name} and {other.class_name}",
                    changed_percent=found.changed_percent,
                    median_ulp=found.median_ulp,
                    max_relative=found.max_relative,
                )


def _in_reports(evidence: Evidence) -> Iterator[Apart]:
    for report in evidence.reports:
        for row in report.numerics.differing if report.numerics else ():
            yield Apart(
                probe=row.name,
                where=report.name,
                changed_percent=row.changed_percent,
                median_ulp=row.median_ulp,
                max_relative=row.max_relative,
                cause=row.cause,
            )


def command_of(receipt: SeenReceipt) -> str:
    return shlex.join(receipt.receipt["command"])


def commit_of(receipt: SeenReceipt) -> str:
    code = receipt.receipt["code"]
    if code is None:
        return "not known: no git repository"
    changed = len(code["changed_files"])
    dirty = f", with {changed} uncommitted file{'s' * (changed != 1)}" if changed else ""
    return f"{code['commit'] or 'none yet'}{dirty}"
