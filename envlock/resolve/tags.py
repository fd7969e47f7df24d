"""Which wheel a platform takes: one per distribution, the one that installers would take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envlock.manifest.platforms import Platform

Glibc: TypeAlias = tuple[int, int]
PythonSeries: TypeAlias = tuple[int, int]

# The oldest macOS that counts; PyTorch's and ONNX Runtime's arm64 wheels ask for 11 to 14.
MACOS = (14, 0)

_MACHINE = {
    Platform.LINUX_64: "x86_64",
    Platform.LINUX_AARCH64: "aarch64",
    Platform.OSX_ARM64: "arm64",
    Platform.WIN_64: "amd64",
}
# PEP 600: the manylinux profiles that had a name of their own.
_LEGACY = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
_OLDEST_GLIBC = {"x86_64": 5, "aarch64": 17}
# `uv --python-platform` knows these minors of glibc 2 beside 17.
_UV_GLIBC_MINORS = (17, 28, *range(31, 41))


def platform_tags(platform: Platform, glibc: Glibc) -> tuple[str, ...]:
    """Platform tags that `platform` can run, best first: newest glibc first, `linux_*` last."""
    if platform.is_linux:
        return tuple(_linux_tags(_MACHINE[platform], glibc))
    if platform is Platform.OSX_ARM64:
        return tuple(mac_platforms(MACOS, _MACHINE[platform]))
    return ("win_amd64",)


def _linux_tags(machine: str, glibc: Glibc) -> Iterator[str]:
    major, newest = glibc
    for minor in range(newest, _OLDEST_GLIBC[machine] - 1, -1):
        yield f"manylinux_{major}_{minor}_{machine}"
        if (major, minor) in _LEGACY:
            yield f"{_LEGACY[major, minor]}_{machine}"
    yield f"linux_{machine}"


def supported_tags(platform: Platform, python: PythonSeries, glibc: Glibc) -> tuple[Tag, ...]:
    """Every tag that CPython `python` on `platform` takes, best first."""
    platforms = platform_tags(platform, glibc)
    interpreter = f"cp{python[0]}{python[1]}"
    native = cpython_tags(python_version=python, abis=[interpreter], platforms=platforms)
    pure = compatible_tags(python_version=python, interpreter=interpreter, platforms=platforms)
    return (*native, *pure)


def best_wheel(files: Iterable[str], tags: tuple[Tag, ...]) -> str | None:
    """The file name that ranks first among `tags`; of equal ranks the highest build number.

    >>> tags = supported_tags(Platform.LINUX_64, (3, 11), (2, 28))
    >>> best_wheel(["a-1-py3-none-any.whl", "a-1-cp311-cp311-manylinux_2_17_x86_64.whl"], tags)
    'a-1-cp311-cp311-manylinux_2_17_x86_64.whl'
    """
    rank = {tag: place for place, tag in enumerate(tags)}
    ranked = [(key, file) for file in files if (key := _rank(file, rank)) is not None]
    return min(ranked)[1] if ranked else None


def _rank(file: str, rank: dict[Tag, int]) -> tuple[int, int, str] | None:
    """Sort key of one file: place of its best tag, build number (higher first), build suffix."""
    try:
        _, _, build, tags = parse_wheel_filename(file)
    except InvalidWheelFilename:
        return None
    places = [rank[tag] for tag in tags if tag in rank]
    number, suffix = build or (-1, "")
    return (min(places), -number, suffix) if places else None


def tags_of(files: Iterable[str]) -> tuple[str, ...]:
    """The tags that `files` carry as their names spell them: what there is, for a message."""
    return tuple(sorted({"-".join(file.removesuffix(".whl").split("-")[-3:]) for file in files}))


def uv_platform(platform: Platform, glibc: Glibc) -> str:
    """The value of `uv --python-platform`: never newer than `glibc`."""
    if platform.is_linux:
        minor = max((known for known in _UV_GLIBC_MINORS if known <= glibc[1]), default=17)
        return f"{_MACHINE[platform]}-manylinux_2_{minor}"
    return "aarch64-apple-darwin" if platform is Platform.OSX_ARM64 else "x86_64-pc-windows-msvc"


def series(python: str) -> PythonSeries:
    """Major and minor of a Python version.

    >>> series("3.11.7")
    (3, 11)
    """
    major, minor = python.split(".")[:2]
    return int(major), int(minor)
