"""GPUs and driver as NVIDIA's management library tells them, for the doctor; without one, why not."""

from __future__ import annotations

from dataclasses import dataclass

from envlock.agent import nvml


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """One device. `memory` in bytes; what the driver does not tell of it is None."""

    name: str
    uuid: str
    capability: str | None
    multiprocessors: int | None
    memory: int | None
    mig: bool | None
    ecc: bool | None
    persistence: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuFacts:
    """As agent/nvml.py has them."""

    driver: str | None = None
    cuda: str | None = None
    gpus: tuple[Gpu, ...] = ()
    fault: str | None = None
    detail: str | None = None


def gpu_facts() -> GpuFacts:
    """Ask the library `libnvidia-ml.so.1` that the loader finds."""
    answer = nvml.ask()
    return GpuFacts(
        driver=answer["driver"],
        cuda=answer["cuda"],
        gpus=tuple(Gpu(**each) for each in answer["devices"]),
        fault=answer["fault"],
        detail=answer["detail"],
    )
