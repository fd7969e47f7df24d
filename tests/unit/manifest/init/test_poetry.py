"""poetry's constraints and markers in the spelling of the standards, held against poetry-core itself."""

from __future__ import annotations

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from poetry.core.constraints.version import Version as PoetryVersion
from poetry.core.constraints.version import parse_constraint
from poetry.core.packages.dependency import Dependency

from envlock.manifest.init.poetry_markers import marker_of
from envlock.manifest.init.poetry_versions import pep_440, specifiers

CONSTRAINTS = (
    *("^1.2.3", "^1.2", "^1", "^0.2.3", "^0.0.3", "^0.0", "^0", "~1.2.3", "~1.2", "~1", "1.2.*", "1.*", "*"),
    *("1.2.3", "==1.2.3", "=1.2.3", "!=1.2.3", ">=1.2,<2", ">=1.2 <2", ">1.2", "<=1.2", "~=1.2.3", "!=1.2.*"),
    *("^1.0 || ^2.0", "~1.2 || ~1.3", "1.2.* || 1.3.*", ">=1,<1.5 || >=1.4,<2", "^1.2.3 || ^1.4", "* || ^1"),
    *("^2.0.0rc1", ">= 1.2", "^1.2.3.4", ">=1.2.*", "<1.3.*"),
)
VERSIONS = (
    *(
        "0.0",
        "0.0.2",
        "0.0.3",
        "0.0.4",
        "0.1",
        "0.2",
        "0.2.3",
        "0.2.9",
        "0.3",
        "0.9",
        "1",
        "1.0",
        "1.2",
        "1.2.2",
    ),
    *(
        "1.2.3",
        "1.2.3.post1",
        "1.2.3.4",
        "1.2.4",
        "1.2.9",
        "1.3",
        "1.3.5",
        "1.4",
        "1.5",
        "1.9.9",
        "2.0",
        "2.0.0",
    ),
    *("2.1", "2.9.9", "3", "3.0.1", "4"),
)


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_a_constraint_allows_what_poetry_allows(constraint: str) -> None:
    ours, poetrys = SpecifierSet(pep_440(constraint)), parse_constraint(constraint)
    found = {version for version in VERSIONS if ours.contains(version, prereleases=True)}
    allowed = {version for version in VERSIONS if poetrys.allows(PoetryVersion.parse(version))}
    assert found == allowed


@pytest.mark.parametrize("constraint", [*CONSTRAINTS, "^3.8 || ^3.12", "<3.9 || >=3.11"])
def test_one_of_the_alternatives_allows_what_poetry_allows(constraint: str) -> None:
    ours, poetrys = specifiers(constraint), parse_constraint(constraint)
    versions = (*VERSIONS, "3.8.1", "3.9", "3.10.2", "3.11.0")
    found = {each for each in versions if any(one.contains(each, prereleases=True) for one in ours)}
    assert found == {each for each in versions if poetrys.allows(PoetryVersion.parse(each))}


@pytest.mark.parametrize(
    "constraint", ["^1 || ^3", "<1 || >2", "1.2.3 || 1.2.5", "^x", "", "~=1", "@1", ">1.*"]
)
def test_what_one_requirement_cannot_say_is_an_error(constraint: str) -> None:
    with pytest.raises(ValueError, match=r"constraint|version|alternatives"):
        pep_440(constraint)


@pytest.mark.parametrize(
    "python",
    ["^3.9", ">=3.8,<3.11", "~3.10", ">3.8", "<=3.10", "3.10.*", "<3.9 || >=3.11", ">=3.9.1", "!=3.10.*"],
)
def test_a_python_is_the_marker_that_poetry_makes(python: str) -> None:
    dependency = Dependency("demo", "*")
    dependency.python_versions = python
    ours, poetrys = Marker(marker_of({"python": python})), dependency.marker
    for version in (
        "3.7.9",
        "3.8.0",
        "3.8.5",
        "3.9.0",
        "3.9.1",
        "3.10.0",
        "3.10.7",
        "3.11.0",
        "3.12.1",
        "4.0.0",
    ):
        environment = {
            "python_version": ".".join(version.split(".")[:2]),
            "python_full_version": version,
        }
        assert ours.evaluate({**environment}) == poetrys.validate(environment), version


@pytest.mark.parametrize(
    ("entry", "marker"),
    [
        ({}, ""),
        ({"python": "*", "platform": "*"}, ""),
        ({"platform": "linux"}, 'sys_platform == "linux"'),
        ({"platform": "!=win32"}, 'sys_platform != "win32"'),
        (
            {"platform": "linux || darwin", "python": "^3.9"},
            'python_version >= "3.9" and python_version < "4.0" and '
            '(sys_platform == "linux" or sys_platform == "darwin")',
        ),
        ({"markers": "extra == 'a' or os_name == 'nt'"}, 'extra == "a" or os_name == "nt"'),
    ],
)
def test_markers(entry: dict[str, object], marker: str) -> None:
    assert marker_of(entry) == marker


def test_what_is_no_marker() -> None:
    with pytest.raises(ValueError, match='"platform is linux" is not a marker'):
        marker_of({"markers": "platform is linux"})
    with pytest.raises(ValueError, match='"lin ux" is not a platform'):
        marker_of({"platform": "lin ux"})
