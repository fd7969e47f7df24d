"""A lock with conda packages as an image: the same bytes wherever it is built, proved from outside, and it
runs. The base is Debian's, with another Python than conda's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from envlock.lock import conda_runtime_hash, read_lock
from tests.support.conda import Channel
from tests.support.conda.platform import SERIES, SITE
from tests.support.dockerd import Dockerd
from tests.support.images import File, Files, debian_base, with_layer

pytestmark = pytest.mark.slow
PROGRAM = (
    "import attrs, einops, numpy, os, sys; print(sys.prefix, os.environ['A'], os.getuid(),"
    " einops.reduce(numpy.ones((2, 3)), 'a b -> a', 'sum').tolist())"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A locked project, its image noted in the lock, and the image as a layout."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def hash(self) -> str | None:
        return conda_runtime_hash(read_lock(self.folder / "envlock.lock"), "linux-64")

    def with_environment(self, more: Mapping[str, str]) -> Made:
        return Made(folder=self.folder, environment={**self.environment, **more})

    def run(self, *words: str | Path, status: int = 0) -> str:
        command = [sys.executable, "-m", "envlock", *map(str, words)]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def verdict(self, *words: str | Path, status: int = 0) -> tuple[str, str, list[tuple[str, str]]]:
        document = json.loads(self.run("verify", *words, "--json", status=status))
        found = [(row["code"], row["path"]) for row in document["findings"] if row["severity"] != "note"]
        return document["verdict"], document["runtime_hash"]["observed"], found


@pytest.fixture(scope="module")
def made(conda_channel: Channel, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Python, NumPy and attrs from conda, everything that holds a prefix, and a wheel on top."""
    folder = tmp_path_factory.mktemp("conda-image") / "project"
    folder.mkdir()
    (folder / "base").symlink_to(debian_base())
    (folder / "envlock.toml").write_text(
        f'python = "{SERIES}"\nrequirements = ["einops==0.8.1"]\n[settings]\nA = "1"\n'
        '[conda]\npackages = ["python", "numpy", "attrs", "prefix-notes"]\n[image]\nbase = "oci:base"\n'
        f'[sources]\nconda-forge = "{conda_channel.url}"\n'
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    made = Made(folder=folder, environment={**environment, "ENVLOCK_CACHE_DIR": str(folder / "cache")})
    made.run("lock")
    made.run("build", "oci", "--digest-only")
    made.run("build", "oci", "-o", "image")
    return made


def test_one_lock_a_prefix_and_an_image_with_one_runtime_hash(made: Made) -> None:
    assert read_lock(made.folder / "envlock.lock").python_exact == sys.version.split()[0]
    assert made.verdict("--image", "oci:image") == ("match", made.hash, [])
    made.run("sync", "--conda", "prefix")
    assert made.verdict("--prefix", "prefix", "--level", "content") == ("match", made.hash, [])


def test_elsewhere_it_is_the_same_image(made: Made, conda_channel: Channel, tmp_path: Path) -> None:
    """Another folder and cache, umask and time zone, and the channel on a server."""
    project = tmp_path / "elsewhere"
    left = shutil.ignore_patterns("cache", "image*", "prefix")
    shutil.copytree(made.folder, project, symlinks=True, ignore=left)
    command = [sys.executable, "-m", "envlock", "build", "oci", "-o", "image"]
    with conda_channel.served() as server:
        environment = {
            **made.environment,
            "ENVLOCK_CACHE_DIR": str(tmp_path / "cache"),
            "ENVLOCK_SOURCE_CONDA_FORGE": server.url,
            "TZ": "Asia/Tokyo",
        }
        subprocess.run(command, cwd=project, env=environment, check=True, umask=0o077, capture_output=True)
    compared = subprocess.run(["diff", "-r", project / "image", made.folder / "image"], check=False)
    assert compared.returncode == 0
    assert sorted(path.name for path in (tmp_path / "cache").glob("conda-prefix-*")) == []


def test_what_layers_above_do_is_named(made: Made, tmp_path: Path) -> None:
    evil: Files = {
        f"opt/env/{SITE}/numpy/version.py": b"version = '9'\n",
        "opt/env/lib/libprefix-notes.so": File(link="../etc/prefix-notes.conf"),
        f"opt/env/{SITE}/evil.py": b"x = 1\n",
    }
    other = with_layer(made.folder / "image", tmp_path / "other", evil)
    verdict, observed, found = made.verdict("--image", f"oci:{other}", status=1)
    assert (verdict, observed == made.hash) == ("mismatch", False)
    assert sorted(found) == [
        ("file-differs", f"lib/python{SERIES}/site-packages/numpy/version.py"),
        ("foreign-module", f"lib/python{SERIES}/site-packages/evil.py"),
        ("link-differs", "lib/libprefix-notes.so"),
        ("link-differs", "share/prefix-notes/chain"),
    ]


def test_docker_runs_it(made: Made, docker_daemon: Dockerd) -> None:
    made.run("build", "oci", "-o", "image.tar", "-t", "localhost/conda:1")
    docker_daemon.docker("load", "-i", made.folder / "image.tar")
    flags = ("--rm", "--network=none", "--read-only", "--cap-drop=ALL")
    ran = docker_daemon.docker("run", *flags, "localhost/conda:1", "python", "-c", PROGRAM)
    assert ran.stdout == "/opt/env 1 1000 [3.0, 3.0]\n"
    inside = made.with_environment(docker_daemon.environment)
    image = ("--image", "localhost/conda:1", "--inside", "docker")
    assert inside.verdict(*image) == ("match", made.hash, [])
