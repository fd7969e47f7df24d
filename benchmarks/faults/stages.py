"""Where a change is played: a copy of an environment on this machine, or an image with a layer on top."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.faults import images
from benchmarks.faults.cases import OURS, Case, Key
from benchmarks.faults.environments import Template
from benchmarks.faults.peers import Peers
from envlock.report import Report, Verdict
from tests.support.wheels import Wheel

Changes = Mapping[str, Callable[[Any], None]]


class Stage(Protocol):
    """An environment with the changes that fit it, and the tools that are asked beside envlock."""

    @property
    def name(self) -> str: ...
    @property
    def faults(self) -> Changes: ...
    @property
    def harmless(self) -> Changes: ...
    @property
    def peers(self) -> Peers: ...

    def play(self, change: Callable[[Any], None], key: Key, peers: Peers | None) -> Case:
        """Make the change in a fresh copy; let envlock, then the others, look at it."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PrefixStage:
    template: Template
    faults: Changes
    harmless: Changes
    peers: Peers

    @classmethod
    def of(cls, template: Template, faults: Changes, harmless: Changes) -> PrefixStage:
        return cls(template=template, faults=faults, harmless=harmless, peers=Peers(project=template.project))

    @property
    def name(self) -> str:
        return self.template.name

    def play(self, change: Callable[[Any], None], key: Key, peers: Peers | None) -> Case:
        scene = self.template.scene(f"{self.name} {key.seed}")
        change(scene)
        subject = scene.subject
        subject.environment.update(scene.environment)
        report = subject.verify(level="content")
        others = peers.of_prefix(subject.prefix, scene.environment) if peers is not None else {}
        return _case(self.name, key, scene.told, report, others)


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageStage:
    image: images.Made
    peers: Peers

    @classmethod
    def made(cls, work: Path, wheels: Sequence[Wheel | Path]) -> ImageStage:
        published = [wheel for wheel in wheels if isinstance(wheel, Path)]
        return cls(image=images.make(work), peers=Peers(project=images.project_of(work, published)))

    @property
    def name(self) -> str:
        return "image (OCI layout)"

    @property
    def faults(self) -> Changes:
        return images.FAULTS

    @property
    def harmless(self) -> Changes:
        return images.HARMLESS

    def play(self, change: Callable[[Any], None], key: Key, peers: Peers | None) -> Case:
        changed = images.changed(self.image, change, key.seed)
        report = images.judged(self.image, changed)
        others = images.said(self.image, changed, peers) if peers is not None else {}
        return _case(self.name, key, changed.told, report, others)


def _case(name: str, key: Key, told: str, report: Report, others: Mapping[str, bool | None]) -> Case:
    return Case(
        environment=name,
        kind=key.kind,
        seed=key.seed,
        harmful=key.harmful,
        told=told,
        said="; ".join(f.message for f in report.findings if str(f.severity) != "note")[:400],
        alarms={OURS: _alarm(report, harmful=key.harmful), **others},
    )


def _alarm(report: Report, *, harmful: bool) -> bool:
    """A fault is found where the verdict is a mismatch; of what is harmless, "could not tell" is an alarm."""
    return report.verdict is Verdict.MISMATCH if harmful else report.verdict is not Verdict.MATCH
