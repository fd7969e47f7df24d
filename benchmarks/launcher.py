"""A small process that starts commands and times them; run by `benchmarks.race`, never imported.

The kernel books the memory of the process that forks to the peak of the command that is started, so a large
one cannot tell how much a small command needs. An order a line on stdin, what was measured a line on stdout.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

READ, WRITE = os.O_RDONLY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def start(order: dict[str, Any]) -> None:
    """The child: its own process group, so that all of it can be stopped."""
    try:
        os.setsid()
        os.chdir(order["folder"])
        nothing, told = os.open(os.devnull, os.O_RDWR), os.open(order["told"], WRITE, 0o600)
        for descriptor, source in ((0, nothing), (1, nothing), (2, told)):
            os.dup2(source, descriptor)
        os.execvpe(order["command"][0], order["command"], order["environment"])
    except OSError as error:
        os.write(2, str(error).encode())
    finally:
        os._exit(127)


def measured(order: dict[str, Any]) -> dict[str, float]:
    started = time.perf_counter()
    process = os.fork()
    if process == 0:
        start(order)

    def stop(*_: object) -> None:
        os.killpg(process, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, order["seconds"])
    try:
        _, status, used = os.wait4(process, 0)
    except KeyboardInterrupt:
        stop()
        sys.exit(130)
    wall = time.perf_counter() - started
    signal.setitimer(signal.ITIMER_REAL, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss / 1024,
    }


for line in sys.stdin:
    print(json.dumps(measured(json.loads(line))), flush=True)
