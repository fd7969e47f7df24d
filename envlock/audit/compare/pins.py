"""What each route pins, how far, and what it leaves to the host: from the lock alone."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.audit.compare.model import Depth, Pin, Route
from envlock.lock.model import Lock


def pins_of(lock: Lock, platform: str, route: Route) -> tuple[Pin, ...]:
    """Every part of an environment, from the interpreter down to the driver."""
    return tuple(_pins(lock, platform, route))


def has_conda(lock: Lock, platform: str) -> bool:
    return any(lock.conda_on(platform))


def _pins(lock: Lock, platform: str, route: Route) -> Iterator[Pin]:
    yield _interpreter(lock, platform, route)
    yield _packages(lock, platform, route)
    yield _native(lock, platform, route)
    yield _system(lock, platform, route)
    yield _pin("kernel", Depth.HOST, "the host's; no container brings one")
    yield _driver(lock, platform)
    yield _pin("GPU", Depth.HOST, _archs(lock, platform))


def _interpreter(lock: Lock, platform: str, route: Route) -> Pin:
    match route:
        case Route.VENV:
            return _pin(
                "interpreter", Depth.HOST, f"a Python {lock.python} of the host; its version is checked"
            )
        case Route.CONDA if has_conda(lock, platform):
            return _pin("interpreter", Depth.BYTES, "the conda package, by sha256, and each file of it")
        case Route.CONDA:
            how = f"python =={lock.python_exact} of environment.yml; conda chooses the build anew"
            return _pin("interpreter", Depth.VERSION, how)
        case Route.OCI if has_conda(lock, platform):
            return _pin("interpreter", Depth.BYTES, "the conda package, by sha256, in a layer of the image")
        case _:
            return _of_base(lock, platform, "interpreter")


def _packages(lock: Lock, platform: str, route: Route) -> Pin:
    how = "each wheel by sha256, each installed file by its own"
    if route in (Route.CONDA, Route.OCI) and has_conda(lock, platform):
        how = "each conda package and wheel by sha256, each installed file by its own"
    elif route is Route.CONDA:
        how = "each wheel by sha256, through pip; conda does not look at the installed files again"
    return _pin("Python packages", Depth.BYTES, how)


def _native(lock: Lock, platform: str, route: Route) -> Pin:
    """CUDA, cuDNN, BLAS and their kin: what computes."""
    if route in (Route.CONDA, Route.OCI) and has_conda(lock, platform):
        return _pin("native libraries", Depth.BYTES, "inside the conda packages and the wheels, by file")
    return _pin("native libraries", Depth.BYTES, "inside the wheels (CUDA, cuDNN, BLAS, …), by file")


def _system(lock: Lock, platform: str, route: Route) -> Pin:
    """libc, libm and the loader: below everything else."""
    if route in (Route.DOCKER, Route.OCI):
        return _of_base(lock, platform, "system libraries")
    how = f"libc, libm and the loader of the host; glibc {lock.glibc} or newer is required"
    return _pin("system libraries", Depth.HOST, how)


def _of_base(lock: Lock, platform: str, part: str) -> Pin:
    base = lock.image.platforms.get(platform) if lock.image is not None else None
    if lock.image is None or base is None:
        return _pin(part, Depth.VERSION, "a base image by its tag, which may point elsewhere tomorrow")
    return _pin(part, Depth.BYTES, f"base image {lock.image.base}, by digest and layer")


def _driver(lock: Lock, platform: str) -> Pin:
    stack = lock.stack.get(platform)
    if stack is None or stack.driver is None:
        return _pin("GPU driver", Depth.ABSENT, "the lock needs none")
    return _pin(
        "GPU driver", Depth.HOST, f"the host's, also in a container; {stack.driver} or newer is required"
    )


def _archs(lock: Lock, platform: str) -> str:
    stack = lock.stack.get(platform)
    archs = ", ".join(stack.gpu_archs) if stack is not None else ""
    return f"the host's; the build has code for {archs}" if archs else "the host's"


def _pin(part: str, depth: Depth, how: str) -> Pin:
    return Pin(part=part, depth=depth, how=how)
