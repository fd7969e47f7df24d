"""`envlock build oci` of a lock with conda packages, on small ones of made-up files: members, configuration,
digests, faults. That a real one runs is in tests/e2e/test_conda_image.py."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from envlock.api import LockRequest, OciOrder, OciResult, build_oci, lock
from envlock.cli import cli
from envlock.errors import GoneFromIndex, HashMismatch
from envlock.lock import conda_runtime_hash, read_lock
from envlock.resolve.oci.layout import Layout
from envlock.resolve.oci.media import parse_config, parse_manifest
from envlock.resolve.oci.store import read_small
from envlock.resolve.oci.tree import ImageTree, LayerReader, merge_layer
from tests.support.conda import Channel, CondaPackage, File, Link
from tests.support.conda.package import PLACEHOLDER
from tests.support.images import image, layer

CONFIG = f"root={PLACEHOLDER}/share\n".encode()


def packages() -> tuple[CondaPackage, ...]:
    """A Python in name, what is put below its site-packages, a prefix in a text, a script for afterwards."""
    program = File(path="bin/python3.11", content=b"\x7fELF" + b"p" * (2 << 20), executable=True)
    hook = File(path="bin/.hook-post-link.sh", content=b"#!/bin/sh\nexit 1\n", executable=True)
    return (
        CondaPackage(
            name="python",
            version="3.11.9",
            files=(program, Link(path="bin/python", target="python3.11")),
            more=(("python_site_packages_path", "lib/python3.11/site-packages"),),
        ),
        CondaPackage(
            name="tool",
            version="1.0",
            noarch="python",
            depends=("python",),
            entry_points=("tool = tool:main",),
            files=(File(path="site-packages/tool.py", content=b"def main(): pass\n"),),
        ),
        CondaPackage(
            name="hook", version="1", files=(File(path="etc/hook.conf", content=CONFIG, mode="text"), hook)
        ),
    )


@dataclass(kw_only=True)
class Project:
    folder: Path
    channel: Channel

    @property
    def lockfile(self) -> Path:
        return self.folder / "envlock.lock"

    def build(self, **options: object) -> OciResult:
        environment = {**os.environ, "ENVLOCK_SOURCE_CONDA_FORGE": self.channel.url}
        order = {"lock": self.lockfile, "environment": environment, "cache": self.folder / "cache", **options}
        return build_oci(OciOrder(**order))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A locked project on a base of users alone, which has no Python, and its channel."""
    folder = tmp_path_factory.mktemp("project")
    users = {"etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n", "etc/group": b"root:x:0:\n"}
    image([layer(users)], folder=folder / "base")
    channel = Channel(folder / "channel")
    channel.add(*packages())
    channel.index()
    (folder / "envlock.toml").write_text(
        'python = "3.11"\n[conda]\npackages = ["tool", "hook"]\n[image]\nbase = "oci:base"\n'
    )
    environment = {**os.environ, "ENVLOCK_SOURCE_CONDA_FORGE": channel.url}
    lock(LockRequest(project=folder), environment=environment)
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Project:
    """A copy, for one test to spoil."""
    folder = shutil.copytree(made, tmp_path / "project")
    return Project(folder=folder, channel=Channel(folder / "channel"))


def tree_of(layout: Path) -> ImageTree:
    store, tree = Layout(path=layout, tag=None), ImageTree()
    for number, blob in enumerate(parse_manifest(store.document("")).layers):
        reader = LayerReader(store.chunks(blob))
        merge_layer(tree, number, reader.members(), lambda path, content, size: b"".join(content))
    return tree


