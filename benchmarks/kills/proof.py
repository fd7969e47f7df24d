"""What is read after a kill, without envlock: hashes of names, of blobs, of trees, and what was left over."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")
# Written by whoever installs, at another time or place in each run: no part of what is compared.
_BESIDES = re.compile(r"(^|/)(__pycache__/|\.lock$|\.gitignore$|CACHEDIR\.TAG$)|/uv_cache\.json$")


def sha256_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree(folder: Path) -> Mapping[str, str]:
    """Path -> hash or link target, of every file below `folder` that an installer does not vary."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if _BESIDES.search(name) or (path.is_dir() and not path.is_symlink()):
            continue
        found[name] = f"-> {path.readlink()}" if path.is_symlink() else sha256_of(path)
    return found


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Paths that are not the same in both trees."""
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def cache_faults(cache: Path) -> Iterator[str]:
    """Entries under their final names that are not whole: what has a hash for a name must have that hash."""
    for path in cache.rglob("*"):
        if not path.is_file() or path.name.startswith("."):
            continue
        name = path.name.partition(".")[0]
        if path.suffix == ".json":
            if not _is_json(path):
                yield f"cache: {path.relative_to(cache)} is no JSON"
        elif _SHA256.fullmatch(name) and path.suffix in ("", ".whl") and sha256_of(path) != name:
            yield f"cache: {path.relative_to(cache)} has not the hash of its name"


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def layout_faults(layout: Path) -> Iterator[str]:
    """A layout that is there must be whole: every blob its hash, everything that is named there."""
    try:
        (row,) = json.loads((layout / "index.json").read_bytes())["manifests"]
        manifest = json.loads(_blob(layout, row["digest"]).read_bytes())
        named = [manifest["config"]["digest"], *(each["digest"] for each in manifest["layers"])]
    except (OSError, ValueError, KeyError) as error:
        yield f"image: {error!r}"
        return
    yield from (f"image: no blob {digest}" for digest in named if not _blob(layout, digest).is_file())
    blobs = (layout / "blobs/sha256").iterdir()
    yield from (f"image: blob {path.name} is another" for path in blobs if sha256_of(path) != path.name)


def image_digest(layout: Path) -> str:
    return str(json.loads((layout / "index.json").read_bytes())["manifests"][0]["digest"])


def _blob(layout: Path, digest: str) -> Path:
    return layout / "blobs/sha256" / digest.removeprefix("sha256:")


def bundle_faults(archive: Path) -> Iterator[str]:
    """An archive that is there must be whole: every file that its index names, with its hash."""
    try:
        with tarfile.open(archive) as opened:
            members = {each.name.partition("/")[2]: opened.extractfile(each) for each in opened}
            content = {name: stream.read() for name, stream in members.items() if stream}
        rows = json.loads(content["bundle.json"])["files"]
    except (OSError, ValueError, KeyError, tarfile.TarError) as error:
        yield f"bundle: {error!r}"
        return
    for row in rows:
        found = content.get(row["path"])
        if found is None or hashlib.sha256(found).hexdigest() != row["sha256"]:
            yield f"bundle: {row['path']} is not what the index says"


def leftovers(*folders: Path) -> list[Path]:
    """Temporary files and folders: what begins with a dot or lies in a folder for such things."""
    return [path for folder in folders if folder.exists() for path in _leftovers(folder)]


def _leftovers(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as rows:
        for row in rows:
            if row.name.startswith(".") and row.name not in (".venv",):
                yield Path(row.path)
            elif row.is_dir(follow_symlinks=False):
                yield from _leftovers(Path(row.path))
