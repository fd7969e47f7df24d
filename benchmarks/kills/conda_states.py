"""Two locks with conda packages: the Python that runs this, packaged, a small package and a wheel."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.kills.desk import NEW, OLD, Desk, wheels
from benchmarks.kills.trials import States
from envlock.lock.writer import dumps
from tests.support.conda import Channel, CondaPackage, File
from tests.support.conda.locks import conda_subject
from tests.support.conda.python import python_package
from tests.support.wheels import Wheel


def conda_states_of(desk: Desk) -> States:
    """The channel lies where the desk says; the wheels are those of its index."""
    channel = Channel(desk.channel)
    with tempfile.TemporaryDirectory() as name:
        (python,) = channel.add(python_package(Path(name)))
        locks = {version: _lock(channel, python, version, Path(name)) for version in (OLD, NEW)}
    return States(desk=desk, locks=locks)


def _lock(channel: Channel, python: Path, version: str, folder: Path) -> bytes:
    """`notes` has 40 files of the same names in both versions, and five of other names."""
    files = [File(path=f"share/notes/{n}.txt", content=f"{version} {n}\n".encode()) for n in range(40)]
    files += [File(path=f"share/notes-{version}/{n}.txt", content=b"x\n") for n in range(5)]
    notes = CondaPackage(name="notes", version=version, noarch="generic", files=tuple(files))
    subject = conda_subject(folder / "env", folder, [python, *channel.add(notes)], _wheels(version))
    return dumps(subject.lock).encode()


def _wheels(version: str) -> Sequence[Wheel | Path]:
    return [wheel for wheel in wheels() if wheel.version == version or wheel.name == "six"]
