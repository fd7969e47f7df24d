"""The data files: every fact has a source that is named, and none contradicts another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from envlock import stack
from envlock.manifest.platforms import Platform
from envlock.stack.facts import DATA, document

FILES = sorted(path.stem for path in DATA.glob("*.toml"))
PINS = ("cudnn", "nccl", "nvshmem", "cusparselt", "cuda_runtime", "cuda_toolkit")
SERIES = re.compile(r"3\.\d+t?")
ARCH = re.compile(r"sm_\d{2,3}")


def cited(value: object) -> Iterator[str]:
    """Every name in a `src` list, at any depth."""
    if isinstance(value, Mapping):
        yield from value.get("src", ())
        value = [each for key, each in value.items() if key != "src"]
    if isinstance(value, list):
        for each in value:
            yield from cited(each)


def rows(name: str, key: str) -> Any:
    return document(name)[key]


def test_the_data_files_are_the_ones_that_are_asked() -> None:
    expected = ["cuda_drivers", "docker_tags", "indexes", "profiles", "pythons", "soabi", "torch_builds"]
    assert [*expected, "torch_dates", "wheel_code"] == FILES


@pytest.mark.parametrize("name", FILES)
def test_every_source_that_a_row_cites_is_named(name: str) -> None:
    assert set(cited(document(name))) <= set(rows(name, "sources"))


@pytest.mark.parametrize("name", FILES)
def test_facts_are_cited(name: str) -> None:
    assert list(cited(document(name)))


@pytest.mark.parametrize("name", FILES)
def test_all_files_are_of_the_one_data_version(name: str) -> None:
    assert document(name)["gathered"] == date.fromisoformat(stack.DATA_VERSION)


@pytest.mark.parametrize("name", FILES)
def test_a_document_cannot_be_changed_by_a_reader(name: str) -> None:
    found: Any = document(name)
    with pytest.raises(TypeError, match="does not support item assignment"):
        found["gathered"] = date(2000, 1, 1)


def spoken(row: Mapping[str, Any]) -> str:
    return f"{row['torch']}-{row['variant']}"


@pytest.mark.parametrize("row", rows("torch_builds", "build"), ids=spoken)
def test_a_build_is_made_of_well_formed_values(row: Mapping[str, Any]) -> None:
    assert str(Version(row["torch"])) == row["torch"]
    assert stack.variant_of(row["cuda"]) == row["variant"]
    assert stack.cuda_of(row["variant"]) == row["cuda"]
    assert row["index"] in ("default", "pytorch")
    assert all(Version(row[key]) for key in PINS if key in row)
    assert row["src"]
    assert all(ARCH.fullmatch(arch) for arch in row.get("archs", ()))
    assert all(SERIES.fullmatch(python) for python in row.get("python", ()))


def test_each_release_has_the_builds_that_it_lists_and_no_other() -> None:
    for release in rows("torch_builds", "release"):
        listed = {*release["variants"], *release.get("unadvertised", ())}
        built = [build.variant for build in stack.builds(release["torch"])]
        assert len(built) == len(set(built))
        # 2.14.1 lists what its images hold; no other release lists less than it has
        assert set(built) == listed, release["torch"]


def test_builds_and_releases_are_of_the_same_versions() -> None:
    releases = {row["torch"] for row in rows("torch_builds", "release")}
    assert {row["torch"] for row in rows("torch_builds", "build")} == releases


def test_the_default_build_of_each_release_is_the_one_on_the_default_index() -> None:
    for version in map(str, stack.torch_versions()):
        default = [build.variant for build in stack.builds(version) if build.index == "default"]
        assert default == [stack.default_variant(version)]


def test_unadvertised_builds_are_those_of_the_release() -> None:
    for release in rows("torch_builds", "release"):
        unadvertised = {build.variant for build in stack.builds(release["torch"]) if build.unadvertised}
        assert unadvertised == set(release.get("unadvertised", ()))


def test_the_gpu_architectures_are_those_that_the_toolkit_can_build_for() -> None:
    added = rows("cuda_drivers", "arch_added")
    dropped = rows("cuda_drivers", "arch_dropped")
    for build in (build for build in stack.builds() if build.cuda != "cpu"):
        assert all(Version(added.get(arch, "0")) <= Version(build.cuda) for arch in build.archs)
        gone = [row["removed"] for major, row in dropped.items() if Version(build.cuda).major >= int(major)]
        assert not set(build.archs) & {arch for removed in gone for arch in removed}, build


def test_every_cuda_of_a_build_has_its_drivers() -> None:
    for build in (build for build in stack.builds() if build.cuda != "cpu"):
        floor = stack.driver_floor(build.cuda, Platform.LINUX_64)
        shipped = stack.toolkit_driver(build.cuda)
        assert floor is not None
        assert shipped is not None
        assert Version(floor) <= Version(shipped)


def test_images_hold_builds_that_exist() -> None:
    for row in rows("docker_tags", "tags"):
        for torch in row["torch"]:
            assert {stack.variant_of(cuda) for cuda in row["cuda"]} <= {
                build.variant for build in stack.builds(torch)
            }


def test_pythons_are_final_releases_in_the_order_of_their_dates() -> None:
    table = rows("pythons", "release")
    assert all(not Version(version).is_prerelease for version in table)
    for series in {version.rpartition(".")[0] for version in table}:
        dates = [table[version]["date"] for version in stack.pythons(series)]
        assert dates == sorted(dates)


def test_no_release_of_a_series_is_left_out() -> None:
    for series in {version.rpartition(".")[0] for version in stack.pythons()}:
        patches = [int(version.rpartition(".")[2]) for version in stack.pythons(series)]
        assert patches == list(range(len(patches)))


def test_the_distributions_of_an_index_have_normalised_names() -> None:
    names = rows("indexes", "distribution")
    assert all(canonicalize_name(name) == name for name in names)


def test_each_platform_has_its_abi_from_the_oldest_python_on() -> None:
    first = {row["name"]: row["since"] for row in reversed(rows("soabi", "platform"))}
    assert first == {platform.value: "3.8" for platform in Platform}
