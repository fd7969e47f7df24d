"""Observe a target and judge it against a lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.agent.facts import Facts
from envlock.lock.file import read_lock
from envlock.lock.model import Lock
from envlock.observe import LocalTarget, expectation_of, observe_local, read_facts
from envlock.report import Report
from envlock.resolve.wheels.entries import EntryCache
from envlock.verify import Judgement, judge
from envlock.verify.platform import locked_platform

__all__ = [
    "ContainerRequest",
    "How",
    "ImageRequest",
    "VerifyRequest",
    "image_platform",
    "judge_facts",
    "locked_platform",
    "verify",
    "verify_container",
    "verify_facts",
    "verify_image",
]

if TYPE_CHECKING:
    from envlock.observe.image import ImageFacts
    from envlock.resolve.oci.layered import LayeredImage


@dataclass(frozen=True, kw_only=True, slots=True)
class How:
    """How strictly a target is judged. `platform` None: that of the target."""

    strict: bool = False
    require_gpu: bool = False
    in_job: bool = False
    platform: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyRequest:
    """A prefix that is visible from here, and the lockfile that it is held against.

    `cache` is envlock's cache directory: without it every pass is a full one, and a RECORD that was
    edited to match is named without the file.
    """

    lock: Path
    prefix: Path
    environment: Mapping[str, str]
    level: str = "warm"
    cache: Path | None = None
    how: How = field(default_factory=How)


def verify(request: VerifyRequest) -> Report:
    """Compare an environment with its lock. Raises LockfileInvalid, CouldNotTell."""
    return judged(request)[0]


def judged(request: VerifyRequest) -> tuple[Report, Facts]:
    """The report, and what it judges. Raises as `verify` does."""
    from envlock.agent.host import platform_name

    lock = read_lock(request.lock)
    platform = locked_platform(lock, request.how.platform or platform_name())
    facts = observe_local(
        LocalTarget(
            prefix=request.prefix,
            level=request.level,
            environment=request.environment,
            expectation=expectation_of(lock, platform),
            cache=request.cache,
        )
    )
    return judge_facts(lock, facts, platform, request.how, request.cache), facts


def verify_facts(lock: Path, facts: Path, *, how: How | None = None, cache: Path | None = None) -> Report:
    """Judge a facts document that an agent printed on another host. Raises as `verify` does."""
    how = how or How()
    locked = read_lock(lock)
    document = read_facts(facts)
    platform = locked_platform(locked, how.platform or document["host"].get("platform", ""))
    return judge_facts(locked, document, platform, how, cache)


def judge_facts(lock: Lock, facts: Facts, platform: str, how: How, cache: Path | None) -> Report:
    entries = EntryCache(directory=cache).entries if cache is not None else _no_entries
    return judge(
        lock,
        facts,
        Judgement(
            platform=platform,
            entries=entries,
            strict=how.strict,
            require_gpu=how.require_gpu,
            in_job=how.in_job,
        ),
    )


def _no_entries(_digest: str) -> bytes | None:
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRequest:
    """An image to verify: a reference in a registry, `oci:DIR`, or a file that `docker save` wrote.

    `prefix` is the environment inside of it (None: what its configuration says). `environment` is the
    user's. `inside` is a container engine here that has the image: the agent runs in a container of it.
    """

    lock: Path
    image: str
    environment: Mapping[str, str]
    prefix: str | None = None
    inside: str | None = None
    cache: Path | None = None
    how: How = field(default_factory=How)


def verify_image(request: ImageRequest) -> Report:
    """Read an image from outside, prove its layers and its base, and judge the environment in it.

    Nothing of it runs, but where it is asked to be looked at from inside. Raises LockfileInvalid,
    CouldNotTell, RegistryFailed, HashMismatch, ToolFailed.
    """
    from envlock.verify.image import judge_image

    lock = read_lock(request.lock)
    platform = image_platform(lock, request.how.platform)
    found = _from_outside(request, lock, platform) if request.inside is None else _from_inside(request)
    report = judge_facts(lock, found.facts, platform, replace(request.how, in_job=True), request.cache)
    return judge_image(lock, platform, report, found, request.image)


def _from_inside(request: ImageRequest) -> ImageFacts:
    from envlock.observe.container import ContainerTarget, observe_inside

    target = ContainerTarget(
        engine=request.inside or "",
        name=request.image,
        lockfile=request.lock.read_bytes(),
        environment=request.environment,
        prefix=request.prefix,
        gpus=request.how.require_gpu,
    )
    return observe_inside(target)


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerRequest:
    """A running container of `engine` (`docker` or `podman`) to verify, as its processes see it.

    `prefix` is the environment inside of it (None: what its configuration says). `environment` is the
    user's.
    """

    lock: Path
    name: str
    environment: Mapping[str, str]
    engine: str = "docker"
    prefix: str | None = None
    cache: Path | None = None
    how: How = field(default_factory=How)


def verify_container(request: ContainerRequest) -> Report:
    """Judge a container that runs. Raises LockfileInvalid, CouldNotTell, ToolFailed."""
    from envlock.observe.container import ContainerTarget, observe_running

    lock = read_lock(request.lock)
    target = ContainerTarget(
        engine=request.engine,
        name=request.name,
        lockfile=request.lock.read_bytes(),
        environment=request.environment,
        prefix=request.prefix,
    )
    facts = observe_running(target)
    platform = locked_platform(lock, request.how.platform or facts["host"].get("platform", ""))
    report = judge_facts(lock, facts, platform, request.how, request.cache)
    return replace(report, target=request.name)


def _from_outside(request: ImageRequest, lock: Lock, platform: str) -> ImageFacts:
    from envlock.observe.image import ImageTarget, observe_image

    locked = lock.image.platforms.get(platform) if lock.image is not None else None
    with _opened(request, platform) as image:
        target = ImageTarget(
            image=image,
            platform=platform,
            expectation=expectation_of(lock, platform),
            base_layers=len(locked.diff_ids) if locked is not None else len(image.layers),
            prefix=request.prefix,
        )
        return observe_image(target)


def image_platform(lock: Lock, asked: str | None) -> str:
    """What is asked for, else this host's platform, else the lock's first for Linux."""
    from envlock.agent.host import platform_name

    if asked is not None or platform_name() in lock.platforms:
        return locked_platform(lock, asked or platform_name())
    return locked_platform(lock, next((name for name in lock.platforms if name.startswith("linux-")), ""))


@contextmanager
def _opened(request: ImageRequest, platform: str) -> Iterator[LayeredImage]:
    from envlock.resolve.oci.layered import layered, open_saved

    if Path(request.image).is_file():
        with open_saved(Path(request.image)) as saved:
            yield saved
        return
    from envlock.api.sources import sources_beside
    from envlock.resolve.image import Finding, open_platform, open_store, top_document

    sources = sources_beside(request.lock, request.environment)
    finding = Finding(root=Path.cwd(), sources=sources, environment=request.environment)
    store = open_store(request.image, finding)
    yield layered(open_platform(store, top_document(store, request.image), platform))
