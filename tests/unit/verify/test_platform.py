"""What a host must be compatible with: glibc, the driver, and the code for its GPUs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from envlock.agent.facts import Facts, GpuFacts
from envlock.agent.gpu import nothing
from envlock.agent.offers import level_of
from envlock.errors import CouldNotTell
from envlock.lock.model import Lock, Stack
from envlock.report import Finding
from envlock.stack.code import LibraryCode, WheelCode
from envlock.verify.platform import glibc_floor, judge_host, locked_platform, wheel_floor
from tests.unit.lock.values import lock as make_lock
from tests.unit.lock.values import six, wheel
from tests.unit.verify.observed import told

TORCH_2_6 = "7979834102cd5b7a43cc64e87f2f3b14bd0e1458f06e9f88ffa386d07c7446e1"


def locked(*files: str, archs: tuple[str, ...] = ("sm_80", "sm_90"), sha256: str = "0" * 64) -> Lock:
    rows = tuple(
        replace(six(), name=f"d{number}", wheels=(replace(wheel(file), sha256=sha256),))
        for number, file in enumerate(files)
    )
    stack = Stack(torch="2.6.0", cuda="12.4", variant="cu124", gpu_archs=archs, driver="525.60.13")
    return replace(make_lock(*rows), stack={"linux-64": stack})


def judged(
    lock: Lock, gpu: GpuFacts | None = None, *, require_gpu: bool = False, **host: str | None
) -> list[Finding]:
    """On a host with a GPU; None for what is not among its facts."""
    given = {"nvidia_driver": "550.54.14", "gpu_devices": "nvidia0", "libcuda": "/usr/lib/libcuda.so.1"}
    known = {"libc": "glibc 2.36", **given, **host}
    facts = {"host": {name: value for name, value in known.items() if value is not None}}
    whole = cast(Facts, cast(Any, {**facts, "gpu": gpu or nothing()}))
    return list(judge_host(lock, "linux-64", whole, require_gpu=require_gpu))


def with_code(monkeypatch: pytest.MonkeyPatch, *libraries: LibraryCode) -> None:
    """Every wheel is known to have these libraries, but those whose sha256 is all zeros."""
    code = WheelCode(name="torch", file="", sha256="1" * 64, libraries=libraries)
    monkeypatch.setattr("envlock.stack.code.known_code", lambda sha256: None if sha256 == "0" * 64 else code)


def test_gpus_with_code_are_no_finding() -> None:
    assert judged(locked(), nvidia_capabilities="8.6 9.0") == []
    assert judged(locked()) == []
    assert judged(locked(archs=()), nvidia_capabilities="7.0") == []


def test_a_gpu_without_code() -> None:
    [found] = judged(locked(), nvidia_capabilities="8.0 7.0 12.0 7.0")
    assert (found.code, str(found.severity), found.component) == ("no-code-for-gpu", "incompatible", "host")
    assert (found.expected, found.observed) == ("sm_80, sm_90", "sm_70, sm_120")
    assert found.message == "the locked PyTorch 2.6.0 has no code for sm_70, sm_120 of this host's GPUs"
    assert found.hint == "`envlock explain --gpu sm_70` tells what runs there"


def test_a_capability_that_is_none_is_not_judged() -> None:
    assert judged(locked(), nvidia_capabilities="x 9 123.0 9.10 7.0x") == []


@pytest.mark.parametrize(("libc", "codes"), [("glibc 2.17", []), ("glibc 2.12", ["glibc-too-old"])])
def test_symbols_count_where_they_are_known(libc: str, codes: list[str]) -> None:
    """The tag says 2.5."""
    lock = locked("torch-2.6.0-cp311-cp311-manylinux1_x86_64.whl", sha256=TORCH_2_6)
    assert [each.code for each in judged(lock, libc=libc)] == codes


def test_a_tag_counts_where_it_asks_for_more() -> None:
    lock = locked("six-1.17.0-cp311-cp311-manylinux_2_28_x86_64.whl")
    assert [told(each) for each in judged(lock, libc="glibc 2.17")] == [
        (
            "glibc-too-old",
            "incompatible",
            "host",
            None,
            ">= 2.28",
            "2.17",
            "glibc 2.17 is older than 2.28, a locked wheel's floor",
            '`glibc = "2.17"` in the manifest locks wheels for this host',
        )
    ]
    for libc in ("glibc 2.28", "glibc 2.100", "glibc 3.0", "musl 1.2", "", None):
        assert judged(lock, libc=libc) == []
    assert judged(locked("six-1.17.0-py2.py3-none-any.whl"), libc="glibc 2.0") == []


def test_the_floor_of_a_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest that any wheel asks for, by its tags or the symbols of its libraries."""
    old, new = "a-1-py3-none-manylinux_2_17_x86_64.whl", "b-1-py3-none-manylinux_2_28_x86_64.whl"
    assert glibc_floor(locked(old, new), "linux-64") == (2, 28)
    assert glibc_floor(locked(old, new), "linux-aarch64") is None
    assert glibc_floor(locked("a-1-py3-none-any.whl"), "linux-64") is None
    with_code(
        monkeypatch,
        LibraryCode(path="a.so", glibc="2.34.1"),
        LibraryCode(path="b.so"),
        LibraryCode(path="c.so", glibc="2.5"),
    )
    assert glibc_floor(locked(new), "linux-64") == (2, 28)
    assert glibc_floor(locked(new, sha256="1" * 64), "linux-64") == (2, 34)
    assert glibc_floor(locked("a-1-py3-none-any.whl", sha256="1" * 64), "linux-64") == (2, 34)
    with_code(monkeypatch, LibraryCode(path="b.so"))
    assert glibc_floor(locked(old, sha256="1" * 64), "linux-64") == (2, 17)