def test_the_prefix_stands_in_the_image_as_it_is_locked(project: Project) -> None:
    result = project.build(output=project.folder / "image")
    tree = tree_of(project.folder / "image")
    assert tree.nodes["opt/env/etc/hook.conf"].content == b"root=/opt/env/share\n"
    assert tree.nodes["opt/env/lib/python3.11/site-packages/tool.py"].content == b"def main(): pass\n"
    script = tree.nodes["opt/env/bin/tool"].content or b""
    assert script.startswith(b"#!/opt/env/bin/python3.11\n")
    assert tree.resolved("/opt/env/bin/python") == "opt/env/bin/python3.11"
    assert len(tree.nodes["opt/env/bin/python3.11"].content or b"") == 4 + (2 << 20)
    assert "opt/env/conda-meta/history" in tree.nodes
    assert "opt/env/pyvenv.cfg" not in tree.nodes
    record = (tree.nodes["opt/env/conda-meta/hook-1-h0_0.json"].content or b"").decode()
    assert '"url": "https://conda.anaconda.org/conda-forge/linux-64/hook-1-h0_0.conda"' in record
    assert str(project.folder) not in record
    assert result.not_run == ("hook",)
    store = Layout(path=project.folder / "image", tag=None)
    config = parse_config(read_small(store, parse_manifest(store.document("")).config)).raw["config"]
    assert isinstance(config, dict)
    assert config["Env"][0].startswith("PATH=/opt/env/bin:/usr/local/sbin:")
    assert config["Env"][1:] == ["CONDA_PREFIX=/opt/env"]
    runtime = conda_runtime_hash(read_lock(project.lockfile), "linux-64")
    assert config["Labels"]["envlock.runtime"] == runtime


def test_rattler_reads_the_records(project: Project, tmp_path: Path) -> None:
    from rattler import PrefixRecord

    project.build(output=project.folder / "image")
    tree = tree_of(project.folder / "image")
    records = [name for name in tree.nodes if re.fullmatch(r"opt/env/conda-meta/.*\.json", name)]
    assert len(records) == 3
    for name in records:
        path = tmp_path / Path(name).name
        path.write_bytes(tree.nodes[name].content or b"")
        read = PrefixRecord.from_path(path)
        assert path.name == f"{read.name.normalized}-{read.version}-{read.build}.json"
        assert read.files


def test_digests_are_noted_and_known_without_a_channel(project: Project, tmp_path: Path) -> None:
    noted = project.build(digest_only=True)
    whole = project.build(output=tmp_path / "image", cache=tmp_path / "other-cache").built
    assert whole == noted.built
    shutil.rmtree(project.channel.folder)
    assert project.build(digest_only=True).built == noted.built
    with pytest.raises(GoneFromIndex):
        project.build(output=tmp_path / "again")
    assert not (tmp_path / "again").exists()
    assert list((project.folder / "cache").glob("conda-prefix-*")) == []


def test_archives_of_a_wheelhouse(project: Project, tmp_path: Path) -> None:
    noted = project.build(digest_only=True).built
    house = tmp_path / "house"
    house.mkdir()
    for archive in project.channel.folder.glob("*/*.conda"):
        shutil.copy(archive, house)
    shutil.rmtree(project.channel.folder)
    assert project.build(output=tmp_path / "image", wheelhouse=house).built == noted


def test_another_archive_is_refused_and_nothing_is_left(project: Project, tmp_path: Path) -> None:
    archive = next(project.channel.folder.glob("*/tool-*.conda"))
    archive.write_bytes(archive.read_bytes() + b" ")
    with pytest.raises(HashMismatch) as caught:
        project.build(output=tmp_path / "image")
    assert caught.value.message == (
        "`tool-1.0-h0_0.conda` on the channel `conda-forge` is not the file that was locked"
    )
    assert not (tmp_path / "image").exists()
    assert list((project.folder / "cache").glob("conda-prefix-*")) == []


def test_scripts_that_were_not_run_are_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVLOCK_SOURCE_CONDA_FORGE", project.channel.url)
    done = CliRunner().invoke(cli, ["build", "oci", "-l", str(project.lockfile), "--digest-only"])
    assert done.exit_code == 0, done.stderr
    assert done.stderr == "note: scripts that conda would run after linking were not run: hook\n"
