"""Values of a lockfile that want to be code: quoted where they may stand, refused where they may not."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli

from envlock.emit import FORMATS, EmitOptions, quoting
from envlock.errors import LockfileInvalid, NoWheel, UsageFault
from envlock.lock.model import Distribution, ImageLock, Lock
from envlock.manifest.model import ImageRequest
from tests.unit.emit.locks import LINUX, conda_lock, conda_package, cuda_lock, distribution, plain_lock

yaml: Any = importlib.import_module("yaml")
NAME_NO_INDEX = {
    *("pylock", "dockerignore", "compose", "devcontainer"),
    *("kubernetes", "slurm", "github-actions", "gitlab-ci"),
}
OPTIONS = EmitOptions(platform=LINUX, wheelhouse=Path("wheels"))
CONDA_FORMATS = ("conda-explicit", "conda-explicit-md5", "conda-lock", "pixi")
SETTING = 'x "y" $HOME ${PATH} `id` $(id) \\ \\n \' # : - [no] {a: b} é 😀'


def with_distribution(row: Distribution) -> Lock:
    return replace(plain_lock(), distributions=(row,))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            distribution("six\nRUN id", "1.0"),
            "the name 'six\\nRUN id' of a distribution is not a normalised distribution name (PEP 503)",
        ),
        (
            distribution("six", "1.0 --hash=sha256:00"),
            "the version '1.0 --hash=sha256:00' of a distribution is not a version (PEP 440)",
        ),
        (
            distribution("six", "1.0", tag="py3-none-any.whl\nx"),
            "the file 'six-1.0-py3-none-any.whl\\nx.whl' of a distribution is not the file name of a wheel",
        ),
    ],
)
def test_a_pin_that_is_none_is_refused(format: str, row: Distribution, message: str) -> None:
    with pytest.raises(LockfileInvalid) as caught:
        FORMATS[format].render(with_distribution(row), OPTIONS)
    assert caught.value.message == message


@pytest.mark.parametrize("format", ["conda", *CONDA_FORMATS])
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "a\nb"}, "the name 'a\\nb' of a conda package is not the name of a conda package"),
        ({"build": "0#x"}, "the build '0#x' of a conda package is not the build string of a conda package"),
        (
            {"file": "../x.conda"},
            "the file '../x.conda' of a conda package is not the file name of a conda package",
        ),
        ({"subdir": "../x"}, "the subdir '../x' of a conda package is not a platform, or `noarch`"),
        ({"md5": "x"}, "the md5 'x' of a conda package is not 32 hexadecimal digits in lower case"),
    ],
)
def test_a_conda_package_that_is_none_is_refused(format: str, changed: dict[str, Any], message: str) -> None:
    demo = conda_package("demo", "1.0", platforms=(LINUX, "osx-arm64"))
    package = replace(demo, **changed)
    lock = replace(conda_lock(), conda_packages=(package,))
    with pytest.raises(LockfileInvalid) as caught:
        FORMATS[format].render(lock, replace(OPTIONS, wheelhouse=Path("/wheels")))
    assert caught.value.message == message


@pytest.mark.parametrize("format", ["conda", "docker"])
@pytest.mark.parametrize("end", ["\n", "\r", "\x00", "\x85", "\u2028"])
def test_a_setting_of_two_lines_is_refused(format: str, end: str) -> None:
    lock = replace(plain_lock(), settings={"A": f"1{end}RUN id"})
    with pytest.raises(LockfileInvalid) as caught:
        FORMATS[format].render(lock, OPTIONS)
    assert caught.value.message == f"a value holds control characters: {f'1{end}RUN id'!a}"


def test_a_setting_stays_text_in_yaml() -> None:
    text = FORMATS["conda"].render(replace(plain_lock(), settings={"A": SETTING, "B": "no"}), OPTIONS)
    assert yaml.safe_load(text)["variables"] == {"A": SETTING, "B": "no"}


def test_a_setting_stays_text_in_a_dockerfile() -> None:
    text = FORMATS["docker"].render(replace(plain_lock(), settings={"A": SETTING}), OPTIONS)
    line = next(line for line in text.splitlines() if line.startswith("ENV A="))
    assert builder_word(line.removeprefix("ENV A=")) == SETTING


def builder_word(word: str) -> str:
    """A double-quoted word as builders read it: `\\` makes `"`, `$` and itself plain."""
    assert word[0] == word[-1] == '"'
    value, rest = "", word[1:-1]
    while rest:
        assert rest[0] not in '"$', "the word ends early, or a variable is replaced"
        if rest[0] == "\\":
            assert rest[1] in '"$\\'
            rest = rest[1:]
        value, rest = value + rest[0], rest[1:]
    return value


def test_a_setting_whose_name_is_code_is_refused() -> None:
    lock = replace(plain_lock(), settings={"A=1 B": "x"})
    with pytest.raises(LockfileInvalid) as caught:
        FORMATS["docker"].render(lock, OPTIONS)
    assert caught.value.message == "'A=1 B' is not the name of an environment variable"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            ImageLock(base="python:3.11\nRUN id", digest=None, platforms={}),
            "the base image 'python:3.11\\nRUN id'",
        ),
        (
            ImageLock(base="python:3.11", digest="sha256:x", platforms={}),
            "'sha256:x' is no digest of an image",
        ),
    ],
)
def test_a_base_that_is_none_is_refused(image: ImageLock, message: str) -> None:
    with pytest.raises(LockfileInvalid) as caught:
        FORMATS["docker"].render(replace(plain_lock(), image=image), OPTIONS)
    assert caught.value.message.startswith(message)


def test_a_layout_on_disk_is_no_base_for_a_dockerfile() -> None:
    lock = replace(plain_lock(), image=ImageLock(base="oci:base", digest=None, platforms={}))
    with pytest.raises(UsageFault) as caught:
        FORMATS["docker"].render(lock, OPTIONS)
    assert (
        caught.value.message == "the base image `oci:base` is a layout on disk, which no Dockerfile can name"
    )
    assert caught.value.hint == ("name a base in a registry in [tool.envlock.image], then run `envlock lock`")


@pytest.mark.parametrize("folder", ["../wheels", "/wheels", "wheels and more", "*", "$HOME", "a/../b"])
def test_a_wheelhouse_outside_of_the_build_is_refused(folder: str) -> None:
    with pytest.raises(UsageFault) as caught:
        FORMATS["docker"].render(plain_lock(), replace(OPTIONS, wheelhouse=Path(folder)))
    assert caught.value.message == f"the wheelhouse {folder!a} cannot be copied into an image"


@pytest.mark.parametrize("user", ["root", "App", "a b", "a\nRUN id"])
def test_a_user_that_is_none_is_refused(user: str) -> None:
    with pytest.raises(UsageFault) as caught:
        FORMATS["docker"].render(plain_lock(), replace(OPTIONS, image=ImageRequest(user=user)))
    assert caught.value.message == f"{user!a} is not a user name like `app`, other than `root`"


@pytest.mark.parametrize("format", FORMATS)
def test_credentials_of_a_source_are_left_out(format: str) -> None:
    sources = {
        "pytorch": "https://me:secret@mirror.example/whl/{variant}",
        "default": "https://me:secret@mirror.example/s",
    }
    locations = {
        wheel.sha256: f"https://me:secret@files.example/{wheel.file}" for _, wheel in cuda_lock().on(LINUX)
    }
    sources["conda-forge"] = "https://me:secret@mirror.example/conda-forge"
    options = EmitOptions(platform=LINUX, sources=sources, locations=locations)
    lock = conda_lock() if format in CONDA_FORMATS else cuda_lock()
    text = FORMATS[format].render(lock, options)
    assert "mirror.example" in text or format in NAME_NO_INDEX
    assert "secret" not in text
    assert "@mirror" not in text


def test_a_source_that_is_no_url_is_refused() -> None:
    options = EmitOptions(platform=LINUX, sources={"pytorch": "https://mirror.example/\nRUN id"})
    with pytest.raises(UsageFault) as caught:
        FORMATS["requirements"].render(cuda_lock(), options)
    assert caught.value.message == (
        "the source of index `pytorch` must be a URL that starts with `https://`, `http://` or `file:///`"
    )


def test_the_source_of_a_channel_that_is_no_url_is_refused() -> None:
    options = EmitOptions(platform=LINUX, sources={"conda-forge": "ftp://mirror.example"})
    with pytest.raises(UsageFault) as caught:
        FORMATS["conda-explicit"].render(conda_lock(), options)
    assert caught.value.message == (
        "the source of channel `conda-forge` must be a URL that starts with `https://`, `http://` or `file:///`"
    )


def test_a_package_without_an_md5_has_no_line_that_goes_by_it() -> None:
    lock = conda_lock()
    bare = replace(lock, conda_packages=tuple(replace(each, md5=None) for each in lock.conda_packages))
    with pytest.raises(UsageFault) as caught:
        FORMATS["conda-explicit-md5"].render(bare, EmitOptions(platform=LINUX))
    assert caught.value.message == "the channel gives no MD5 of `libzlib-1.3.1-h0_0.conda`"
    assert caught.value.hint == "`envlock emit conda-explicit` goes by sha256"


def test_a_package_of_no_known_time_has_none() -> None:
    lock = conda_lock()
    bare = replace(lock, conda_packages=tuple(replace(each, timestamp=None) for each in lock.conda_packages))
    options = EmitOptions(platform=LINUX, wheelhouse=Path("/srv/wheels"))
    assert "timestamp" in FORMATS["pixi"].render(lock, options)
    assert "timestamp" not in FORMATS["pixi"].render(bare, options)


@pytest.mark.parametrize("format", ["conda-lock", "pixi"])
def test_a_format_of_urls_needs_the_absolute_path_of_a_wheelhouse(format: str) -> None:
    with pytest.raises(UsageFault) as caught:
        FORMATS[format].render(conda_lock(), OPTIONS)
    assert caught.value.message == "this format names files by URL, and `wheels` is a relative path"
    assert caught.value.hint == "give the absolute path of the wheelhouse"


def test_a_wheelhouse_that_pip_and_uv_read_differently_is_a_url_or_refused() -> None:
    text = FORMATS["requirements"].render(
        plain_lock(), EmitOptions(platform=LINUX, wheelhouse=Path("/srv/my wheels"))
    )
    assert "--find-links file:///srv/my%20wheels\n" in text
    for folder, message in (
        (
            Path("my wheels"),
            "the wheelhouse 'my wheels' has characters in its name that pip and uv read differently",
        ),
        (Path("a\nb"), "the wheelhouse 'a\\nb' has control characters in its name"),
    ):
        with pytest.raises(UsageFault) as caught:
            FORMATS["requirements"].render(plain_lock(), EmitOptions(platform=LINUX, wheelhouse=folder))
        assert caught.value.message == message


def test_a_python_that_wants_to_be_code_is_refused() -> None:
    with pytest.raises(LockfileInvalid) as caught:
        FORMATS["docker"].render(replace(plain_lock(), python="3.11'; id"), OPTIONS)
    assert caught.value.message == (
        '"3.11\'; id" is not a Python version like `3.11` or `3.11.7`, 3.8 or later'
    )


def test_a_platform_that_is_not_locked_is_refused() -> None:
    with pytest.raises(NoWheel) as caught:
        FORMATS["requirements"].render(plain_lock(), EmitOptions(platform="osx-arm64"))
    assert caught.value.message == "the lock is not for osx-arm64"
    assert caught.value.hint == "add `osx-arm64` to `platforms` in the manifest and run `envlock lock`"
    assert caught.value.facts == (("locked", "linux-64"),)


def test_a_pylock_without_urls_says_what_it_needs() -> None:
    with pytest.raises(UsageFault) as caught:
        FORMATS["pylock"].render(plain_lock(), EmitOptions(platform=LINUX))
    assert caught.value.message == (
        "a pylock.toml must say where `filelock-3.13.1-py3-none-any.whl` of `filelock` is, and that is not "
        "known"
    )
    assert caught.value.hint == "name a folder with the wheels: `--wheelhouse DIR`"


@pytest.mark.parametrize("text", ["", "a", 'a "b" \\', "é 😀", "\ufeffx", "x\uffff", "0", "null", "- a: #"])
def test_quoted_text_is_read_back(text: str) -> None:
    assert yaml.safe_load(quoting.yaml(text)) == text
    assert tomli.loads(f"a = {quoting.toml(text)}") == {"a": text}
    assert builder_word(quoting.dockerfile(text)) == text
