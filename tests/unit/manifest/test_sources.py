"""Where names point from here: environment, then manifest, then the user's file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from envlock.manifest import read_manifest
from tests.unit.manifest.reading import told, write

MANIFEST = """
requirements = ["six"]
[sources]
pytorch = "https://manifest.example/whl/{variant}"
company = "https://manifest.example/simple"
[index-of]
x = "team_index"
[conda]
channels = ["conda-forge/label/dev"]
[image]
base = "registry.example:5000/python:3.11"
"""
USER = '[sources]\ncompany = "https://user.example/simple"\ndefault = "http://127.0.0.1:8080/simple"\n'


def sources(folder: Path, environment: Mapping[str, str], manifest: str = MANIFEST) -> dict[str, str]:
    write(folder, {"project/envlock.toml": manifest, "config/envlock/config.toml": USER})
    return dict(read_manifest(folder / "project", environment=environment).sources)


def test_the_nearer_counts(tmp_path: Path) -> None:
    environment = {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "ENVLOCK_SOURCE_PYTORCH": "file:///srv/mirror/{variant}",
    }
    assert sources(tmp_path, environment) == {
        "default": "http://127.0.0.1:8080/simple",
        "company": "https://manifest.example/simple",
        "pytorch": "file:///srv/mirror/{variant}",
    }


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("ENVLOCK_SOURCE_CONDA_FORGE", "conda-forge"),
        ("ENVLOCK_SOURCE_DOCKER_IO", "docker.io"),
        ("ENVLOCK_SOURCE_TEAM_INDEX", "team_index"),
        ("ENVLOCK_SOURCE_REGISTRY_EXAMPLE_5000", "registry.example:5000"),
        ("ENVLOCK_SOURCE_CONDA_FORGE_LABEL_DEV", "conda-forge/label/dev"),
        ("ENVLOCK_SOURCE_SOME_OTHER", "some-other"),
    ],
)
def test_names_in_the_environment(tmp_path: Path, variable: str, name: str) -> None:
    assert sources(tmp_path, {variable: "https://user:pw@h.example/x"})[name] == "https://user:pw@h.example/x"


def test_variables_that_say_nothing(tmp_path: Path) -> None:
    environment = {"ENVLOCK_SOURCE_": "x", "ENVLOCK_SOURCE_PYTORCH": "", "ENVLOCK_SOURCES": "x", "PATH": "x"}
    assert sources(tmp_path, environment, 'requirements = ["six"]') == {}


def test_the_user_configuration_is_below_home(tmp_path: Path) -> None:
    write(tmp_path, {"home/.config/envlock/config.toml": '[sources]\na = "https://h.example"\n'})
    for environment in (
        {"HOME": str(tmp_path / "home")},
        {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": "x"},
    ):
        assert sources(tmp_path, environment, 'requirements = ["six"]') == {"a": "https://h.example"}


def test_faults_name_the_place_and_no_secret(tmp_path: Path) -> None:
    config = tmp_path / "config" / "envlock" / "config.toml"
    text = '[source]\n[sources]\na = "https://me:secret@h.example/x"\n"A B" = "https://h"\n'
    write(tmp_path, {"project/envlock.toml": 'requirements = ["six"]', "config/envlock/config.toml": text})
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "ENVLOCK_SOURCE_X": "me:secret@h"}
    found = told(tmp_path / "project", environment=environment)
    assert found == [
        (f"{config}, source", "unknown key `source`", "did you mean `sources`?"),
        (
            f"{config}, sources.a",
            '"https://***@h.example/x" holds a user name or password',
            "keep credentials in netrc, a keyring or the environment",
        ),
        (
            f'{config}, sources."A B"',
            "`A B` must be the name of an index, a conda channel or a registry",
            None,
        ),
        (
            "environment, ENVLOCK_SOURCE_X",
            'must be a URL that starts with `https://`, `http://` or `file:///`, found "***@h"',
            None,
        ),
    ]
