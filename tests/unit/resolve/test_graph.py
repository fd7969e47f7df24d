"""Who needs whom."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import NormalizedName

from envlock.manifest.platforms import Platform
from envlock.resolve.graph import applies, dependency_graph, marker_environment

LINUX = marker_environment(Platform.LINUX_64, "3.11")


def edges(roots: Iterable[str], metadata: dict[str, list[str]]) -> dict[str, list[str]]:
    named = {NormalizedName(name): values for name, values in metadata.items()}
    graph = dependency_graph([Requirement(root) for root in roots], named, LINUX)
    return {name: list(needed) for name, needed in graph.requires.items()}


def test_edges_follow_names_normalised_and_sorted() -> None:
    metadata = {"torch": ["Typing_Extensions>=4", "filelock"], "typing-extensions": [], "filelock": []}
    assert edges(["torch"], metadata) == {
        "filelock": [],
        "torch": ["filelock", "typing-extensions"],
        "typing-extensions": [],
    }


def test_a_marker_of_another_platform_is_no_edge() -> None:
    metadata = {"a": ['b; sys_platform == "win32"', 'c; platform_machine == "x86_64"'], "b": [], "c": []}
    assert edges(["a"], metadata) == {"a": ["c"], "c": []}


def test_an_extra_counts_where_it_is_asked_for() -> None:
    metadata = {"tf": ['torch; extra == "torch"', "numpy"], "torch": [], "numpy": []}
    assert edges(["tf"], metadata) == {"numpy": [], "tf": ["numpy"]}
    assert edges(["tf[torch]"], metadata) == {"numpy": [], "tf": ["numpy", "torch"], "torch": []}


def test_extras_of_a_dependency_and_of_itself_are_followed() -> None:
    metadata = {
        "app": ["lib[all]"],
        "lib": ['lib[x,y]; extra == "all"', 'one; extra == "x"', 'two; extra == "Y"'],
        "one": [],
        "two": [],
    }
    assert edges(["app"], metadata) == {"app": ["lib"], "lib": ["one", "two"], "one": [], "two": []}


def test_circles_end() -> None:
    assert edges(["a"], {"a": ["b"], "b": ["a"]}) == {"a": ["b"], "b": ["a"]}


def test_what_nothing_needs_is_not_in_the_graph() -> None:
    assert edges(["a"], {"a": [], "left-over": ["a"]}) == {"a": []}


def test_a_root_whose_marker_does_not_hold_is_no_root() -> None:
    assert edges(['a; python_version < "3.9"', "b"], {"a": [], "b": []}) == {"b": []}


def test_a_name_that_is_not_resolved_is_no_edge() -> None:
    assert edges(["a"], {"a": ["gone"]}) == {"a": []}


@pytest.mark.parametrize(
    ("platform", "marker"),
    [
        (Platform.LINUX_64, 'os_name == "posix" and sys_platform == "linux" and platform_system == "Linux"'),
        (Platform.LINUX_64, 'platform_machine == "x86_64" and implementation_name == "cpython"'),
        (Platform.LINUX_AARCH64, 'platform_machine == "aarch64"'),
        (Platform.OSX_ARM64, 'platform_machine == "arm64" and sys_platform == "darwin"'),
        (Platform.WIN_64, 'platform_machine == "AMD64" and os_name == "nt"'),
    ],
)
def test_markers_of_the_platforms(platform: Platform, marker: str) -> None:
    assert Marker(marker).evaluate({**marker_environment(platform, "3.11")})


def test_a_series_counts_as_its_first_patch() -> None:
    assert applies(Requirement('x; python_full_version < "3.11.1"'), LINUX)
    exact = marker_environment(Platform.LINUX_64, "3.11.7")
    assert not applies(Requirement('x; python_full_version < "3.11.1"'), exact)
    assert exact["python_version"] == "3.11"