@pytest.mark.parametrize(
    ("tags", "floor"),
    [
        ("any", None),
        ("linux_x86_64", None),
        ("musllinux_1_2_x86_64", None),
        ("manylinux1_x86_64", (2, 5)),
        ("manylinux2010_x86_64", (2, 12)),
        ("manylinux2014_x86_64", (2, 17)),
        ("manylinux_2_28_x86_64", (2, 28)),
        ("manylinux_2_28_x86_64.manylinux_2_17_x86_64", (2, 17)),
        ("manylinux2014_x86_64.manylinux_2_9_x86_64", (2, 9)),
        ("manylinux_2_28_x86_64.any", (2, 28)),
    ],
)
def test_the_floor_of_a_wheel(tags: str, floor: tuple[int, int] | None) -> None:
    assert wheel_floor(f"a-1-py3-none-{tags}.whl") == floor


def test_the_platform_of_a_host() -> None:
    two = replace(make_lock(), platforms=("linux-64", "linux-aarch64"))
    assert locked_platform(two, "linux-aarch64") == "linux-aarch64"
    with pytest.raises(CouldNotTell) as caught:
        locked_platform(two, "osx-arm64")
    assert caught.value.message == "this host is osx-arm64, and the lock has linux-64, linux-aarch64"
    assert caught.value.hint == 'add "osx-arm64" to `platforms` in the manifest and run `envlock lock`'
    with pytest.raises(CouldNotTell) as caught:
        locked_platform(two, "")
    assert caught.value.message == (
        "this host is of no platform that envlock locks, and the lock has linux-64, linux-aarch64"
    )
    assert caught.value.hint is None


def reboot(module: str | None, library: str | None, message: str) -> list[tuple[Any, ...]]:
    hint = "`sudo reboot` (or unload and load the nvidia modules)"
    return [("driver-needs-reboot", "incompatible", "host", None, module, library, message, hint)]


