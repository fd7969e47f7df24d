"""The least that hashing the same files can cost: two threads, readv into one buffer each, sha256."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.measure import Sample, usage_sample

BUFFER_BYTES = 256 * 1024


def files_of(prefix: Path, lock: Path) -> tuple[list[str], int]:
    """The files that a lock's distributions own in a prefix, biggest first, and their bytes."""
    from envlock.agent.installed import find_infos, read_distribution, split_info
    from envlock.agent.target import open_target
    from envlock.lock import read_lock

    target, _, _, reason = open_target(str(prefix), in_process=False)
    if target is None:
        raise SystemExit(f"{prefix}: {reason}")
    locked = {distribution.name for distribution in read_lock(lock).distributions}
    sizes: dict[str, int] = {}
    for site in target.layout.sites:
        for info in find_infos(site):
            identity = split_info(info)
            if identity is None or identity[0] not in locked:
                continue
            found = read_distribution(site, info, target.layout, target.interpreter.short, None)
            for entry in found.entries if found else ():
                sizes[entry.absolute] = Path(entry.absolute).stat().st_size
    return sorted(sizes, key=lambda path: -sizes[path]), sum(sizes.values())


def bare_loop(paths: Sequence[str]) -> Sample:
    """Time the loop in a process of its own, start-up included, as the command beside it is timed."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    started = time.perf_counter()
    process = context.Process(target=_loop, args=(list(paths), sender))
    process.start()
    cpu, peak = receiver.recv()
    process.join()
    wall = time.perf_counter() - started
    return Sample(wall_seconds=wall, cpu_seconds=cpu, peak_mib=peak)


def _loop(paths: list[str], sender: Connection) -> None:
    queue = paths[::-1]

    def work() -> None:
        buffer = memoryview(bytearray(BUFFER_BYTES))
        while True:
            try:
                path = queue.pop()
            except IndexError:
                return
            hasher = hashlib.sha256()
            descriptor = os.open(path, os.O_RDONLY)
            while count := os.readv(descriptor, [buffer]):
                hasher.update(buffer[:count])
            os.close(descriptor)
            hasher.hexdigest()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = usage_sample(0, resource.getrusage(resource.RUSAGE_SELF))
    sender.send((used.cpu_seconds, used.peak_mib))
