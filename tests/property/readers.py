"""Every reader of input that somebody else may have written, with inputs that it takes.

`test_hostile.py` mutates the inputs with hypothesis; `scripts/fuzz.py` lets atheris look for paths through
the code. A reader may refuse with its own exceptions, and with nothing else.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from envlock.agent import elf
from envlock.agent.conda.meta import read_records
from envlock.agent.elf_needs import read_host_needs
from envlock.agent.elf_sections import FileSource, LibraryFault, read_elf
from envlock.agent.fatbin import read_gpu_code
from envlock.agent.installed import read_distribution
from envlock.agent.loader_cache import read_cache
from envlock.agent.lockfile import parse
from envlock.agent.prefix import Layout
from envlock.audit.bundle.read import open_bundle
from envlock.audit.evidence.opened import open_evidence
from envlock.audit.repository.judge import judge as judge_repository
from envlock.audit.repository.read import read_repository as read_audited
from envlock.errors import EnvlockError
from envlock.lock import loads
from envlock.lock.foreign import read_foreign_lock
from envlock.manifest import read_manifest
from envlock.manifest.init.model import Place
from envlock.manifest.init.repository import read_repository
from envlock.observe.document import read_facts
from envlock.resolve.oci.credentials import credentials_for
from envlock.resolve.oci.layered import open_saved
from envlock.resolve.oci.layout import open_layout
from envlock.resolve.oci.media import (
    BadImage,
    Document,
    parse_config,
    parse_json,
    parse_manifest,
    platforms_in,
)
from envlock.resolve.oci.reference import parse_reference
from envlock.resolve.oci.tokens import NoToken, fetch_token, parse_challenge
from envlock.resolve.oci.tree import ImageTree, LayerReader, merge_layer
from envlock.resolve.wheels.identity import identify_archive
from envlock.run.receipt import read_receipt
from tests.support.elf import make_elf
from tests.support.gpu_library import gpu_library
from tests.support.wheels import make_wheel

ROOT = Path(__file__).resolve().parents[2]
WHEEL = "demo-1.0-py3-none-any.whl"


@dataclass(frozen=True, kw_only=True)
class Reader:
    """`read` gets bytes and an empty folder of its own; `refuses` is what it may raise."""

    name: str
    seeds: tuple[bytes, ...]
    read: Callable[[bytes, Path], object]
    refuses: tuple[type[Exception], ...] = (EnvlockError,)


def _as(name: str, call: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    """The bytes as a file of that name."""

    def read(data: bytes, folder: Path) -> object:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return call(path)

    return read


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# --- manifests, and what `init` reads

MANIFEST = b"""python = "3.11"
cuda = "12.4"
requirements = ["torch==2.6.0", "numpy>=2; python_version < '3.13'"]
exclude-newer = 2025-03-01
[settings]
PYTHONHASHSEED = "0"
[conda]
channels = ["conda-forge"]
packages = ["python", "ffmpeg >=6"]
virtual-packages = { __cuda = "12.4" }
[sources]
pytorch = "https://mirror.example/whl/{variant}"
[variants.cpu]
cuda = "cpu"
"""
REQUIREMENTS = b"""-c constraints.txt
--extra-index-url https://mirror.example/simple
torch==2.6.0 \\
    --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000
numpy[extra] >= 1.26 ; sys_platform == "linux"  # a comment
-e git+https://git.example/a/b.git@main#egg=b
./local.whl
"""
ENVIRONMENT = b"""name: demo
channels: [pytorch, nvidia, conda-forge]
dependencies:
  - python=3.10
  - pytorch::pytorch=2.0.1=py3.10_cuda11.7_cudnn8.5.0_0
  - pytorch-cuda=11.7
  - pip:
      - -e git+https://git.example/a/b.git@master#egg=b
      - einops==0.3.0
"""
DOCKERFILE = b"""# syntax=docker/dockerfile:1
ARG TAG=2.6.0-cuda12.4-cudnn9-runtime
FROM pytorch/pytorch:${TAG} AS base
ENV A=1 B="two words"
RUN pip install --no-cache-dir torch==2.6.0 \\
    && conda install -y numpy=1.26 -c conda-forge
RUN ["pip", "install", "x"]
COPY --from=base /a /b
FROM base
RUN <<EOF
pip install y
EOF
USER root
"""
SCRIPT = b"""# /// script
# requires-python = ">=3.11"
# dependencies = ["torch"]
# ///
import torch
torch.backends.cudnn.benchmark = True
with torch.cuda.amp.autocast():
    pass
