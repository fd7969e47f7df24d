"""A miniature of the PyTorch stack: real names, versions, pins and tags; wheels of a few hundred bytes.

    with TorchIndex() as index:
        index.url                    # the default index: torch 2.6.0 (cu124), 2.8.0 (cu128), …
        index.pytorch("cu118").url   # http://127.0.0.1:PORT/whl/cu118/, HTML only, no upload times
        index.pytorch_source         # http://127.0.0.1:PORT/whl/{variant}, as `sources.pytorch` is written

Every wheel is for CPython 3.11 to 3.13 (compiled ones one file each). Linux x86_64 has CUDA wheels;
linux aarch64, macOS arm64 and Windows have wheels of the default index (CPU) and `+cpu` ones. As in the
real world: torch's CUDA requirements carry Linux x86_64 markers; all `nvidia-*` wheels own the same
`nvidia/__init__.py`; the nvidia wheels are on the default index and, with the same bytes, on the PyTorch
index; `triton` is on both under one version **with other bytes** (pytorch#195141). Pins are those of
the published METADATA of torch 2.6.0 and 2.8.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.support.index import LocalIndex, NamedIndex
from tests.support.wheels import Wheel, make_wheel

PYTHONS = ("cp311", "cp312", "cp313")
LINUX_MARKER = 'platform_system == "Linux" and platform_machine == "x86_64"'
SCRIPTS = "[console_scripts]\ntorchrun = torch.distributed.run:main\n"

DEFAULT_TAGS = {
    "2.6.0": ("manylinux1_x86_64", "manylinux_2_28_aarch64", "macosx_11_0_arm64", "win_amd64"),
    "2.8.0": ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "macosx_11_0_arm64", "win_amd64"),
}
CUDA_TAGS = ("manylinux_2_28_x86_64", "win_amd64")
CPU_TAGS = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "win_amd64")
UPLOADED = {"2.6.0": "2025-01-29T16:23:00Z", "2.8.0": "2025-08-06T14:53:00Z"}
PINS_UPLOADED = {"2.6.0": "2024-11-20T18:00:00Z", "2.8.0": "2025-07-30T18:00:00Z"}
VISION = {"2.6.0": "0.21.0", "2.8.0": "0.23.0"}
TRITON = {"2.6.0": "3.2.0", "2.8.0": "3.4.0"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """One build of torch: `pins` are its NVIDIA requirements (empty for the CPU)."""

    torch: str
    variant: str
    cuda: str | None
    default: bool = False
    pins: Mapping[str, str]


BUILDS = (
    Build(
        torch="2.6.0",
        variant="cu124",
        cuda="12.4",
        default=True,
        pins={
            "nvidia-cuda-runtime-cu12": "12.4.127",
            "nvidia-cudnn-cu12": "9.1.0.70",
            "nvidia-nccl-cu12": "2.21.5",
        },
    ),
    Build(
        torch="2.6.0",
        variant="cu118",
        cuda="11.8",
        pins={
            "nvidia-cuda-runtime-cu11": "11.8.89",
            "nvidia-cudnn-cu11": "9.1.0.70",
            "nvidia-nccl-cu11": "2.21.5",
        },
    ),
    Build(
        torch="2.6.0",
        variant="cu126",
        cuda="12.6",
        pins={
            "nvidia-cuda-runtime-cu12": "12.6.77",
            "nvidia-cudnn-cu12": "9.5.1.17",
            "nvidia-nccl-cu12": "2.21.5",
        },
    ),
    Build(torch="2.6.0", variant="cpu", cuda=None, pins={}),
    Build(
        torch="2.8.0",
        variant="cu128",
        cuda="12.8",
        default=True,
        pins={
            "nvidia-cuda-runtime-cu12": "12.8.90",
            "nvidia-cudnn-cu12": "9.10.2.21",
            "nvidia-nccl-cu12": "2.27.3",
        },
    ),
    Build(
        torch="2.8.0",
        variant="cu126",
        cuda="12.6",
        pins={
            "nvidia-cuda-runtime-cu12": "12.6.77",
            "nvidia-cudnn-cu12": "9.10.2.21",
            "nvidia-nccl-cu12": "2.27.3",
        },
    ),
    Build(torch="2.8.0", variant="cpu", cuda=None, pins={}),
)


class TorchIndex(LocalIndex):
    """A `LocalIndex` that holds the stack."""

    def __init__(self) -> None:
        super().__init__()
        for wheel in pure_wheels():
            self.add(wheel, upload_time="2024-06-01T00:00:00Z")
        for build in BUILDS:
            self._publish(build)

    @property
    def pytorch_source(self) -> str:
        return f"{self.root}/whl/{{variant}}"

    def pytorch(self, variant: str) -> NamedIndex:
        return self.named(f"whl/{variant}", html=True)

    def _publish(self, build: Build) -> None:
        for wheel in nvidia_wheels(build):
            self.add(wheel, upload_time=PINS_UPLOADED[build.torch])
            self.pytorch(build.variant).add(wheel)
        if build.default:
            self._publish_default(build)
        if build.pins:
            self._publish_triton(build)
        for wheel in local_wheels(build):
            self.pytorch(build.variant).add(wheel)

    def _publish_default(self, build: Build) -> None:
        for wheel in default_wheels(build):
            self.add(wheel, upload_time=UPLOADED[build.torch])

    def _publish_triton(self, build: Build) -> None:
        for wheel in triton_wheels(TRITON[build.torch], "default"):
            self.add(wheel, upload_time=PINS_UPLOADED[build.torch])
        for wheel in triton_wheels(TRITON[build.torch], "pytorch"):
            self.pytorch(build.variant).add(wheel)


def pure_wheels() -> Iterator[Wheel]:
    """Dependencies without compiled code; numpy stands for all that ship scripts."""
    yield make_wheel("filelock", "3.13.1", files={"filelock/__init__.py": b"class FileLock: pass\n"})
    yield make_wheel("typing-extensions", "4.12.2", files={"typing_extensions.py": b"Self = object\n"})
    yield make_wheel(
        "numpy",
        "2.1.2",
        files={
            "numpy/__init__.py": b"__version__ = '2.1.2'\n",
            "numpy/linalg.py": b"def norm(values):\n    return sum(v * v for v in values) ** 0.5\n",
        },
        entry_points="[console_scripts]\nnumpy-config = numpy.linalg:norm\n",
        requires_python=">=3.10",
    )


def default_wheels(build: Build) -> Iterator[Wheel]:
    for platform in DEFAULT_TAGS[build.torch]:
        yield from _torch_wheels(build, build.torch, platform)
        yield from _vision_wheels(build, VISION[build.torch], platform)


def local_wheels(build: Build) -> Iterator[Wheel]:
    """The wheels of the PyTorch index: versions with a `+variant`, and plain ones for macOS."""
    for platform in CUDA_TAGS if build.pins else CPU_TAGS:
        yield from _torch_wheels(build, f"{build.torch}+{build.variant}", platform)
        yield from _vision_wheels(build, f"{VISION[build.torch]}+{build.variant}", platform)
    if not build.pins:
        yield from _torch_wheels(build, build.torch, "macosx_11_0_arm64")
        yield from _vision_wheels(build, VISION[build.torch], "macosx_11_0_arm64")


def nvidia_wheels(build: Build) -> Iterator[Wheel]:
    for name, version in build.pins.items():
        library = name.split("-")[-2]
        files = {
            "nvidia/__init__.py": b"",
            f"nvidia/{library}/__init__.py": b"",
            f"nvidia/{library}/lib/lib{library}.so": b"\x7fELF" + f"{name} {version}".encode(),
        }
        yield make_wheel(name, version, files=files, tag="py3-none-manylinux2014_x86_64")


def triton_wheels(version: str, origin: str) -> Iterator[Wheel]:
    """`origin` makes the bytes differ, as those of the two indexes do."""
    for python in PYTHONS:
        files = {"triton/__init__.py": f"__version__ = {version!r}  # {origin}\n".encode()}
        yield make_wheel("triton", version, files=files, tag=f"{python}-{python}-manylinux_2_27_x86_64")


def _torch_wheels(build: Build, version: str, platform: str) -> Iterator[Wheel]:
    cuda = build.cuda if platform.endswith("x86_64") or "+cu" in version else None
    files = {
        "torch/__init__.py": b"from torch.version import __version__, cuda\n",
        "torch/version.py": f"__version__ = {version!r}\ncuda = {cuda!r}\n".encode(),
        "torch/distributed/__init__.py": b"",
        "torch/distributed/run.py": b"def main():\n    pass\n",
        "torch/lib/libtorch.so": b"\x7fELF" + f"{version} {platform}".encode(),
    }
    requires = ["filelock", "typing-extensions>=4.10.0", *_cuda_requires(build)]
    for tag in _tags(platform):
        yield make_wheel(
            "torch",
            version,
            files=files,
            requires=requires,
            requires_python=">=3.9.0",
            tag=tag,
            entry_points=SCRIPTS,
        )


def _vision_wheels(build: Build, version: str, platform: str) -> Iterator[Wheel]:
    files = {"torchvision/__init__.py": f"__version__ = {version!r}\n# {platform}\n".encode()}
    for tag in _tags(platform):
        yield make_wheel(
            "torchvision", version, files=files, requires=["numpy", f"torch=={build.torch}"], tag=tag
        )


def _cuda_requires(build: Build) -> list[str]:
    pins = dict(build.pins) | ({"triton": TRITON[build.torch]} if build.pins else {})
    return [f"{name}=={version} ; {LINUX_MARKER}" for name, version in pins.items()]


def _tags(platform: str) -> Iterator[str]:
    for python in PYTHONS:
        yield f"{python}-{'none' if platform.startswith('macosx') else python}-{platform}"
