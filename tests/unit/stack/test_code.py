"""What the facts know of the libraries of wheels, and what it means for a GPU and for the published lists."""

from __future__ import annotations

import pytest

from envlock.stack.archs import code_for, ptx_runs_on, runs_on
from envlock.stack.builds import build
from envlock.stack.code import LibraryCode, WheelCode, known_code, known_codes
from envlock.stack.combination.libraries import gpu_reasons
from envlock.stack.gpus import find_gpu


def torch(version: str) -> WheelCode:
    return next(each for each in known_codes() if each.file.startswith(f"torch-{version}-"))


@pytest.mark.parametrize(
    ("version", "variant"), [("2.5.1", "cu124"), ("2.6.0", "cu124"), ("2.8.0", "cu128"), ("2.15.0", "cu132")]
)
def test_the_main_library_has_what_is_published_and_no_ptx(version: str, variant: str) -> None:
    main, published = torch(version).main, build(version, variant)
    assert main is not None
    assert published is not None
    assert main.path == "torch/lib/libtorch_cuda.so"
    assert (main.whole, published.ptx) == (published.archs, None)
    assert not [code for code in main.codes if code.startswith("compute_")]


def test_what_the_published_lists_do_not_say() -> None:
    """A T4 has code in the main library of 2.15.0, and in one part of 33 of the linear algebra."""
    parts = {each.path: each for each in torch("2.15.0").libraries}
    linalg = parts["torch/lib/libtorch_cuda_linalg.so"]
    assert (linalg.total, linalg.running_on("sm_75"), linalg.running_on("sm_80")) == (33, 1, 33)
    main = parts["torch/lib/libtorch_cuda.so"]
    assert (main.total, main.running_on("sm_75"), main.running_on("sm_70")) == (476, 476, 0)


def test_tags_promise_less_than_the_symbols_need() -> None:
    wheel = torch("2.6.0")
    assert "manylinux1" in wheel.file
    glibc, glibcxx = wheel.newest("glibc"), wheel.newest("glibcxx")
    assert glibc is not None
    assert glibcxx is not None
    assert (glibc.glibc, glibcxx.glibcxx) == ("2.17", "3.4.19")


def test_a_wheel_is_known_by_its_hash_alone() -> None:
    assert known_code(torch("2.6.0").sha256) == torch("2.6.0")
    assert known_code("0" * 64) is None


def test_parts_without_machine_code_run_by_ptx() -> None:
    library = LibraryCode(path="x.so", parts=((3, ("sm_80", "compute_90")), (2, ("sm_100",))))
    assert (library.running_on("sm_100"), library.compiled_for("sm_100")) == (5, 2)
    assert (library.running_on("sm_86"), library.codes, library.whole) == (
        3,
        ("sm_80", "sm_100", "compute_90"),
        (),
    )


def test_code_for_one_architecture_alone() -> None:
    assert not runs_on("sm_120a", "sm_121")
    assert runs_on("sm_120f", "sm_121")
    assert not ptx_runs_on("compute_90a", "sm_100")
    assert code_for(["sm_80", "sm_86", "sm_90a"], "sm_89") == "sm_86"
    with pytest.raises(ValueError, match="not the name of an architecture: 'gfx90a'"):
        runs_on("gfx90a", "sm_90")


def test_wheels_whose_libraries_tell_nothing_of_a_gpu() -> None:
    """One has no code for GPUs at all, another libraries that could not be read, more than are named."""
    gpu = find_gpu("sm_86")
    assert gpu is not None
    faults = tuple(f"lib{number}.so: its header is cut off" for number in range(5))
    wheels = [
        WheelCode(name="pure", file="", sha256="", libraries=(LibraryCode(path="x.so"),)),
        WheelCode(
            name="odd",
            file="",
            sha256="",
            libraries=(LibraryCode(path="y.so", parts=((1, ("sm_80",)),)),),
            faults=faults,
        ),
    ]
    told = [(str(each.verdict), each.message) for each in gpu_reasons("A10", gpu, wheels)]
    assert told == [
        ("exists", "y.so of the locked odd has machine code for A10 in its one part"),
        (
            "unknown",
            f"libraries of the locked odd could not be read: {'; '.join(faults[:3])}; and 2 more",
        ),
    ]
