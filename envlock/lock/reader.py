"""Text of `envlock.lock` -> Lock. Strict: every value in full, no unknown key, no contradiction."""

from __future__ import annotations

from dataclasses import replace

from envlock.errors import LockfileInvalid
from envlock.lock import patterns
from envlock.lock.conda.reader import read_conda, read_conda_packages
from envlock.lock.conda.writer import conda_order
from envlock.lock.consistency import judge_distribution, judge_lock
from envlock.lock.model import (
    LOCK_VERSION,
    BuiltImage,
    Distribution,
    Fixup,
    ImageLock,
    ImagePlatform,
    Lock,
    Stack,
    Wheel,
)
from envlock.lock.numerics import read_references
from envlock.lock.reading import per_platform, sorted_texts, text
from envlock.lock.runtime import conda_runtime_hash, runtime_hash
from envlock.lock.writer import order
from envlock.manifest import patterns as manifest_patterns
from envlock.manifest.documents import parse_toml
from envlock.manifest.tables import Faults, Table, code

_NO_LOCK = "`-l FILE` names a lockfile, `envlock lock` writes one"
_REMAKE = "restore it from version control, or remove it and run `envlock lock`"
_TOP = ("manifest", "python", "python-exact", "glibc", "platforms", "runtime")
_TOP_OPTIONAL = (
    *("version", "exclude-newer", "project", "stack", "settings"),
    *("image", "conda", "distribution", "conda-package", "numerics"),
)
_STACK = ("torch", "cuda", "variant", "cudnn", "nccl", "triton", "gpu-archs", "driver")
_DISTRIBUTION = ("name", "version", "index", "requires", "wheels")
_WHEEL = ("file", "platforms", "sha256", "size", "unpacked", "files", "digest")


def loads(text: str, *, where: str) -> Lock:
    """The lock that `text` spells; `where` is the file as the user knows it.

    Raises LockfileInvalid with all faults. `[runtime]` is computed again from its parts.
    """
    faults = Faults()
    document = parse_toml(text, where, faults)
    faults.raise_if_any(LockfileInvalid, where, _REMAKE)
    table = Table(file=where, path="", data=document or {}, faults=faults)
    _check_version(table)
    lock = _lock(table)
    judge_lock(lock, table)
    if not faults:
        _judge_runtime(lock, table)
    faults.raise_if_any(LockfileInvalid, where, _REMAKE)
    return replace(
        lock,
        distributions=tuple(sorted(lock.distributions, key=order)),
        conda_packages=tuple(sorted(lock.conda_packages, key=conda_order)),
    )


def _check_version(table: Table) -> None:
    """Raise at once for another format: what else its keys mean, nobody here knows."""
    version = table.data.get("version")
    if version == LOCK_VERSION and type(version) is int:
        return
    if type(version) is int and version > LOCK_VERSION:
        message = f"lockfile version {version} needs a newer envlock: this one reads version {LOCK_VERSION}"
        hint = "`pip install --upgrade torch-envlock`"
    else:
        message = f"is not a lockfile of version {LOCK_VERSION}"
        hint = _NO_LOCK if version is None else _REMAKE
    table.fault("version", message)
    table.faults.raise_if_any(LockfileInvalid, table.file, hint)


def _lock(table: Table) -> Lock:
    table.only((*_TOP_OPTIONAL, *_TOP))
    table.require(_TOP)
    return Lock(
        manifest=text(table, "manifest", patterns.SHA256),
        python=text(table, "python", manifest_patterns.PYTHON),
        python_exact=text(table, "python-exact", patterns.PYTHON_EXACT),
        platforms=sorted_texts(table, "platforms", manifest_patterns.PLATFORM),
        glibc=text(table, "glibc", manifest_patterns.GLIBC),
        exclude_newer=table.text("exclude-newer", manifest_patterns.INSTANT),
        project=table.text("project", patterns.NAME),
        stack={platform: _stack(row) for platform, row in per_platform(table, "stack").items()},
        settings=table.named_texts(
            "settings", manifest_patterns.SETTING_NAME, manifest_patterns.SETTING_VALUE
        ),
        distributions=tuple(map(_distribution, table.tables("distribution"))),
        image=_image(table),
        conda=read_conda(table),
        conda_packages=read_conda_packages(table),
        numerics=read_references(table),
    )


def _stack(table: Table) -> Stack:
    table.only(_STACK)
    return Stack(
        torch=table.text("torch", patterns.VERSION),
        cuda=table.text("cuda", patterns.CUDA),
        variant=table.text("variant", patterns.CUDA_VARIANT),
        cudnn=table.text("cudnn", patterns.VERSION),
        nccl=table.text("nccl", patterns.VERSION),
        triton=table.text("triton", patterns.VERSION),
        gpu_archs=table.texts("gpu-archs", patterns.GPU_ARCHITECTURE) or (),
        driver=table.text("driver", patterns.DRIVER),
    )


