"""Environments of any number of files: made wheels, installed by uv, and the lock of them."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED

from benchmarks.caches import Cache
from benchmarks.desk import Desk, do
from envlock.lock import write_lock
from tests.support.environments import lock_of
from tests.support.wheels import make_wheel

FREE_BYTES_PER_FILE = 6_000  # a block each, its name, and the wheel's own copy


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    prefix: Path
    lock: Path


def small_files(desk: Desk, work: Path, files: int) -> Tree:
    """`files` files of 100 B to 4 kB, as Python modules are, in wheels of a thousand and more."""
    each = max(1_000, files // 100)
    numbers = [range(start, min(start + each, files)) for start in range(0, files, each)]
    return _installed(desk, work, (_modules(number, rows) for number, rows in enumerate(numbers)), files)


def big_files(desk: Desk, work: Path, files: int, mebibytes: int) -> Tree:
    """`files` files of that size each, as compiled libraries are, one to a wheel."""
    chance = random.Random(1)
    names = (f"library{number}" for number in range(files))
    parts = ((name, {f"{name}/{name}.bin": chance.randbytes(mebibytes << 20)}) for name in names)
    return _installed(desk, work, parts, files * mebibytes * 512, compression=ZIP_STORED)


def _modules(number: int, rows: range) -> tuple[str, dict[str, bytes]]:
    name = f"modules{number}"
    chance = random.Random(number)
    line = b"value = 0  # a line of a module, as long as lines are\n"
    return name, {
        f"{name}/part{row % 100}/module{row}.py": b"# %d\n" % row + line * chance.randrange(2, 72)
        for row in rows
    }


def _installed(
    desk: Desk,
    work: Path,
    parts: Iterator[tuple[str, dict[str, bytes]]],
    files: int,
    compression: int = ZIP_DEFLATED,
) -> Tree:
    free = shutil.disk_usage(work).free
    if free < files * FREE_BYTES_PER_FILE:
        raise ValueError(f"{free / 1e9:.1f} GB are free, too few; --scratch names another disk")
    store, prefix, lock = work / "wheels", work / "env", work / "envlock.lock"
    wheels = [
        make_wheel(name, "1.0", files=held, compression=compression).write(store) for name, held in parts
    ]
    write_lock(lock, lock_of(wheels, store))
    cache = Cache(folder=work / "cache")
    do([desk.uv, "venv", "--no-config", "--offline", "-q", "--python", sys.executable, str(prefix)])
    install = [desk.uv, "pip", "install", "--no-config", "--offline", "-q", "--no-deps", "--no-index"]
    place = ["--link-mode", "hardlink", "--python", str(prefix / "bin" / "python")]
    do([*install, *place, *map(str, wheels)], cache.environment)
    shutil.rmtree(cache.folder)
    shutil.rmtree(store)
    return Tree(prefix=prefix, lock=lock)
