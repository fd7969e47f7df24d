"""An image on disk: an OCI layout of compressed layers, or an archive that `docker load` takes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from envlock.errors import HashMismatch, UsageFault
from envlock.image.beside import take_the_place, written_beside
from envlock.image.oci import Builder, Image, LayerSink
from envlock.image.splice import Codec, Measured
from envlock.image.tar import END, Entry, Kind, header, padding
from envlock.resolve.oci.layout import TAG_ANNOTATION
from envlock.resolve.oci.media import OCI_INDEX
from envlock.resolve.oci.store import digest_of
from envlock.resolve.oci.tree import decompressed

_VERSION = b'{"imageLayoutVersion":"1.0.0"}'


def write_layout(builder: Builder, target: Path, tag: str | None) -> Image:
    """Build into an OCI layout. It appears whole, or not at all. Raises UsageFault, DiskFailed."""
    refuse_other_folder(target)
    with written_beside(target, "image") as folder:
        blobs = folder / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        image = builder.image(Codec.GZIP, lambda number: _blob_sink(blobs, number))
        for blob in image.base.manifest.layers:
            _copy(image.base.store.chunks(blob), blobs / _hex(blob.digest))
        _put(blobs, image.config)
        _put(blobs, image.manifest.content)
        (folder / "oci-layout").write_bytes(_VERSION)
        (folder / "index.json").write_bytes(_index(image, tag))
        take_the_place(folder, target)
    return image


def write_archive(builder: Builder, target: Path, tag: str | None) -> Image:
    """Build into an archive of `docker save`'s form, its layers as they are unpacked. Raises DiskFailed."""
    if target.is_dir():
        raise UsageFault(f"`{target}` is a directory", hint="name a file: `-o image.tar`")
    with written_beside(target, "image") as folder:
        folder.mkdir()
        image = builder.image(Codec.TAR, lambda number: _file_sink(folder / f"{number}.tar"))
        base = image.base
        for number, (blob, diff_id) in enumerate(
            zip(base.manifest.layers, base.config.diff_ids, strict=True)
        ):
            _copy_plain(base.store.chunks(blob), folder / f"base-{number}.tar", diff_id)
        files = [folder / f"base-{number}.tar" for number in range(len(base.manifest.layers))]
        files += [folder / f"{number}.tar" for number in range(len(image.layers))]
        whole = folder / "image.tar"
        with whole.open("wb") as archive:
            _write_archive(archive, image, files, tag)
        whole.replace(target)
    return image


def _write_archive(archive: BinaryIO, image: Image, files: list[Path], tag: str | None) -> None:
    names = []
    for number, path in enumerate(files):
        names.append(f"layer-{number}.tar")
        archive.write(header(_file(names[-1], path.stat().st_size)))
        with path.open("rb") as stream:
            shutil.copyfileobj(stream, archive, 1 << 20)
        archive.write(padding(path.stat().st_size))
        path.unlink()
    config = f"{_hex(digest_of(image.config))}.json"
    row = {"Config": config, "RepoTags": [tag] if tag else None, "Layers": names}
    for name, content in ((config, image.config), ("manifest.json", json.dumps([row]).encode())):
        archive.write(header(_file(name, len(content))) + content + padding(len(content)))
    archive.write(END)


def _file(name: str, size: int) -> Entry:
    return Entry(path=name, kind=Kind.FILE, mode=0o644, size=size)


def _index(image: Image, tag: str | None) -> bytes:
    row = image.manifest.descriptor.to_json()
    row["platform"] = {"architecture": image.base.config.architecture, "os": image.base.config.os}
    if tag:
        row["annotations"] = {TAG_ANNOTATION: tag}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [row]}
    return json.dumps(index, sort_keys=True, separators=(",", ":")).encode()


def _blob_sink(blobs: Path, number: int) -> LayerSink:
    temporary = blobs / f".layer-{number}"
    stream = temporary.open("wb")

    def done(layer: Measured) -> None:
        stream.close()
        temporary.replace(blobs / _hex(layer.digest))

    return LayerSink(write=stream.write, done=done, close=stream.close)


def _file_sink(path: Path) -> LayerSink:
    stream = path.open("wb")
    return LayerSink(write=stream.write, done=lambda _: None, close=stream.close)


def _copy(chunks: Iterator[bytes], target: Path) -> None:
    with target.open("wb") as stream:
        for chunk in chunks:
            stream.write(chunk)


def _copy_plain(chunks: Iterator[bytes], target: Path, diff_id: str) -> None:
    import hashlib

    digest = hashlib.sha256()
    with target.open("wb") as stream:
        for chunk in decompressed(chunks):
            digest.update(chunk)
            stream.write(chunk)
    if f"sha256:{digest.hexdigest()}" != diff_id:
        raise HashMismatch(
            "a layer of the base image is not what its diff id says", facts=[("expected", diff_id)]
        )


def _put(blobs: Path, content: bytes) -> None:
    (blobs / _hex(digest_of(content))).write_bytes(content)


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def refuse_other_folder(target: Path) -> None:
    """A layout of one image may be replaced; anything else that stands there may not."""
    if not os.path.lexists(target) or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        rows = json.loads((target / "index.json").read_bytes())["manifests"]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        rows = None
    if not isinstance(rows, list) or len(rows) > 1:
        what = "holds several images" if isinstance(rows, list) else "is there and is no layout of an image"
        raise UsageFault(f"`{target}` {what}", hint="name another folder: `-o DIR`")
