"""A copy of a real environment, for one fault or one harmless change."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from envlock.agent.identity import normalized_name
from tests.support.environments import SERIES, Subject

_INSTALLERS_OWN = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")


@dataclass(kw_only=True)
class Scene:
    """`outside` is an empty folder beside the environment, `environment` the variables that verify sees,
    `spare` has files of other releases and builds, by name. What is done is told in `told`."""

    subject: Subject
    rng: Random
    outside: Path
    spare: dict[str, Path]
    environment: dict[str, str] = field(default_factory=dict)
    told: str = ""

    @property
    def prefix(self) -> Path:
        return self.subject.prefix

    @property
    def site(self) -> Path:
        return self.subject.site

    @property
    def is_conda(self) -> bool:
        return (self.prefix / "conda-meta").is_dir()

    def owned(self, suffix: str = "", least: int = 1) -> Path:
        """A file of a locked package, with some bytes in it. Not a link: others may have its target."""
        rows = sorted(self._conda_files() if self.is_conda else self._wheel_files())
        paths = [path for path in rows if path.name.endswith(suffix) and not path.is_symlink()]
        fitting = [path for path in paths if path.is_file() and path.stat().st_size >= least]
        chosen = self.rng.choice(fitting)
        self.told = str(chosen.relative_to(self.prefix))
        return chosen

    def module(self) -> Path:
        """A module of a locked package in the site directory, that other modules may import."""
        while True:
            path = self.owned(".py", least=20)
            if path.is_relative_to(self.site):
                return path

    def _wheel_files(self) -> list[Path]:
        found = []
        locked = {(each.name, each.version) for each in self.subject.lock.distributions}
        for record in self.site.glob("*.dist-info/RECORD"):
            name, version = record.parent.name.removesuffix(".dist-info").split("-")
            if (normalized_name(name), version) not in locked:
                continue
            for row in csv.reader(io.StringIO(record.read_text())):
                path = self.site / row[0]
                if row[0].endswith((".pyc", *_INSTALLERS_OWN)) or ".." in row[0] or not path.exists():
                    continue
                found.append(path)
        return found

    def _conda_files(self) -> list[Path]:
        documents = (json.loads(path.read_bytes()) for path in (self.prefix / "conda-meta").glob("*.json"))
        return [
            self.prefix / name for document in documents for name in document["files"] if ".pyc" not in name
        ]

    def rerecord(self, path: Path) -> None:
        """Edit the installer's own record so that it says what the file is now."""
        content = path.read_bytes()
        if self.is_conda:
            self._repath(path, content)
            return
        name = path.relative_to(self.site).as_posix()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        for record in self.site.glob("*.dist-info/RECORD"):
            rows = list(csv.reader(io.StringIO(record.read_text())))
            if any(row[0] == name for row in rows):
                buffer = io.StringIO(newline="")
                edited = [
                    [name, f"sha256={digest}", str(len(content))] if row[0] == name else row for row in rows
                ]
                csv.writer(buffer, lineterminator="\n").writerows(edited)
                record.write_text(buffer.getvalue())

    def _repath(self, path: Path, content: bytes) -> None:
        name = path.relative_to(self.prefix).as_posix()
        for file in (self.prefix / "conda-meta").glob("*.json"):
            document = json.loads(file.read_bytes())
            for row in document.get("paths_data", {}).get("paths", []):
                if row["_path"] == name:
                    digest = hashlib.sha256(content).hexdigest()
                    row.update(sha256=digest, sha256_in_prefix=digest, size_in_bytes=len(content))
                    file.write_text(json.dumps(document))


PYC = f"cpython-{SERIES.replace('.', '')}.pyc"


def pyc_of(module: Path) -> Path:
    return module.parent / "__pycache__" / f"{module.stem}.{PYC}"
