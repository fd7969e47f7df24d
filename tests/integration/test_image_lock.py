"""`envlock lock` with a base image: the name becomes digests, its Python the lock's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from envlock.api import LockRequest, LockResult, lock
from envlock.errors import NoSuchImage, RegistryFailed, UsageFault
from envlock.lock import BuiltImage, read_lock, write_lock
from envlock.lock.model import ImageLock, ImagePlatform, Lock
from tests.support.conda import Channel, CondaPackage
from tests.support.images import File, Files, image, layer, tiny_base
from tests.support.index import LocalIndex, Status
from tests.support.registry import LocalRegistry
from tests.support.wheels import make_wheel

WHEEL = make_wheel("thing", "1.0", files={"thing.py": b"x = 1\n"})


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    with LocalIndex() as running:
        running.add(WHEEL)
        yield running


def locked(
    folder: Path, index: LocalIndex, base: str, *, more: str = "", last: str = "", **options: object
) -> LockResult:
    (folder / "envlock.toml").write_text(
        f'{more}\nrequirements = ["thing"]\n[image]\nbase = "{base}"\n[sources]\ndefault = "{index.url}"\n'
        + last
    )
    request = LockRequest(project=folder, **options)  # type: ignore[arg-type]
    return lock(request, environment={**os.environ})


def image_of(found: Lock) -> ImageLock:
    assert found.image is not None
    return found.image


PYTHON = 'python = "3.11"'


def test_a_tag_is_locked_by_the_digests_behind_it(tmp_path: Path, index: LocalIndex) -> None:
    base = tiny_base(tmp_path / "base", platforms=("linux-64", "linux-aarch64"))
    with LocalRegistry() as registry:
        registry.add(base, "team/base", "3.11")
        name = registry.reference("team/base:3.11")
        more = f'{PYTHON}\nplatforms = ["linux-64", "linux-aarch64"]'
        made = locked(tmp_path, index, name, more=more).lock
        digest = registry.tags["team/base", "3.11"]
    image = image_of(made)
    assert (image.base, image.digest) == (name, digest)
    assert set(image.platforms) == {"linux-64", "linux-aarch64"}
    assert len(image.platforms["linux-64"].diff_ids) == 2
    assert image.platforms["linux-64"].manifest != image.platforms["linux-aarch64"].manifest
    assert made.python_exact == "3.11.2"
    assert read_lock(tmp_path / "envlock.lock") == made


def test_a_layout_and_a_registry_give_one_manifest(tmp_path: Path, index: LocalIndex) -> None:
    base = tiny_base(tmp_path / "base")
    of_layout = image_of(locked(tmp_path, index, "oci:base:base", more=PYTHON).lock)
    with LocalRegistry() as registry:
        registry.add(base, "base", "1")
        of_registry = image_of(locked(tmp_path, index, registry.reference("base:1"), more=PYTHON).lock)
    assert of_layout.platforms == of_registry.platforms


def test_a_tag_that_moves_stays_where_it_was_locked(tmp_path: Path, index: LocalIndex) -> None:
    with LocalRegistry() as registry:
        registry.add(tiny_base(tmp_path / "one"), "base", "1")
        name = registry.reference("base:1")
        first = locked(tmp_path, index, name, more=PYTHON)
        registry.add(tiny_base(tmp_path / "two", python="3.11.9"), "base", "1")
        asked = len(registry.log)
        again = locked(tmp_path, index, name, more=PYTHON)
        assert len(registry.log) == asked
        upgraded = locked(tmp_path, index, name, more=PYTHON, upgrade=True)
    assert not again.changed
    assert again.lock == first.lock
    assert (first.lock.python_exact, upgraded.lock.python_exact) == ("3.11.2", "3.11.9")


def test_a_tag_that_was_never_published_is_answered_without_a_network(
    tmp_path: Path, index: LocalIndex
) -> None:
    with pytest.raises(NoSuchImage) as caught:
        locked(tmp_path, index, "pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime", more=PYTHON)
    error = caught.value
    assert error.message == "`pytorch/pytorch:2.6.0-cuda11.8-cudnn8-runtime` was never published"
    assert error.where == "envlock.toml, tool.envlock.image.base"
    assert error.hint == 'write `base = "pytorch/pytorch:2.6.0-cuda11.8-cudnn9-runtime"`'
    assert error.exit_status == 4
    assert index.log == ()


def test_the_python_of_the_base_is_not_the_manifests(tmp_path: Path, index: LocalIndex) -> None:
    tiny_base(tmp_path / "base")
    with pytest.raises(NoSuchImage) as caught:
        locked(tmp_path, index, "oci:base", more='python = "3.12"')
    assert caught.value.message == "the image `oci:base` has Python 3.11.2, the manifest asks for 3.12"
    assert caught.value.hint == 'name a base with Python 3.12, or set `python = "3.11"`'
    assert not (tmp_path / "envlock.lock").exists()


def test_the_python_of_the_base_is_nothing_where_conda_brings_one(tmp_path: Path, index: LocalIndex) -> None:
    """Once conda is gone, the base's counts again, though the old lock has the base."""
    tiny_base(tmp_path / "base", python="3.12.1")
    channel = Channel(tmp_path / "channel")
    channel.add(CondaPackage(name="python", version="3.11.9"))
    channel.index()
    with LocalRegistry() as registry:
        registry.add(tmp_path / "base", "base", "1")
        name = registry.reference("base:1")
        conda = f'ours = "{channel.url}"\n[conda]\nchannels = ["ours"]\npackages = ["python"]\n'
        made = locked(tmp_path, index, name, more=PYTHON, last=conda).lock
        assert (made.python_exact, image_of(made).base) == ("3.11.9", name)
        assert locked(tmp_path, index, name, more=PYTHON, last=conda).lock == made
        with pytest.raises(NoSuchImage) as caught:
            locked(tmp_path, index, name, more=PYTHON)
    assert caught.value.message == f"the image `{name}` has Python 3.12.1, the manifest asks for 3.11"


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"etc/os-release": b""}, "has no python3 on its PATH"),
        (
            {"usr/bin/python3": File(content=b"\x7fELF", mode=0o755)},
            "does not tell the version of its Python",
        ),
    ],
)
def test_a_base_without_a_python_that_tells_its_version(
    tmp_path: Path, index: LocalIndex, files: Files, what: str
) -> None:
    image([layer(files)], folder=tmp_path / "base")
    with pytest.raises(NoSuchImage) as caught:
        locked(tmp_path, index, "oci:base", more=PYTHON)
    assert caught.value.message == f"the image `oci:base` {what}"
    assert caught.value.hint == (
        "name a base with a Python, like `docker.io/library/python:3.11-slim-bookworm`"
    )


