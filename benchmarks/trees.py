"""Environments of any number of files, and the lock of them."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from zipfile import ZIP_STORED

from benchmarks.caches import Cache
from benchmarks.desk import Desk, do
from envlock.agent.identity import LIB, Entry, distribution_digest
from envlock.lock import Distribution, Wheel, write_lock
from tests.support.environments import PLATFORM, lock_of
from tests.support.wheels import make_wheel

FREE_BYTES_PER_FILE = 6_000  # a block each, its name, and what is kept beside


@dataclass(frozen=True, kw_only=True, slots=True)
class Tree:
    prefix: Path
    lock: Path


def small_files(desk: Desk, work: Path, files: int) -> Tree:
    """`files` files of 100 B to 4 kB, as Python modules are, in distributions of a thousand and more.

    They are written where an installer would put them: to pack, unpack and link a million takes an hour.
    """
    _check_room(work, files)
    prefix, lock = work / "env", work / "envlock.lock"
    site = _venv(desk, prefix)
    each = max(1_000, files // 100)
    rows = [range(start, min(start + each, files)) for start in range(0, files, each)]
    with ProcessPoolExecutor(mp_context=get_context("fork")) as pool:
        distributions = list(pool.map(write_distribution, repeat(site), range(len(rows)), rows))
    ordered = tuple(sorted(distributions, key=lambda distribution: distribution.name))
    write_lock(lock, replace(lock_of([], work), distributions=ordered))
    return Tree(prefix=prefix, lock=lock)


def write_distribution(site: Path, number: int, rows: range) -> Distribution:
    """An installed distribution, and what a lock says of it. Its wheel never was: no file has that hash."""
    name, held = _modules(number, rows)
    info = f"{name}-1.0.dist-info"
    held[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
    held[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    for folder in {path.rpartition("/")[0] for path in held}:
        (site / folder).mkdir(parents=True, exist_ok=True)
    entries, record = [], []
    for path, content in held.items():
        descriptor = os.open(f"{site}/{path}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        os.write(descriptor, content)
        os.close(descriptor)
        digest = hashlib.sha256(content).digest()
        entries.append(Entry(LIB, path, "sha256", digest.hex()))
        coded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        record.append(f"{path},sha256={coded},{len(content)}\n")
    record.append(f"{info}/RECORD,,\n")
    (site / info / "RECORD").write_text("".join(record), encoding="utf-8")
    size = sum(map(len, held.values()))
    digest_of_all = distribution_digest(name, "1.0", entries)
    wheel = Wheel(
        file=f"{name}-1.0-py3-none-any.whl",
        platforms=(PLATFORM,),
        sha256=digest_of_all,
        size=size,
        unpacked=size,
        files=len(entries),
        digest=digest_of_all,
    )
    return Distribution(name=name, version="1.0", index="default", requires=(), wheels=(wheel,))


def big_files(desk: Desk, work: Path, files: int, mebibytes: int) -> Tree:
    """`files` files of that size each, as compiled libraries are, one to a wheel."""
    chance = random.Random(1)
    names = (f"library{number}" for number in range(files))
    parts = ((name, {f"{name}/{name}.bin": chance.randbytes(mebibytes << 20)}) for name in names)
    return _installed(desk, work, parts, files * mebibytes * 512)


def _modules(number: int, rows: range) -> tuple[str, dict[str, bytes]]:
    name = f"modules{number}"
    chance = random.Random(number)
    line = b"value = 0  # a line of a module, as long as lines are\n"
    return name, {
        f"{name}/part{row % 100}/module{row}.py": b"# %d\n" % row + line * chance.randrange(2, 72)
        for row in rows
    }


def _installed(desk: Desk, work: Path, parts: Iterator[tuple[str, dict[str, bytes]]], blocks: int) -> Tree:
    _check_room(work, blocks)
    store, prefix, lock = work / "wheels", work / "env", work / "envlock.lock"
    wheels = [
        make_wheel(name, "1.0", files=held, compression=ZIP_STORED).write(store) for name, held in parts
    ]
    write_lock(lock, lock_of(wheels, store))
    cache = Cache(folder=work / "cache")
    _venv(desk, prefix)
    install = [desk.uv, "pip", "install", "--no-config", "--offline", "-q", "--no-deps", "--no-index"]
    place = ["--link-mode", "hardlink", "--python", str(prefix / "bin" / "python")]
    do([*install, *place, *map(str, wheels)], cache.environment)
    shutil.rmtree(cache.folder)
    shutil.rmtree(store)
    return Tree(prefix=prefix, lock=lock)


def _check_room(work: Path, blocks: int) -> None:
    free = shutil.disk_usage(work).free
    if free < blocks * FREE_BYTES_PER_FILE:
        raise ValueError(f"{free / 1e9:.1f} GB are free, too few; --scratch names another disk")


def _venv(desk: Desk, prefix: Path) -> Path:
    """An empty environment; its site directory."""
    do([desk.uv, "venv", "--no-config", "--offline", "-q", "--python", sys.executable, str(prefix)])
    return next(prefix.glob("lib/python*/site-packages"))
