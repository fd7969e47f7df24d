"""Ranks as processes of this Python on this host: an all-reduce as a training job makes it.

They meet in a file, so no port is taken, and are ended when their time is over.
"""

import datetime
import os
import subprocess
import sys
import tempfile
import time
from typing import Any, List

from .probe import Bench

SECONDS = 60  # for threads to meet and to sum; past it the probe has failed
_MOST_SECONDS = 300  # for processes, which import torch first: on a busy host that takes a minute
GPUS = "gpus"  # what a probe needs: more than one
_COUNT = 4099  # a prime: no world divides it, so that the chunks of a ring differ in length


def share(bench: Bench, rank: int) -> Any:
    """What a rank brings: float32, the same on every host."""
    return bench.floats("rank%d" % rank, _COUNT)


def reduced_by_processes(torch: Any, world: int, backend: str) -> List[Any]:
    """The sum over `world` ranks of `backend` (`nccl`: a GPU each), as the first one has it, on the CPU.

    Raises RuntimeError naming the rank that failed, or that did not end in time.
    """
    with tempfile.TemporaryDirectory(prefix="envlock-ranks-") as folder:
        ranks = [_started(folder, rank, world, backend) for rank in range(world)]
        try:
            _wait(ranks)
        finally:
            for each in ranks:
                each.kill()
                each.communicate()
        return [torch.load(os.path.join(folder, "sum.pt"), map_location="cpu")]


def _started(folder: str, rank: int, world: int, backend: str) -> "subprocess.Popen[bytes]":
    levels = __name__.count(".") + 1
    root = os.path.abspath(__file__)
    for _ in range(levels):
        root = os.path.dirname(root)
    script = "import sys\nsys.path.insert(0, %r)\nfrom %s import main\nmain()\n" % (root, __name__)
    words = [sys.executable, "-B", "-c", script, folder, str(rank), str(world), backend]
    return subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder
    )


def _wait(ranks: "List[subprocess.Popen[bytes]]") -> None:
    until = time.monotonic() + _MOST_SECONDS
    for number, rank in enumerate(ranks):
        try:
            _, said = rank.communicate(timeout=max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise RuntimeError("rank %d did not end in %d s" % (number, _MOST_SECONDS)) from None
        if rank.returncode:
            last = said.decode(errors="replace").strip().splitlines()[-1:] or ["no word"]
            raise RuntimeError("rank %d ended with %d: %s" % (number, rank.returncode, last[0]))


def main() -> None:
    """`FOLDER RANK WORLD BACKEND`: one rank; the first leaves the sum as `FOLDER/sum.pt`."""
    import importlib

    torch: Any = importlib.import_module("torch")
    folder, rank, world, backend = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    device = "cuda:%d" % rank if backend == "nccl" else "cpu"
    if backend == "nccl":
        torch.cuda.set_device(rank)
    torch.distributed.init_process_group(
        backend,
        init_method="file://" + os.path.join(folder, "meet"),
        rank=rank,
        world_size=world,
        timeout=datetime.timedelta(seconds=_MOST_SECONDS),
    )
    values = share(Bench(torch, None, device), rank)
    torch.distributed.all_reduce(values)
    if rank == 0:
        torch.save(values.cpu(), os.path.join(folder, "sum.pt"))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
