"""Faults and harmless changes of an image: a layer on top, as a Dockerfile would add it.

The base is Debian's Python, from Debian's packages, with dpkg's database of them. Bytecode of an image is
judged only where its Python runs, so none is made here.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.faults.dpkg_database import database, owned
from benchmarks.faults.environments import PINS
from benchmarks.faults.peers import Peers
from benchmarks.faults.projects import Project, served, write_project
from envlock.api import ImageRequest, LockRequest, OciOrder, build_oci, lock, verify_image
from envlock.api.sources import sources_beside
from envlock.observe.unpacked import unpack
from envlock.report import Report
from envlock.resolve.image import Finding, open_platform, open_store, top_document
from envlock.resolve.oci.layered import layered
from tests.support.images import File, debian_base, debian_packages, with_layer
from tests.support.wheels import Wheel

SERIES = "3.11"
SITE = f"opt/env/lib/python{SERIES}/site-packages"


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A project with its image, the files of the site directory, and those of Debian's packages that
    programs are made of."""

    folder: Path
    files: Mapping[str, bytes]
    system: Mapping[str, bytes]
    variables: tuple[str, ...]


@dataclass(kw_only=True)
class Change:
    """What is put on top: `files`, and `variables` of the configuration (None: as they are)."""

    made: Made
    rng: Random
    files: dict[str, File | bytes] = field(default_factory=dict)
    variables: list[str] | None = None
    told: str = ""

    def owned(self, suffix: str = "", least: int = 1) -> tuple[str, bytes]:
        own = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
        rows = [
            (path, content)
            for path, content in sorted(self.made.files.items())
            if path.endswith(suffix) and len(content) >= least and not path.endswith(own)
        ]
        chosen = self.rng.choice(rows)
        self.told = chosen[0]
        return chosen

    def module(self) -> tuple[str, bytes]:
        return self.owned(".py", least=20)


def project_of(work: Path, wheels: Sequence[Wheel | Path]) -> Project:
    """What the other tools hold the image against."""
    with served(wheels) as index:
        return write_project(work / "peers", wheels, index)


def make(work: Path) -> Made:
    """greenlet, MarkupSafe and others on Debian's Python, built without a daemon."""
    work.mkdir(parents=True, exist_ok=True)
    packages = debian_packages()
    base = with_layer(debian_base(), work / "base", database(packages))
    lockfile = _locked(work / "project", base)
    output = work / "project" / "image"
    order = OciOrder(lock=lockfile, environment=dict(os.environ), cache=work / "cache", output=output)
    build_oci(order)
    blobs = output / "blobs" / "sha256"
    manifest = _read(blobs, json.loads((output / "index.json").read_bytes())["manifests"][0]["digest"])
    files = dict(_contents(blobs, manifest))
    code = [path for path in owned(packages) if path.startswith(("usr/bin/", "usr/lib/")) and path in files]
    variables = _read(blobs, manifest["config"]["digest"])["config"]["Env"]
    return Made(
        folder=work / "project",
        files={path: content for path, content in files.items() if path.startswith(SITE)},
        system={path: files[path] for path in code},
        variables=tuple(variables),
    )


