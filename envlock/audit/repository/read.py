"""A folder, or one file -> what is in it. A file that is broken is told and passed over."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from envlock.audit.repository import containers
from envlock.audit.repository.content import Dockerfile, ImageUse, Repository, Script, Source
from envlock.audit.repository.model import Hit, Place
from envlock.audit.repository.walk import Walk, walk
from envlock.errors import InvalidInput, UsageFault
from envlock.manifest.documents import decoded


@dataclass(kw_only=True, slots=True)
class Reading:
    """What was read so far; readers of single formats add to it."""

    texts: dict[str, str] = field(default_factory=dict)
    dockerfiles: list[Dockerfile] = field(default_factory=list)
    images: list[ImageUse] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    broken: list[Hit] = field(default_factory=list)

    def tell_broken(self, place: Place, message: str) -> None:
        self.broken.append(Hit(place=place, message=message))


def read_repository(path: Path) -> Repository:
    """Read `path`, a folder or one file. Raises UsageFault where there is none, InvalidInput where the one
    file that is named cannot be parsed."""
    if not path.exists():
        raise UsageFault(
            "there is no such file or directory", where=str(path), hint="name a folder, or a file"
        )
    root, found = (path, walk(path)) if path.is_dir() else (path.parent, _one(path))
    reading = Reading()
    for name in found.files:
        _read_file(root, name, reading)
    if not path.is_dir() and reading.broken:
        first = reading.broken[0]
        raise InvalidInput(f"`{path.name}` cannot be judged: {first.message}", where=str(first.place))
    return Repository(
        root=root,
        names=found.files,
        texts=reading.texts,
        dockerfiles=tuple(reading.dockerfiles),
        images=tuple(reading.images),
        scripts=tuple(reading.scripts),
        broken=tuple(reading.broken),
        unread=found.left_out,
        is_whole=found.is_whole,
    )


def _one(path: Path) -> Walk:
    return Walk(files=(path.name,), left_out=(), is_whole=True)


def _read_file(root: Path, name: str, reading: Reading) -> None:
    text = _text(root / name, name, reading)
    if text is None:
        return
    reading.texts[name] = text
    source, low = Source(file=name, text=text), PurePosixPath(name).name.lower()
    if "dockerfile" in low or "containerfile" in low:
        _read_dockerfile(source, reading)
    elif low.endswith((".yml", ".yaml", "devcontainer.json")):
        reading.images.extend(containers.images_of_yaml(source))


def _text(path: Path, name: str, reading: Reading) -> str | None:
    try:
        return decoded(path.read_bytes()).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        reading.tell_broken(Place(file=name), f"is not UTF-8 (byte {error.start})")
    except OSError as error:
        reading.tell_broken(Place(file=name), f"cannot be read: {(error.strerror or str(error)).lower()}")
    return None


def _read_dockerfile(source: Source, reading: Reading) -> None:
    found = containers.dockerfile(source)
    if found is None:
        reading.tell_broken(source.place(1), "has no FROM, so it is no Dockerfile")
        return
    reading.dockerfiles.append(found)
    reading.images.extend(containers.images_of(found))
    reading.scripts.append(containers.script_of(found))