def test_the_halves_of_a_driver() -> None:
    known: GpuFacts = {**nothing(), "driver": "550.54.14", "libcuda_version": "550.54.14"}
    assert judged(locked(), known) == []
    assert judged(locked(), {**nothing(), "fault": "no-library", "libcuda_version": "555.42.02"}) == []
    updated = (
        "the kernel module of the NVIDIA driver is 550.54.14, its library is 555.42.02: "
        "the driver was updated under it"
    )
    odd: GpuFacts = {**known, "driver": "555.42.02"}
    refused: GpuFacts = {**nothing(), "fault": "version-mismatch", "libcuda_version": "555.42.02"}
    for gpu in (odd, refused):
        assert [told(each) for each in judged(locked(), gpu)] == reboot("550.54.14", "555.42.02", updated)


def test_a_half_that_is_not_known() -> None:
    odd: GpuFacts = {**nothing(), "driver": "555.42.02"}
    assert judged(locked(), odd, nvidia_driver=None) == []
    message = (
        "the kernel module of the NVIDIA driver is unknown, its library is of another version: "
        "the driver was updated under it"
    )
    refused: GpuFacts = {**nothing(), "fault": "version-mismatch"}
    assert [told(each) for each in judged(locked(), refused, nvidia_driver=None)] == reboot(
        None, None, message
    )


@pytest.mark.parametrize("stack", [None, Stack(), Stack(torch="2.6.0", cuda="cpu")])
def test_a_lock_without_cuda_asks_nothing_of_the_driver(stack: Stack | None) -> None:
    lock = replace(locked(), stack={} if stack is None else {"linux-64": stack})
    odd: GpuFacts = {**nothing(), "driver": "1", "fault": "version-mismatch"}
    assert judged(lock, odd, nvidia_capabilities="7.0") == []
    assert judged(lock, nvidia_driver=None, gpu_devices=None, libcuda=None) == []


def test_the_halves_where_no_device_is() -> None:
    odd: GpuFacts = {**nothing(), "fault": "version-mismatch"}
    assert [each.code for each in judged(locked(), odd, gpu_devices=None)] == ["no-gpu"]


CONTAINER = "a container is given GPUs by `docker run --gpus all`, `podman run --device nvidia.com/gpu=all`"


@pytest.mark.parametrize("require_gpu", [False, True])
@pytest.mark.parametrize(
    ("without", "lacking", "hints"),
    [
        (
            ("nvidia_driver", "gpu_devices", "libcuda"),
            "no NVIDIA driver or device here",
            ("`--require-gpu` makes this count", None),
        ),
        (
            ("gpu_devices", "libcuda"),
            "this machine has NVIDIA driver 550.54.14, and none of its devices is here",
            (CONTAINER, CONTAINER),
        ),
        (
            ("libcuda",),
            "there are NVIDIA devices here, and no libcuda.so.1",
            (CONTAINER, CONTAINER),
        ),
        (
            ("libcuda", "nvidia_driver"),
            "there are NVIDIA devices here, and no libcuda.so.1",
            (CONTAINER, CONTAINER),
        ),
    ],
)
def test_no_gpu(
    without: tuple[str, ...], lacking: str, hints: tuple[str | None, str | None], require_gpu: bool
) -> None:
    found = judged(locked(), require_gpu=require_gpu, nvidia_capabilities="7.0", **dict.fromkeys(without))
    message = f"{lacking}: whether the GPU part would run was not looked at"
    severity = "incompatible" if require_gpu else "note"
    whole = ("no-gpu", severity, "host", None, None, None, message, hints[require_gpu])
    assert [told(each) for each in found] == [whole]


def test_a_gpu_is_required_of_a_lock_without_cuda_too() -> None:
    lock = replace(locked(), stack={})
    found = judged(lock, require_gpu=True, nvidia_driver=None, gpu_devices=None, libcuda=None)
    assert [(each.code, str(each.severity)) for each in found] == [("no-gpu", "incompatible")]
    assert judged(lock, require_gpu=True) == []


