"""`envlock build oci` on a small base: digests, files, the lock, registries, faults."""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from envlock.api import LockRequest, OciOrder, OciResult, build_oci, lock
from envlock.errors import HashMismatch, LockfileInvalid, NoSolution, NoSuchImage, RegistryFailed, UsageFault
from envlock.image.output import refuse_other_folder
from envlock.image.plan import MOST_LAYERS, grouped
from envlock.lock import read_lock, write_lock
from envlock.lock.model import Lock
from envlock.resolve.oci.layout import Layout
from envlock.resolve.oci.media import parse_config, parse_manifest
from envlock.resolve.oci.store import read_small
from envlock.resolve.oci.tree import ImageTree, LayerReader, merge_layer
from tests.support.environments import lock_of
from tests.support.images import tiny_base
from tests.support.index import LocalIndex, OtherBytes, Status
from tests.support.registry import LocalRegistry
from tests.support.wheels import make_wheel

THING = make_wheel(
    "thing",
    "1.0",
    files={"thing/__init__.py": b"def main(): pass\n", "shared/__init__.py": b""},
    entry_points="[console_scripts]\nthing = thing:main\n",
    requires=["other"],
)
OTHER = make_wheel("other", "2.0", files={"other.py": b"x = 2\n", "shared/__init__.py": b""})


@dataclass(kw_only=True)
class Project:
    folder: Path
    index: LocalIndex
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def lockfile(self) -> Path:
        return self.folder / "envlock.lock"

    def lock(self, base: str = "oci:base", more: str = "") -> Lock:
        (self.folder / "envlock.toml").write_text(
            f'python = "3.11"\nrequirements = ["thing"]\n[settings]\nA = "b c"\n[image]\n'
            f'base = "{base}"\n{more}'
            f'[sources]\ndefault = "{self.index.url}"\n'
        )
        return lock(LockRequest(project=self.folder), environment=self.environment).lock

    def build(self, **options: object) -> OciResult:
        order = OciOrder(
            lock=self.lockfile,
            environment=self.environment,
            cache=self.folder / "cache",
            **options,  # type: ignore[arg-type]
        )
        return build_oci(order)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with LocalIndex() as index:
        index.add(THING)
        index.add(OTHER)
        tiny_base(tmp_path / "base")
        yield Project(folder=tmp_path, index=index)


def tree_of(layout: Path) -> ImageTree:
    store = Layout(path=layout, tag=None)
    tree = ImageTree()
    for number, blob in enumerate(parse_manifest(store.document("")).layers):
        reader = LayerReader(store.chunks(blob))
        merge_layer(tree, number, reader.members(), lambda path, content, size: b"".join(content))
    return tree


def config_of(layout: Path) -> dict[str, object]:
    store = Layout(path=layout, tag=None)
    return dict(parse_config(read_small(store, parse_manifest(store.document("")).config)).raw)


def test_an_image_has_the_environment_the_user_and_the_settings(project: Project) -> None:
    project.lock()
    result = project.build(output=project.folder / "image", tag="demo")
    tree = tree_of(project.folder / "image")
    site = "opt/env/lib/python3.11/site-packages"
    assert tree.nodes[f"{site}/thing/__init__.py"].content == b"def main(): pass\n"
    assert tree.nodes[f"{site}/other.py"].content == b"x = 2\n"
    assert tree.resolved("/opt/env/bin/python") == "usr/bin/python3.11"
    assert (tree.nodes["opt/env/pyvenv.cfg"].content or b"").startswith(
        b"home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n"
    )
    passwd = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"
    assert tree.nodes["etc/passwd"].content == passwd
    config = config_of(project.folder / "image")["config"]
    assert isinstance(config, dict)
    assert config["User"] == "1000:1000"
    assert config["Env"][0].startswith("PATH=/opt/env/bin:/usr/local/sbin:")
    assert config["Env"][1:] == ["VIRTUAL_ENV=/opt/env", "A=b c"]
    assert result.layers == 4
    index = json.loads((project.folder / "image/index.json").read_text())
    assert index["manifests"][0]["annotations"] == {"org.opencontainers.image.ref.name": "demo"}


