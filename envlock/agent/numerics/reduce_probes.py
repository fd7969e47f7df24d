"""Probes of an all-reduce over ranks: the order of the sum depends on the number of ranks.

On the CPU the ranks are threads with a gloo group each, over sockets of the loopback: gloo's own rings
without the seconds that a process takes to import torch. On GPUs they are processes: NCCL wants one a GPU.
"""

import datetime
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List

from .probe import Arrays, Bench, Probes
from .ranks import GPUS, SECONDS, reduced_by_processes, share

PROBES = Probes("torch")


@PROBES("all-reduce", "gloo all-reduce over 2, 3 and 4 ranks: a ring sums in their order", needs="gloo")
def all_reduce(bench: Bench) -> Arrays:
    return [reduced for world in (2, 3, 4) for reduced in _reduced_by_threads(bench, world)]


@PROBES("nccl-all-reduce", "NCCL all-reduce over the GPUs of this host: ring or tree", needs=GPUS)
def nccl_all_reduce(bench: Bench) -> Arrays:
    return reduced_by_processes(bench.torch, bench.torch.cuda.device_count(), "nccl")


def _reduced_by_threads(bench: Bench, world: int) -> List[Any]:
    """What the first rank has after the sum. Raises RuntimeError where ranks do not agree."""
    store = bench.torch.distributed.HashStore()

    def rank(number: int) -> Any:
        values = share(bench, number)
        _group(bench.torch.distributed, store, number, world).allreduce([values]).wait()
        return values

    with ThreadPoolExecutor(world) as ranks:
        first, *others = ranks.map(rank, range(world))
    if not all(bench.torch.equal(first, other) for other in others):
        raise RuntimeError("the ranks of an all-reduce have different sums")
    return [first]


def _group(distributed: Any, store: Any, rank: int, world: int) -> Any:
    gloo = distributed.ProcessGroupGloo
    options = gloo._Options()  # the public `init_process_group` allows one group of a rank in a process
    options._timeout = datetime.timedelta(seconds=SECONDS)
    options._devices = [gloo.create_device(hostname="127.0.0.1")]
    return gloo(store, rank, world, options)
