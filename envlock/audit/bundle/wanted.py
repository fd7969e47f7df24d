"""What a lock wants in a bundle: which files, where, with which hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from envlock.audit.bundle.model import Kind, Row
from envlock.errors import UsageFault
from envlock.lock.model import CondaPackage, Lock, Wheel
from envlock.resolve.oci.media import Descriptor, ImageManifest

WHEELS: Final = "wheels"
CONDA: Final = "conda"
IMAGE: Final = "image"
RECORDS: Final = "records"
PROJECT: Final = "project"
AGENT: Final = "envlock-agent.pyz"
README: Final = "README.md"
# What makes a folder of blobs a layout; their own content is judged, not their hash.
LAYOUT_PAPERS: Final = (f"{IMAGE}/oci-layout", f"{IMAGE}/index.json")


def wheels_of(lock: Lock, platforms: Iterable[str]) -> dict[str, Wheel]:
    """sha256 -> wheel, of all platforms. Raises UsageFault where two files have one name."""
    found: dict[str, Wheel] = {}
    names: dict[str, str] = {}
    for platform in platforms:
        for _, wheel in lock.on(platform):
            if names.setdefault(wheel.file, wheel.sha256) != wheel.sha256:
                raise UsageFault(
                    f"two files of the lock are called `{wheel.file}`",
                    hint="bundle each platform by itself: `--platform NAME`",
                )
            found[wheel.sha256] = wheel
    return found


def conda_of(lock: Lock, platforms: Iterable[str]) -> dict[str, CondaPackage]:
    """Path in the bundle -> conda package, of all platforms."""
    return {conda_path(each): each for platform in platforms for each in lock.conda_on(platform)}


def conda_path(package: CondaPackage) -> str:
    return f"{CONDA}/{package.channel}/{package.subdir}/{package.file}"


def wheel_row(wheel: Wheel) -> Row:
    return Row(path=f"{WHEELS}/{wheel.file}", kind=Kind.WHEEL, sha256=wheel.sha256, size=wheel.size)


def conda_row(package: CondaPackage) -> Row:
    return Row(path=conda_path(package), kind=Kind.CONDA, sha256=package.sha256, size=package.size)


def blob_row(blob: Descriptor) -> Row:
    sha256 = blob.digest.removeprefix("sha256:")
    return Row(path=blob_path(blob.digest), kind=Kind.IMAGE, sha256=sha256, size=blob.size)


def blob_path(digest: str) -> str:
    return f"{IMAGE}/blobs/sha256/{digest.removeprefix('sha256:')}"


def record_path(wheel: Wheel) -> str:
    return f"{RECORDS}/{wheel.file.removesuffix('.whl')}.RECORD"


def requirements_path(platform: str, platforms: Iterable[str]) -> str:
    return "requirements.txt" if len(tuple(platforms)) == 1 else f"requirements-{platform}.txt"


def explicit_path(platform: str) -> str:
    return f"{CONDA}/explicit-{platform}.txt"


def image_rows(manifests: Iterable[ImageManifest]) -> Iterator[Row]:
    """The blobs of base images: manifest, configuration, layers."""
    for manifest in manifests:
        yield blob_row(manifest.document.descriptor)
        yield blob_row(manifest.config)
        yield from map(blob_row, manifest.layers)


def locked_rows(lock: Lock, platforms: tuple[str, ...]) -> Iterator[Row]:
    """Every wheel and every conda package."""
    yield from map(wheel_row, wheels_of(lock, platforms).values())
    yield from map(conda_row, conda_of(lock, platforms).values())
