"""Locks as values, for emitters: no wheel stands behind the hashes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from envlock.lock.model import (
    CondaLock,
    CondaPackage,
    Distribution,
    ImageLock,
    ImagePlatform,
    Lock,
    Stack,
    Wheel,
)

LINUX = "linux-64"
BASE = "docker.io/library/python:3.11-slim-bookworm"


def distribution(
    name: str, version: str, *, index: str = "default", tag: str = "py3-none-any"
) -> Distribution:
    """A distribution with one wheel; its hashes tell its name."""
    sha256 = name.encode().hex().ljust(64, "0")[:64]
    wheel = Wheel(
        file=f"{name.replace('-', '_')}-{version}-{tag}.whl",
        platforms=(LINUX,),
        sha256=sha256,
        size=1000 + len(name),
        unpacked=4000,
        files=4,
        digest=sha256[::-1],
    )
    return Distribution(name=name, version=version, index=index, requires=(), wheels=(wheel,))


def plain_lock() -> Lock:
    """Everything on the default index, no CUDA, no base image."""
    return Lock(
        manifest="ab" * 32,
        python="3.11",
        python_exact="3.11.11",
        platforms=(LINUX,),
        glibc="2.28",
        exclude_newer=None,
        project="demo-project",
        stack={LINUX: Stack()},
        settings={"PYTHONHASHSEED": "0", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"},
        distributions=(distribution("filelock", "3.13.1"), distribution("typing-extensions", "4.12.2")),
    )


def cuda_lock() -> Lock:
    """torch of CUDA 11.8 on the PyTorch index, and a base image by digest."""
    torch = distribution("torch", "2.6.0+cu118", index="pytorch", tag="cp311-cp311-manylinux_2_28_x86_64")
    plain = plain_lock()
    return replace(
        plain,
        stack={LINUX: Stack(torch="2.6.0", cuda="11.8", variant="cu118", driver="450.80.02")},
        distributions=(plain.distributions[0], torch, plain.distributions[1]),
        image=ImageLock(
            base=BASE,
            digest="sha256:" + "1" * 64,
            platforms={LINUX: ImagePlatform(manifest="sha256:" + "2" * 64, diff_ids=())},
        ),
    )


def conda_package(name: str, version: str, *depends: str, **changed: Any) -> CondaPackage:
    """A package of linux-64; its hashes tell its name."""
    sha256 = name.encode().hex().ljust(64, "0")[:64]
    package = CondaPackage(
        name=name,
        version=version,
        build="h0_0",
        build_number=0,
        subdir="linux-64",
        noarch=None,
        platforms=(LINUX,),
        channel="conda-forge",
        file=f"{name}-{version}-h0_0.conda",
        sha256=sha256,
        md5=sha256[:32],
        size=2000,
        timestamp=1_735_689_600_000,
        depends=depends,
        constrains=(),
        paths=sha256[::-1],
    )
    return replace(package, **changed)


def conda_lock() -> Lock:
    """Python and two packages of conda, one wheel; two platforms, of which one has less."""
    both = (LINUX, "osx-arm64")
    attrs = conda_package(
        "attrs",
        "25.4.0",
        "python >=3.9",
        subdir="noarch",
        noarch="python",
        platforms=both,
        constrains=("old-attrs <1",),
    )
    packages = (
        attrs,
        conda_package("libzlib", "1.3.1", "__glibc >=2.17,<3.0.a0"),
        conda_package(
            "python", "3.11.11", "libzlib >=1.3,<2.0a0", site_packages="lib/python3.11/site-packages"
        ),
        conda_package(
            "python",
            "3.11.11",
            subdir="osx-arm64",
            platforms=("osx-arm64",),
            build="h1_0",
            file="python-3.11.11-h1_0.conda",
        ),
    )
    virtual = {LINUX: {"__glibc": "2.28"}, "osx-arm64": {}}
    return replace(
        plain_lock(),
        platforms=both,
        distributions=plain_lock().distributions[:1],
        conda=CondaLock(channels=("conda-forge",), virtual_packages=virtual),
        conda_packages=packages,
    )


def jupyter_lock() -> Lock:
    """The plain lock, and JupyterLab."""
    plain = plain_lock()
    return replace(plain, distributions=(plain.distributions[0], distribution("jupyterlab", "4.3.5")))
