"""What an image is beside its environment: its base, and what layers above that did to the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from envlock.lock.model import Lock
from envlock.observe.image import ImageFacts
from envlock.report import Finding, Report, Severity, finding_order
from envlock.report.model import verdict_of

# Where layers of an image write by right: users, caches, what packages document.
_OURS = re.compile(
    r"(?:home|root|tmp|run|var|mnt|media|dev|proc|sys|etc|usr/share|usr/src|usr/include)(?:/|$)"
)
# What the loader or Python reads before everything else, wherever it lies.
_FIRST = re.compile(
    r"etc/ld\.so\.preload|etc/ld\.so\.conf(?:\.d/.*)?|(?:.*/)?(?:sitecustomize|usercustomize)(?:\.[^/]*)?"
    r"|(?:.*/)?lib/python3(?:\.\d+)?/.*|(?:.*/)?lib/python3\d+\.zip",
    re.DOTALL,  # a name may have the end of a line in it
)
_MOST_NAMED = 20


def judge_image(lock: Lock, platform: str, report: Report, image: ImageFacts, name: str) -> Report:
    """The report of the environment inside, with what the image around it is."""
    findings = tuple(sorted((*report.findings, *_findings(lock, platform, image)), key=finding_order))
    return replace(report, verdict=verdict_of(findings), findings=findings, target=name)


def _findings(lock: Lock, platform: str, image: ImageFacts) -> Iterator[Finding]:
    locked = lock.image.platforms.get(platform) if lock.image is not None else None
    if locked is None:
        yield Finding(
            code="base-not-locked",
            severity=Severity.NOTE,
            component="image",
            message="the lock has no base image, so interpreter and system of this one are not proved",
            hint="name a base in [tool.envlock.image] and run `envlock lock`",
        )
        return
    if image.diff_ids[: len(locked.diff_ids)] != locked.diff_ids:
        yield _other_base(locked.diff_ids, image.diff_ids)
        return
    if image.inside:
        yield Finding(
            code="seen-from-inside",
            severity=Severity.NOTE,
            component="image",
            message="seen from inside: the image's own Python was trusted to look at the environment",
            hint="without `--inside` the layers are read, and what they do to the base is told",
        )
    yield from _named(image.changed, _is_code, _changed)
    yield from _named(image.added, _comes_first, _added)
    others = [path for path in image.added if not _comes_first(path) and not _OURS.match(path)]
    if others:
        counted = f"{len(others)} files" if len(others) > 1 else "1 file"
        yield Finding(
            code="image-files",
            severity=Severity.NOTE,
            component="image",
            path=f"/{others[0]}",
            message=f"layers above the base add {counted} outside of the environment",
        )
    built = locked.built
    if built is not None and image.id != built.id:
        yield Finding(
            code="other-image",
            severity=Severity.NOTE,
            component="image",
            expected=built.id,
            observed=image.id,
            message="this is another image than `envlock build oci` makes of the lock",
        )


def _other_base(wanted: tuple[str, ...], found: tuple[str, ...]) -> Finding:
    number = next(at for at, layer in enumerate(wanted) if found[at : at + 1] != (layer,))
    return Finding(
        code="base-differs",
        severity=Severity.DIFFERS,
        component="image",
        expected=wanted[number],
        observed=found[number] if number < len(found) else None,
        message=f"the image is not on the locked base: layer {number + 1} of its {len(wanted)} is another",
        hint="build the image again from the lock; `envlock lock --upgrade` takes the base of today",
    )


def _named(
    paths: tuple[str, ...], counts: Callable[[str], bool], finding: Callable[[str], Finding]
) -> Iterator[Finding]:
    found = [path for path in paths if counts(path)]
    yield from map(finding, found[:_MOST_NAMED])
    if len(found) > _MOST_NAMED:
        last, more = finding(found[_MOST_NAMED]), len(found) - _MOST_NAMED - 1
        counted = f", and so {'are' if more > 1 else 'is'} {more} more" if more else ""
        yield replace(last, message=f"{last.message}{counted}")


def _is_code(path: str) -> bool:
    """A file of the base that programs are made of."""
    return bool(_FIRST.fullmatch(path)) or not _OURS.match(path)


def _comes_first(path: str) -> bool:
    return bool(_FIRST.fullmatch(path))


def _changed(path: str) -> Finding:
    return Finding(
        code="base-file-differs",
        severity=Severity.DIFFERS,
        component="image",
        path=f"/{path}",
        message=f"`/{path}` of the base image was changed or removed by a layer above it",
        hint="leave the base as it is, or lock another base that has the change",
    )


def _added(path: str) -> Finding:
    return Finding(
        code="base-file-added",
        severity=Severity.FOREIGN,
        component="image",
        path=f"/{path}",
        message=f"`/{path}` was added by a layer above the base, and comes before what is locked",
        hint="leave it out, or lock another base that has it",
    )