def test_the_digest_is_noted_in_the_lock_and_a_later_build_is_held_against_it(project: Project) -> None:
    project.lock()
    noted = project.build(digest_only=True)
    image = read_lock(project.lockfile).image
    assert image is not None
    assert noted.noted
    assert image.platforms["linux-64"].built == noted.built
    assert project.build(output=project.folder / "image").built == noted.built
    assert not project.build(digest_only=True).noted
    text = project.lockfile.read_text().replace(noted.built.manifest, "sha256:" + "0" * 64)
    project.lockfile.write_text(text)
    with pytest.raises(HashMismatch) as caught:
        project.build(output=project.folder / "other")
    assert caught.value.message == "the image is not the one that the lock has"
    assert caught.value.where == "image.platforms.linux-64.built"
    assert not (project.folder / "other").exists()


def test_what_the_cache_knows_needs_no_wheels(project: Project) -> None:
    project.lock()
    first = project.build(digest_only=True)
    for wheel in (project.folder / "cache").rglob("*.whl"):
        wheel.unlink()
    project.index.forget()
    assert project.build(digest_only=True).built == first.built
    assert project.index.log == ()


def test_a_layer_whose_wheel_was_changed_in_the_cache_is_not_handed_over(project: Project) -> None:
    project.lock()
    project.build(digest_only=True)
    for wheel in (project.folder / "cache").rglob("*.whl"):
        data = bytearray(wheel.read_bytes())
        data[40] ^= 1  # inside of the first member
        wheel.write_bytes(data)
    with pytest.raises(HashMismatch):
        project.build(output=project.folder / "image")
    assert sorted(path.name for path in project.folder.iterdir() if "image" in path.name) == []


def test_an_archive_of_plain_layers_is_the_same_image(project: Project) -> None:
    project.lock()
    built = project.build(output=project.folder / "image.tar", tag="demo:1").built
    assert project.build(digest_only=True).built == built
    with tarfile.open(project.folder / "image.tar") as archive:
        stream = archive.extractfile("manifest.json")
        assert stream is not None
        row = json.loads(stream.read())[0]
        names = archive.getnames()
    assert row["Config"] == f"{built.id.removeprefix('sha256:')}.json"
    assert row["RepoTags"] == ["demo:1"]
    assert names == [*row["Layers"], row["Config"], "manifest.json"]


def test_a_push_mounts_the_base_and_ends_with_the_tag(project: Project) -> None:
    with LocalRegistry() as registry:
        registry.add(project.folder / "base", "team/base", "3.11")
        project.lock(registry.reference("team/base:3.11"))
        target = registry.reference("team/app:1")
        built = project.build(push=target).built
        assert registry.tags["team/app", "1"] == built.manifest
        assert len(registry.requests("POST *mount=*")) == 2
        assert registry.log[-1] == "PUT /v2/team/app/manifests/1"
        registry.log.clear()
        assert project.build(push=target).built == built
        assert registry.requests("POST *") == []


def test_a_push_that_is_refused_leaves_no_tag(project: Project) -> None:
    with LocalRegistry() as registry:
        registry.add(project.folder / "base", "team/base", "3.11")
        project.lock(registry.reference("team/base:3.11"))
        registry.fault("/v2/team/app/blobs/uploads/1", Status(code=403))
        with pytest.raises(RegistryFailed) as caught:
            project.build(push=registry.reference("team/app:1"))
        assert ("team/app", "1") not in registry.tags
    assert caught.value.hint == "the account may not do this; `docker login` with another one"


def test_a_base_that_breaks_leaves_no_layout(project: Project) -> None:
    with LocalRegistry() as registry:
        registry.add(project.folder / "base", "team/base", "3.11")
        project.lock(registry.reference("team/base:3.11"))
        project.build(digest_only=True)
        registry.fault("*/blobs/*", OtherBytes(content=b"x"))
        with pytest.raises(HashMismatch):
            project.build(output=project.folder / "image")
    assert sorted(path.name for path in project.folder.iterdir() if "image" in path.name) == []


