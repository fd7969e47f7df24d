"""Which file is the manifest, and what is said when none or two are."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.errors import ManifestInvalid
from envlock.manifest import find, read_manifest
from tests.unit.manifest.reading import asked, told, write

ENVLOCK = '[tool.envlock]\nrequirements = ["six"]\n'
PROJECT = '[project]\nname = "demo"\ndependencies = ["numpy"]\n'
NOTHING = "write `dependencies` under [project] in pyproject.toml, or `requirements` in envlock.toml"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": ENVLOCK}, "pyproject.toml"),
        ({"pyproject.toml": ENVLOCK, "requirements.txt": "six"}, "pyproject.toml"),
        ({"envlock.toml": "", "pyproject.toml": PROJECT, "requirements.txt": ""}, "envlock.toml"),
        ({"requirements.txt": "six", "pyproject.toml": PROJECT}, "requirements.txt"),
        ({"requirements.txt": "six", "pyproject.toml": "[build-system]\n"}, "requirements.txt"),
        ({"pyproject.toml": PROJECT}, "pyproject.toml"),
    ],
)
def test_the_manifest_of_a_directory(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    assert find(write(tmp_path, files)) == tmp_path / expected


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "envlock.toml", "requirements-gpu.txt", "base.in", "train.py"]
)
def test_a_file_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: ""})
    assert find(tmp_path / name) == tmp_path / name


def test_two_manifests_are_one_too_many(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": ENVLOCK, "envlock.toml": ""})
    for project in (tmp_path, tmp_path / "pyproject.toml", tmp_path / "envlock.toml"):
        with pytest.raises(ManifestInvalid) as caught:
            find(project)
        assert caught.value.message == "two manifests: [tool.envlock] in pyproject.toml, and envlock.toml"
        assert caught.value.where == str(tmp_path)
        assert caught.value.hint == (
            "keep one: move the keys of envlock.toml into [tool.envlock], or delete that table"
        )


@pytest.mark.parametrize("files", [{}, {"pyproject.toml": "[build-system]\n"}, {"setup.py": ""}])
def test_no_manifest(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        find(write(tmp_path, files))
    assert (caught.value.message, caught.value.hint) == ("there is no manifest here", NOTHING)


def test_no_such_place(tmp_path: Path) -> None:
    for missing in (tmp_path / "no", tmp_path / ("x" * 5000)):
        with pytest.raises(ManifestInvalid) as caught:
            find(missing)
        assert caught.value.message == "there is no such file or directory"
        assert (caught.value.where, caught.value.hint) == (str(missing), NOTHING)


def test_another_kind_of_file(tmp_path: Path) -> None:
    write(tmp_path, {"setup.cfg": ""})
    with pytest.raises(ManifestInvalid) as caught:
        find(tmp_path / "setup.cfg")
    assert caught.value.message == '"setup.cfg" is not a manifest'
    assert caught.value.hint == (
        "give a directory, a pyproject.toml, an envlock.toml, a requirements file or a script"
    )


def test_a_broken_pyproject_is_named_with_line_and_column(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "[project]\nname = \n"})
    assert told(tmp_path) == [("pyproject.toml, line 2, column 8", "not valid TOML: invalid value", None)]


def test_a_merge_conflict_is_called_one(tmp_path: Path) -> None:
    write(tmp_path, {"envlock.toml": "<<<<<<< HEAD\n"})
    assert told(tmp_path) == [
        (
            "envlock.toml, line 1, column 1",
            "not valid TOML: invalid statement",
            "resolve the merge conflict first",
        )
    ]


def test_what_is_taken_without_being_told_is_noted(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": PROJECT})
    manifest = read_manifest(tmp_path)
    assert manifest.notes == (
        "no [tool.envlock] in pyproject.toml: locking [project].dependencies with defaults",
    )
    assert (asked(manifest), manifest.project_name) == (["numpy"], "demo")
    write(tmp_path, {"requirements.txt": "six==1.17.0\n"})
    manifest = read_manifest(tmp_path)
    assert asked(manifest) == ["six==1.17.0"]
    assert manifest.notes == (
        "locking requirements.txt with defaults (not the [project].dependencies of pyproject.toml)",
    )


@pytest.mark.parametrize(
    ("name", "variant", "lockfile"),
    [
        ("envlock.toml", None, "envlock.lock"),
        ("envlock.toml", "cpu", "envlock.cpu.lock"),
        ("train.py", None, "train.py.envlock.lock"),
        ("train.py", "cpu", "train.py.envlock.cpu.lock"),
    ],
)
def test_where_the_lock_goes(tmp_path: Path, name: str, variant: str | None, lockfile: str) -> None:
    table = 'requirements = ["six"]\n[{}variants.cpu]\ncuda = "cpu"\n'
    script = "".join(
        f"# {line}\n" for line in ("[tool.envlock]\n" + table.format("tool.envlock.")).splitlines()
    )
    texts = {"envlock.toml": table.format(""), "train.py": f"# /// script\n{script}# ///\nimport six\n"}
    write(tmp_path, {name: texts[name]})
    assert read_manifest(tmp_path / name, variant=variant).lockfile == tmp_path / lockfile


def test_a_requirements_file_with_another_name_has_its_own_lock(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "six", "requirements-gpu.txt": "six"})
    assert read_manifest(tmp_path).lockfile == tmp_path / "envlock.lock"
    other = read_manifest(tmp_path / "requirements-gpu.txt")
    assert other.lockfile == tmp_path / "requirements-gpu.txt.envlock.lock"


def test_a_script(tmp_path: Path) -> None:
    script = (
        "#!/usr/bin/env python\r\n# /// script\r\n# requires-python = '>=3.10'\r\n# dependencies = [\r\n"
        "#   'six',\r\n"
        "# ]\r\n#\r\n# [tool.envlock]\r\n# cuda = '12.4'\r\n# ///\r\nimport six\r\n"
    )
    (tmp_path / "train.py").write_bytes(script.encode())
    manifest = read_manifest(tmp_path / "train.py")
    assert (asked(manifest), manifest.python, dict(manifest.cuda)) == (["six"], "3.10", {"linux-64": "12.4"})
    assert manifest.requirements[0].origin == "train.py, dependencies"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("import torch\n", "train.py", "has no `# /// script` block"),
        (
            "# /// script\n# a = 1\n# ///\n\n# /// script\n# b = 1\n# ///\n",
            "train.py",
            "has more than one `# /// script` block",
        ),
        (
            "x = 1\n# /// script\n# a = 1\n# b =\n# ///\n",
            "train.py, line 4, column 4",
            "not valid TOML: invalid value",
        ),
    ],
)
def test_a_script_without_its_block(tmp_path: Path, text: str, where: str, message: str) -> None:
    write(tmp_path, {"train.py": text})
    assert told(tmp_path / "train.py")[0][:2] == (where, message)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "envlock.toml").write_bytes(b'requirements = ["\xff"]')
    assert told(tmp_path) == [("envlock.toml", "is not UTF-8 (byte 17)", "save it as UTF-8")]
    (tmp_path / "envlock.toml").unlink()
    (tmp_path / "envlock.toml").mkdir()
    assert told(tmp_path) == [("envlock.toml", "is a directory, not a file", None)]
