"""Locks as values, for emitters: no wheel stands behind the hashes."""

from __future__ import annotations

from dataclasses import replace

from envlock.lock.model import Distribution, ImageLock, ImagePlatform, Lock, Stack, Wheel

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
