"""What is written for a bundle: everything in it that is small and comes out of the lock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from envlock import __version__
from envlock.audit.bundle.model import INDEX, Index, Item, Kind, Row
from envlock.audit.bundle.wanted import (
    CONDA,
    IMAGE,
    LAYOUT_PAPERS,
    conda_of,
    explicit_path,
    record_path,
    requirements_path,
)
from envlock.emit import FORMATS, EmitOptions
from envlock.errors import BadWheel
from envlock.lock.model import CondaPackage, Lock, Wheel
from envlock.lock.runtime import conda_runtime_hash, runtime_hash
from envlock.resolve.oci.layout import TAG_ANNOTATION
from envlock.resolve.oci.media import IMAGE_PLATFORMS, OCI_INDEX, ImageManifest
from envlock.resolve.wheels.contents import MOST_RECORD_BYTES, broken_is_bad, open_archive

# A file that is not at its place yet: whoever unpacks the bundle knows where that is.
HERE = "file:///BUNDLE"


def paper(path: str, kind: Kind, content: bytes) -> Item:
    row = Row(path=path, kind=kind, sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    return Item(row=row, content=content)


def requirements_text(lock: Lock, platform: str) -> str:
    """Every locked wheel by its hash, from `wheels` beside the file."""
    options = EmitOptions(platform=platform, wheelhouse=Path("wheels"))
    return FORMATS["requirements"].render(lock, options)


def requirements(lock: Lock, platforms: tuple[str, ...]) -> Iterator[Item]:
    for platform in platforms:
        if any(lock.on(platform)):
            path = requirements_path(platform, platforms)
            yield paper(path, Kind.REQUIREMENTS, requirements_text(lock, platform).encode())


def channel_papers(lock: Lock, platforms: tuple[str, ...]) -> Iterator[Item]:
    """What makes the archives of conda packages channels, and a list of them for each platform."""
    packages = conda_of(lock, platforms).values()
    for channel in sorted({each.channel for each in packages}):
        for subdir in ("noarch", *platforms):
            rows = [each for each in packages if (each.channel, each.subdir) == (channel, subdir)]
            content = json.dumps(_repodata(subdir, rows), indent=1, sort_keys=True).encode()
            yield paper(f"{CONDA}/{channel}/{subdir}/repodata.json", Kind.CHANNEL, content)
    for platform in platforms:
        if any(lock.conda_on(platform)):
            yield paper(explicit_path(platform), Kind.CHANNEL, _explicit(lock, platform).encode())


def _repodata(subdir: str, packages: Iterable[CondaPackage]) -> dict[str, Any]:
    rows = {package.file: _repodata_row(package) for package in packages}
    return {
        "info": {"subdir": subdir},
        "repodata_version": 1,
        "packages": {name: row for name, row in rows.items() if not name.endswith(".conda")},
        "packages.conda": {name: row for name, row in rows.items() if name.endswith(".conda")},
    }


def _repodata_row(package: CondaPackage) -> dict[str, Any]:
    optional = {
        "md5": package.md5,
        "noarch": package.noarch,
        "timestamp": package.timestamp,
        "python_site_packages_path": package.site_packages,
    }
    return {
        "name": package.name,
        "version": package.version,
        "build": package.build,
        "build_number": package.build_number,
        "subdir": package.subdir,
        "depends": list(package.depends),
        "constrains": list(package.constrains),
        "sha256": package.sha256,
        "size": package.size,
        **{key: value for key, value in optional.items() if value is not None},
    }


def _explicit(lock: Lock, platform: str) -> str:
    names = lock.conda.channels if lock.conda else ()
    sources = {name: f"{HERE}/{CONDA}/{name}" for name in names}
    return FORMATS["conda-explicit"].render(lock, EmitOptions(platform=platform, sources=sources))


def record_of(stream: BinaryIO, wheel: Wheel) -> Item:
    """The RECORD of a wheel. Raises BadWheel."""
    archive = open_archive(wheel.file, stream)
    found = [info for info in archive.zip.infolist() if _is_record(info.filename)]
    if len(found) != 1 or found[0].file_size > MOST_RECORD_BYTES:
        raise BadWheel(f"`{wheel.file}` has no RECORD that can be read")
    with broken_is_bad(wheel.file, found[0].filename), archive.zip.open(found[0]) as member:
        content = member.read(MOST_RECORD_BYTES)
    return paper(record_path(wheel), Kind.RECORD, content)


def _is_record(name: str) -> bool:
    path = PurePosixPath(name)
    return path.name == "RECORD" and len(path.parts) == 2 and path.parts[0].endswith(".dist-info")


def layout_papers(lock: Lock, manifests: Mapping[str, ImageManifest]) -> Iterator[Item]:
    """What makes the blobs of the base image a layout, with the manifest of each platform."""
    marker, index = LAYOUT_PAPERS
    yield paper(marker, Kind.IMAGE, b'{"imageLayoutVersion":"1.0.0"}')
    base = lock.image.base if lock.image is not None else ""
    rows = []
    for platform, manifest in sorted(manifests.items()):
        os, architecture = IMAGE_PLATFORMS[platform]
        row = manifest.document.descriptor.to_json()
        row["platform"] = {"architecture": architecture, "os": os}
        row["annotations"] = {TAG_ANNOTATION: base if len(manifests) == 1 else f"{base}-{platform}"}
        rows.append(row)
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": rows}
    yield paper(index, Kind.IMAGE, json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def runtimes(lock: Lock, platforms: tuple[str, ...]) -> dict[str, dict[str, str]]:
    found = {}
    for platform in platforms:
        conda = conda_runtime_hash(lock, platform)
        found[platform] = {"wheels": runtime_hash(lock, platform), **({"conda": conda} if conda else {})}
    return found


def index_item(lock_path: str, lock: Lock, platforms: tuple[str, ...], items: Iterable[Item]) -> Item:
    from envlock.audit.bundle.index import index_bytes

    rows = sorted((item.row for item in items), key=lambda row: row.path)
    index = Index(lock=lock_path, platforms=platforms, runtime=runtimes(lock, platforms), files=tuple(rows))
    return paper(INDEX, Kind.README, index_bytes(index))


def readme(lock: Lock, platforms: tuple[str, ...], items: Iterable[Item], lock_path: str) -> str:
    """How to use a bundle, with envlock and without."""
    kinds = {item.row.kind for item in items}
    parts = [
        _head(lock, platforms),
        _with_envlock(lock, platforms),
        *([_with_pip(lock, platforms)] if Kind.WHEEL in kinds else []),
        *([_with_conda(lock, platforms)] if Kind.CONDA in kinds else []),
        *([_with_image(lock)] if Kind.IMAGE in kinds else []),
        _agent(lock_path),
        _hashes(),
    ]
    return "\n".join(parts)


def _head(lock: Lock, platforms: tuple[str, ...]) -> str:
    rows = "".join(
        f"| {platform} | {'conda prefix' if which == 'conda' else 'virtual environment'} | `{text}` |\n"
        for platform, hashes in runtimes(lock, platforms).items()
        for which, text in hashes.items()
    )
    what = f"`{lock.project}`" if lock.project else "a project"
    return (
        f"# The environment of {what}, whole\n\n"
        f"Made with envlock {__version__} from the lock in `project/`. Everything that the lock names is\n"
        f"here, by its sha256; nothing has to be fetched. For the wheels the host must have a Python "
        f"{lock.python}.\n\n"
        f"| platform | made as | runtime hash |\n|---|---|---|\n{rows}"
    )


def _with_envlock(lock: Lock, platforms: tuple[str, ...]) -> str:
    lines = ["envlock bundle verify FILE.tar               # every hash against the lock inside"]
    if any(True for platform in platforms for _ in lock.on(platform)):
        lines.append("envlock bundle install FILE.tar --venv .venv")
    if any(True for platform in platforms for _ in lock.conda_on(platform)):
        lines.append("envlock bundle install FILE.tar --conda env")
    commands = "\n".join(lines)
    return f"## With envlock\n\nThe archive need not be unpacked.\n\n```sh\n{commands}\n```\n"


def _with_pip(lock: Lock, platforms: tuple[str, ...]) -> str:
    file = requirements_path(platforms[0], platforms)
    return (
        "## With pip alone\n\n```sh\ntar -xf FILE.tar\ncd envlock-bundle\n"
        f"python{lock.python} -m venv ../env     # beside it: a bundle has nothing that is not in its list\n"
        f"../env/bin/pip install --no-index --find-links wheels --require-hashes -r {file}\n```\n"
    )


def _with_conda(lock: Lock, platforms: tuple[str, ...]) -> str:
    first = next(platform for platform in platforms if any(lock.conda_on(platform)))
    pip = "Then the wheels, with the `pip` of the prefix, as above.\n" if any(lock.on(first)) else ""
    return (
        "## With conda alone\n\nconda 24.9 or newer checks each sha256; so does micromamba.\n\n"
        "```sh\ntar -xf FILE.tar\ncd envlock-bundle\n"
        f'sed "s|{HERE}|file://$PWD|" {explicit_path(first)} > ../explicit.txt\n'
        "conda create --offline --prefix ../env --file ../explicit.txt\n```\n" + pip
    )


def _with_image(lock: Lock) -> str:
    base = lock.image.base if lock.image is not None else ""
    return (
        f"## The base image\n\n`{IMAGE}/` is an OCI layout with `{base}`, by the digest of the lock.\n\n"
        f"```sh\nskopeo copy oci:{IMAGE} containers-storage:base   # or docker-daemon:base:locked\n```\n"
    )


def _agent(lock_path: str) -> str:
    return (
        "## Verify without envlock\n\n`envlock-agent.pyz` needs nothing but a Python (3.8 or newer). It "
        "prints what it finds;\n`envlock verify --facts` judges it wherever envlock is. A program can ask by "
        "itself:\n\n"
        "```python\nimport sys\nsys.path.insert(0, 'envlock-agent.pyz')\n"
        f"from envlock_agent import require\nrequire('{lock_path}')\n```\n"
    )


def _hashes() -> str:
    return (
        f"## What is here\n\n`{INDEX}` has the sha256 and the size of every file but itself. The hashes of "
        "wheels, conda packages\nand image blobs are those of the lock. `records/` has the RECORD of each "
        "wheel: the hash of every file\nthat it installs.\n"
    )