def test_a_driver_that_is_too_old() -> None:
    for driver in ("525.60.13", "525.100.1", "x", None):
        assert judged(locked(), nvidia_driver=driver) == []
    assert [told(each) for each in judged(locked(), nvidia_driver="525.60.9")] == [
        (
            "driver-too-old",
            "incompatible",
            "host",
            None,
            ">= 525.60.13",
            "525.60.9",
            "NVIDIA driver 525.60.9 is older than 525.60.13, the oldest that runs CUDA 12.4",
            "install driver 525.60.13 or newer, or lock another `cuda`",
        )
    ]
    unknown = replace(locked(), stack={"linux-64": Stack(torch="2.6.0", cuda="12.4")})
    assert judged(unknown, nvidia_driver="1.0") == []


@pytest.mark.parametrize(
    ("here", "codes"), [("3.4.19", []), ("3.4.30", []), ("3.4.18", ["libstdcxx-too-old"])]
)
def test_libstdcxx_by_the_symbols(here: str, codes: list[str]) -> None:
    lock = locked("torch-2.6.0-cp311-cp311-manylinux1_x86_64.whl", sha256=TORCH_2_6)
    assert [each.code for each in judged(lock, libstdcxx=here)] == codes


def test_the_newest_symbols_of_libstdcxx_count(monkeypatch: pytest.MonkeyPatch) -> None:
    with_code(
        monkeypatch,
        LibraryCode(path="torch/lib/a.so", glibcxx="3.4.9"),
        LibraryCode(path="torch/lib/b.so", glibcxx="3.4.29"),
        LibraryCode(path="torch/lib/c.so"),
    )
    lock = locked("a-1-py3-none-any.whl", sha256="1" * 64)
    for here in ("3.4.29", "3.4.100", "4", "", "3.4.x", None):
        assert judged(lock, libstdcxx=here) == []
    assert [told(each) for each in judged(lock, libstdcxx="3.4.28")] == [
        (
            "libstdcxx-too-old",
            "incompatible",
            "host",
            None,
            ">= 3.4.29",
            "3.4.28",
            "libstdc++ here has GLIBCXX_3.4.28, and `torch/lib/b.so` needs GLIBCXX_3.4.29",
            "a newer libstdc++.so.6, of the system or of conda's `libstdcxx`, has it",
        )
    ]


def test_the_level_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    with_code(
        monkeypatch,
        LibraryCode(path="torch/lib/plain.so", level="x86-64-v2"),
        LibraryCode(path="torch/lib/fast.so", level="x86-64-v3"),
        LibraryCode(path="torch/lib/other.so", level="x86-64-v3"),
        LibraryCode(path="torch/lib/any.so"),
    )
    lock = locked("torch-2.6.0-cp311-cp311-manylinux1_x86_64.whl", sha256="1" * 64)
    for level in ("x86-64-v4", "x86-64-v3", "", "i686", None):
        assert judged(lock, cpu_level=level) == []
    assert [told(each) for each in judged(lock, cpu_level="x86-64-v2")] == [
        (
            "cpu-too-old",
            "incompatible",
            "host",
            None,
            "x86-64-v3",
            "x86-64-v2",
            "the CPU is x86-64-v2, and `torch/lib/fast.so` is made for x86-64-v3",
            "run on a newer CPU: the loader refuses this library here",
        )
    ]


V2 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"
V3 = f"{V2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"


@pytest.mark.parametrize(
    ("flags", "features", "level"),
    [
        (V3, ["sse4.2", "avx", "avx2", "fma"], "x86-64-v3"),
        (V3, ["sse4.2"], "x86-64-v2"),  # an emulator gives less than /proc/cpuinfo tells
        (V2, ["sse4.2"], "x86-64-v2"),
        ("sse2", [], "x86-64"),
    ],
)
def test_levels_by_flags(flags: str, features: list[str], level: str) -> None:
    assert level_of(flags.split(), features) == level
