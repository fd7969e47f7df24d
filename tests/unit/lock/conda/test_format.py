"""The conda part of the lockfile: its text, and each thing that makes it invalid, by its message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from envlock.agent.lockfile import parse_subset
from envlock.errors import LockfileInvalid
from envlock.lock import CondaLock, Lock, conda_runtime_hash, dumps, loads
from envlock.lock.diff import diff
from envlock.report.lock_diff import DiffLook, render
from tests.unit.lock.values import PATHS, conda_package, lock, six, with_conda

DEMO = conda_package(
    "demo",
    subdir="noarch",
    noarch="python",
    platforms=("linux-64",),
    depends=("python >=3.11,<3.12.0a0", "__cuda >=12"),
    constrains=("other <2",),
    distributions=(("demo", "1.0"),),
    entry_points=("demo = demo.cli:main",),
    link_scripts=("post-link",),
    clobbers=("lib/é.py",),
    links=("lib/a -> ../b c",),
)
PYTHON = conda_package(
    "python",
    version="3.11.9",
    file="python-3.11.9-h0_0.conda",
    site_packages="lib/python3.11/site-packages",
    md5=None,
    timestamp=None,
)
LOCK = with_conda(lock(six()), DEMO, PYTHON, __cuda="12.9", __archspec="1=x86_64")

TABLES = """\
[conda]
channels = ["conda-forge"]

[conda.virtual-packages.linux-64]
__archspec = "1=x86_64"
__cuda = "12.9"
"""
PACKAGES = f"""\
[[conda-package]]
name = "demo"
version = "1.0"
build = "h0_0"
build-number = 0
subdir = "noarch"
noarch = "python"
platforms = ["linux-64"]
channel = "conda-forge"
file = "demo-1.0-h0_0.conda"
sha256 = "{"c" * 64}"
md5 = "{"d" * 32}"
size = 20
timestamp = 1700000000000
depends = ["__cuda >=12", "python >=3.11,<3.12.0a0"]
constrains = ["other <2"]
distributions = ["demo==1.0"]
entry-points = ["demo = demo.cli:main"]
link-scripts = ["post-link"]
clobbers = ["lib/é.py"]
links = ["lib/a -> ../b c"]
paths = "{PATHS}"