def test_an_index_that_has_another_wheel_by_now(project: Project) -> None:
    """Also where an earlier run left the beginning of a file."""
    project.lock()
    other = make_wheel("thing", "1.0", files={"thing/__init__.py": b""})
    project.index.fault("*/thing-*.whl", OtherBytes(content=other.content))
    for _ in range(2):
        with pytest.raises(HashMismatch) as caught:
            project.build(output=project.folder / "image")
        assert caught.value.message == "`thing-1.0-py3-none-any.whl` is not the file that was locked"
        assert caught.value.facts == (("locked", THING.sha256), ("found", other.sha256))
        kept = project.folder / f"cache/wheel-files-v1/{THING.sha256[:2]}"
        assert list(kept.iterdir()) == []
        (kept / f".{THING.sha256}.whl.part").write_bytes(other.content[:100])


def test_a_base_that_was_exchanged(project: Project) -> None:
    project.lock()
    for path in (project.folder / "base/blobs/sha256").iterdir():
        path.unlink()
    tiny_base(project.folder / "base", python="3.11.9")
    with pytest.raises(RegistryFailed, match="cannot use the image"):
        project.build(output=project.folder / "image")


def test_a_lock_without_a_base(project: Project) -> None:
    (project.folder / "envlock.toml").write_text(
        f'python = "3.11"\nrequirements = ["thing"]\n[sources]\ndefault = "{project.index.url}"\n'
    )
    lock(LockRequest(project=project.folder), environment=project.environment)
    with pytest.raises(NoSuchImage) as caught:
        project.build(digest_only=True)
    assert caught.value.message == "the lock has no base image"
    assert caught.value.hint == (
        'name one in [tool.envlock.image]: `base = "docker.io/library/python:3.11-slim-bookworm"`, '
        "then run `envlock lock`"
    )


@pytest.mark.parametrize(
    ("platforms", "asked", "message", "hint"),
    [
        (
            ("linux-64", "linux-aarch64", "win-64"),
            None,
            "the lock has several platforms: linux-64, linux-aarch64",
            "`--platform NAME` chooses one",
        ),
        (
            ("linux-64", "win-64"),
            "win-64",
            "the lock has no platform `win-64` that an image can be of, it has linux-64",
            None,
        ),
        (
            ("win-64",),
            "linux-64",
            "the lock has no platform `linux-64` that an image can be of, it has none for Linux",
            None,
        ),
    ],
)
def test_the_platform_of_an_image(
    project: Project, platforms: tuple[str, ...], asked: str | None, message: str, hint: str | None
) -> None:
    write_lock(project.lockfile, replace(lock_of([], project.folder), platforms=platforms))
    with pytest.raises(UsageFault) as caught:
        project.build(digest_only=True, platform=asked)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_the_platform_that_is_named_is_taken(project: Project) -> None:
    write_lock(
        project.lockfile, replace(lock_of([], project.folder), platforms=("linux-64", "linux-aarch64"))
    )
    with pytest.raises(NoSuchImage) as caught:
        project.build(digest_only=True, platform="linux-aarch64")
    assert caught.value.message == "the lock has no base image"


def test_a_folder_that_is_no_layout_is_not_replaced(project: Project) -> None:
    project.lock()
    (project.folder / "mine").mkdir()
    (project.folder / "mine/file").write_text("keep me")
    with pytest.raises(UsageFault) as caught:
        project.build(output=project.folder / "mine")
    target = project.folder / "mine"
    assert caught.value.message == f"`{target}` is there and is no layout of an image"
    assert (target / "file").read_text() == "keep me"


@pytest.mark.parametrize(
    ("index", "what"),
    [
        ('{"manifests": [1, 2]}', "holds several images"),
        ('{"manifests": 1}', "is there and is no layout of an image"),
        ("[1]", "is there and is no layout of an image"),
        ("[" * 100_000, "is there and is no layout of an image"),
    ],
)
def test_a_layout_that_is_not_replaced(tmp_path: Path, index: str, what: str) -> None:
    (tmp_path / "index.json").write_text(index)
    with pytest.raises(UsageFault) as caught:
        refuse_other_folder(tmp_path)
    assert caught.value.message == f"`{tmp_path}` {what}"
    assert caught.value.hint == "name another folder: `-o DIR`"


