"""`envlock bundle --check`: what is gone from its index, and what could not be asked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from envlock import api
from envlock.lock import read_lock
from envlock.lock.file import write_lock
from tests.integration.test_bundle import _run
from tests.support.environments import SERIES
from tests.support.images import tiny_base
from tests.support.index import LocalIndex, Status
from tests.support.registry import LocalRegistry
from tests.support.wheels import make_wheel

pytestmark = pytest.mark.slow

DEMO = make_wheel("demo", "1.0", files={"demo.py": b"x = 1\n"}, requires=["other"])
OTHER = make_wheel("other", "2.0", files={"other.py": b"x = 2\n"})


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    with LocalIndex() as started:
        started.add(DEMO)
        started.add(OTHER)
        yield started


@pytest.fixture
def lockfile(index: LocalIndex, tmp_path: Path) -> Path:
    (tmp_path / "envlock.toml").write_text(
        f'python = "{SERIES}"\nrequirements = ["demo"]\n[sources]\ndefault = "{index.url}"\n'
    )
    return api.lock(api.LockRequest(project=tmp_path), environment=dict(os.environ)).path


def checked(lockfile: Path, **sources: str) -> list[tuple[str, str, str]]:
    order = api.CheckOrder(lock=lockfile, environment={**os.environ, **sources})
    found = api.check_sources(order)
    return [(each.file, str(each.state), each.reason) for each in (*found.gone, *found.unasked)]


def test_all_are_there(lockfile: Path, index: LocalIndex) -> None:
    index.forget()
    assert checked(lockfile) == []
    assert [request.sent for request in index.requests("*.whl")] == [1, 1]


def test_yanked_deleted_and_exchanged_are_three_things(lockfile: Path, index: LocalIndex) -> None:
    index.add(OTHER, yanked=True)
    assert checked(lockfile) == [
        (OTHER.filename, "yanked", "it was withdrawn; who asks for exactly it still gets it")
    ]
    index.remove(OTHER.filename)
    assert checked(lockfile) == [(OTHER.filename, "gone", "the index has no `other`")]
    index.add(make_wheel("other", "3.0", files={"other.py": b"x = 3\n"}))
    assert checked(lockfile) == [(OTHER.filename, "gone", "the index does not list it under 2.0")]
    newer = make_wheel("other", "2.0", files={"other.py": b"x = 9\n"})
    index.add(newer)
    assert checked(lockfile) == [
        (OTHER.filename, "other-bytes", f"the index has it with sha256 {newer.sha256}")
    ]


def test_a_file_that_is_listed_and_not_there(lockfile: Path, index: LocalIndex) -> None:
    index.fault("*/other-2.0*.whl", Status(code=404))
    assert checked(lockfile) == [(OTHER.filename, "gone", "the server answers 404")]
    index.heal()
    index.fault("*/other-2.0*.whl", Status(code=503))
    assert checked(lockfile) == [(OTHER.filename, "unasked", "the server answers 503")]


def test_what_could_not_be_asked_is_no_answer(lockfile: Path, index: LocalIndex) -> None:
    nowhere = checked(lockfile, ENVLOCK_SOURCE_DEFAULT="http://127.0.0.1:9/simple/")
    assert [state for _, state, _ in nowhere] == ["unasked", "unasked"]
    wrong = checked(lockfile, ENVLOCK_SOURCE_DEFAULT=f"{index.root}/mistyped/")
    assert {reason for _, _, reason in wrong} == {"what is there is no index: the server answers 404"}
    assert {state for _, state, _ in wrong} == {"unasked"}


def test_the_command_names_each_and_keeps_the_two_apart(lockfile: Path, index: LocalIndex) -> None:
    there = _run("bundle", "--check", cwd=lockfile.parent)
    assert (there.returncode, there.stdout) == (0, "all 2 files can be had from where the lock says\n")
    index.fault("/simple/other/", Status(code=500))
    unasked = _run("bundle", "--check", "--json", cwd=lockfile.parent)
    document = json.loads(unasked.stdout)
    assert (unasked.returncode, document["verdict"], document["gone"]) == (5, "unknown", [])
    index.heal()
    index.remove(OTHER.filename)
    gone = _run("bundle", "--check", cwd=lockfile.parent)
    assert (gone.returncode, gone.stdout) == (
        1,
        "1 of 2 files can no longer be had:\n"
        f"  gone: {OTHER.filename} on `default`: the index has no `other`\n"
        "  hint: a bundle that was made before has them: `envlock sync --bundle FILE`\n",
    )


def test_the_base_image(lockfile: Path, tmp_path: Path) -> None:
    tiny_base(tmp_path / "layout", python=f"{SERIES}.9")
    manifest = tmp_path / "envlock.toml"
    with LocalRegistry() as registry:
        registry.add(tmp_path / "layout", "team/base", "3.11")
        base = registry.reference("team/base:3.11")
        manifest.write_text(f'{manifest.read_text()}[image]\nbase = "{base}"\n')
        api.lock(api.LockRequest(project=tmp_path), environment=dict(os.environ))
        assert checked(lockfile) == []
        image = read_lock(lockfile).image
        assert image is not None
        digest = image.platforms["linux-64"].manifest
        registry.repositories["team/base"].pop(digest)
        [(_, state, reason)] = checked(lockfile)
        assert (state, reason) == ("gone", f"it no longer has manifest {digest}")
    [(_, state, _)] = checked(lockfile)
    assert state == "unasked"


def test_conda_archives(lockfile: Path, tmp_path: Path) -> None:
    from tests.support.conda.locks import conda_subject
    from tests.support.conda.metadata import prefix_notes
    from tests.support.conda.package import write_package

    archive = write_package(prefix_notes(), tmp_path / "channel")
    (archive.parent / "repodata.json").write_text("{}")
    lock = conda_subject(tmp_path / "env", tmp_path / "wheels", [archive]).lock
    write_lock(lockfile, replace(lock, distributions=()))
    source = {"ENVLOCK_SOURCE_LOCAL": (tmp_path / "channel").as_uri()}
    (lockfile.parent / "envlock.toml").unlink()
    assert checked(lockfile, **source) == []
    content = archive.read_bytes()
    archive.write_bytes(content[:-1] + b"?")
    assert [state for _, state, _ in checked(lockfile, **source)] == ["other-bytes"]
    archive.unlink()
    assert [state for _, state, _ in checked(lockfile, **source)] == ["gone"]
    elsewhere = {"ENVLOCK_SOURCE_LOCAL": (tmp_path / "none").as_uri()}
    assert [state for _, state, _ in checked(lockfile, **elsewhere)] == ["unasked"]
