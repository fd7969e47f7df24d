"""What is known of the libraries in locked wheels: by the facts, or read from what is at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from envlock.errors import InvalidInput, UsageFault
from envlock.stack.code import WheelCode, known_code
from envlock.stack.sources import Source

if TYPE_CHECKING:
    from envlock.lock.model import Distribution, Lock, Wheel
    from envlock.resolve.wheels.code import Read

_SITES = ("", "lib/python*/site-packages", "lib64/python*/site-packages", "archive-v*/*")


def codes_of(lock: Lock, platform: str, place: Path | None) -> tuple[WheelCode, ...]:
    """The locked wheels of a platform whose libraries are known and tell anything.

    In `place`, which has wheels, is an environment or uv's cache, the libraries are read, and come before
    what the facts say. Raises InvalidInput for a file that is not the locked one, and UsageFault where
    `place` has nothing that is locked.
    """
    read = {} if place is None else dict(_read(lock, platform, place))
    if place is not None and not read:
        hint = f"`pip download` puts wheels there; the lock has {_some(lock, platform)}"
        raise UsageFault(f"nothing that is locked for {platform} is in {place}", hint=hint)
    known = (read.get(wheel.sha256) or known_code(wheel.sha256) for _, wheel in lock.on(platform))
    return tuple(each for each in known if each is not None and (each.libraries or each.faults))


def _some(lock: Lock, platform: str) -> str:
    files = [wheel.file for _, wheel in lock.on(platform)]
    return f"{files[0]} and {len(files) - 1} more" if len(files) > 1 else ", ".join(files) or "no wheel"


def _read(lock: Lock, platform: str, place: Path) -> Iterator[tuple[str, WheelCode]]:
    if not place.is_dir():
        raise UsageFault(f"`--wheels {place}` is no folder")
    for distribution, wheel in lock.on(platform):
        found = _wheel(distribution, wheel, place) or _installed(distribution, wheel, place)
        if found is not None:
            yield wheel.sha256, found


def _wheel(distribution: Distribution, wheel: Wheel, place: Path) -> WheelCode | None:
    """From the file, proved by its hash."""
    from envlock.resolve.wheels.code import read_wheel

    path = place / wheel.file
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != wheel.sha256:
        raise InvalidInput(
            f"it is not the locked file: its sha256 is {found}, and {wheel.sha256} is locked", where=str(path)
        )
    source = Source(name="WHEEL", text=f"the libraries in the locked wheels that are in {place}")
    return _code(distribution, wheel, read_wheel(path), source)


def _installed(distribution: Distribution, wheel: Wheel, place: Path) -> WheelCode | None:
    """From where the wheel was unpacked: `verify` is what proves that it is the locked one."""
    from envlock.agent.identity import UnsafePath, parse_record
    from envlock.resolve.wheels.code import read_unpacked

    info = f"{wheel.file.split('-', 1)[0]}-{wheel.file.split('-')[1]}.dist-info"
    for pattern in _SITES:
        for record in sorted(place.glob(f"{pattern}/{info}/RECORD".lstrip("/"))):
            root = record.parent.parent
            try:
                rows = parse_record(record.read_text(encoding="utf-8"))
            except (OSError, ValueError, UnsafePath):
                continue
            inside = (row.path for row in rows if ".." not in row.path.split("/"))
            source = Source(name="INSTALLED", text=f"the libraries as they are unpacked in {place}")
            return _code(distribution, wheel, read_unpacked(root, inside), source)
    return None


def _code(distribution: Distribution, wheel: Wheel, read: Read, source: Source) -> WheelCode:
    return WheelCode(
        name=distribution.name,
        file=wheel.file,
        sha256=wheel.sha256,
        libraries=read[0],
        faults=read[1],
        sources=(source,),
    )
