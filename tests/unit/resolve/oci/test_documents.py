"""Manifests, configurations, layouts, saved images and docker's configuration that are not what they say."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from envlock.errors import EnvlockError, HashMismatch, RegistryFailed, ToolFailed, UsageFault
from envlock.resolve.image import open_platform
from envlock.resolve.oci.base import Base, base_of, read_base
from envlock.resolve.oci.credentials import Credentials, credentials_for, credentials_in
from envlock.resolve.oci.layered import open_saved
from envlock.resolve.oci.layout import open_layout
from envlock.resolve.oci.media import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    BadImage,
    Descriptor,
    Document,
    descriptors_in,
    media_type_of,
    parse_config,
    parse_manifest,
    platforms_in,
)
from envlock.resolve.oci.reference import parse_reference
from envlock.resolve.oci.store import checked, read_small
from envlock.resolve.oci.tree import ImageTree, LayerReader, decompressed, merge_layer
from tests.support.images import File, Files, digest_of, image, layer, tiny_base, with_layer

DIGEST = digest_of(b"")
BLOB = {"mediaType": "", "digest": DIGEST, "size": 0}
LAYOUT_HINT = "`skopeo copy docker://NAME oci:DIR:TAG` writes a layout"
SAVED_HINT = "`docker save NAME -o image.tar` writes one"


def document(value: object) -> Document:
    content = json.dumps(value).encode()
    return Document(media_type=OCI_MANIFEST, digest=digest_of(content), content=content)


# -- documents -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "it is no JSON object"),
        ({"schemaVersion": 1}, "it has another schema than version 2"),
        ({"schemaVersion": 2, "config": BLOB}, "it has no layers"),
        ({"schemaVersion": 2, "layers": []}, "a descriptor in it is no JSON object"),
        ({"schemaVersion": 2, "layers": ["x"], "config": BLOB}, "a descriptor in it is no JSON object"),
        (
            {"schemaVersion": 2, "layers": [], "config": {**BLOB, "digest": "md5:00"}},
            "a descriptor in it has no sha256 digest",
        ),
        (
            {"schemaVersion": 2, "layers": [], "config": {**BLOB, "size": True}},
            "a descriptor in it has no size",
        ),
        (
            {"schemaVersion": 2, "layers": [], "config": {**BLOB, "size": -1}},
            "a descriptor in it has no size",
        ),
    ],
)
def test_a_manifest_that_is_none(value: object, message: str) -> None:
    with pytest.raises(BadImage) as caught:
        parse_manifest(document(value))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "its configuration has no diff ids"),
        ({"rootfs": {"diff_ids": ["x"]}}, "its configuration has no diff ids"),
        (
            {"rootfs": {"diff_ids": []}, "config": {"Env": 5}},
            "its configuration has an `Env` that is no list",
        ),
    ],
)
def test_a_configuration_that_is_none(value: object, message: str) -> None:
    with pytest.raises(BadImage) as caught:
        parse_config(json.dumps(value).encode())
    assert str(caught.value) == message


def test_a_configuration_without_variables() -> None:
    for config in (None, {}, {"Env": None}, {"Env": ["A", "=b", 5]}):
        value: dict[str, object] = {"rootfs": {"diff_ids": []}, "config": config}
        assert parse_config(json.dumps(value).encode()).environment == {}


def test_the_platforms_of_an_index() -> None:
    arm = {**BLOB, "size": 1, "platform": {"os": "linux", "architecture": "arm64"}}
    rows = ["x", {**BLOB, "platform": "x"}, {**BLOB, "platform": {"os": "unknown"}}, arm, {**arm, "size": 2}]
    found = platforms_in(document({"manifests": rows}))
    assert {name: each.to_json() for name, each in found.items()} == {"linux-aarch64": {**BLOB, "size": 1}}
    with pytest.raises(BadImage) as caught:
        platforms_in(document({}))
    assert str(caught.value) == "it has no manifests"
    assert descriptors_in(document({})) == ()


@pytest.mark.parametrize(
    ("value", "said", "kind"),
    [
        ({"mediaType": DOCKER_INDEX}, OCI_MANIFEST, DOCKER_INDEX),
        ({"mediaType": "text/html"}, DOCKER_MANIFEST, DOCKER_MANIFEST),
        ({"manifests": []}, "text/plain", OCI_INDEX),
        ({}, "", OCI_MANIFEST),
    ],
)
def test_what_kind_a_document_is(value: Mapping[str, object], said: str, kind: str) -> None:
    assert media_type_of(value, said) == kind


def test_a_name_that_is_none() -> None:
    for name in ("A/B", "oci:folder"):
        with pytest.raises(UsageFault) as caught:
            parse_reference(name)
        assert caught.value.message == f"'{name}' is not the name of an image"
        assert caught.value.hint == "write it like `registry.example/name:tag`"
    assert str(parse_reference("index.docker.io/python")) == "docker.io/library/python:latest"


def test_bytes_that_are_too_many() -> None:
    blob = Descriptor(media_type="", digest=digest_of(b"ab"), size=2)
    assert b"".join(checked([b"a", b"b"], blob, "x")) == b"ab"
    for chunks, found in (([b"a", b"bc"], "3 bytes instead of 2"), ([b"a"], "1 bytes instead of 2")):
        with pytest.raises(HashMismatch) as caught:
            list(checked(chunks, blob, "x"))
        assert caught.value.facts == (("expected", blob.digest), ("found", found))


def test_a_configuration_that_is_larger_than_any(tmp_path: Path) -> None:
    store = open_layout(f"oci:{tiny_base(tmp_path / 'base')}", Path("/"))
    with pytest.raises(HashMismatch) as caught:
        read_small(store, Descriptor(media_type="", digest=DIGEST, size=17 << 20))
    assert caught.value.facts == (
        ("expected", "a document of at most 16777216 bytes"),
        ("found", "17825792 bytes"),
    )


# -- layouts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "tag", "reason"),
    [
        ("[", "", "its index.json cannot be read: it is no JSON"),
        ({}, "", "its index.json cannot be read: it has no manifests"),
        ({"manifests": ["x"]}, "", "its index.json cannot be read: it has no manifests"),
        ({"manifests": []}, "", "it has no image"),
        ({"manifests": [{}]}, "", "it has no image"),
        ({"manifests": [BLOB]}, ":3", "it has no image with the tag `3`"),
        ({"manifests": [{**BLOB, "annotations": "3"}]}, ":3", "it has no image with the tag `3`"),
        ({"manifests": [{**BLOB, "annotations": {}}]}, ":3", "it has no image with the tag `3`"),
        ({"manifests": [BLOB]}, "", "it cannot be read: no such file or directory"),
    ],
)
def test_a_layout_that_is_none(tmp_path: Path, index: object, tag: str, reason: str) -> None:
    (tmp_path / "index.json").write_text(index if isinstance(index, str) else json.dumps(index))
    with pytest.raises(RegistryFailed) as caught:
        open_layout(f"oci:{tmp_path}{tag}", Path("/")).document("")
    assert caught.value.message == f"cannot use the image `oci:{tmp_path}{tag}`: {reason}"
    assert (caught.value.where, caught.value.hint) == (str(tmp_path), LAYOUT_HINT)


def test_a_layout_of_several_images_is_an_index(tmp_path: Path) -> None:
    rows = [BLOB, {**BLOB, "annotations": {"org.opencontainers.image.ref.name": "a"}}]
    (tmp_path / "index.json").write_text(json.dumps({"manifests": rows}))
    assert open_layout(f"oci:{tmp_path}", Path("/")).document("").media_type == OCI_INDEX


def test_a_manifest_and_a_blob_of_a_layout_that_are_not_there(tmp_path: Path) -> None:
    layout = open_layout(f"oci:{tiny_base(tmp_path)}", Path("/"))
    manifest = layout.document("").digest
    layout.file(manifest).write_bytes(b"{}")
    with pytest.raises(HashMismatch) as caught:
        layout.document(manifest)
    assert caught.value.facts == (("expected", manifest), ("found", digest_of(b"{}")))
    with pytest.raises(RegistryFailed) as gone:
        list(layout.chunks(Descriptor(media_type="", digest=DIGEST, size=0)))
    reason = f"the blob {DIGEST} cannot be read: no such file or directory"
    assert gone.value.message == f"cannot use the image `oci:{tmp_path}`: {reason}"


def read(folder: Path, cache: Path | None = None) -> Base:
    store = open_layout(f"oci:{folder}", Path("/"))
    opened = open_platform(store, store.document(""), "linux-64")
    return read_base(store, opened.manifest, opened.config, cache)


def _without_a_layer(manifest: dict[str, Any]) -> None:
    manifest["layers"].pop()


def _other_schema(manifest: dict[str, Any]) -> None:
    manifest["schemaVersion"] = 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_without_a_layer, "it has another number of layers than of diff ids"),
        (_other_schema, "it has another schema than version 2"),
    ],
)
def test_an_image_that_contradicts_itself(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    folder = tiny_base(tmp_path / "base")
    index = json.loads((folder / "index.json").read_bytes())
    blobs = folder / "blobs/sha256"
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_bytes())
    change(manifest)
    content = json.dumps(manifest).encode()
    (blobs / digest_of(content)[7:]).write_bytes(content)
    index["manifests"][0]["digest"] = digest_of(content)
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(RegistryFailed) as caught:
        read(folder)
    assert caught.value.message == f"cannot use the image `oci:{folder}`: {reason}"
    assert caught.value.hint == "name another image, or build this one again"


# -- layers --------------------------------------------------------------------------------------------


def merged(*layers: bytes) -> ImageTree:
    tree = ImageTree()
    for number, content in enumerate(layers):
        merge_layer(tree, number, LayerReader(iter([content])).members(), lambda path, chunks, size: None)
    return tree


def sparse(headers: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a")
        info.size, info.pax_headers = 3, dict(headers)
        archive.addfile(info, io.BytesIO(b"abc"))
    return buffer.getvalue()


def huge() -> bytes:
    """A file of an exabyte, by its header."""
    info = tarfile.TarInfo("a")
    info.size = 1 << 60
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(2048)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x28\xb5\x2f\xfd" + bytes(20), "a layer is compressed with zstd, which envlock cannot read"),
        (gzip.compress(layer({"a": os.urandom(90_000)}))[:-9], "a layer ends early"),
        (
            layer({"l": File(link="nowhere"), "l/a": b""}),
            "a layer has a path behind a link that leads nowhere",
        ),
        (layer({"b": File(hard="a")}), "a layer has a hard link to a file that is not there"),
        (layer({"a": File(hard="../a")}), "a layer has a path that leaves the image"),
        (huge(), "a layer cannot be unpacked: a file in it ends beyond its end"),
        (
            sparse({"GNU.sparse.map": "a,b"}),
            "a layer cannot be unpacked: invalid literal for int() with base 10: 'a'",
        ),
        (
            sparse({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}),
            "a layer cannot be unpacked: not enough values to unpack (expected 2, got 1)",
        ),
    ],
    ids=["zstd", "cut", "link", "hard link", "outside", "huge", "sparse map", "sparse head"],
)
def test_a_layer_that_cannot_be_unpacked(content: bytes, message: str) -> None:
    with pytest.raises(BadImage) as caught:
        merged(content)
    assert str(caught.value) == message


def test_zeros_after_the_end_of_a_compressed_layer_are_padding() -> None:
    plain = layer({"a": b"1"})
    packed = gzip.compress(plain[:700]) + gzip.compress(plain[700:]) + bytes(40)
    assert b"".join(decompressed(iter([packed, bytes(9)]))) == plain


def test_what_else_lies_in_a_layer() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind in (("./", tarfile.DIRTYPE), ("pipe", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type = kind
            archive.addfile(info)
    assert {path: str(node.kind) for path, node in merged(buffer.getvalue()).nodes.items()} == {
        "pipe": "other"
    }


def test_a_whiteout_at_the_top_and_below_a_link() -> None:
    below: Files = {"usr/lib/a": b"1", "lib": File(link="usr/lib"), "b": b"2"}
    tree = merged(layer(below), layer({"lib/.wh.a": b"", ".wh.b": b"", ".wh.none": b""}))
    assert sorted(tree.nodes) == ["lib", "usr", "usr/lib"]
    assert sorted(merged(layer(below), layer({".wh..wh..opq": b"", "c": b""})).nodes) == ["c"]


def test_users_and_interpreters_that_are_no_files() -> None:
    tree = merged(
        layer({"etc/passwd/": b"", "bin/python3/": b"", "usr/bin/python3": File(content=b"x", mode=0o644)})
    )
    base = base_of(tree, {"PATH": "bin:/bin:/usr/bin"})
    assert (base.command, base.python, base.version, base.series, base.passwd) == (None, None, None, None, "")


def test_a_cache_of_bases_that_was_spoilt_is_not_believed(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "base")
    first = read(folder, tmp_path / "cache")
    (kept,) = (tmp_path / "cache/bases-v1").iterdir()
    for text in ("no JSON", "[]", "{}", '{"schema": "x"}', '{"schema": "envlock.base/1", "python": 3}'):
        kept.write_text(text)
        assert read(folder, tmp_path / "cache") == first


# -- saved images --------------------------------------------------------------------------------------

CONFIG = json.dumps({"rootfs": {"type": "layers", "diff_ids": []}}).encode()
ROW: dict[str, object] = {"Config": "config.json", "Layers": ["layer.tar"]}


def manifest(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "its manifest.json is no JSON"),
        (b"[" * 100_000, "its manifest.json is no JSON"),
        ([], "it holds no image, or several"),
        ([ROW, ROW], "it holds no image, or several"),
        (["x"], "it holds no image, or several"),
        ([{"Config": "config.json"}], "its manifest.json names no layers"),
        ([{"Config": 1, "Layers": []}], "its manifest.json names no layers"),
        ([{"Config": "config.json", "Layers": [1]}], "its manifest.json names no layers"),
        ([{"Config": "none.json", "Layers": []}], "it has no none.json"),
        ([{"Config": "folder", "Layers": []}], "its folder is no document"),
        ([{"Config": "bad.json", "Layers": []}], "its configuration has no diff ids"),
        ([{"Config": "config.json", "Layers": ["none.tar"]}], "it has no none.tar"),
    ],
)
def test_a_saved_image_that_is_none(tmp_path: Path, value: object, reason: str) -> None:
    path = tmp_path / "image.tar"
    members: Files = {
        "manifest.json": manifest(value),
        "config.json": CONFIG,
        "bad.json": b"{}",
        "folder/": b"",
    }
    path.write_bytes(layer(members))
    assert_refused(path, reason)


def sizes(path: Path) -> list[int]:
    with open_saved(path) as opened:
        return [sum(map(len, each())) for each in opened.layers]


def assert_refused(path: Path, reason: str) -> None:
    with pytest.raises(RegistryFailed) as caught:
        sizes(path)
    assert caught.value.message == f"cannot use the image `{path}`: {reason}"
    assert (caught.value.where, caught.value.hint) == (str(path), SAVED_HINT)


def test_a_saved_image_whose_bytes_are_spoilt(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    content = layer(
        {"manifest.json": manifest([ROW]), "config.json": CONFIG, "layer.tar": os.urandom(90_000)}
    )
    path.write_bytes(content)
    assert sizes(path) == [90_000]
    path.write_bytes(b"no archive")
    assert_refused(path, "it cannot be read: file could not be opened successfully")
    path.write_bytes(gzip.compress(content)[:-2000])
    ended = "compressed file ended before the end-of-stream marker was reached"
    assert_refused(path, f"it cannot be read: {ended}")
    packed = bytearray(lzma.compress(content))
    packed[len(packed) // 2] ^= 0xFF
    path.write_bytes(packed)
    assert_refused(path, "it cannot be read: corrupt input data")


# -- docker's configuration ----------------------------------------------------------------------------


DEEP = "maximum recursion depth exceeded while decoding a JSON array from a unicode string"


def asked(folder: Path, content: object, registry: str = "registry.example") -> Credentials | None:
    (folder / "config.json").write_bytes(manifest(content))
    environment = {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}
    return credentials_for(registry, environment)


def told(error: EnvlockError) -> tuple[str, str | None, str | None, int]:
    return error.message, error.where, error.hint, error.exit_status


@pytest.mark.parametrize("auth", ["a", "%%%%", "\xe9", "/w=="])
def test_an_auth_that_is_no_base64(tmp_path: Path, auth: str) -> None:
    with pytest.raises(ToolFailed) as caught:
        asked(tmp_path, {"auths": {"registry.example": {"auth": auth}}})
    message = "docker's configuration has an `auth` that is no base64"
    assert told(caught.value) == (message, str(tmp_path / "config.json"), None, 6)


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    for content, reason in (
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[" * 100_000, DEEP),
    ):
        with pytest.raises(ToolFailed) as caught:
            asked(tmp_path, content)
        message = f"docker's configuration cannot be read: {reason}"
        assert told(caught.value) == (message, str(tmp_path / "config.json"), None, 6)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        {"auths": []},
        {"auths": {"registry.example": "x"}},
        {"auths": {"registry.example": {}}},
        {"auths": {"registry.example": {"username": "user"}}},
        {"auths": {"other.example": {"username": "user", "password": "secret"}}},
    ],
)
def test_a_configuration_that_knows_nothing_of_a_registry(tmp_path: Path, content: object) -> None:
    assert asked(tmp_path, content) is None


def test_where_credentials_are_looked_for(tmp_path: Path) -> None:
    row = {"auths": {"https://registry.example/v1/": {"username": "user", "password": "secret"}}}
    known = Credentials(user="user", password="secret")
    assert asked(tmp_path, row) == known
    for variable, file in (
        ("HOME", ".docker/config.json"),
        ("REGISTRY_AUTH_FILE", "auth"),
        ("XDG_RUNTIME_DIR", "containers/auth.json"),
    ):
        path = tmp_path / variable / file
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(row))
        value = path if variable == "REGISTRY_AUTH_FILE" else tmp_path / variable
        assert credentials_for("registry.example", {variable: str(value)}) == known
    assert credentials_for("registry.example", {}) is None
    assert credentials_in("https://us%40er:se%3Acret@mirror.example/") == Credentials(
        user="us@er", password="se:cret"
    )
    assert credentials_in("https://user@mirror.example/") is None
    assert Credentials(user="user").basic is None


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ('echo \'{"Username": "user", "Secret": "secret"}\'', Credentials(user="user", password="secret")),
        ('echo \'{"Username": "user", "Secret": ""}\'', None),
        ("echo no JSON", None),
        ("echo '[]'", None),
        ("echo credentials not found in native keychain; exit 1", None),
        ("echo; echo it is locked >&2; exit 1", "`docker-credential-ours` failed: it is locked"),
        ("exit 3", "`docker-credential-ours` failed: exit status 3"),
    ],
)
def test_what_a_credential_helper_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, outcome: Credentials | str | None
) -> None:
    program = tmp_path / "docker-credential-ours"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    if not isinstance(outcome, str):
        assert asked(tmp_path, {"credsStore": "ours"}, "docker.io") == outcome
        return
    with pytest.raises(ToolFailed) as caught:
        asked(tmp_path, {"credsStore": "ours"})
    assert told(caught.value) == (outcome, None, None, 6)


def test_a_credential_helper_with_a_name_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed) as caught:
        asked(tmp_path, {"credHelpers": {"registry.example": "../x"}})
    assert told(caught.value) == ("'../x' is not the name of a credential helper", None, None, 6)


def test_a_layer_more_is_read_with_the_rest(tmp_path: Path) -> None:
    """What `docker commit` adds is read with the rest."""
    folder = with_layer(tiny_base(tmp_path / "base"), tmp_path / "more", {"etc/passwd": b"other\n"})
    assert read(folder).passwd == "other\n"


def test_an_empty_image(tmp_path: Path) -> None:
    assert read(image([], folder=tmp_path)).python is None
