"""Dependencies, extras and groups of the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.manifest import read_manifest
from tests.unit.manifest.reading import asked, told, write

PROJECT = """
[project]
name = "My_Project"
dependencies = ["numpy"]
[project.optional-dependencies]
gpu = ["torch"]
plots = ["matplotlib"]
All = ["my-project[gpu,plots]", "rich"]
loop = ["my-project[loop]", "six"]
[dependency-groups]
Test = ["pytest", {include-group = "lint"}]
lint = ["ruff"]
"""


def of(folder: Path, keys: str, project: str = PROJECT) -> list[str]:
    manifest = read_manifest(write(folder, {"pyproject.toml": f"{project}\n[tool.envlock]\n{keys}\n"}))
    return [
        f"{row.requirement} by {row.origin.removeprefix('pyproject.toml, ')}" for row in manifest.requirements
    ]


def faults(folder: Path, keys: str, project: str = PROJECT) -> list[tuple[str, str, str | None]]:
    return told(write(folder, {"pyproject.toml": f"{project}\n[tool.envlock]\n{keys}\n"}))


def test_dependencies_are_the_default(tmp_path: Path) -> None:
    assert of(tmp_path, "") == ["numpy by project.dependencies"]
    assert of(tmp_path, "requirements = ['six']") == ["six by tool.envlock.requirements"]


def test_extras_that_name_extras(tmp_path: Path) -> None:
    assert of(tmp_path, "extras = ['all']") == [
        "numpy by project.dependencies",
        "torch by project.optional-dependencies.gpu",
        "matplotlib by project.optional-dependencies.plots",
        "rich by project.optional-dependencies.All",
    ]
    assert of(tmp_path, "extras = ['loop']")[1:] == ["six by project.optional-dependencies.loop"]


def test_groups(tmp_path: Path) -> None:
    assert of(tmp_path, "groups = ['test']") == [
        "numpy by project.dependencies",
        "pytest by dependency-groups.Test[0]",
        "ruff by dependency-groups.lint[0]",
    ]


def test_what_is_asked_for_twice_counts_once(tmp_path: Path) -> None:
    assert of(tmp_path, "requirements = ['six', 'torch']\nextras = ['gpu', 'gpu']") == [
        "six by tool.envlock.requirements",
        "torch by tool.envlock.requirements",
    ]


def test_misspelt_names(tmp_path: Path) -> None:
    assert faults(tmp_path, "extras = ['gpus']\ngroups = ['tests']") == [
        ("pyproject.toml, tool.envlock.extras", "pyproject.toml has no extra `gpus`", "did you mean `gpu`?"),
        (
            "pyproject.toml, tool.envlock.groups",
            "pyproject.toml has no dependency group `tests`",
            "did you mean `Test`?",
        ),
    ]


@pytest.mark.parametrize(
    ("rows", "where", "message"),
    [
        ('a = [{include-group = "b"}]\nb = [{include-group = "A"}]', "b[0]",
         "dependency groups include one another: a → b → a"),
        ('a = [{include-group = "a"}]', "a[0]", "dependency groups include one another: a → a"),
        ('a = [{include-group = "no"}]', "a[0]", "pyproject.toml has no dependency group `no`"),
        ("a = [1]", "a[0]", "must be a requirement or `{include-group = …}`, found the number 1"),
        ('a = [{include = "b"}]', "a[0]", "must be a requirement or `{include-group = …}`, found a table"),
        ('a = ["=="]', "a[0]",
         '"==" is not a requirement: expected package name at the start of dependency specifier'),
        ("a = 1", "a", "`a` must be a list, found the number 1"),
    ],
)  # fmt: skip
def test_groups_at_fault(tmp_path: Path, rows: str, where: str, message: str) -> None:
    project = f"[dependency-groups]\n{rows}"
    found = faults(tmp_path, "requirements = ['six']\ngroups = ['a']", project)
    assert [row[:2] for row in found] == [(f"pyproject.toml, dependency-groups.{where}", message)]


def test_two_spellings_of_one_group(tmp_path: Path) -> None:
    project = "[dependency-groups]\na-b = []\nA_B = []"
    assert faults(tmp_path, "requirements = ['six']\ngroups = ['a.b']", project) == [
        (
            "pyproject.toml, tool.envlock.groups",
            "pyproject.toml has two spellings of one dependency group: `a-b`, `A_B`",
            None,
        )
    ]


def test_dynamic_dependencies(tmp_path: Path) -> None:
    project = '[project]\nname = "p"\ndynamic = ["dependencies"]'
    assert faults(tmp_path, "", project) == [
        (
            "pyproject.toml, project.dynamic",
            "`dependencies` are computed when the project is built",
            "name the file they come from in `requirements-files`",
        )
    ]
    write(tmp_path, {"requirements.txt": "six"})
    assert of(tmp_path, "requirements-files = ['requirements.txt']", project) == ["six by requirements.txt:1"]


def test_a_project_table_of_another_shape(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": 'project = 1\n[tool.envlock]\nrequirements = ["six"]\n'})
    assert told(tmp_path) == [
        ("pyproject.toml, project", "`project` must be a table, found the number 1", None)
    ]
    write(tmp_path, {"pyproject.toml": "[tool]\nenvlock = []\n"})
    assert told(tmp_path) == [
        ("pyproject.toml, tool.envlock", "`envlock` must be a table, found a list", None)
    ]


def test_envlock_toml_uses_the_project_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"envlock.toml": 'extras = ["gpu"]', "pyproject.toml": PROJECT})
    manifest = read_manifest(tmp_path)
    assert (asked(manifest), manifest.project_name) == (["numpy", "torch"], "my-project")
