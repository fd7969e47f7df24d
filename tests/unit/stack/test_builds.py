"""Which builds exist, and what is in them: known vectors, as published."""

from __future__ import annotations

import subprocess
import sys

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envlock import stack


def test_the_default_build_of_2_6_0() -> None:
    build = stack.build("2.6.0", "cu124")
    assert build == stack.Build(
        torch="2.6.0",
        cuda="12.4",
        variant="cu124",
        index="default",
        cudnn="9.1.0.70",
        nccl="2.21.5",
        triton="3.2.0",
        cusparselt="0.6.2",
        nvshmem=None,
        cuda_runtime="12.4.127",
        cuda_toolkit=None,
        archs=("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90"),
        glibc="2.17",
        glibc_by="symbols of torch/lib/libc10.so",
        glibc_sources=("SYMBOLS",),
        ptx=None,
        pythons=("3.9", "3.10", "3.11", "3.12", "3.13"),
        bundled=False,
        unadvertised=False,
        note=None,
        sources=("PYPI", "DLLIST", "DLHASH"),
    )


@pytest.mark.parametrize(
    ("torch", "cudas", "default"),
    [
        ("2.0.1", ("11.7", "11.8", "cpu"), "cu117"),
        ("2.5.1", ("11.8", "12.1", "12.4", "cpu"), "cu124"),
        ("2.6.0", ("11.8", "12.4", "12.6", "cpu"), "cu124"),
        ("2.7.1", ("11.8", "12.6", "12.8", "cpu"), "cu126"),
        ("2.8.0", ("12.6", "12.8", "12.9", "cpu"), "cu128"),
        ("2.9.0", ("12.6", "12.8", "12.9", "13.0", "cpu"), "cu128"),
        ("2.15.0", ("13.2",), "cu132"),
    ],
)
def test_the_cuda_of_a_release(torch: str, cudas: tuple[str, ...], default: str) -> None:
    assert stack.cuda_versions_of(torch) == cudas
    assert tuple(build.cuda for build in stack.builds(torch)) == cudas
    assert stack.default_variant(torch) == default


def test_the_last_with_cuda_12_1_is_2_5_1_and_cuda_11_ends_with_2_7_1() -> None:
    assert stack.versions_with("12.1")[0] == "2.1.0"
    assert stack.versions_with("12.1")[-1] == "2.5.1"
    assert stack.versions_with("11.8")[-1] == "2.7.1"
    assert stack.versions_with("12.4") == ("2.4.0", "2.4.1", "2.5.0", "2.5.1", "2.6.0")
    assert stack.versions_with("12.7") == ()


@pytest.mark.parametrize(
    ("torch", "variant", "cudnn", "nccl", "triton"),
    [
        ("2.0.1", "cu117", "8.5.0.96", "2.14.3", "2.0.0"),
        ("2.6.0", "cu126", "9.5.1.17", "2.21.5", "3.2.0"),
        ("2.8.0", "cu128", "9.10.2.21", "2.27.3", "3.4.0"),
        ("2.8.0", "cu129", "9.10.2.21", "2.27.3", "3.4.0"),
        ("2.14.0", "cu130", "9.24.0.43", "2.30.7", "~=3.8.0"),
    ],
)
def test_the_libraries_of_a_build(torch: str, variant: str, cudnn: str, nccl: str, triton: str) -> None:
    build = stack.build(torch, variant)
    assert build is not None
    assert (build.cudnn, build.nccl, build.triton) == (cudnn, nccl, triton)


def test_old_wheels_of_the_pytorch_index_hold_their_libraries() -> None:
    bundled = [(build.torch, build.variant) for build in stack.builds() if build.bundled]
    assert bundled == [(f"2.{minor}", "cu118") for minor in ("0.0", "0.1", "1.0", "1.1", "1.2")]


@pytest.mark.parametrize("written", ["2.6", "2.6.0", "v2.6.0", "2.6.0+cu124"])
def test_a_release_is_found_however_it_is_written(written: str) -> None:
    assert [build.torch for build in stack.builds(written)] == ["2.6.0"] * 4
    assert stack.default_variant(written) == "cu124"


