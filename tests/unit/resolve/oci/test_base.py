"""What is read from the layers of a base image: whiteouts, links, the version of its Python."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from envlock.errors import HashMismatch, RegistryFailed
from envlock.resolve.image import open_platform
from envlock.resolve.oci.base import Base, read_base
from envlock.resolve.oci.layout import open_layout
from envlock.resolve.oci.media import BadImage
from envlock.resolve.oci.tree import ImageTree, LayerReader, merge_layer
from tests.support.images import File, Files, image, layer, tiny_base


def merged(*layers: Files) -> ImageTree:
    tree = ImageTree()
    for number, files in enumerate(layers):
        reader = LayerReader(iter([gzip.compress(layer(files))]))
        merge_layer(tree, number, reader.members(), lambda path, content, size: b"".join(content))
    return tree


def read(folder: Path, cache: Path | None = None) -> Base:
    store = open_layout(f"oci:{folder}", Path("/"))
    opened = open_platform(store, store.document(""), "linux-64")
    return read_base(store, opened.manifest, opened.config, cache)


def files_of(tree: ImageTree) -> set[str]:
    return {path for path, node in tree.nodes.items() if node.content is not None}


def test_a_whiteout_hides_a_file_and_a_folder() -> None:
    tree = merged({"a/b": b"1", "a/c/d": b"2", "a/e": b"3"}, {"a/.wh.b": b"", "a/.wh.c": b""})
    assert files_of(tree) == {"a/e"}


def test_an_opaque_folder_hides_what_lower_layers_have_in_it() -> None:
    tree = merged({"a/b": b"1", "x": b"2"}, {"a/.wh..wh..opq": b"", "a/new": b"3"})
    assert files_of(tree) == {"a/new", "x"}


def test_a_whiteout_spares_what_its_own_layer_brings() -> None:
    tree = merged({"a/b": b"old"}, {"a/.wh.b": b"", "a/b": b"new"})
    assert tree.nodes["a/b"].content == b"new"


def test_a_file_takes_the_place_of_a_folder() -> None:
    assert files_of(merged({"a/b": b"1"}, {"a": b"2"})) == {"a"}


def test_links_are_followed_inside_the_image() -> None:
    tree = merged({"bin": File(link="usr/bin"), "usr/bin/x": File(link="/opt/../opt/y"), "opt/y": b"1"})
    assert tree.resolved("/bin/x") == "opt/y"
    assert tree.resolved("/bin/none") is None


def test_links_in_a_circle_lead_to_nothing() -> None:
    assert merged({"a": File(link="b"), "b": File(link="a")}).resolved("/a") is None


def test_a_hard_link_is_the_file_that_it_names() -> None:
    assert merged({"a": b"1", "b": File(hard="a")}).nodes["b"].content == b"1"


def test_a_path_that_leaves_the_image() -> None:
    with pytest.raises(BadImage, match="a layer has a path that leaves the image"):
        merged({"../a": b"1"})


def test_a_layer_that_ends_early() -> None:
    data = gzip.compress(layer({"a": b"1" * 5000}))[:-20]
    with pytest.raises(BadImage):
        list(LayerReader(iter([data])).members())


def test_a_layer_of_many_gzip_members_in_small_chunks() -> None:
    plain = layer({f"f{number}": bytes([number]) * 700 for number in range(40)})
    data = b"".join(gzip.compress(plain[start : start + 300]) for start in range(0, len(plain), 300))
    reader = LayerReader(data[at : at + 7] for at in range(0, len(data), 7))
    assert len(list(reader.members())) == 40
    assert reader.diff_id == diff_id_of(plain)


def diff_id_of(plain: bytes) -> str:
    reader = LayerReader(iter([plain]))
    list(reader.members())
    return reader.diff_id


def test_the_python_of_a_base_and_its_users(tmp_path: Path) -> None:
    base = read(tiny_base(tmp_path / "base"))
    assert (base.command, base.python, base.version) == (
        "/usr/bin/python3",
        "/usr/bin/python3.11",
        "3.11.2",
    )
    assert base.passwd == "root:x:0:0:root:/root:/bin/sh\n"


def test_the_version_is_in_the_library_of_a_small_interpreter(tmp_path: Path) -> None:
    files: Files = {
        "usr/local/bin/python3": File(link="python3.12"),
        "usr/local/bin/python3.12": File(content=b"\x7fELF", mode=0o755),
        "usr/local/lib/libpython3.12.so.1.0": b"x/versions/3.12.4\0 3.11.2\0",
    }
    assert read(image([layer(files)], folder=tmp_path / "base")).version == "3.12.4"


def test_a_version_that_cannot_be_told(tmp_path: Path) -> None:
    files: Files = {
        "usr/bin/python3": File(link="python3.12"),
        "usr/bin/python3.12": File(content=b"\x7fELF", mode=0o755),
    }
    assert read(image([layer(files)], folder=tmp_path / "base")).version is None


def test_an_interpreter_that_is_named_by_no_series(tmp_path: Path) -> None:
    for number, (content, version) in enumerate(((b"\x7fELF", None), (b"\x7f\x003.12.4\0", "3.12.4"))):
        files: Files = {"usr/bin/python3": File(content=content, mode=0o755)}
        assert read(image([layer(files)], folder=tmp_path / f"base{number}")).version == version


def test_the_path_of_the_image_decides_which_python_counts(tmp_path: Path) -> None:
    files: Files = {
        "usr/bin/python3.11": File(content=b"\x7f\x003.11.2\0", mode=0o755),
        "usr/bin/python3": File(link="python3.11"),
        "opt/conda/bin/python3.12": File(content=b"\x7f\x003.12.4\0", mode=0o755),
        "opt/conda/bin/python3": File(link="python3.12"),
    }
    environment = ["PATH=/opt/conda/bin:/usr/bin"]
    folder = image([layer(files)], folder=tmp_path / "base", environment=environment)
    assert read(folder).python == "/opt/conda/bin/python3.12"


def test_the_layers_are_read_once(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "base")
    first = read(folder, tmp_path / "cache")
    for blob in (folder / "blobs/sha256").iterdir():
        if blob.read_bytes().startswith(b"\x1f\x8b"):
            blob.unlink()
    assert read(folder, tmp_path / "cache") == first


def test_a_blob_of_a_layout_that_was_changed(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "base")
    for blob in (folder / "blobs/sha256").iterdir():
        data = blob.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            blob.write_bytes(gzip.compress(gzip.decompress(data), 1, mtime=1)[: len(data)])
    with pytest.raises(HashMismatch, match="is not what its digest says"):
        read(folder)


def test_there_is_no_layout(tmp_path: Path) -> None:
    with pytest.raises(RegistryFailed) as caught:
        read(tmp_path / "none")
    assert caught.value.message == (
        f"cannot use the image `oci:{tmp_path}/none`: it cannot be read: no such file or directory"
    )


def test_an_opaque_folder_spares_what_its_own_layer_has_brought() -> None:
    tree = merged({"a/b": b"1", "x": b"2"}, {"a/new": b"3", "a/.wh..wh..opq": b""})
    assert files_of(tree) == {"a/new", "x"}


def test_a_layer_that_is_none_is_read_to_its_end() -> None:
    """Who gives its bytes may know better, and says so at their end."""
    chunks = iter([b"no tar at all " * 100] * 50)
    with pytest.raises(BadImage, match=r"^a layer cannot be unpacked: "):
        list(LayerReader(chunks).members())
    assert list(chunks) == []


def test_a_layer_that_is_not_what_its_diff_id_says(tmp_path: Path) -> None:
    store = open_layout(f"oci:{tiny_base(tmp_path / 'base')}", Path("/"))
    opened = open_platform(store, store.document(""), "linux-64")
    other = replace(opened.config, diff_ids=("sha256:" + "0" * 64, *opened.config.diff_ids[1:]))
    with pytest.raises(HashMismatch) as caught:
        read_base(store, opened.manifest, other, None)
    assert caught.value.facts == (("expected", "sha256:" + "0" * 64), ("found", opened.config.diff_ids[0]))


def test_the_version_is_in_the_header_of_a_python_that_does_not_tell(tmp_path: Path) -> None:
    files: Files = {
        "usr/bin/python3": File(link="python3.12"),
        "usr/bin/python3.12": File(content=b"\x7fELF", mode=0o755),
        "usr/include/python3.12/patchlevel.h": b'#define PY_VERSION  "3.12.4"\n',
    }
    assert read(image([layer(files)], folder=tmp_path / "base")).version == "3.12.4"
