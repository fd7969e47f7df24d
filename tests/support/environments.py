"""Real environments of known wheels, and the lock that they must match."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from envlock.agent.identity import normalized_name
from envlock.lock.model import Distribution, Lock
from envlock.lock.model import Wheel as LockedWheel
from envlock.observe import LocalTarget, expectation_of, observe_local
from envlock.report import Report
from envlock.resolve.wheels.identity import identify_archive
from envlock.verify import Judgement, judge
from tests.support.wheels import Wheel

SERIES = f"{sys.version_info[0]}.{sys.version_info[1]}"
PLATFORM = "linux-64"


def lock_of(
    wheels: Sequence[Wheel | Path],
    folder: Path,
    *,
    settings: Mapping[str, str] | None = None,
    project: str | None = None,
    python: str = SERIES,
) -> Lock:
    """The lock of exactly these wheels for the Python that runs the tests."""
    paths = [wheel if isinstance(wheel, Path) else wheel.write(folder) for wheel in wheels]
    return Lock(
        manifest="0" * 64,
        python=python,
        python_exact=f"{python}.0" if python.count(".") == 1 else python,
        platforms=(PLATFORM,),
        glibc="2.28",
        exclude_newer=None,
        project=project,
        stack={},
        settings=settings or {},
        distributions=tuple(sorted((_distribution(path, python) for path in paths), key=lambda d: d.name)),
    )


def _distribution(path: Path, python: str) -> Distribution:
    major, minor = (int(part) for part in python.split(".")[:2])
    identity = identify_archive(path, python=(major, minor))
    wheel = LockedWheel(
        file=path.name,
        platforms=(PLATFORM,),
        sha256=identity.sha256,
        size=identity.size,
        unpacked=identity.unpacked,
        files=identity.files,
        digest=identity.digest,
        fixups=identity.fixups,
    )
    name = normalized_name(path.name.split("-", 1)[0])
    return Distribution(name=name, version=identity.version, index="default", requires=(), wheels=(wheel,))


def entry_lists(wheels: Sequence[Wheel | Path], folder: Path) -> Mapping[str, bytes]:
    """digest -> entry list, as the RECORD cache would have it."""
    major, minor = (int(part) for part in SERIES.split("."))
    paths = [wheel if isinstance(wheel, Path) else wheel.write(folder) for wheel in wheels]
    identities = [identify_archive(path, python=(major, minor)) for path in paths]
    return {identity.digest: identity.entries for identity in identities}


@dataclass(kw_only=True)
class Subject:
    """An environment under test and the lock that it was made from."""

    prefix: Path
    lock: Lock
    entries: Mapping[str, bytes]
    environment: dict[str, str] = field(default_factory=dict)
    cache: Path | None = None

    @property
    def site(self) -> Path:
        return self.prefix / "lib" / f"python{SERIES}" / "site-packages"

    @property
    def bin(self) -> Path:
        return self.prefix / "bin"

    @property
    def python(self) -> Path:
        return self.bin / "python"

    def verify(self, *, level: str = "content", strict: bool = False, in_job: bool = False) -> Report:
        target = LocalTarget(
            prefix=self.prefix,
            level=level,
            environment=self.environment,
            expectation=expectation_of(self.lock, PLATFORM),
            cache=self.cache,
        )
        how = Judgement(platform=PLATFORM, entries=self.entries.get, strict=strict, in_job=in_job)
        return judge(self.lock, observe_local(target), how)


def uv(*arguments: str | Path) -> None:
    """Run the uv of the test environment, offline, without anybody's configuration."""
    _run_uv(*arguments, "--no-config", "--offline")


def uv_online(*arguments: str | Path) -> None:
    """Run the uv of the test environment with the machine's own configuration: it may fetch wheels."""
    _run_uv(*arguments, "--python", sys.executable)


def _run_uv(*arguments: str | Path) -> None:
    from uv import find_uv_bin

    command = [find_uv_bin(), *map(str, arguments), "--quiet"]
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("UV_PROJECT", "VIRTUAL"))
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


def make_subject(
    folder: Path,
    wheels: Sequence[Wheel | Path],
    *,
    link_mode: str = "copy",
    compiled: bool = False,
    **lock_options: object,
) -> Subject:
    """A virtual environment made by uv from `wheels`, and its lock."""
    store = folder / "wheels"
    lock = lock_of(wheels, store, **lock_options)  # type: ignore[arg-type]
    prefix = folder / "env"
    uv("venv", "--python", sys.executable, prefix)
    files = [wheel if isinstance(wheel, Path) else store / wheel.filename for wheel in wheels]
    compile_flag = ["--compile-bytecode"] if compiled else []
    uv(
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        f"--link-mode={link_mode}",
        *compile_flag,
        "--python",
        prefix / "bin" / "python",
        *files,
    )
    return Subject(prefix=prefix, lock=lock, entries=entry_lists(wheels, store))


def replace_file(path: Path, content: bytes) -> None:
    """Write new content under a name, in a new inode: no cache that shares the old one is touched."""
    mode = path.stat().st_mode if path.exists() else 0o644
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    temporary.chmod(mode)
    temporary.replace(path)


def flip_byte(path: Path, at: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    replace_file(path, bytes(content))


def copy_tree(source: Path, target: Path) -> None:
    """Copy an environment as people do: links kept, console scripts rewritten to the new place."""
    shutil.copytree(source, target, symlinks=True)
    for script in (target / "bin").iterdir():
        if script.is_file() and not script.is_symlink():
            content = script.read_bytes()
            script.write_bytes(content.replace(str(source).encode(), str(target).encode()))
