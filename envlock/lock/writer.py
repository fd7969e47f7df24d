"""Lock -> text of `envlock.lock`: sorted, LF, one way to write each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packaging.version import Version

from envlock.lock.model import LOCK_VERSION, Distribution, Fixup, ImageLock, Lock, Stack, Wheel
from envlock.lock.runtime import runtime_hash

_HEADER = "# made by envlock, not to be edited: `envlock lock` writes it"
# What a TOML basic string must escape, in the spellings that JSON has too: the agent reads it as such.
_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(0x20), 0x7F)} | {
    ord('"'): '\\"',
    ord("\\"): "\\\\",
    ord("\n"): "\\n",
    ord("\t"): "\\t",
    ord("\r"): "\\r",
}


def dumps(lock: Lock) -> str:
    """The lockfile's text. Equal locks give equal bytes, on every machine."""
    tables = (
        _top(lock),
        *(_stack(platform, lock.stack[platform]) for platform in sorted(lock.stack)),
        _settings(lock.settings),
        *(_runtime(lock, platform) for platform in sorted(lock.platforms)),
        *_image(lock.image),
        *(_distribution(distribution) for distribution in sorted(lock.distributions, key=order)),
    )
    return "\n".join("".join(f"{line}\n" for line in table) for table in map(tuple, tables) if table)


def order(distribution: Distribution) -> tuple[str, Version, str, str]:
    """By name, version and index; by the version's spelling where `1.0` and `1.0.0` are both there."""
    return distribution.name, Version(distribution.version), distribution.index, distribution.version


def _top(lock: Lock) -> Iterator[str]:
    yield _HEADER
    yield f"version = {LOCK_VERSION}"
    yield from _texts(
        ("manifest", lock.manifest),
        ("python", lock.python),
        ("python-exact", lock.python_exact),
        ("glibc", lock.glibc),
        ("exclude-newer", lock.exclude_newer),
        ("project", lock.project),
    )
    yield f"platforms = {_array(sorted(lock.platforms))}"


def _stack(platform: str, stack: Stack) -> Iterator[str]:
    yield f"[stack.{platform}]"
    yield from _texts(
        ("torch", stack.torch),
        ("cuda", stack.cuda),
        ("variant", stack.variant),
        ("cudnn", stack.cudnn),
        ("nccl", stack.nccl),
        ("triton", stack.triton),
    )
    if stack.gpu_archs:
        yield f"gpu-archs = {_array(stack.gpu_archs)}"
    yield from _texts(("driver", stack.driver))


def _settings(settings: Mapping[str, str]) -> Iterator[str]:
    if settings:
        yield "[settings]"
        yield from _texts(*sorted(settings.items()))


def _runtime(lock: Lock, platform: str) -> Iterator[str]:
    yield f"[runtime.{platform}]"
    yield from _texts(("wheels", runtime_hash(lock, platform)))


def _image(image: ImageLock | None) -> Iterator[Iterator[str]]:
    if image is None:
        return
    yield iter(["[image]", *_texts(("base", image.base), ("digest", image.digest))])
    for name in sorted(image.platforms):
        platform = image.platforms[name]
        rows = (*_texts(("manifest", platform.manifest)), f"diff-ids = {_array(platform.diff_ids)}")
        yield iter([f"[image.platforms.{name}]", *rows])


def _distribution(distribution: Distribution) -> Iterator[str]:
    yield "[[distribution]]"
    yield from _texts(
        ("name", distribution.name), ("version", distribution.version), ("index", distribution.index)
    )
    yield f"requires = {_array(sorted(distribution.requires))}"
    yield "wheels = ["
    for wheel in sorted(distribution.wheels, key=lambda wheel: wheel.file):
        yield f"    {_wheel(wheel)},"
    yield "]"


def _wheel(wheel: Wheel) -> str:
    rows = [
        f"file = {_text(wheel.file)}",
        f"platforms = {_array(sorted(wheel.platforms))}",
        f"sha256 = {_text(wheel.sha256)}",
        f"size = {wheel.size}",
        f"unpacked = {wheel.unpacked}",
        f"files = {wheel.files}",
        f"digest = {_text(wheel.digest)}",
    ]
    if wheel.fixups:
        fixups = sorted(wheel.fixups, key=lambda fixup: (fixup.place, fixup.path))
        rows.append(f"fixups = [{', '.join(map(_fixup, fixups))}]")
    return f"{{ {', '.join(rows)} }}"


def _fixup(fixup: Fixup) -> str:
    value = "absent = true" if fixup.sha256 is None else f"sha256 = {_text(fixup.sha256)}"
    return f"{{ place = {_text(fixup.place)}, path = {_text(fixup.path)}, {value} }}"


def _texts(*rows: tuple[str, str | None]) -> Iterator[str]:
    yield from (f"{key} = {_text(value)}" for key, value in rows if value is not None)


def _array(texts: tuple[str, ...] | list[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(value: str) -> str:
    return f'"{value.translate(_ESCAPES)}"'
