"""Locks as values, for the tests of the room."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from envlock.lock import CondaLock, CondaPackage, Distribution, Lock, Stack, Wheel
from envlock.lock.numerics import ProbeReference, Reference

SIX = "1c9e262c3fa1f6b56c7cbe9a603b3af741ab7589e804507edac139856e910e3a"
PATHS = "a0e79c99e03fffed2bda9914f5972f42b92bfb0c77d05b1b334175f6c1895891"
WIDGETS = "f752ad1c7a6f78f640fad02b39a2350368d2d626c00cdc59de8871450a052de0"


def wheel(file: str, *, digest: str = "d" * 64, platforms: tuple[str, ...] = ("linux-64",)) -> Wheel:
    return Wheel(
        file=file, platforms=platforms, sha256="a" * 64, size=11050, unpacked=36903, files=5, digest=digest
    )


def six() -> Distribution:
    return Distribution(
        name="six",
        version="1.17.0",
        index="default",
        requires=(),
        wheels=(wheel("six-1.17.0-py2.py3-none-any.whl", digest=SIX),),
    )


def widgets() -> Distribution:
    return Distribution(
        name="jupyterlab-widgets",
        version="3.0.13",
        index="default",
        requires=("six",),
        wheels=(wheel("jupyterlab_widgets-3.0.13-py3-none-any.whl", digest=WIDGETS),),
    )


def conda_package(name: str, **changed: Any) -> CondaPackage:
    """A package of linux-64 with the paths digest of the identity's vector."""
    package = CondaPackage(
        name=name,
        version="1.0",
        build="h0_0",
        build_number=0,
        subdir="linux-64",
        noarch=None,
        platforms=("linux-64",),
        channel="conda-forge",
        file=f"{name}-1.0-h0_0.conda",
        sha256="c" * 64,
        md5="d" * 32,
        size=20,
        timestamp=1_700_000_000_000,
        depends=(),
        constrains=(),
        paths=PATHS,
    )
    return replace(package, **changed)


def with_conda(base: Lock, *packages: CondaPackage, **virtual: str) -> Lock:
    """`base` with conda packages of one channel."""
    conda = CondaLock(channels=("conda-forge",), virtual_packages={"linux-64": virtual})
    return replace(base, conda=conda, conda_packages=packages)


def reference(**changed: Any) -> Reference:
    """What two probes gave on one class of host."""
    probes = (
        ProbeReference(name="matmul-f32", dtype="float32", sha256="1" * 64, sample="AACAPwAAAEA="),
        ProbeReference(name="sort", dtype="int64", sha256="2" * 64, sample="AQAAAAAAAAA="),
    )
    found = Reference(
        class_name="nc1:0123456789abcdef",
        platform="linux-64",
        runtime="rt1:" + "a" * 64,
        host={"aten": "AVX2", "cpu-vendor": "GenuineIntel", "threads": "4"},
        probes=probes,
    )
    return replace(found, **changed)


def lock(*distributions: Distribution) -> Lock:
    """A lock of CPython 3.11 on linux-64."""
    return Lock(
        manifest="0" * 64,
        python="3.11",
        python_exact="3.11.11",
        platforms=("linux-64",),
        glibc="2.28",
        exclude_newer=None,
        project=None,
        stack={"linux-64": Stack()},
        settings={},
        distributions=distributions,
    )