def _image(table: Table) -> ImageLock | None:
    image = table.table("image")
    if image is None:
        return None
    image.only(("base", "digest", "platforms"))
    image.require(("base",))
    return ImageLock(
        base=text(image, "base", manifest_patterns.IMAGE_BASE),
        digest=image.text("digest", manifest_patterns.HASH),
        platforms={name: _image_platform(row) for name, row in per_platform(image, "platforms").items()},
    )


def _image_platform(table: Table) -> ImagePlatform:
    table.only(("manifest", "diff-ids", "built"))
    table.require(("manifest", "diff-ids"))
    return ImagePlatform(
        manifest=text(table, "manifest", manifest_patterns.HASH),
        diff_ids=table.texts("diff-ids", manifest_patterns.HASH) or (),
        built=_built(table),
    )


def _built(platform: Table) -> BuiltImage | None:
    table = platform.table("built")
    if table is None:
        return None
    keys = ("format", "id", "manifest", "diff-ids")
    table.only(keys)
    table.require(keys)
    return BuiltImage(
        format=table.integer("format") or 0,
        id=text(table, "id", manifest_patterns.HASH),
        manifest=text(table, "manifest", manifest_patterns.HASH),
        diff_ids=table.texts("diff-ids", manifest_patterns.HASH) or (),
    )


def _distribution(table: Table) -> Distribution:
    name = text(table, "name", patterns.NAME)
    row = replace(table, path=f"distribution.{name}") if name else table
    row.only(_DISTRIBUTION)
    row.require(_DISTRIBUTION)
    distribution = Distribution(
        name=name,
        version=text(row, "version", patterns.VERSION),
        index=text(row, "index", manifest_patterns.INDEX_NAME),
        requires=sorted_texts(row, "requires", patterns.NAME),
        wheels=tuple(sorted(map(_wheel, row.tables("wheels")), key=lambda wheel: wheel.file)),
    )
    judge_distribution(distribution, row)
    return distribution


def _wheel(table: Table) -> Wheel:
    table.only((*_WHEEL, "fixups"))
    table.require(_WHEEL)
    return Wheel(
        file=text(table, "file", patterns.WHEEL_FILE),
        platforms=_wheel_platforms(table),
        sha256=text(table, "sha256", patterns.SHA256),
        size=table.integer("size") or 0,
        unpacked=table.integer("unpacked") or 0,
        files=table.integer("files") or 0,
        digest=text(table, "digest", patterns.SHA256),
        fixups=tuple(sorted(map(_fixup, table.tables("fixups")), key=lambda row: (row.place, row.path))),
    )


def _fixup(table: Table) -> Fixup:
    table.only(("place", "path", "sha256", "absent"))
    table.require(("place", "path"))
    sha256, absent = table.text("sha256", patterns.SHA256), table.flag("absent")
    if absent is ("sha256" in table.data):
        table.fault("sha256", "a fixup has either `sha256` or `absent = true`")
    place, path = text(table, "place", patterns.PLACE), text(table, "path", patterns.FIXUP_PATH)
    return Fixup(place=place, path=path, sha256=sha256)


def _wheel_platforms(row: Table) -> tuple[str, ...]:
    if row.data.get("platforms") == []:
        row.fault("platforms", "names no platform")
    return sorted_texts(row, "platforms", manifest_patterns.PLATFORM)


def _judge_runtime(lock: Lock, table: Table) -> None:
    """Fault a `[runtime]` that is not what the lock's own parts hash to."""
    rows = per_platform(table, "runtime")
    table.below("runtime").require(lock.platforms)
    for platform, row in rows.items():
        row.only(("wheels", "conda"))
        if platform not in lock.platforms:
            table.below("runtime").fault(platform, f"{code(platform)} is not among `platforms`")
        else:
            _judge_hashes(lock, platform, row)


def _judge_hashes(lock: Lock, platform: str, row: Table) -> None:
    try:
        computed = {"wheels": runtime_hash(lock, platform), "conda": conda_runtime_hash(lock, platform)}
    except ValueError as error:  # a Python that the stack facts cannot describe
        row.fault("wheels", str(error))
        return
    row.require(key for key, value in computed.items() if value is not None)
    for key, value in computed.items():
        said = row.text(key, patterns.RUNTIME_HASH)
        if value is None and said is not None:
            row.fault(key, f"the lock has no conda package for {platform}")
        elif said is not None and said != value:
            row.fault(key, "the runtime hash does not follow from the lock: it was edited, or merged")
