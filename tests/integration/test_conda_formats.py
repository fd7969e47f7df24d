"""What is emitted for conda's tools, read by them, and adopted back: the same packages, the same bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from envlock import api
from envlock.errors import ForeignLockInvalid, HashMismatch, NoSolution, UsageFault
from envlock.lock import Lock, dumps
from tests.integration.test_conda_lock import library, python, tool
from tests.support.conda import Channel
from tests.support.conda.metadata import cuda_packages
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel

FILES = {
    "conda": "environment.yml",
    "conda-explicit": "explicit.txt",
    "conda-explicit-md5": "explicit-md5.txt",
    "conda-lock": "conda-lock.yml",
    "pixi": "pixi.lock",
}


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    channel = Channel(tmp_path_factory.mktemp("channel"))
    channel.add(python(), library("numpy", "2.3.5"), library("numpy", "1.26.4"), tool(), *cuda_packages())
    channel.index()
    return channel


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    with LocalIndex() as index:
        index.add(make_wheel("needs-numpy", "1.0", files={"n/__init__.py": b""}, requires=("numpy>=1",)))
        yield index


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    root: Path
    sources: str

    def write(self, packages: str, top: str = "") -> None:
        text = f'python = "3.11"\n{top}\n[conda]\npackages = {packages}\n{self.sources}'
        (self.root / "envlock.toml").write_text(text)

    def lock(self, adopt: Path | None = None) -> Lock:
        request = api.LockRequest(project=self.root, adopt=adopt)
        return api.lock(request, environment=os.environ).lock

    def emit(self, format: str) -> Path:
        lockfile = self.root / "envlock.lock"
        text = api.emit(api.EmitRequest(format=format, lock=lockfile, environment=os.environ))
        path = self.root / FILES[format]
        path.write_text(text)
        return path


@pytest.fixture
def project(tmp_path: Path, channel: Channel, index: LocalIndex) -> Project:
    sources = f'[sources]\ndefault = "{index.url}"\nconda-forge = "{channel.url}"\n'
    return Project(root=tmp_path, sources=sources)


@pytest.mark.parametrize("format", ["conda", "conda-lock", "pixi"])
def test_adopted_back_it_is_the_same_lock(project: Project, format: str) -> None:
    """The pins are old ones, which a solver left to itself would not take."""
    project.write('["numpy <2", "tool"]', 'requirements = ["needs-numpy"]')
    first = project.lock()
    file = project.emit(format)
    project.write('["numpy", "tool"]', 'requirements = ["needs-numpy"]')
    (project.root / "envlock.lock").unlink()
    adopted = project.lock(adopt=file)
    assert adopted.conda_packages == first.conda_packages
    assert adopted.distributions == first.distributions
    request = api.LockRequest(project=project.root, adopt=file)
    assert api.check(request, environment=os.environ) == ()


@pytest.mark.parametrize("format", ["conda-explicit", "conda-explicit-md5"])
def test_explicit_files_have_the_conda_packages(project: Project, format: str) -> None:
    project.write('["numpy <2", "tool"]')
    first = project.lock()
    file = project.emit(format)
    project.write('["numpy", "tool"]')
    (project.root / "envlock.lock").unlink()
    assert project.lock(adopt=file).conda_packages == first.conda_packages


def test_without_a_manifest_the_file_is_asked_for(
    project: Project, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write('["numpy <2", "tool"]')
    first = project.lock()
    file = project.emit("pixi")
    for name in ("envlock.toml", "envlock.lock"):
        (project.root / name).unlink()
    adopted = project.lock(adopt=file)
    assert [row.file for row in adopted.conda_packages] == [row.file for row in first.conda_packages]
    assert channel.url not in dumps(adopted)
    assert adopted.conda is not None
    name = channel.folder.name
    assert adopted.conda.channels == (name,)


def test_py_rattler_reads_our_pixi_lock(project: Project) -> None:
    from rattler.lock import LockFile

    project.write('["numpy", "tool"]', 'requirements = ["needs-numpy"]')
    lock = project.lock()
    environment = LockFile.from_path(project.emit("pixi")).default_environment()
    assert environment is not None
    (platform,) = environment.platforms()
    records = {
        row.name.normalized: row for row in environment.conda_repodata_records_for_platform(platform) or ()
    }
    assert sorted(records) == ["numpy", "python", "tool"]
    for package in lock.conda_packages:
        record = records[package.name]
        assert (str(record.version), str(record.build), record.build_number) == (
            *(package.version, package.build),
            package.build_number,
        )
        assert (record.sha256 or b"").hex() == package.sha256
        assert (record.md5 or b"").hex() == package.md5
        assert sorted(record.depends) == sorted(package.depends)
        assert (record.size, record.python_site_packages_path) == (package.size, package.site_packages)
    assert records["tool"].noarch.python
    (wheel,) = list(environment.pypi_packages_for_platform(platform) or [])
    assert (wheel.name, wheel.version) == ("needs-numpy", "1.0")


def test_a_lock_of_wheels_has_no_conda_formats(tmp_path: Path) -> None:
    lockfile = Path("examples/quickstart/envlock.lock")
    for format in ("conda-explicit", "conda-explicit-md5"):
        with pytest.raises(UsageFault) as caught:
            api.emit(api.EmitRequest(format=format, lock=lockfile, environment=os.environ))
        assert caught.value.message == "the lock takes nothing from conda on linux-64"


def test_the_archive_has_to_be_the_one_that_was_locked(project: Project) -> None:
    project.write('["tool"]')
    project.lock()
    file = project.emit("conda-lock")
    file.write_text(re.sub(r'sha256: "[0-9a-f]{64}"', f'sha256: "{"0" * 64}"', file.read_text()))
    with pytest.raises(HashMismatch) as caught:
        project.lock(adopt=file)
    assert caught.value.message == (
        "`python-3.11.9-h0_0_cpython.conda` of the channel `conda-forge` is not the one that was locked"
    )
    assert caught.value.where == "conda-lock.yml, python"


def test_a_foreign_lock_that_lacks_what_is_asked_for(project: Project) -> None:
    project.write('["tool"]')
    project.lock()
    file = project.emit("conda-explicit")
    project.write('["tool", "numpy"]')
    with pytest.raises(ForeignLockInvalid) as caught:
        project.lock(adopt=file)
    assert [fault.message for fault in caught.value.faults] == [
        "`numpy 2.3.5 py311h0_0` is needed on linux-64, and not pinned"
    ]


def test_a_manifest_without_conda_refuses_conda_packages(project: Project) -> None:
    project.write('["tool"]')
    project.lock()
    file = project.emit("conda-explicit")
    (project.root / "envlock.toml").write_text(
        f'python = "3.11"\nrequirements = ["needs-numpy"]\n{project.sources}'
    )
    with pytest.raises(ForeignLockInvalid) as caught:
        project.lock(adopt=file)
    assert caught.value.message == "`explicit.txt` has conda packages, and the manifest asks for none"


def test_a_lock_that_took_a_driver_for_granted_is_told(project: Project) -> None:
    """As conda-lock makes them: packages that need `__cuda`, and not a word about which."""
    project.write('["pytorch-gpu"]', 'cuda = "12.9"')
    project.lock()
    file = project.emit("conda-lock")
    project.write('["pytorch-gpu"]')
    with pytest.raises(NoSolution) as caught:
        project.lock(adopt=file)
    assert "`__cuda`, and the manifest gives linux-64 no such virtual package" in caught.value.message


@pytest.mark.parametrize(
    ("name", "text", "faults"),
    [
        ("conda-lock.yml", "package: [\n",
         ["conda-lock.yml, line 2: not valid YAML: did not find expected node content"]),
        ("conda-lock.yml", "package:\n- {name: a, manager: conda, platform: linux-64, url: x}\n"
                           "version: 1\nmetadata: {platforms: [linux-64]}\n",
         ['conda-lock.yml, a: "x" is not the URL of a conda package']),
        ("pixi.lock", "version: 4\nenvironments: {}\n",
         ["pixi.lock, version: must be one of 5, 6, 7",
          "pixi.lock, environments: has no environment `default`"]),
        ("explicit.txt", "@EXPLICIT\nhttps://h/c/linux-64/../x.conda#d\n",
         ['explicit.txt:2: "https://h/c/linux-64/../x.conda" is not the URL of a conda package',
          ]),
        ("environment.yml", "dependencies:\n- python=3.11.*\n- numpy\n- pip:\n  - torch>=2\n",
         ["environment.yml, dependencies: `python=3.11.*` is not pinned to a version",
          "environment.yml, dependencies: `numpy` is not pinned to a version",
          "environment.yml, dependencies: `torch>=2` is not pinned to a version"]),
    ],
)  # fmt: skip
def test_files_that_are_no_locks(project: Project, name: str, text: str, faults: list[str]) -> None:
    project.write('["tool"]')
    file = project.root / name
    file.write_text(text)
    with pytest.raises(ForeignLockInvalid) as caught:
        project.lock(adopt=file)
    assert [f"{fault.where}: {fault.message}" for fault in caught.value.faults] == faults
