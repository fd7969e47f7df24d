"""The PyTorch/CUDA stack that conda packages bring, and whether it is the one asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from envlock import stack as facts
from envlock.errors import WrongBuild
from envlock.lock.model import Stack
from envlock.manifest.model import AUTO, CPU
from envlock.manifest.platforms import Platform
from envlock.resolve.conda.model import CondaWish, Record

PYTORCH = "pytorch"
# conda-forge: `cuda129_mkl_py312_h…`; the pytorch channel: `py3.11_cuda12.1_cudnn8.9.2_0`.
_CUDA_BUILD = re.compile(r"(?:^|_)cuda_?(?P<version>\d[\d.]*)")


def read_stack(records: Iterable[Record], platform: Platform) -> Stack:
    """The stack among `records`; an empty one where PyTorch does not come from conda."""
    found = {record.name: record for record in records}
    torch = found.get(PYTORCH)
    if torch is None:
        return Stack()
    cuda = _cuda(torch, found)
    return Stack(
        torch=torch.version,
        cuda=cuda,
        cudnn=_version(found, "libcudnn", "cudnn"),
        nccl=_version(found, "nccl"),
        triton=_version(found, "triton", "torchtriton"),
        driver=None if cuda is None or cuda == CPU else facts.driver_floor(cuda, platform),
    )


def _version(found: Mapping[str, Record], *names: str) -> str | None:
    return next((found[name].version for name in names if name in found), None)


def _cuda(torch: Record, found: Mapping[str, Record]) -> str | None:
    """The CUDA that PyTorch was built for: its build string tells. The libraries beside it may be of a later
    minor release (`cuda-version`), which runs the same code."""
    match = _CUDA_BUILD.search(torch.build)
    if match is None:
        return CPU
    text = _dotted(match["version"])
    if text.count("."):
        return ".".join(text.split(".")[:2])
    version = _version(found, "cuda-version", "pytorch-cuda", "cudatoolkit")
    return None if version is None else ".".join(version.split(".")[:2])


def _dotted(text: str) -> str:
    """`12.1` as it is, `129` as 12.9; `12` does not tell a minor.

    >>> _dotted("12.1"), _dotted("129"), _dotted("118"), _dotted("12")
    ('12.1', '12.9', '11.8', '12')
    """
    return text if "." in text or len(text) < 3 else f"{text[:2]}.{text[2:]}"


def build_constraints(wish: CondaWish) -> tuple[tuple[str, ...], ...]:
    """What the solver must hold to for the CUDA that is asked for, should such packages come; the first that
    can be had counts. A build of PyTorch for a CUDA also runs with libraries of a later minor release."""
    if wish.cuda == AUTO:
        return ((),)
    if wish.cuda == CPU:
        return ((f"{PYTORCH}=*=*cpu*",),)
    build = rf'{PYTORCH}[build="^(.*_)?cuda{wish.cuda.replace(".", "[.]?")}(_.*)?$"]'
    return (build, f"cuda-version {wish.cuda}.*"), (build,)


def check_build(wish: CondaWish, records: Iterable[Record]) -> None:
    """Raise WrongBuild where PyTorch came with another CUDA than the one asked for."""
    records = tuple(records)
    found = read_stack(records, wish.platform)
    if found.torch is None or wish.cuda in (AUTO, found.cuda):
        return
    torch = next(record for record in records if record.name == PYTORCH)
    asked = "a CPU build" if wish.cuda == CPU else f"CUDA {wish.cuda}"
    came = "a CPU build" if found.cuda == CPU else f"built for CUDA {found.cuda}"
    raise WrongBuild(
        f"{asked} is asked for on {wish.platform}, and pytorch {torch.version} {torch.build} is {came}",
        where=wish.cuda_origin,
        hint="ask for a CUDA that the channel has this PyTorch for, or for another version of it",
        facts=[
            ("asked by", f'{wish.cuda_origin} = "{wish.cuda}"'),
            ("came", f"{torch.file} of the channel {torch.channel}"),
        ],
    )