@pytest.mark.parametrize("unknown", ["2.6.3", "1.13.1", "99", "2.6.*", ""])
def test_nothing_is_said_of_a_release_that_is_not_known(unknown: str) -> None:
    assert stack.builds(unknown) == ()
    assert stack.build(unknown, "cu124") is None
    assert stack.release(unknown) is None
    assert stack.default_variant(unknown) is None
    assert stack.cuda_versions_of(unknown) == ()
    assert stack.gpu_archs(unknown, "cu124") == ()
    assert not stack.is_complete(unknown)


def test_releases_ascend_as_versions() -> None:
    versions = stack.torch_versions()
    assert list(versions) == sorted(versions)
    assert (versions[0], versions[-1]) == (Version("2.0.0"), Version("2.15.0"))
    assert versions.index(Version("2.9.1")) < versions.index(Version("2.10.0"))
    assert [build.torch for build in stack.builds()][-1] == "2.15.0"


def test_a_missing_build_of_a_release_whose_listing_was_not_seen_may_exist() -> None:
    assert stack.is_complete("2.6.0")
    assert stack.is_complete("2.10.0")
    assert not stack.is_complete("2.12.0")
    assert not stack.is_complete("2.15.0")


@pytest.mark.parametrize(
    ("torch", "variant", "archs"),
    [
        ("2.6.0", "cu118", "37 50 60 70 75 80 86 90"),
        ("2.6.0", "cu124", "50 60 70 75 80 86 90"),
        ("2.8.0", "cu128", "70 75 80 86 90 100 120"),
        ("2.15.0", "cu132", "75 80 86 90 100 120"),
        ("2.7.1", "cu118", ""),
        ("2.6.0", "cpu", ""),
        ("2.6.0", "cu121", ""),
    ],
)
def test_the_gpus_of_a_build(torch: str, variant: str, archs: str) -> None:
    assert stack.gpu_archs(torch, variant) == tuple(f"sm_{number}" for number in archs.split())


@pytest.mark.parametrize(
    ("cuda", "variant"), [("11.8", "cu118"), ("12.4", "cu124"), ("13.0", "cu130"), ("cpu", "cpu")]
)
def test_variants_and_toolkits_are_two_spellings(cuda: str, variant: str) -> None:
    assert stack.variant_of(cuda) == variant
    assert stack.cuda_of(variant) == cuda


@pytest.mark.parametrize("cuda", ["12", "12.4.1", "cu124", "12.10", "auto", "", "12.4\n"])
def test_what_is_no_toolkit_version_has_no_variant(cuda: str) -> None:
    with pytest.raises(ValueError, match=f"^not a CUDA toolkit version: {cuda!r}$".replace("\\", "\\\\")):
        stack.variant_of(cuda)


@pytest.mark.parametrize("variant", ["rocm6.2", "xpu", "cu12", "cu1244", "12.4"])
def test_what_is_no_cuda_variant_has_no_toolkit(variant: str) -> None:
    with pytest.raises(ValueError, match=f"^not a CUDA variant: '{variant}'$"):
        stack.cuda_of(variant)


def test_importing_reads_no_data() -> None:
    program = (
        "import envlock.stack as stack, envlock.stack.facts as facts;"
        "print(facts.document.cache_info().currsize);"
        "stack.builds('2.6.0');"
        "print(facts.document.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"]


@pytest.mark.parametrize(
    ("torch", "cuda", "doubts"),
    [
        ("==2.6.0", "12.4", 0),
        ("==2.6.0", "12.1", 1),
        ("==2.6.0", None, 0),
        ("==2.11.0", "12.1", 0),  # not every build of it is in the facts
        (">=2.5", "12.1", 0),
        ("==1.9", "12.1", 1),
        ("==99.0", "12.1", 0),
    ],
)
def test_what_is_to_be_said_before_anybody_locks(torch: str, cuda: str | None, doubts: int) -> None:
    assert len(stack.doubts(SpecifierSet(torch), cuda)) == doubts
    assert stack.doubts(None, cuda) == ()