def _contents(blobs: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    for layer in manifest["layers"]:
        with tarfile.open(blobs / layer["digest"][7:]) as archive:
            for info in archive:
                stream = archive.extractfile(info) if info.isreg() else None
                if stream is not None:
                    yield info.name, stream.read()


def _locked(folder: Path, base: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "base").symlink_to(base)
    pins = ", ".join(f'"{pin}"' for pin in PINS)
    text = f'python = "{SERIES}"\nrequirements = [{pins}]\n[settings]\nPYTHONHASHSEED = "0"\n'
    (folder / "envlock.toml").write_text(f'{text}[image]\nbase = "oci:base"\n')
    request = LockRequest(project=folder, cache=folder / "cache")
    return lock(request, environment=dict(os.environ)).path


def _read(blobs: Path, digest: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((blobs / digest[7:]).read_bytes())
    return document


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """The image with a change on top, as a layout; `told` says what was changed."""

    layout: Path
    told: str
    variables: tuple[str, ...]


def changed(made: Made, change: Callable[[Change], None], seed: str) -> Changed:
    """Instead of the one before it."""
    asked = Change(made=made, rng=Random(f"image {seed}"))
    change(asked)
    other = made.folder / "other"
    shutil.rmtree(other, ignore_errors=True)
    layout = with_layer(made.folder / "image", other, asked.files, environment=asked.variables)
    variables = made.variables if asked.variables is None else tuple(asked.variables)
    return Changed(layout=layout, told=asked.told, variables=variables)


def judged(made: Made, found: Changed) -> Report:
    """Verified from outside."""
    lockfile = made.folder / "envlock.lock"
    return verify_image(ImageRequest(lock=lockfile, image=f"oci:{found.layout}", environment={}))


def said(made: Made, found: Changed, peers: Peers) -> dict[str, bool | None]:
    """What the other tools say of it, unpacked for them."""
    name, environment = f"oci:{found.layout}", dict(os.environ)
    sources = sources_beside(made.folder / "envlock.lock", environment)
    store = open_store(name, Finding(root=made.folder, sources=sources, environment=environment))
    image = layered(open_platform(store, top_document(store, name), "linux-64"))
    with tempfile.TemporaryDirectory(prefix="envlock-faults-image-") as folder:
        root = unpack(image, Path(folder), len(image.layers)).root
        return peers.of_image(root, dict(row.split("=", 1) for row in found.variables))


# --- faults


def bit_flip(change: Change) -> None:
    path, content = change.owned()
    edited = bytearray(content)
    edited[change.rng.randrange(len(edited))] ^= 1 << change.rng.randrange(8)
    change.files[path] = bytes(edited)


def deletion(change: Change) -> None:
    folder, _, name = change.owned()[0].rpartition("/")
    change.files[f"{folder}/.wh.{name}"] = b""


def truncation(change: Change) -> None:
    path, content = change.owned(least=2)
    change.files[path] = content[: change.rng.randrange(len(content))]


def addition(change: Change) -> None:
    folder = change.module()[0].rpartition("/")[0]
    change.files[f"{folder}/extra{change.rng.choice(['.py', '.so'])}"] = b"VALUE = 1\n"


def swapped_library(change: Change) -> None:
    (one, first), (other, second) = change.owned(".so"), change.owned(".so")
    while first == second:
        other, second = change.owned(".so")
    change.files |= {one: second, other: first}


def edited_record(change: Change) -> None:
    path, content = change.module()
    edited = content + b"\nVALUE = 2\n"
    name = path.removeprefix(f"{SITE}/")
    digest = base64.urlsafe_b64encode(hashlib.sha256(edited).digest()).rstrip(b"=").decode()
    change.files[path] = edited
    for record, text in change.made.files.items():
        rows = list(csv.reader(io.StringIO(text.decode()))) if record.endswith(".dist-info/RECORD") else []
        if any(row[0] == name for row in rows):
            buffer = io.StringIO(newline="")
            edited_row = [name, f"sha256={digest}", str(len(edited))]
            csv.writer(buffer, lineterminator="\n").writerows(
                edited_row if row[0] == name else row for row in rows
            )
            change.files[record] = buffer.getvalue().encode()


def symlink_swap(change: Change) -> None:
    path, content = change.module()
    change.files["opt/elsewhere.py"] = content + b"\nVALUE = 3\n"
    change.files[path] = File(link="/opt/elsewhere.py")


def pth(change: Change) -> None:
    change.files[f"{SITE}/z.pth"] = b"import os\n"


def sitecustomize(change: Change) -> None:
    change.files[f"{SITE}/{change.rng.choice(['sitecustomize.py', 'usercustomize.py'])}"] = b"import os\n"


def contaminating_variable(change: Change) -> None:
    change.files["opt/more/six.py"] = b"VALUE = 5\n"
    change.variables = [*change.made.variables, "PYTHONPATH=/opt/more"]


def system_bit_flip(change: Change) -> None:
    """In a file of Debian's: `dpkg --verify` knows its checksum."""
    path, content = change.rng.choice(sorted((p, c) for p, c in change.made.system.items() if c))
    edited = bytearray(content)
    edited[change.rng.randrange(len(edited))] ^= 1 << change.rng.randrange(8)
    change.files[path] = bytes(edited)
    change.told = path


def system_deletion(change: Change) -> None:
    change.told = change.rng.choice(
        sorted(path for path in change.made.system if path.endswith((".py", ".so")))
    )
    folder, _, name = change.told.rpartition("/")
    change.files[f"{folder}/.wh.{name}"] = b""


FAULTS: Mapping[str, Callable[[Change], None]] = {
    "bit flip": bit_flip,
    "deletion": deletion,
    "truncation": truncation,
    "addition": addition,
    "swapped .so": swapped_library,
    "record edited to match": edited_record,
    "symlink swap": symlink_swap,
    ".pth": pth,
    "sitecustomize": sitecustomize,
    "contaminating variable": contaminating_variable,
    "bit flip in a system file": system_bit_flip,
    "deletion of a system file": system_deletion,
}


# --- harmless


def files_elsewhere(change: Change) -> None:
    change.files |= {"etc/motd": b"hello\n", "home/app/notes.txt": b"mine\n", "var/log/x.log": b"log\n"}


def same_bytes_again(change: Change) -> None:
    """A layer with files that are there already: other times, other mode bits, the same bytes."""
    for _ in range(10):
        path, content = change.owned()
        change.files[path] = File(content=content, mode=0o664)


def installer_metadata(change: Change) -> None:
    info = change.rng.choice([path for path in change.made.files if path.endswith("/INSTALLER")])
    change.files[info] = b"pip\n"


def unrelated_variable(change: Change) -> None:
    change.variables = [*change.made.variables, "TERM=xterm", "MY_JOB=1"]


HARMLESS: Mapping[str, Callable[[Change], None]] = {
    "files that nobody reads": files_elsewhere,
    "same bytes in another layer": same_bytes_again,
    "installer metadata": installer_metadata,
    "unrelated variable": unrelated_variable,
}