def test_a_platform_that_the_base_is_not_for(tmp_path: Path, index: LocalIndex) -> None:
    tiny_base(tmp_path / "base")
    with pytest.raises(NoSuchImage) as caught:
        locked(tmp_path, index, "oci:base", more=f'{PYTHON}\nplatforms = ["linux-aarch64"]')
    assert caught.value.message == f"the image `oci:{tmp_path}/base` is not for linux-aarch64"
    assert caught.value.facts == (("it is for", "linux-64"),)


def test_another_python_than_the_bases_is_asked_for(tmp_path: Path, index: LocalIndex) -> None:
    tiny_base(tmp_path / "base")
    with pytest.raises(UsageFault) as caught:
        locked(tmp_path, index, "oci:base", more=PYTHON, python_exact="3.11.7")
    assert caught.value.message == "the base image has Python 3.11.2, not 3.11.7"


def test_a_registry_that_fails_leaves_the_old_lock(tmp_path: Path, index: LocalIndex) -> None:
    with LocalRegistry() as registry:
        registry.add(tiny_base(tmp_path / "one"), "base", "1")
        name = registry.reference("base:1")
        locked(tmp_path, index, name, more=PYTHON)
        before = (tmp_path / "envlock.lock").read_bytes()
        registry.fault("*", Status(code=403))
        with pytest.raises(RegistryFailed):
            locked(tmp_path, index, name, more=PYTHON, upgrade=True)
    assert (tmp_path / "envlock.lock").read_bytes() == before


def test_what_was_built_stays_while_nothing_else_changes(tmp_path: Path, index: LocalIndex) -> None:
    tiny_base(tmp_path / "base")
    made = locked(tmp_path, index, "oci:base", more=PYTHON).lock
    write_lock(tmp_path / "envlock.lock", with_built(made))
    assert not locked(tmp_path, index, "oci:base", more=PYTHON).changed
    other = locked(tmp_path, index, "oci:base", more=f'{PYTHON}\nglibc = "2.34"')
    assert image_of(other.lock).platforms["linux-64"].built is None


def with_built(made: Lock) -> Lock:
    from dataclasses import replace

    image = image_of(made)
    hash_ = "sha256:" + "1" * 64
    built = BuiltImage(format=1, id=hash_, manifest=hash_, diff_ids=(hash_, hash_))
    platforms = {name: replace(row, built=built) for name, row in image.platforms.items()}
    assert isinstance(platforms["linux-64"], ImagePlatform)
    return replace(made, image=replace(image, platforms=platforms))