[[conda-package]]
name = "python"
version = "3.11.9"
build = "h0_0"
build-number = 0
subdir = "linux-64"
platforms = ["linux-64"]
channel = "conda-forge"
file = "python-3.11.9-h0_0.conda"
sha256 = "{"c" * 64}"
size = 20
depends = []
site-packages = "lib/python3.11/site-packages"
paths = "{PATHS}"
"""


def faults(locked: Lock | str) -> list[tuple[str, str]]:
    with pytest.raises(LockfileInvalid) as caught:
        loads(locked if isinstance(locked, str) else dumps(locked), where="envlock.lock")
    return [(fault.where.removeprefix("envlock.lock, "), fault.message) for fault in caught.value.faults]


def test_the_text() -> None:
    text = dumps(LOCK)
    assert TABLES in text
    assert text.endswith(f"\n\n{PACKAGES}")
    assert f'\nconda = "{conda_runtime_hash(LOCK, "linux-64")}"\n' in text


def test_there_and_back() -> None:
    read = loads(dumps(LOCK), where="x")
    assert dumps(read) == dumps(LOCK)
    demo = replace(DEMO, depends=tuple(sorted(DEMO.depends)))
    assert read == replace(LOCK, conda_packages=(demo, PYTHON))
    assert dumps(replace(LOCK, conda_packages=(PYTHON, DEMO))) == dumps(LOCK)


def test_the_agent_reads_it_alike() -> None:
    import tomllib

    assert parse_subset(dumps(LOCK)) == tomllib.loads(dumps(LOCK))


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ('name = "demo"', 'name = "../demo"', "conda-package[0].name",
         '`name` must be the name of a conda package, found "../demo"'),
        ('file = "demo-1.0-h0_0.conda"', 'file = "../demo-1.0-h0_0.conda"', "conda-package.demo.file",
         '`file` must be the file name of a conda package, found "../demo-1.0-h0_0.conda"'),
        ('file = "demo-1.0-h0_0.conda"', 'file = "demo-1.1-h0_0.conda"', "conda-package.demo.file",
         "`demo-1.1-h0_0.conda` is not a file of demo 1.0 h0_0"),
        ('build = "h0_0"', 'build = "$(x)"', "conda-package.demo.build",
         '`build` must be the build string of a conda package, found "$(x)"'),
        ('subdir = "noarch"', 'subdir = "linux"', "conda-package.demo.subdir",
         '`subdir` must be a platform, or `noarch`, found "linux"'),
        ('channel = "conda-forge"', 'channel = "https://h/c"', "conda-package.demo.channel",
         "`channel` must be the name of a conda channel; where it lies is said in `sources`, "
         'found "https://h/c"'),
        ('channel = "conda-forge"', 'channel = "mine"', "conda-package.demo.channel",
         "`mine` is not among the channels of `[conda]`"),
        ('entry-points = ["demo = demo.cli:main"]', 'entry-points = ["../demo = demo.cli:main"]',
         "conda-package.demo.entry-points[0]",
         "`entry-points[0]` must be an entry point like `f2py = numpy.f2py.f2py2e:main`, "
         'found "../demo = demo.cli:main"'),
        ('clobbers = ["lib/é.py"]', 'clobbers = ["../é.py"]', "conda-package.demo.clobbers[0]",
         '`clobbers[0]` must be a relative path without `..` and control characters, found "../é.py"'),
        ('site-packages = "lib', 'site-packages = "/lib', "conda-package.python.site-packages",
         "`site-packages` must be a relative path without `..` and control characters, "
         'found "/lib/python3.11/site-packages"'),
        ('"lib/a -> ../b c"', '"../a -> b"', "conda-package.demo.links[0]",
         '`links[0]` must be a link like `lib/python3.1 -> python3.11`, found "../a -> b"'),
        ('"lib/a -> ../b c"', '"a -> /b"', "conda-package.demo.links[0]",
         '`links[0]` must be a link like `lib/python3.1 -> python3.11`, found "a -> /b"'),
        ('"post-link"', '"run-me"', "conda-package.demo.link-scripts[0]",
         "`link-scripts[0]` must be `post-link`, `pre-link`, `pre-unlink` or `post-unlink`, "
         'found "run-me"'),
        ('"demo==1.0"', '"demo"', "conda-package.demo.distributions[0]",
         '`distributions[0]` must be a distribution like `numpy==2.3.5`, found "demo"'),
        ('md5 = "d', 'md5 = "D', "conda-package.demo.md5",
         f'`md5` must be 32 hexadecimal digits in lower case, found "D{"d" * 31}"'),
        ("build-number = 0\n", "", "conda-package.demo.build-number", "`build-number` is missing"),
        ('__cuda = "12.9"', '__cuda = "; rm"', "conda.virtual-packages.linux-64.__cuda",
         '`__cuda` must be a version like `12.4`, found "; rm"'),
        ('__cuda = "12.9"', 'cuda = "12.9"', "conda.virtual-packages.linux-64.cuda",
         "`cuda` must be the name of a virtual package like `__cuda`"),
        ("[conda.virtual-packages.linux-64]", "[conda.virtual-packages.win-64]",
         "conda.virtual-packages.win-64", "`win-64` is not among `platforms`"),
        ('channels = ["conda-forge"]', 'channels = ["conda-forge", "conda-forge"]', "conda.channels",
         "`conda-forge` is there twice"),
        ('depends = ["__cuda >=12"', 'depends = ["nccl >=2"', "conda-package.demo.depends",
         "`nccl` is not locked for linux-64"),
        ('version = "3.11.9"', 'version = "3.12.1"', "conda-package.python.file",
         "`python-3.11.9-h0_0.conda` is not a file of python 3.12.1 h0_0"),
        (PATHS, "0" * 64, "runtime.linux-64.conda",
         "the runtime hash does not follow from the lock: it was edited, or merged"),
    ],
)  # fmt: skip
def test_a_fault(old: str, new: str, where: str, message: str) -> None:
    text = dumps(LOCK)
    assert old in text
    assert (where, message) in faults(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("packages", "found"),
    [
        ((conda_package("a"), conda_package("a", version="2", file="a-2-h0_0.conda")),
         [("conda-package.a", "`a` is there twice for linux-64")]),
        ((conda_package("a", noarch="python"),),
         [("conda-package.a.noarch", "a noarch package is not in linux-64")]),
        ((conda_package("a", subdir="win-64"),),
         [("conda-package.a.platforms", "a package of win-64 is not for linux-64")]),
        ((conda_package("a", platforms=("win-64",), subdir="win-64"),),
         [("conda-package.a.platforms", "`win-64` is not among `platforms`")]),
        ((conda_package("a", platforms=()),), [("conda-package.a.platforms", "names no platform")]),
        ((conda_package("a", distributions=(("six", "1.17.0"),)),),
         [("conda-package.a.distributions", "`six` comes from a wheel too, for linux-64")]),
        ((conda_package("a", distributions=(("b", "1"),)), conda_package("b", distributions=(("b", "1"),))),
         [("conda-package.b.distributions", "`b` comes from the conda package a too, for linux-64")]),
        ((conda_package("python", version="3.12.1", file="python-3.12.1-h0_0.conda"),),
         [("conda-package.python.version", "Python 3.12.1 is not a 3.11")]),
    ],
)  # fmt: skip
def test_contradictions(packages: Any, found: list[tuple[str, str]]) -> None:
    assert faults(with_conda(lock(six()), *packages)) == found


def test_a_wheel_may_require_what_a_conda_package_brings() -> None:
    needy = replace(six(), requires=("numpy",))
    brings = conda_package("numpy-base", distributions=(("numpy", "2.3.5"),))
    locked = with_conda(lock(needy), brings)
    assert loads(dumps(locked), where="x") == locked
    assert faults(lock(needy)) == [("distribution.six.requires", "`numpy` is not locked")]


def test_packages_without_a_missing_runtime_hash() -> None:
    text = dumps(LOCK).replace(f'conda = "{conda_runtime_hash(LOCK, "linux-64")}"\n', "")
    assert faults(text) == [("runtime.linux-64.conda", "`conda` is missing")]


LOOK = DiffLook(old="a.lock", new="b.lock")


def test_what_differs_of_conda_packages() -> None:
    demo = replace(DEMO, build="h1_0", file="demo-1.0-h1_0.conda", paths="e" * 64)
    new = replace(LOCK, conda_packages=(demo, replace(PYTHON, size=21)))
    found = diff(LOCK, new)
    assert found.changes_runtime
    row = found.platforms[0]
    assert render(found, LOOK) == (
        "differs: a.lock and b.lock install other files\n"
        f"  linux-64  both {row.old}\n"
        f"            old  {row.old_conda} (conda)\n"
        f"            new  {row.new_conda} (conda)\n"
        "\n"
        "what changes the runtime hash:\n"
        "  conda package demo 1.0 h0_0 → 1.0 h1_0\n"
        "\n"
        "what does not change it:\n"
        "  conda-package.python.size 20 → 21"
    )


def test_every_other_value_of_a_conda_package_is_seen() -> None:
    conda = CondaLock(channels=("conda-forge",), virtual_packages={"linux-64": {"__cuda": "12.4"}})
    for changed in (
        {"conda": conda},
        {"conda_packages": (DEMO,)},
        {"conda_packages": (replace(DEMO, paths="e" * 64), PYTHON)},
        {"conda_packages": (replace(DEMO, channel="mine"), PYTHON)},
        {"conda_packages": (replace(DEMO, clobbers=()), PYTHON)},
    ):
        assert not diff(LOCK, replace(LOCK, **changed)).is_empty
