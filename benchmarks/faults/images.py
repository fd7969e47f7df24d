"""Faults and harmless changes of an image: a layer on top, as a Dockerfile would add it.

The base has a Python that is a few bytes: bytecode can be judged only by one that runs, so none is made here.
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.faults.environments import PINS
from envlock.api import ImageRequest, LockRequest, OciOrder, build_oci, lock, verify_image
from envlock.report import Report
from tests.support.images import File, tiny_base, with_layer

SERIES = "3.11"
SITE = f"opt/env/lib/python{SERIES}/site-packages"


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A project with its image, and the files of the site directory."""

    folder: Path
    files: Mapping[str, bytes]
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


def make(work: Path) -> Made:
    """greenlet, MarkupSafe and others on a small base, built without a daemon."""
    lockfile = _locked(work / "project", tiny_base(work / "base"))
    output = work / "project" / "image"
    order = OciOrder(lock=lockfile, environment=dict(os.environ), cache=work / "cache", output=output)
    build_oci(order)
    blobs = output / "blobs" / "sha256"
    manifest = _read(blobs, json.loads((output / "index.json").read_bytes())["manifests"][0]["digest"])
    files: dict[str, bytes] = {}
    for layer in manifest["layers"]:
        with tarfile.open(blobs / layer["digest"][7:]) as archive:
            for info in archive:
                stream = archive.extractfile(info) if info.isreg() and info.name.startswith(SITE) else None
                files |= {info.name: stream.read()} if stream is not None else {}
    variables = _read(blobs, manifest["config"]["digest"])["config"]["Env"]
    return Made(folder=work / "project", files=files, variables=tuple(variables))


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


def judged(made: Made, change: Callable[[Change], None], seed: str) -> tuple[str, Report]:
    """The image with the change on top, verified from outside; then it is gone."""
    asked = Change(made=made, rng=Random(f"image {seed}"))
    change(asked)
    other = made.folder / "other"
    shutil.rmtree(other, ignore_errors=True)
    layout = with_layer(made.folder / "image", other, asked.files, environment=asked.variables)
    request = ImageRequest(lock=made.folder / "envlock.lock", image=f"oci:{layout}", environment={})
    return asked.told, verify_image(request)


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
