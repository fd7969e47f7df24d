"""Lock -> text of `envlock.lock`: sorted, LF, one way to write each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.version import Version

from envlock.lock.conda.writer import conda_order, conda_package, conda_tables
from envlock.lock.model import LOCK_VERSION, BuiltImage, Distribution, Fixup, ImageLock, Lock, Stack, Wheel
from envlock.lock.numerics import spelled
from envlock.lock.runtime import conda_runtime_hash, runtime_hash
from envlock.lock.spelling import array, text, texts

_HEADER = "# made by envlock, not to be edited: `envlock lock` writes it"


def dumps(lock: Lock) -> str:
    """The lockfile's text. Equal locks give equal bytes, on every machine."""
    tables = (
        _top(lock),
        *(_stack(platform, lock.stack[platform]) for platform in sorted(lock.stack)),
        _settings(lock.settings),
        *(_runtime(lock, platform) for platform in sorted(lock.platforms)),
        *_image(lock.image),
        *conda_tables(lock.conda),
        *(_distribution(distribution) for distribution in sorted(lock.distributions, key=order)),
        *(conda_package(package) for package in sorted(lock.conda_packages, key=conda_order)),
        *(spelled(reference) for reference in lock.numerics),
    )
    return "\n".join("".join(f"{line}\n" for line in table) for table in map(tuple, tables) if table)


def order(distribution: Distribution) -> tuple[str, Version, str, str]:
    """By name, version and index; by the version's spelling where `1.0` and `1.0.0` are both there."""
    return distribution.name, Version(distribution.version), distribution.index, distribution.version


def _top(lock: Lock) -> Iterator[str]:
    yield _HEADER
    yield f"version = {LOCK_VERSION}"
    yield from texts(
        ("manifest", lock.manifest),
        ("python", lock.python),
        ("python-exact", lock.python_exact),
        ("glibc", lock.glibc),
        ("exclude-newer", lock.exclude_newer),
        ("project", lock.project),
    )
    yield f"platforms = {array(sorted(lock.platforms))}"


def _stack(platform: str, stack: Stack) -> Iterator[str]:
    yield f"[stack.{platform}]"
    yield from texts(
        ("torch", stack.torch),
        ("cuda", stack.cuda),
        ("variant", stack.variant),
        ("cudnn", stack.cudnn),
        ("nccl", stack.nccl),
        ("triton", stack.triton),
    )
    if stack.gpu_archs:
        yield f"gpu-archs = {array(stack.gpu_archs)}"
    yield from texts(("driver", stack.driver))


def _settings(settings: Mapping[str, str]) -> Iterator[str]:
    if settings:
        yield "[settings]"
        yield from texts(*sorted(settings.items()))


def _runtime(lock: Lock, platform: str) -> Iterator[str]:
    yield f"[runtime.{platform}]"
    yield from texts(("wheels", runtime_hash(lock, platform)), ("conda", conda_runtime_hash(lock, platform)))


def _image(image: ImageLock | None) -> Iterator[Iterator[str]]:
    if image is None:
        return
    yield iter(["[image]", *texts(("base", image.base), ("digest", image.digest))])
    for name in sorted(image.platforms):
        platform = image.platforms[name]
        rows = (*texts(("manifest", platform.manifest)), f"diff-ids = {array(platform.diff_ids)}")
        yield iter([f"[image.platforms.{name}]", *rows])
        if platform.built is not None:
            yield _built(name, platform.built)


def _built(name: str, built: BuiltImage) -> Iterator[str]:
    yield f"[image.platforms.{name}.built]"
    yield f"format = {built.format}"
    yield from texts(("id", built.id), ("manifest", built.manifest))
    yield f"diff-ids = {array(built.diff_ids)}"


def _distribution(distribution: Distribution) -> Iterator[str]:
    yield "[[distribution]]"
    yield from texts(
        ("name", distribution.name), ("version", distribution.version), ("index", distribution.index)
    )
    yield f"requires = {array(sorted(distribution.requires))}"
    yield "wheels = ["
    for wheel in sorted(distribution.wheels, key=lambda wheel: wheel.file):
        yield f"    {_wheel(wheel)},"
    yield "]"


def _wheel(wheel: Wheel) -> str:
    rows = [
        f"file = {text(wheel.file)}",
        f"platforms = {array(sorted(wheel.platforms))}",
        f"sha256 = {text(wheel.sha256)}",
        f"size = {wheel.size}",
        f"unpacked = {wheel.unpacked}",
        f"files = {wheel.files}",
        f"digest = {text(wheel.digest)}",
    ]
    if wheel.fixups:
        fixups = sorted(wheel.fixups, key=lambda fixup: (fixup.place, fixup.path))
        rows.append(f"fixups = [{', '.join(map(_fixup, fixups))}]")
    return f"{{ {', '.join(rows)} }}"


def _fixup(fixup: Fixup) -> str:
    value = "absent = true" if fixup.sha256 is None else f"sha256 = {text(fixup.sha256)}"
    return f"{{ place = {text(fixup.place)}, path = {text(fixup.path)}, {value} }}"