"""
NOTEBOOK = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {"cell_type": "code", "execution_count": 2, "source": ["import torch\n"], "outputs": []},
            {"cell_type": "code", "execution_count": 1, "source": "%pip install x", "outputs": []},
            {"cell_type": "markdown", "source": ["PyTorch 2.6 with CUDA 12.1"]},
        ],
    }
).encode()
POETRY = b"""[tool.poetry.dependencies]
python = "^3.9"
torch = { version = "~2.1", markers = "sys_platform == 'linux'", source = "x" }
[[tool.poetry.source]]
name = "x"
url = "https://mirror.example/simple"
[dependency-groups]
dev = ["pytest", { include-group = "more" }]
more = []
[project]
name = "demo"
version = "1"
dependencies = ["numpy"]
"""


def _init(name: str, seed: bytes) -> Reader:
    def call(path: Path) -> object:
        return read_repository(path.parent, Place(root=path.parent, pyproject={}, environment={}))

    return Reader(name=f"init {name}", seeds=(seed,), read=_as(name, call))


def _audit(name: str, seed: bytes) -> Reader:
    return Reader(
        name=f"audit {name}",
        seeds=(seed,),
        read=_as(name, lambda path: judge_repository(read_audited(path.parent))),
    )


# --- locks

UV_LOCK = b"""version = 1
requires-python = ">=3.11"
[[package]]
name = "iniconfig"
version = "2.0.0"
source = { registry = "https://mirror.example/simple" }
wheels = [{ url = "https://mirror.example/iniconfig-2.0.0-py3-none-any.whl", hash = "sha256:00", size = 1 }]
"""
PYLOCK = b"""lock-version = "1.0"
created-by = "x"
[[packages]]
name = "iniconfig"
version = "2.0.0"
[[packages.wheels]]
name = "iniconfig-2.0.0-py3-none-any.whl"
url = "https://mirror.example/iniconfig-2.0.0-py3-none-any.whl"
hashes = { sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
"""
CONDA_LOCK = b"""version: 1
metadata:
  content_hash: {linux-64: aa}
  channels: [{url: conda-forge, used_env_vars: []}]
  platforms: [linux-64]
  sources: [environment.yml]
package:
- name: zlib
  version: 1.3.1
  manager: conda
  platform: linux-64
  dependencies: {libzlib: '*'}
  url: https://mirror.example/conda-forge/linux-64/zlib-1.3.1-hb9d3cd8_2.conda
  hash: {md5: aa, sha256: bb}
  category: main
  optional: false
"""
EXPLICIT = b"""# platform: linux-64
@EXPLICIT
https://mirror.example/conda-forge/linux-64/zlib-1.3.1-hb9d3cd8_2.conda#c9f075ab2f33b3bbee9e62d4ad0a6cd8
"""
PIXI = b"""version: 6
environments:
  default:
    channels: [{url: https://mirror.example/conda-forge/}]
    packages:
      linux-64: [{conda: https://mirror.example/conda-forge/linux-64/zlib-1.3.1-hb9d3cd8_2.conda}]
packages:
- conda: https://mirror.example/conda-forge/linux-64/zlib-1.3.1-hb9d3cd8_2.conda
  sha256: 0000000000000000000000000000000000000000000000000000000000000000
  md5: c9f075ab2f33b3bbee9e62d4ad0a6cd8
"""


def _foreign(name: str, seed: bytes) -> Reader:
    return Reader(name=f"foreign {name}", seeds=(seed,), read=_as(name, read_foreign_lock))


def _locks() -> tuple[bytes, ...]:
    found = sorted((ROOT / "examples").rglob("*.lock"), key=lambda path: (path.stat().st_size, str(path)))
    return tuple(path.read_bytes() for path in found[:3])


# --- what the agent reads on a target

RECORD = b"""demo/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
../../../bin/demo,,
"demo/a,b.py",sha256=AAAA,3
demo-1.0.dist-info/RECORD,,
"""
CONDA_RECORD = json.dumps(
    {
        "name": "zlib",
        "version": "1.3.1",
        "build": "hb9d3cd8_2",
        "build_number": 2,
        "subdir": "linux-64",
        "fn": "zlib-1.3.1-hb9d3cd8_2.conda",
        "depends": ["libzlib"],
        "files": ["lib/libz.so"],
        "paths_data": {
            "paths_version": 1,
            "paths": [
                {
                    "_path": "lib/libz.so",
                    "path_type": "hardlink",
                    "sha256": "00",
                    "sha256_in_prefix": "00",
                    "size_in_bytes": 3,
                    "file_mode": "binary",
                    "prefix_placeholder": "/placehold",
                }
            ],
        },
    }
).encode()


def _record(data: bytes, folder: Path) -> object:
    site = folder / "lib/python3.11/site-packages"
    info = site / "demo-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_bytes(data)
    (info / "entry_points.txt").write_bytes(data)
    (info / "direct_url.json").write_bytes(data)
    root = str(folder)
    layout = Layout((str(site),), f"{root}/bin", root, f"{root}/include", "3.11")
    return read_distribution(str(site), info.name, layout, (3, 11), None)


def _elf(path: Path) -> object:
    elf.read_dynamic(str(path))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        source = FileSource(descriptor)
        found = read_elf(source)
        return found and (read_gpu_code(source, found), read_host_needs(source, found))
    finally:
        os.close(descriptor)


# --- archives and registries


def _zip(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def _tar(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("a/link")
        link.type, link.linkname = tarfile.SYMTYPE, "../../etc/passwd"
        archive.addfile(link)
    return stream.getvalue()


DESCRIPTOR = {
    "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
    "digest": "sha256:" + "0" * 64,
    "size": 3,
}
IMAGE_MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {**DESCRIPTOR, "mediaType": "application/vnd.oci.image.config.v1+json"},
        "layers": [DESCRIPTOR],
    }
).encode()
IMAGE_INDEX = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{**DESCRIPTOR, "platform": {"os": "linux", "architecture": "amd64"}}],
    }
).encode()
IMAGE_CONFIG = json.dumps(
    {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "0" * 64]},
    }
).encode()
FACTS = (
    b'{"schema": "envlock.facts/1", "level": "content", "prefix": "/env", "distributions": [{"name": "a"}]}'
)
RECEIPT = b'{"schema": "envlock.receipt/1", "command": ["true"], "runtime": {"hash": "rt1:00"}}'


def _document(data: bytes, _folder: Path) -> object:
    media = str(parse_json(data).get("mediaType"))
    found = Document(media_type=media, digest="sha256:" + "0" * 64, content=data)
    return platforms_in(found) if "index" in media else parse_manifest(found)


def _challenge(data: bytes, _folder: Path) -> object:
    """What a registry asks for, up to the request that a session without adapters cannot make."""
    challenge = parse_challenge(_text(data))
    session = requests.Session()
    session.adapters.clear()
    return challenge and fetch_token(session, challenge, ("a:b:pull",), None)


def _layer(data: bytes, _folder: Path) -> object:
    tree = ImageTree()
    merge_layer(
        tree, 0, LayerReader(iter([data[:7], data[7:]])).members(), lambda _path, _content, _size: None
    )
    return tree


def _saved(path: Path) -> object:
    with open_saved(path) as image:
        return [list(layer()) for layer in image.layers]


READERS: Sequence[Reader] = (
    Reader(
        name="manifest", seeds=(MANIFEST,), read=_as("envlock.toml", lambda path: read_manifest(path.parent))
    ),
    Reader(
        name="requirements",
        seeds=(REQUIREMENTS,),
        read=_as("requirements.txt", lambda path: read_manifest(path.parent)),
    ),
    Reader(name="script", seeds=(SCRIPT,), read=_as("train.py", read_manifest)),
    _init("environment.yml", ENVIRONMENT),
    _init("Dockerfile", DOCKERFILE),
    _init("pyproject.toml", POETRY),
    _init("requirements.txt", REQUIREMENTS),
    _init("setup.cfg", b"[metadata]\nname = x\n[options]\ninstall_requires =\n    torch>=2\n"),
    _audit("environment.yml", ENVIRONMENT),
    _audit("Dockerfile", DOCKERFILE),
    _audit("train.py", SCRIPT),
    _audit("README.md", b"# PyTorch 2.6 (CUDA 12.1, cuDNN 8.9)\n```sh\npip install torch==2.6.0\n```\n"),
    _audit("paper.ipynb", NOTEBOOK),
    _audit("pyproject.toml", POETRY),
    _audit("compose.yaml", b"services:\n  train:\n    image: pytorch/pytorch:latest\n"),
    Reader(name="lockfile", seeds=_locks(), read=lambda data, _: loads(_text(data), where="x")),
    Reader(
        name="the agent's lockfile",
        seeds=_locks(),
        read=lambda data, _: parse(_text(data)),
        refuses=(ValueError,),
    ),
    _foreign("uv.lock", UV_LOCK),
    _foreign("pylock.toml", PYLOCK),
    _foreign("conda-lock.yml", CONDA_LOCK),
    _foreign("pixi.lock", PIXI),
    _foreign("explicit.txt", EXPLICIT),
    _foreign("environment.yml", b"dependencies:\n- zlib=1.3.1=hb9d3cd8_2\n"),
    _foreign("requirements.txt", REQUIREMENTS),
    Reader(name="RECORD", seeds=(RECORD,), read=_record, refuses=()),
    Reader(
        name="conda-meta",
        seeds=(CONDA_RECORD,),
        read=_as("conda-meta/zlib.json", lambda path: read_records(str(path.parents[1]), {})),
        refuses=(),
    ),
    Reader(
        name="ELF and fatbin",
        seeds=(
            make_elf(needed=["libc.so.6"], runpath="$ORIGIN/lib", soname="x.so"),
            gpu_library(["sm_80", "compute_90"], ["sm_90a"]),
        ),
        read=_as("x.so", _elf),
        refuses=(LibraryFault,),
    ),
    Reader(
        name="ld.so.cache",
        seeds=(
            b"glibc-ld.so.cache1.1" + struct.pack("<II5I", 1, 40, 2, 0, 0, 0, 0) + bytes(24) + b"a\0/b\0",
        ),
        read=_as("ld.so.cache", lambda path: read_cache(str(path), "x86_64")),
        refuses=(),
    ),
    Reader(
        name="wheel",
        seeds=(make_wheel("demo", "1.0", files={"demo/__init__.py": b"x = 1\n"}).content,),
        read=_as(WHEEL, lambda path: identify_archive(path, python=(3, 11))),
    ),
    Reader(name="image document", seeds=(IMAGE_MANIFEST, IMAGE_INDEX), read=_document, refuses=(BadImage,)),
    Reader(
        name="image config", seeds=(IMAGE_CONFIG,), read=lambda d, _: parse_config(d), refuses=(BadImage,)
    ),
    Reader(
        name="image reference",
        seeds=(b"docker.io/library/python:3.11@sha256:" + b"0" * 64, b"oci:DIR"),
        read=lambda data, _: parse_reference(_text(data)),
    ),
    Reader(
        name="registry challenge",
        seeds=(b'Bearer realm="https://auth.example/token",service="x",scope="a:b:pull"',),
        read=_challenge,
        refuses=(NoToken, requests.RequestException),
    ),
    Reader(
        name="layer",
        seeds=(_tar({"a/b": b"x", "a/.wh.b": b""}), zlib.compress(b"x"), b"\x28\xb5\x2f\xfd\x04\x00"),
        read=_layer,
        refuses=(BadImage,),
    ),
    Reader(
        name="bundle",
        seeds=(_tar({"envlock-bundle/index.json": b'{"schema": "envlock.bundle/1"}', "../x": b""}),),
        read=_as("x.tar", open_bundle),
    ),
    Reader(
        name="evidence",
        seeds=(
            _tar({"evidence/statement.json": b"{}"}),
            _zip({"statement.json": b"{}", "envlock.lock": b"x" * 99}),
        ),
        read=_as("evidence.tar", open_evidence),
    ),
    Reader(
        name="image layout",
        seeds=(IMAGE_INDEX,),
        read=_as("index.json", lambda path: open_layout(f"oci:{path.parent}:tag", path.parent).document("")),
    ),
    Reader(
        name="saved image",
        seeds=(
            _tar({"manifest.json": b'[{"Config": "c", "Layers": ["l"]}]', "c": IMAGE_CONFIG, "l": b"x" * 99}),
        ),
        read=_as("image.tar", _saved),
    ),
    Reader(
        name="docker's configuration",
        seeds=(
            b'{"auths": {"a.example": {"auth": "dXNlcjpzZWNyZXQ=", "username": "x"}}, "credHelpers": {}}',
        ),
        read=_as(
            "config.json", lambda path: credentials_for("a.example", {"DOCKER_CONFIG": str(path.parent)})
        ),
    ),
    Reader(name="facts", seeds=(FACTS,), read=_as("facts.json", read_facts)),
    Reader(name="receipt", seeds=(RECEIPT,), read=_as("receipt.json", read_receipt)),
)
BY_NAME = {reader.name: reader for reader in READERS}
