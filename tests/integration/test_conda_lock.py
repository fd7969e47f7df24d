"""`lock` with conda packages: a channel of small archives and an index of small wheels, both on loopback."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard

from envlock import api
from envlock.errors import BadPackage, FileClash, HashMismatch, IndexFailed, NoSolution, UsageFault
from envlock.lock import conda_runtime_hash, dumps, read_lock
from tests.support.conda import Channel, CondaPackage, File, Link
from tests.support.conda.metadata import cuda_packages
from tests.support.index import LocalIndex, NoRanges, OtherBytes, Status
from tests.support.wheels import make_wheel

SITE = "lib/python3.11/site-packages"


def python(version: str = "3.11.9") -> CondaPackage:
    return CondaPackage(
        name="python",
        version=version,
        build="h0_0_cpython",
        files=(File(path="bin/python3.11", content=b"\x7fELF"),),
        more=(("python_site_packages_path", SITE),),
    )


def library(name: str, version: str, *, build: str = "py311h0_0", **more: Any) -> CondaPackage:
    """A distribution with its metadata, as conda-forge has it."""
    info = f"{SITE}/{name}-{version}.dist-info/METADATA"
    files = (File(path=info, content=b"x"), File(path=f"{SITE}/{name}/__init__.py", content=b""))
    return CondaPackage(
        name=name,
        version=version,
        build=build,
        depends=("python 3.11.*",),
        files=(*files, *more.pop("files", ())),
    )


def tool() -> CondaPackage:
    return CondaPackage(
        name="tool",
        version="1.0",
        build="pyhd8ed1ab_0",
        noarch="python",
        depends=("python >=3.9",),
        entry_points=("tool=tool.cli:main",),
        files=(File(path="site-packages/tool-1.0.dist-info/METADATA", content=b"x"),),
    )


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Channel:
    channel = Channel(tmp_path_factory.mktemp("channel"))
    cudnn = File(path="lib/libcudnn.so.9", content=b"\x7fELF")
    channel.add(python(), python("3.12.1"), library("numpy", "2.3.5"), library("numpy", "1.26.4"), tool())
    channel.add(*(package for package in cuda_packages() if package.name != "libcudnn"))
    channel.add(CondaPackage(name="libcudnn", version="9.10.2.21", files=(cudnn,)))
    channel.index()
    return channel


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    with LocalIndex() as index:
        index.add(make_wheel("needs-numpy", "1.0", files={"n/__init__.py": b""}, requires=("numpy>=1",)))
        index.add(make_wheel("needs-old", "1.0", files={"o/__init__.py": b""}, requires=("numpy<2",)))
        cudnn = {"nvidia/cudnn/lib/libcudnn.so.9": b"\x7fELF other"}
        index.add(make_wheel("nvidia-cudnn-cu12", "9.10.2.21", files=cudnn))
        yield index


class Project:
    def __init__(self, root: Path, channel: str, index: str) -> None:
        self.root, self.channel, self.index = root, channel, index
        self.cache: Path | None = None

    def lock(self, packages: str, *, top: str = "", conda: str = "", **options: Any) -> api.LockResult:
        (self.root / "envlock.toml").write_text(
            f'python = "3.11"\n{top}\n[conda]\npackages = {packages}\n{conda}\n'
            f'[sources]\ndefault = "{self.index}"\nconda-forge = "{self.channel}"\n'
        )
        request = api.LockRequest(project=self.root, cache=self.cache, **options)
        return api.lock(request, environment=os.environ)


@pytest.fixture
def project(tmp_path: Path, channel: Channel, index: LocalIndex) -> Project:
    return Project(tmp_path, channel.url, index.url)


def names(result: api.LockResult) -> list[str]:
    return [f"{row.name} {row.version}" for row in result.lock.conda_packages]


def test_python_and_numpy_from_conda_and_a_wheel_that_needs_numpy(project: Project) -> None:
    result = project.lock('["python", "numpy", "tool"]', top='requirements = ["needs-numpy"]')
    lock = result.lock
    assert names(result) == ["numpy 2.3.5", "python 3.11.9", "tool 1.0"]
    assert [row.name for row in lock.distributions] == ["needs-numpy"]
    assert lock.python_exact == "3.11.9"
    assert lock.conda is not None
    assert lock.conda.channels == ("conda-forge",)
    assert lock.conda.virtual_packages == {
        "linux-64": {"__archspec": "1=x86_64", "__glibc": "2.28", "__linux": "5.10", "__unix": "0"}
    }
    numpy, of_python, tool = lock.conda_packages
    assert numpy.distributions == (("numpy", "2.3.5"),)
    assert (tool.noarch, tool.entry_points) == ("python", ("tool = tool.cli:main",))
    assert of_python.site_packages == SITE
    assert read_lock(result.path) == lock
    assert project.channel not in dumps(lock)
    assert conda_runtime_hash(lock, "linux-64") is not None


def test_a_lock_of_conda_packages_alone(project: Project) -> None:
    result = project.lock('["numpy"]')
    assert (names(result), result.lock.distributions) == (["numpy 2.3.5", "python 3.11.9"], ())


def test_over_http_the_bytes_are_the_same_and_few_are_read(project: Project, channel: Channel) -> None:
    local = dumps(project.lock('["numpy", "tool"]').lock)
    with channel.served() as server:
        project.channel = server.url
        assert dumps(project.lock('["numpy", "tool"]').lock) == local
        archives = [request for request in server.log if request.path.endswith(".conda")]
        assert archives
        assert all(request.range for request in archives)


def test_where_links_to_folders_lead_is_locked(project: Project, tmp_path: Path) -> None:
    """By ranges, from a file, and from what is kept: the same. Other links tell for themselves."""
    channel = Channel(tmp_path / "links")
    links = (
        Link(path="lib/python3.1", target="python3.11"),
        Link(path="share/empty", target="nothing"),
        Link(path="share/file", target="../lib/python3.11/x.py"),
        Link(path="share/out", target="/usr/share"),
    )
    files = (File(path="lib/python3.11/x.py", content=b"x = 1\n"), File(path="share/nothing", content=b""))
    channel.add(python(), CondaPackage(name="linked", version="1", files=(*files, *links)))
    channel.index()
    project.channel, project.cache = channel.url, tmp_path / "cache"
    local = project.lock('["linked"]').lock
    assert local.conda_packages[0].links == ("lib/python3.1 -> python3.11", "share/empty -> nothing")
    assert project.lock('["linked"]', upgrade=True).lock == local
    project.cache = None
    with channel.served() as server:
        project.channel = server.url
        assert project.lock('["linked"]').lock == local
        archives = [request for request in server.log if request.path.endswith(".conda")]
        assert archives
        assert all(request.range for request in archives)


def test_what_no_lock_may_hold_of_a_link(project: Project, tmp_path: Path) -> None:
    channel = Channel(tmp_path / "links")
    link = Link(path="share/a -> b", target="lib")
    channel.add(python(), CondaPackage(name="linked", version="1", files=(link,)))
    channel.index()
    project.channel = channel.url
    with pytest.raises(BadPackage) as caught:
        project.lock('["linked"]')
    assert caught.value.message == (
        "`linked-1-h0_0.conda` has 'share/a -> b -> lib', which is not a link like "
        "`lib/python3.1 -> python3.11`"
    )


def test_a_server_without_ranges_is_read_whole_and_proved(project: Project, channel: Channel) -> None:
    local = dumps(project.lock('["tool"]').lock)
    with channel.served() as server:
        project.channel = server.url
        server.fault("*.conda", NoRanges())
        assert dumps(project.lock('["tool"]').lock) == local


def test_what_is_known_is_not_read_again(project: Project, channel: Channel, tmp_path: Path) -> None:
    project.cache = tmp_path / "cache"
    with channel.served() as server:
        project.channel = server.url
        first = dumps(project.lock('["tool"]').lock)
        server.forget()
        assert dumps(project.lock('["tool"]', upgrade=True).lock) == first
        assert not [request for request in server.log if request.path.endswith(".conda")]


def test_the_pins_stand_until_they_are_let_go(project: Project) -> None:
    project.lock('["numpy <2"]')
    assert names(project.lock('["numpy"]')) == ["numpy 1.26.4", "python 3.11.9"]
    assert names(project.lock('["numpy"]', upgrade_packages=("numpy",)))[0] == "numpy 2.3.5"


def test_requirements_that_do_not_fit_what_conda_brings(project: Project) -> None:
    with pytest.raises(NoSolution) as caught:
        project.lock('["numpy"]', top='requirements = ["numpy<2"]')
    assert caught.value.message == "`numpy<2` is asked for, and conda brings numpy 2.3.5 on linux-64"
    assert caught.value.facts == (("asked by", "envlock.toml, requirements: numpy<2"),)
    with pytest.raises(NoSolution) as caught:
        project.lock('["numpy"]', top='requirements = ["needs-old"]')
    assert ("from conda", "numpy 2.3.5") in caught.value.facts


def test_one_cuda_library_from_two_providers(project: Project) -> None:
    with pytest.raises(FileClash) as caught:
        project.lock('["libcudnn"]', top='requirements = ["nvidia-cudnn-cu12"]')
    assert caught.value.message == (
        "`libcudnn.so.9` comes twice on linux-64: "
        "from the conda package libcudnn and from the wheel of nvidia-cudnn-cu12"
    )
    assert not (project.root / "envlock.lock").exists()


def test_all_from_conda(project: Project) -> None:
    result = project.lock('["pytorch-gpu"]', top='cuda = "12.9"\nrequirements = ["torch>=2.8"]')
    found = result.lock.stack["linux-64"]
    assert (found.torch, found.cuda, found.cudnn, found.nccl, found.driver) == (
        *("2.8.0", "12.9", "9.10.2.21", "2.27.3.1"),
        "525.60.13",
    )
    assert result.lock.distributions == ()
    assert result.lock.conda is not None
    assert result.lock.conda.virtual_packages["linux-64"]["__cuda"] == "12.9"
    assert result.notes == ()


def test_virtual_packages_are_never_those_of_the_machine(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONDA_OVERRIDE_CUDA", "12.9")
    with pytest.raises(NoSolution) as caught:
        project.lock('["pytorch-gpu"]')
    assert caught.value.message == (
        "`pytorch-gpu 2.8.0` needs `__cuda`, and the manifest gives linux-64 no such virtual package"
    )


def test_another_python_than_conda_s(project: Project) -> None:
    with pytest.raises(UsageFault) as caught:
        project.lock('["numpy"]', python_exact="3.11.2")
    assert caught.value.message == "`--python 3.11.2`: conda brings Python 3.11.9"


def test_an_archive_that_is_not_what_the_channel_says(project: Project, tmp_path: Path) -> None:
    own = Channel(tmp_path / "own")
    own.add(python(), tool())
    own.index()
    archive = own.folder / "noarch" / "tool-1.0-pyhd8ed1ab_0.conda"
    archive.write_bytes(archive.read_bytes() + b"x")
    project.channel = own.url
    with pytest.raises(HashMismatch) as caught:
        project.lock('["tool"]')
    assert caught.value.message == (
        "`tool-1.0-pyhd8ed1ab_0.conda` is not what the channel `conda-forge` says it is"
    )
    archive.unlink()
    with pytest.raises(IndexFailed) as failed:
        project.lock('["tool"]')
    assert failed.value.message == (
        "`tool-1.0-pyhd8ed1ab_0.conda` of the channel `conda-forge` cannot be read: No such file or directory"
    )


def test_deep_reads_every_byte(project: Project, channel: Channel) -> None:
    with channel.served() as server:
        project.channel = server.url
        server.fault("*tool*.conda", OtherBytes(content=b"other"))
        with pytest.raises(HashMismatch):
            project.lock('["tool"]', deep=True)


def test_an_archive_that_hides_an_entry_point(project: Project, tmp_path: Path) -> None:
    own = Channel(tmp_path / "own")
    own.add(python(), replace(tool(), entry_points=("../tool = tool.cli:main",)))
    own.index()
    project.channel = own.url
    with pytest.raises(BadPackage) as caught:
        project.lock('["tool"]')
    assert caught.value.exit_status == 4


def test_channels_that_do_not_answer(project: Project, channel: Channel, tmp_path: Path) -> None:
    with channel.served() as server:
        project.channel = server.url
        server.fault("*repodata*", Status(code=404))
        with pytest.raises(IndexFailed) as caught:
            project.lock('["tool"]')
        assert caught.value.facts == (("channel", f"conda-forge: {server.url}"),)
    project.channel = (tmp_path / "nothing").as_uri()
    with pytest.raises(IndexFailed) as caught:
        project.lock('["tool"]')
    assert caught.value.exit_status == 5


def test_a_channel_without_a_place(project: Project) -> None:
    with pytest.raises(UsageFault) as caught:
        project.lock('["tool"]', conda='channels = ["our-own"]')
    assert caught.value.message == "channel `our-own` points nowhere from here"


def test_strict_channel_priority(project: Project, tmp_path: Path) -> None:
    """numpy 1.26.4 of the first channel, though the second has 2.3.5."""
    own = Channel(tmp_path / "own")
    own.add(library("numpy", "1.26.4", build="py311mine_0"))
    own.index()
    (project.root / "envlock.toml").write_text(
        'python = "3.11"\n[conda]\nchannels = ["mine", "conda-forge"]\npackages = ["numpy"]\n'
        f'[sources]\nmine = "{own.url}"\nconda-forge = "{project.channel}"\n'
    )
    result = api.lock(api.LockRequest(project=project.root), environment=os.environ)
    assert [(row.channel, row.version) for row in result.lock.conda_packages] == [
        ("mine", "1.26.4"),
        ("conda-forge", "3.11.9"),
    ]


def test_the_lock_goes_stale_with_the_channels(project: Project) -> None:
    project.lock('["tool"]')
    text = (project.root / "envlock.toml").read_text()
    (project.root / "envlock.toml").write_text(text.replace("[conda]", '[conda]\nchannels = ["mine"]'))
    reasons = api.check(api.LockRequest(project=project.root), environment=os.environ)
    assert reasons == ("the conda channels are `mine` in the manifest, `conda-forge` in the lock",)


def test_the_example_is_fresh() -> None:
    request = api.LockRequest(project=Path("examples/conda-native"))
    assert api.check(request, environment=os.environ) == ()
    lock = read_lock(Path("examples/conda-native/envlock.lock"))
    assert [row.name for row in lock.conda_packages] == ["attrs", "numpy", "pip", "python"]
    assert "numpy" not in {row.name for row in lock.distributions}


def test_two_platforms_share_what_is_noarch(project: Project, tmp_path: Path) -> None:
    """Each is solved by itself, under its own virtual packages."""
    own = Channel(tmp_path / "own")
    mac = replace(python(), subdir="osx-arm64", depends=("__osx >=11.0",), build="h1_0_cpython")
    own.add(replace(python(), depends=("__glibc >=2.17",)), mac, tool())
    own.index()
    project.channel = own.url
    both = 'platforms = ["linux-64", "osx-arm64"]'
    lock = project.lock('["tool"]', top=both).lock
    assert [(row.name, row.subdir, row.platforms) for row in lock.conda_packages] == [
        ("python", "linux-64", ("linux-64",)),
        ("python", "osx-arm64", ("osx-arm64",)),
        ("tool", "noarch", ("linux-64", "osx-arm64")),
    ]
    assert lock.conda is not None
    assert lock.conda.virtual_packages["osx-arm64"] == {
        "__archspec": "1=m1",
        "__osx": "11.0",
        "__unix": "0",
    }
    assert conda_runtime_hash(lock, "linux-64") != conda_runtime_hash(lock, "osx-arm64")
    lockfile = project.root / "envlock.lock"
    for format in ("conda-lock", "pixi"):
        text = api.emit(api.EmitRequest(format=format, lock=lockfile, environment=os.environ))
        (project.root / "other.yml").write_text(text)
        lockfile.unlink()
        adopted = project.lock(
            '["tool"]', top='platforms = ["linux-64", "osx-arm64"]', adopt=project.root / "other.yml"
        )
        assert adopted.lock == lock


def test_a_password_of_a_channel_is_told_to_nobody(project: Project, channel: Channel) -> None:
    with channel.served() as server:
        project.channel = ""
        url = server.url.replace("//", "//me:secret@")
        os.environ["ENVLOCK_SOURCE_CONDA_FORGE"] = url
        try:
            (project.root / "envlock.toml").write_text('python = "3.11"\n[conda]\npackages = ["tool"]\n')
            request = api.LockRequest(project=project.root)
            lock = api.lock(request, environment=os.environ).lock
            server.fault("*.conda", Status(code=404))
            server.fault("*repodata*", Status(code=404))
            with pytest.raises(IndexFailed) as caught:
                api.lock(replace(request, upgrade=True), environment=os.environ)
        finally:
            del os.environ["ENVLOCK_SOURCE_CONDA_FORGE"]
    told = f"{caught.value.message} {caught.value.where} {caught.value.hint} {caught.value.facts}"
    assert "secret" not in dumps(lock) + told


def test_an_archive_of_the_old_format(project: Project, tmp_path: Path) -> None:
    """`.tar.bz2` has no parts that could be read alone: it is read whole, and proved."""
    own = Channel(tmp_path / "own")
    own.add(python(), tool())
    path = own.folder / "noarch" / "tool-1.0-pyhd8ed1ab_0.conda"
    _repack(path)
    own.index()
    with own.served() as server:
        project.channel = server.url
        packed = project.lock('["tool"]').lock.conda_packages[-1]
    assert packed.file == "tool-1.0-pyhd8ed1ab_0.tar.bz2"
    project.channel = own.url
    assert project.lock('["tool"]', upgrade=True).lock.conda_packages[-1] == packed
    assert (packed.entry_points, packed.distributions) == (("tool = tool.cli:main",), (("tool", "1.0"),))


def _repack(path: Path) -> None:
    with zipfile.ZipFile(path) as archive, tarfile.open(path.with_suffix(".tar.bz2"), "w:bz2") as packed:
        for name in archive.namelist():
            if name.endswith(".tar.zst"):
                content = zstandard.ZstdDecompressor().stream_reader(archive.read(name)).read()
                with tarfile.open(fileobj=io.BytesIO(content)) as members:
                    for member in members:
                        packed.addfile(member, members.extractfile(member))
    path.unlink()


def test_a_virtual_environment_of_half_a_lock_is_refused(project: Project) -> None:
    """It would lack NumPy, and be called a match."""
    project.lock('["numpy"]', top='requirements = ["needs-numpy"]')
    order = api.SyncOrder(
        lock=project.root / "envlock.lock",
        venv=project.root / ".venv",
        environment=os.environ,
        cache=project.root / "cache",
    )
    with pytest.raises(UsageFault) as caught:
        api.sync(order)
    assert caught.value.message == (
        "a virtual environment holds wheels alone, and `numpy` of the lock comes from conda"
    )
    assert not (project.root / ".venv").exists()
