"""Locks of other tools, read: what they pin, what cannot be a pin, and every fault of those that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.errors import ForeignLockInvalid
from envlock.lock.foreign import Adopted, Wanted, read_foreign_lock
from envlock.manifest.platforms import Platform

SHA256 = "a" * 64
WANTED = Wanted(platform=Platform.LINUX_64, python="3.11")

CONDA_LOCK = "version: 1\nmetadata: {platforms: [linux-64, linux-s390x]}\npackage:\n"
PIXI = (
    "version: 6\nenvironments: {default: {channels: [{url: 'https://h/c/'}], packages: {linux-64: [%s]}}}\n"
    "packages: [%s]\n"
)
PYLOCK = 'lock-version = "1.0"\ncreated-by = "test"\n'
UV = 'version = 1\n[[package]]\nname = "me"\nversion = "0"\nsource = { virtual = "." }\n'
INDEX = 'source = { registry = "https://h/simple" }\n'
WHEELS = f'wheels = [{{ url = "https://h/b-1-py3-none-any.whl", hash = "sha256:{SHA256}" }}]\n'


def adopted(folder: Path, name: str, text: str, wanted: Wanted = WANTED) -> Adopted:
    path = folder / name
    path.write_text(text)
    return read_foreign_lock(path).adopted(wanted)


def refused(folder: Path, name: str, text: str) -> ForeignLockInvalid:
    with pytest.raises(ForeignLockInvalid) as caught:
        adopted(folder, name, text)
    return caught.value


def pins(found: Adopted) -> list[tuple[str, str, str]]:
    """(name, version, why it is none) of each; empty: it is one."""
    missing = {row.pin: row.why for row in found.missing}
    every = dict.fromkeys((*found.pins, *missing))
    return [(str(pin.name), pin.version, missing.get(pin, "")) for pin in every]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "conda-lock.yml",
            f"{CONDA_LOCK}- {{name: a, manager: pip, version: '1', platform: linux-64}}\n"
            "- {name: elsewhere, manager: pip, version: '1', platform: win-64}\n"
            "- {name: extra, manager: pip, version: '1', platform: linux-64, optional: true}\n"
            f"- {{name: b, manager: pip, version: '1', platform: linux-64, hash: {{sha256: {SHA256}}}}}\n",
            [("a", "1", "it has no sha256"), ("b", "1", "")],
        ),
        (
            "pixi.lock",
            PIXI
            % (
                "{pypi: 'https://h/a-1.0%2Bcu124-py3-none-any.whl'}, {pypi: ./b}, {other: x}",
                "{pypi: ./b, name: b, version: '2'}, {other: x}",
            ),
            [
                ("a", "1.0+cu124", "it has no sha256: it is a folder, or from git"),
                ("b", "2", "it has no sha256: it is a folder, or from git"),
            ],
        ),
        (
            "environment.yml",
            "channels: [c, nodefaults]\ndependencies: [python=3.11.9, pip, {pip: [--pre, a==1, "
            f"'b==2 --hash=sha256:{SHA256}']}}]\n",
            [("a", "1", "it has no sha256"), ("b", "2", "")],
        ),
        (
            "pylock.toml",
            f'{PYLOCK}[[packages]]\nname = "a"\nversion = "1"\n[packages.vcs]\ntype = "git"\n'
            'url = "https://h/a"\ncommit-id = "0"\n'
            '[[packages]]\nname = "b"\n[packages.directory]\npath = "."\n'
            '[[packages]]\nname = "c"\nversion = "1"\n[packages.archive]\nurl = "https://h/c.zip"\n'
            f'[packages.archive.hashes]\nsha256 = "{SHA256}"\n'
            '[[packages]]\nname = "d"\nversion = "1"\n[[packages.wheels]]\nname = "d-1-py3-none-any.whl"\n'
            'url = "https://h/d-1-py3-none-any.whl"\nhashes = { md5 = "0" }\n'
            '[[packages]]\nname = "e"\nversion = "1"\n[packages.sdist]\nname = "e-1.tar.gz"\n'
            f'url = "https://h/e-1.tar.gz"\nhashes = {{ sha256 = "{SHA256}" }}\n',
            [
                ("a", "1", "it comes from git, not from an index"),
                ("b", "of no version", "it is a folder, not a wheel"),
                ("c", "1", "it comes from a URL, not from an index"),
                ("d", "1", "its wheels have no sha256"),
                ("e", "1", "there is a source distribution of it, and no wheel"),
            ],
        ),
        (
            "uv.lock",
            f'{UV}dependencies = [{{ name = "c" }}, {{ name = "d" }}]\n'
            f'[[package]]\nname = "c"\nversion = "1"\n{INDEX}sdist = {{ url = "https://h/c-1.tar.gz" }}\n'
            f'[[package]]\nname = "d"\nversion = "1"\n{INDEX}'
            'wheels = [{ url = "https://h/d-1-py3-none-any.whl" }]\n',
            [
                ("d", "1", "its wheels have no sha256"),
                ("c", "1", "there is a source distribution of it, and no wheel"),
            ],
        ),
    ],
)
def test_what_is_no_pin(tmp_path: Path, name: str, text: str, expected: list[tuple[str, str, str]]) -> None:
    assert pins(adopted(tmp_path, name, text)) == expected


def test_extras_that_name_the_project_itself(tmp_path: Path) -> None:
    """Neither it nor a member without code is a distribution; what they need is."""
    text = (
        f"{UV}[package.optional-dependencies]\n"
        'all = [{ name = "me", extra = ["some"] }, { name = "part" }]\n'
        'some = [{ name = "b" }]\n'
        '[[package]]\nname = "part"\nsource = { virtual = "part" }\ndependencies = [{ name = "b" }]\n'
        f'[[package]]\nname = "b"\nversion = "1"\n{INDEX}{WHEELS}'
    )
    wanted = Wanted(platform=Platform.LINUX_64, python="3.11", extras=("all",))
    assert pins(adopted(tmp_path, "uv.lock", text, wanted)) == [("b", "1", "")]


def test_where_a_requirements_file_looks_is_not_read(tmp_path: Path) -> None:
    text = f"-i https://h/simple\n--no-index\na==1 --hash=sha256:{SHA256}\n"
    found = adopted(tmp_path, "requirements.txt", text)
    assert pins(found) == [("a", "1", "")]
    assert found.notes == (
        "requirements.txt:1: `--index-url https://h/simple` is not read",
        "requirements.txt:2: `--no-index` is not read",
    )


def test_conda_packages_of_an_environment(tmp_path: Path) -> None:
    """They name no platform, so they are for any; which Python they are for, the one that is pinned says."""
    path = tmp_path / "environment.yml"
    path.write_text("dependencies: [python=3.11.9, c::numpy=1.0=h_0]\nchannels: [https://h/c/, nodefaults]\n")
    lock = read_foreign_lock(path)
    found = lock.adopted(WANTED)
    assert str(lock.requires_python) == "==3.11.*"
    assert [(row.name, row.version, row.build, row.subdir) for row in found.conda] == [
        ("python", "3.11.9", None, None),
        ("numpy", "1.0", "h_0", None),
    ]
    assert found.channels == ("https://h/c",)


def test_a_python_whose_version_is_none_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "explicit.txt"
    path.write_text("@EXPLICIT\nhttps://h/c/linux-64/python-3x-0.conda\n")
    assert read_foreign_lock(path).requires_python is None


def test_a_lock_of_another_platform(tmp_path: Path) -> None:
    text = f"# platform: osx-arm64\n@EXPLICIT\nhttps://h/c/noarch/a-1-0.conda#{'b' * 32}\n"
    error = refused(tmp_path, "explicit.txt", text)
    assert error.message == "`explicit.txt` is not for linux-64"
    assert error.facts == (("it is for", "osx-arm64"),)
    assert error.hint == "ask for a platform that it is for"


def test_a_lock_of_another_python(tmp_path: Path) -> None:
    error = refused(tmp_path, "uv.lock", f'requires-python = ">=3.12"\n{UV}')
    assert error.message == "`uv.lock` is not for linux-64 with Python 3.11"
    assert error.facts == (("it says", "requires-python '>=3.12'"),)


@pytest.mark.parametrize(
    ("name", "text", "faults"),
    [
        (
            "conda-lock.yml",
            CONDA_LOCK.replace("version: 1", "version: 2"),
            ["conda-lock.yml, version: must be 1: another format of conda-lock is not known"],
        ),
        (
            "conda-lock.yml",
            f"{CONDA_LOCK}- {{name: a b, manager: pip, platform: linux-64}}\n"
            "- {manager: conda, platform: linux-64}\n"
            "- {name: q, manager: conda, platform: linux-64, url: 'https://h/c/linux-64/q-1-0.conda', "
            "hash: {md5: x, sha256: y}}\n",
            [
                "conda-lock.yml, package[0].version: `version` is missing",
                'conda-lock.yml, package[0].name: `name` must be the name of a distribution, found "a b"',
                "conda-lock.yml, package[1].url: `url` is missing",
                "conda-lock.yml, package[1].name: `name` is missing",
                'conda-lock.yml, q: "y" is not a sha256',
                'conda-lock.yml, q: "x" is not an MD5',
            ],
        ),
        (
            "pixi.lock",
            PIXI % ("{pypi: ./c}, {conda: 'https://h/z'}", ""),
            [
                'pixi.lock, z: "https://h/z" is not the URL of a conda package',
                'pixi.lock, environments.default.packages.linux-64[0].pypi: "./c" has no name and version',
            ],
        ),
        (
            "environment.yml",
            "dependencies: [a b c==1, '!x==1', {npm: [x]}, {pip: 3}, {pip: [a b, a @ https://h/x, a==1.*, "
            "-e ./lib, -r more.txt]}]\n",
            [
                *(
                    f"environment.yml, dependencies: `{text}` is not pinned to a version"
                    for text in ("a b c==1", "!x==1")
                ),
                "environment.yml, dependencies: `npm` is not `pip:` with a list",
                "environment.yml, dependencies: `pip` is not `pip:` with a list",
                *(
                    f"environment.yml, dependencies: `{text}` is not pinned to a version"
                    for text in ("a b", "a @ https://h/x", "a==1.*", "-e ./lib", "-r more.txt")
                ),
            ],
        ),
        (
            "environment.yml",
            "dependencies: [a=1;2]\n",
            ["environment.yml, dependencies: `a=1;2` is not a pinned conda package"],
        ),
        (
            "explicit.txt",
            "@EXPLICIT\nhttps://h/c/noarch/a-1-0.conda\n",
            ["explicit.txt: does not say for which platform it is"],
        ),
        (
            "explicit.txt",
            "# platform: linux-64\n@EXPLICIT\nhttps://h/c/noarch/a-1-0.conda#sha256:zz\n"
            "https://h/c/noarch/a-1-0.conda#zz\nhttps://[h/c/noarch/a-1-0.conda\n",
            [
                'explicit.txt:3: "zz" is not a sha256',
                'explicit.txt:4: "zz" is not an MD5',
                'explicit.txt:5: "https://[h/c/noarch/a-1-0.conda" is not the URL of a conda package',
            ],
        ),
        ("requirements.txt", "# none\n", ["requirements.txt: nothing is pinned"]),
        (
            "uv.lock",
            f'{UV}dependencies = [{{ name = "b", version = "1" }}, {{ name = "b", version = "2" }}, '
            '{ name = "z", version = "3" }]\n'
            + "".join(
                f'[[package]]\nname = "b"\nversion = "{version}"\n{INDEX}{WHEELS}' for version in (1, 2)
            ),
            [
                "uv.lock: `z 3` is needed, and 0 packages are that",
                "uv.lock: `b` is needed as 2 and as 1 at once",
            ],
        ),
        (
            "uv.lock",
            'version = 1\nsupported-markers = ["so what"]\n[[package]]\n',
            [
                'uv.lock, supported-markers: "so what" is not a marker',
                "uv.lock, package[0].name: `name` is missing",
                "uv.lock, package[0].source: `source` is missing",
            ],
        ),
    ],
)
def test_every_fault_is_told(tmp_path: Path, name: str, text: str, faults: list[str]) -> None:
    error = refused(tmp_path, name, text)
    assert [f"{each.where}: {each.message}" for each in error.faults] == faults