def test_what_the_lock_and_the_base_say_must_agree(project: Project) -> None:
    project.lock()
    (project.folder / "a.tar").mkdir()
    with pytest.raises(UsageFault) as refused:
        project.build(output=project.folder / "a.tar")
    assert refused.value.message == f"`{project.folder / 'a.tar'}` is a directory"
    assert refused.value.hint == "name a file: `-o image.tar`"
    text = project.lockfile.read_text()
    project.lockfile.write_text(text.replace("3.11.2", "3.11.3"))
    with pytest.raises(LockfileInvalid) as caught:
        project.build(digest_only=True)
    assert caught.value.message == "the base image has Python 3.11.2, the lock is for 3.11.3"
    assert caught.value.hint == "`envlock lock` brings it up to date"
    layer = next(iter(read_lock(project.lockfile).image.platforms.values())).diff_ids[0]  # type: ignore[union-attr]
    project.lockfile.write_text(text.replace(layer, "sha256:" + "0" * 64))
    with pytest.raises(HashMismatch) as differs:
        project.build(digest_only=True)
    assert (
        differs.value.message
        == f"the base image `oci:{project.folder}/base` has other layers than the lock says"
    )
    assert differs.value.hint == "`envlock lock --upgrade` looks at the base anew"


def test_a_layout_is_replaced_whole(project: Project) -> None:
    project.lock()
    project.build(output=project.folder / "image", tag="one")
    project.build(output=project.folder / "image", tag="two")
    assert '"two"' in (project.folder / "image/index.json").read_text()
    assert not [path for path in project.folder.iterdir() if path.name.startswith(".image")]


def test_wheels_share_a_layer_where_there_would_be_too_many(tmp_path: Path) -> None:
    wheels = [make_wheel(f"w{number}", "1", files={f"w{number}.py": b""}) for number in range(5)]
    made = lock_of(wheels, tmp_path)
    assert [group.what for group in grouped(made, "linux-64", 2)] == ["5 small wheels"]
    large = large_lock(made)
    assert len(grouped(large, "linux-64", 2)) == 5
    crowded = grouped(large, "linux-64", MOST_LAYERS - 4)
    assert [len(group.wheels) for group in crowded] == [1, 1, 3]


def test_a_base_with_more_layers_than_an_engine_takes(tmp_path: Path) -> None:
    made = lock_of([make_wheel("w", "1", files={"w.py": b""})], tmp_path)
    with pytest.raises(NoSolution) as caught:
        grouped(made, "linux-64", MOST_LAYERS)
    assert caught.value.message == (
        f"the base image has {MOST_LAYERS} layers, and no engine takes more than {MOST_LAYERS}"
    )
    assert caught.value.hint == "name a base with fewer layers"


def large_lock(made: Lock) -> Lock:
    rows = [
        replace(row, wheels=(replace(row.wheels[0], size=(10 + number) << 20),))
        for number, row in enumerate(made.distributions)
    ]
    return replace(made, distributions=tuple(rows))


def test_the_command_says_what_it_made(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    from envlock.cli import cli
    from envlock.cli.boundary import run

    project.lock()
    words = ["build", "oci", "-l", str(project.lockfile)]
    assert run(cli, [*words, "-o", str(project.folder / "image")]) == 0
    out = capsys.readouterr().out
    assert re.fullmatch(
        rf"wrote {re.escape(str(project.folder))}/image: 4 layers, [\d.]+ kB, linux-64\n"
        r"  manifest  sha256:[0-9a-f]{64}\n  image id  sha256:[0-9a-f]{64}\n",
        out,
    ), out
    assert run(cli, words) == 2
    assert capsys.readouterr().err == (
        "error: where should the image go? [usage]\n\nhint: `-o DIR` writes a layout, `-o image.tar` what "
        "`docker load` takes, `--push REF` sends it\n"
    )
    assert run(cli, [*words, "--digest-only", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "envlock.build/1"
    assert document["noted"] is True
