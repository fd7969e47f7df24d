"""What a host's own facts say: pure judgement over what was seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envlock.doctor.model import Diagnosis
from envlock.observe.gpu import GpuFacts


@dataclass(frozen=True, kw_only=True, slots=True)
class HostFacts:
    """What was seen. `module` is the loaded kernel module's version, `libcuda` where the loader finds the
    driver's library; `torch` the version of the PyTorch in the environment at hand, `wanted` the CUDA of the
    lock at hand ("12.4", "cpu"); `contaminating` variables that change what is loaded, with the effect."""

    gpu: GpuFacts
    module: str | None
    libcuda: str | None
    devices: tuple[str, ...]
    engines: tuple[str, ...]
    toolkit: str | None
    cdi: tuple[str, ...]
    externally_managed: str | None
    contaminating: Mapping[str, str]
    torch: str | None
    wanted: str | None
    floor: str | None


def diagnosed(host: HostFacts) -> tuple[Diagnosis, ...]:
    """What is wrong, faults first."""
    found = [*_driver(host), *_torch(host), *_containers(host), *_python(host)]
    return tuple(sorted(found, key=lambda each: not each.is_fault))


def _driver(host: HostFacts) -> Iterator[Diagnosis]:
    library = host.gpu.driver
    if host.gpu.fault == "version-mismatch" or (host.module and library and host.module != library):
        yield Diagnosis(
            code="driver-needs-reboot",
            message=f"the kernel module is {host.module or 'unknown'}, the driver's library is "
            f"{library or 'of another version'}: the driver was updated under it",
            hint="`sudo reboot` (or unload and load the nvidia modules)",
            seen=host.gpu.detail,
        )
    elif host.gpu.fault is not None and (host.module or host.devices):
        yield Diagnosis(
            code="libcuda-not-found" if host.gpu.fault == "library-not-found" else host.gpu.fault,
            message="there is an NVIDIA device or kernel module here, and its library does not answer",
            hint="`nvidia-smi` shows the same; in a container, start it with `--gpus all`",
            seen=host.gpu.detail,
        )
    elif host.gpu.fault is not None:
        yield Diagnosis(
            code="no-gpu",
            message="no NVIDIA device, kernel module or library here: PyTorch runs on the CPU",
            hint="locks for GPUs can be made and verified here; they run elsewhere",
            seen=host.gpu.detail,
            is_fault=host.torch is not None and host.wanted not in (None, "cpu"),
        )
    if library and host.floor and _older(library, host.floor):
        yield Diagnosis(
            code="driver-too-old",
            message=f"driver {library} is older than {host.floor}, which the lock's CUDA {host.wanted} needs",
            hint=f"install driver {host.floor} or newer; `envlock explain --driver {library}` says what runs",
        )


def _torch(host: HostFacts) -> Iterator[Diagnosis]:
    if host.torch is None or host.wanted is None:
        return
    is_cpu = host.torch.endswith("+cpu")
    if is_cpu and host.wanted != "cpu":
        yield Diagnosis(
            code="cpu-build",
            message=f"PyTorch {host.torch} is installed, a CPU build; the lock has CUDA {host.wanted}",
            hint="`envlock sync` installs the locked one",
        )


def _containers(host: HostFacts) -> Iterator[Diagnosis]:
    if host.engines and (host.module or host.devices) and host.toolkit is None and not host.cdi:
        yield Diagnosis(
            code="container-toolkit-missing",
            message=f"{', '.join(host.engines)} and a GPU, but no container toolkit: no container sees it",
            hint="install nvidia-container-toolkit; `sudo nvidia-ctk runtime configure --runtime=docker`",
        )


def _python(host: HostFacts) -> Iterator[Diagnosis]:
    if host.externally_managed is not None:
        yield Diagnosis(
            code="externally-managed",
            message="the system's Python belongs to its package manager (PEP 668)",
            hint="`envlock sync` makes an environment of its own",
            seen=host.externally_managed,
            is_fault=False,
        )
    for name, effect in host.contaminating.items():
        yield Diagnosis(
            code="contaminating-variable",
            message=f"`{name}` is set: {effect}",
            hint=f"`unset {name}`, or `envlock verify` to see whether it changes anything",
            seen=name,
        )


def _older(driver: str, floor: str) -> bool:
    from envlock.stack.drivers import compare_drivers

    try:
        return compare_drivers(driver, floor) == -1
    except ValueError:
        return False
