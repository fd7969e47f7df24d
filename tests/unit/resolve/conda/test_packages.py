"""What is read out of records and archives, without a channel."""

from __future__ import annotations

import pytest

from envlock.agent.conda.paths import PathRow, paths_digest
from envlock.errors import BadPackage, FileClash, UsageFault
from envlock.lock.model import Stack
from envlock.manifest.platforms import Platform
from envlock.resolve.conda.channels import channel_of, channel_urls
from envlock.resolve.conda.model import Archive, CondaPlatform, Record
from envlock.resolve.conda.packages import distributions_of, locked_packages
from envlock.resolve.conda.providers import refuse_two_providers
from envlock.resolve.conda.stack import read_stack
from tests.unit.resolve.conda.wishes import archive, record

SITE = "lib/python3.11/site-packages"


def test_distributions_are_told_by_their_metadata() -> None:
    found = archive(
        f"{SITE}/numpy-2.3.5.dist-info/METADATA",
        f"{SITE}/numpy-2.3.5.dist-info/RECORD",
        "site-packages/Jupyterlab_Widgets-3.0.13.dist-info/METADATA",
        f"{SITE}/old_style-1.0-py3.11.egg-info/PKG-INFO",
        f"{SITE}/flat-2.0-py3.11.egg-info",
        "share/numpy-9.dist-info/METADATA",
        f"{SITE}/vendor/inner-1.0.dist-info/METADATA",
        f"{SITE}/unversioned.dist-info/METADATA",
    )
    assert distributions_of(found) == (
        ("flat", "2.0"),
        ("jupyterlab-widgets", "3.0.13"),
        ("numpy", "2.3.5"),
        ("old-style", "1.0"),
    )


def test_a_folder_that_two_packages_have_is_no_clash() -> None:
    one, two = record("a"), record("b")
    folder = PathRow("lib/x", "directory", None, None, None)
    archives = {
        one.sha256: Archive(rows=(folder,), entry_points=()),
        two.sha256: archive("lib/x/y"),
    }
    assert [package.clobbers for package in locked_packages([one, two], archives, "linux-64")] == [(), ()]


def test_packages_as_the_lock_has_them() -> None:
    one, two = record("a", depends=("b >=1", "b >=1")), record("b")
    archives = {
        one.sha256: archive("bin/.a-post-link.sh", "lib/x", entry_points=("a = a:main",)),
        two.sha256: archive("lib/x", "lib/y", sha256="b" * 64),
    }
    first, second = locked_packages([two, one], archives, "linux-64")
    assert (first.name, first.depends, first.platforms) == ("a", ("b >=1",), ("linux-64",))
    assert (first.link_scripts, first.entry_points) == (("post-link",), ("a = a:main",))
    assert first.clobbers == second.clobbers == ("lib/x",)
    assert first.paths == paths_digest(archives[one.sha256].rows)


def test_the_same_file_twice_is_no_clobber() -> None:
    one, two = record("a"), record("b")
    archives = {one.sha256: archive("lib/x"), two.sha256: archive("lib/x")}
    assert [row.clobbers for row in locked_packages([one, two], archives, "linux-64")] == [(), ()]


@pytest.mark.parametrize("entry", ["../a = a:main", "a = a:main; import os", "a = a"])
def test_an_entry_point_that_is_none(entry: str) -> None:
    bad = record("a")
    with pytest.raises(BadPackage) as caught:
        locked_packages([bad], {bad.sha256: archive(entry_points=(entry,))}, "linux-64")
    assert caught.value.message == (
        f"`a-1.0-h0_0.conda` has {entry!a}, which is not an entry point like `f2py = numpy.f2py.f2py2e:main`"
    )


def platform(*paths: str) -> CondaPlatform:
    cudnn = record("libcudnn")
    archives = {cudnn.sha256: archive(*paths)}
    packages = locked_packages([cudnn], archives, "linux-64")
    return CondaPlatform(
        platform=Platform.LINUX_64, virtual={}, packages=packages, archives=archives, stack=Stack()
    )


def test_two_providers_of_one_cuda_library() -> None:
    wheels = {"nvidia-cudnn-cu12": ["nvidia/cudnn/lib/libcudnn.so.9", "nvidia/cudnn/lib/libcudnn_ops.so.9"]}
    with pytest.raises(FileClash) as caught:
        refuse_two_providers(platform("lib/libcudnn.so.9.10.2", "lib/libcudnn.so.9"), wheels)
    assert caught.value.message == (
        "`libcudnn.so.9` comes twice on linux-64: "
        "from the conda package libcudnn and from the wheel of nvidia-cudnn-cu12"
    )


def test_other_majors_and_other_libraries_are_no_clash() -> None:
    wheels = {"a": ["a/libcudnn.so.8", "a/libgomp.so.1", "a/libcudnn.py", "a.libs/libz.so.1"]}
    refuse_two_providers(platform("lib/libcudnn.so.9", "lib/libgomp.so.1", "lib/libz.so.1"), wheels)


@pytest.mark.parametrize(
    ("build", "more", "cuda"),
    [
        ("cpu_mkl_py313_h19d87ba_102", (), "cpu"),
        ("cuda129_mkl_py313_h7947483_302", (record("cuda-version", "12.9"),), "12.9"),
        ("cuda126_py313hae2543e_306", (record("cuda-version", "12.9"),), "12.6"),
        ("cuda12_py313h_0", (record("cuda-version", "12.9"),), "12.9"),
        ("py3.11_cuda12.1_cudnn8.9.2_0", (record("pytorch-cuda", "12.1"),), "12.1"),
        ("py3.8_cuda10.2_cudnn7.6.5_0", (record("cudatoolkit", "10.2.89"),), "10.2"),
        ("py3.11_cpu_0", (), "cpu"),
    ],
)
def test_the_cuda_of_a_build(build: str, more: tuple[Record, ...], cuda: str) -> None:
    records = [record("pytorch", "2.8.0", build), *more]
    assert read_stack(records, Platform.LINUX_64).cuda == cuda


def test_channels_by_name() -> None:
    sources = {"conda-forge": "file:///srv/conda-forge/", "mine": "https://user:word@h/mine"}
    urls = channel_urls(["mine", "conda-forge"], sources)
    assert list(urls.items()) == [
        ("mine", "https://user:word@h/mine"),
        ("conda-forge", "file:///srv/conda-forge"),
    ]
    assert channel_of("https://h/mine/", urls) == "mine"
    assert channel_of("https://h/other/", urls) is None
    with pytest.raises(UsageFault) as caught:
        channel_urls(["our-own"], {})
    assert caught.value.message == "channel `our-own` points nowhere from here"
    assert caught.value.hint == (
        "give `our-own` a URL in [tool.envlock.sources], or set ENVLOCK_SOURCE_OUR_OWN"
    )
