"""What is asked, and what is answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from packaging.specifiers import SpecifierSet

from envlock.stack.code import WheelCode
from envlock.stack.sources import Source


class Verdict(StrEnum):
    """Of a reason and of the whole, worst first; a note is only of a reason and decides nothing."""

    NEVER_PUBLISHED = "never-published"
    WILL_NOT_RUN = "will-not-run"
    UNKNOWN = "unknown"
    EXISTS = "exists"
    NOTE = "note"

    @property
    def exit_status(self) -> int:
        return {Verdict.EXISTS: 0, Verdict.UNKNOWN: 8}.get(self, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchAsked:
    """A requirement of torch. `exact` is its one version (`2.6.0` for `torch==2.6`), else None.

    `other_variant` is a local version that is not of CUDA: `rocm6.2`.
    """

    text: str
    specifier: SpecifierSet
    exact: str | None = None
    other_variant: str | None = None


def exactly(torch: str) -> TorchAsked:
    """The requirement of one release."""
    return TorchAsked(text=f"torch=={torch}", specifier=SpecifierSet(f"=={torch}"), exact=torch)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageAsked:
    """An image: `repository` is `pytorch/pytorch`, `nvidia/cuda`, or one that the facts do not cover."""

    repository: str
    tag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Combination:
    """What is asked, as parsed. None: not asked. `cuda` is a toolkit version, its major or `cpu`; like
    `cudnn` and `nccl` it is compared by `fits`. `python` is a series (`3.11`, `3.13t`), `gpu` is as typed."""

    torch: TorchAsked | None = None
    cuda: str | None = None
    cudnn: str | None = None
    nccl: str | None = None
    python: str | None = None
    driver: str | None = None
    gpu: str | None = None
    glibc: str | None = None
    image: ImageAsked | None = None
    other_requirements: tuple[str, ...] = ()

    @property
    def names_host(self) -> bool:
        return any(each is not None for each in (self.driver, self.gpu, self.glibc))

    @property
    def names_stack(self) -> bool:
        return any((self.torch, self.cuda, self.cudnn, self.nccl, self.python))

    def to_json(self) -> dict[str, Any]:
        return {
            "requirements": [*([self.torch.text] if self.torch else []), *self.other_requirements],
            "cuda": self.cuda,
            "cudnn": self.cudnn,
            "nccl": self.nccl,
            "python": self.python,
            "driver": self.driver,
            "gpu": self.gpu,
            "glibc": self.glibc,
            "image": f"{self.image.repository}:{self.image.tag}" if self.image else None,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One thing that was judged: `about` is a word of the question (`torch`, `cuda`, `driver`, `image`)."""

    about: str
    verdict: Verdict
    message: str
    sources: tuple[Source, ...] = ()
    hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The reason as `--json` prints it."""
        return {
            "about": self.about,
            "verdict": str(self.verdict),
            "message": self.message,
            "hint": self.hint,
            "sources": [{"name": source.name, "text": source.text} for source in self.sources],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Real:
    """A combination that exists. `driver` is the oldest Linux driver that runs it, `toolkit_driver` the one
    that its CUDA shipped with; `manifest` holds the keys that ask for it."""

    torch: str
    cuda: str
    variant: str
    is_default: bool
    cudnn: str | None
    nccl: str | None
    triton: str | None
    pythons: tuple[str, ...]
    images: tuple[str, ...]
    driver: str | None
    toolkit_driver: str | None
    archs: tuple[str, ...]
    manifest: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "torch": self.torch,
            "cuda": self.cuda,
            "variant": self.variant,
            "default": self.is_default,
            "cudnn": self.cudnn,
            "nccl": self.nccl,
            "triton": self.triton,
            "pythons": list(self.pythons),
            "images": list(self.images),
            "driver": self.driver,
            "toolkit_driver": self.toolkit_driver,
            "archs": list(self.archs),
            "manifest": dict(self.manifest),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedStack:
    """The stack of one platform of a lock, whose own values are judged. `cuda` None: not known.

    `wheels` are the locked ones whose libraries are known, `tags` the floors of glibc that wheels claim by
    their names: version -> file.
    """

    platform: str
    torch: str
    cuda: str | None
    variant: str | None
    archs: tuple[str, ...]
    driver: str | None
    wheels: tuple[WheelCode, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """The answer: `nearest` has real combinations, the nearest first; of one that exists, itself.

    Where only a host is asked about (`lists_all`), it has all that run there, the newest first.
    """

    asked: Combination
    verdict: Verdict
    reasons: tuple[Reason, ...]
    nearest: tuple[Real, ...]
    lists_all: bool = False

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": "envlock.explain/1",
            "verdict": str(self.verdict),
            "asked": self.asked.to_json(),
            "reasons": [reason.to_json() for reason in self.reasons],
            "nearest": [real.to_json() for real in self.nearest],
        }


def fits(asked: str, version: str) -> bool:
    """Is `version` what is asked for, where the places that are asked for say the same?

    >>> fits("8.9", "8.9.2.26"), fits("12", "12.4"), fits("12.4", "12.4"), fits("8", "89")
    (True, True, True, False)
    """
    return f"{version}.".startswith(f"{asked}.")


_ORDER = tuple(Verdict)


def worst(reasons: Iterable[Reason]) -> Verdict:
    """The verdict of the whole: never-published, then will-not-run, then unknown, then exists."""
    found = [reason.verdict for reason in reasons if reason.verdict is not Verdict.NOTE]
    return min(found, key=_ORDER.index, default=Verdict.UNKNOWN)
