"""GPUs by the names that people and `nvidia-smi` give them, and which code runs on them.

From `data/cuda_drivers.toml`: `[gpu]`, `[[gpu_driver_end]]`, `[arch_added]`, `[arch_dropped]`,
`[arm_host]`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from envlock.stack.facts import document
from envlock.stack.sources import Source, sources

FILE = "cuda_drivers"

_ARCH = re.compile(r"(?:sm|compute)_?(\d{2,3})[af]?", re.IGNORECASE)
_CAPABILITY = re.compile(r"(\d{1,2})\.(\d)")

# Makers, memory, sockets, coolers: they say nothing of the architecture.
_NOISE = re.compile(
    r"NVIDIA|TESLA|GEFORCE|GPU|GENERATION|LAPTOP|SERVER|WORKSTATION|EDITION|MAX|Q|TI|SUPER|D|"
    r"SXM\d?|PCIE|HBM\d?E?|NVL|FHHL|DGXS|LS|SFF|\d+(?:GB|G)|GB|JETSON|AGX|NX|NANO"
)
_JOINED = re.compile(r"\b(RTX|GTX|TITAN|QUADRO)(?=[A-Z]?\d)")
_SUFFIXED = re.compile(r"(?<=\d{3})(TI|SUPER|D)\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """An architecture (`sm_70`), the names of GPUs that have it, and who says so."""

    arch: str
    names: tuple[str, ...]
    sources: tuple[Source, ...]

    @property
    def is_jetson(self) -> bool:
        """Is it only in boards that take wheels of their own?"""
        return bool(self.names) and all(name.startswith("Jetson") for name in self.names)


@dataclass(frozen=True, kw_only=True, slots=True)
class LastBranch:
    """The last driver branch (`580`) that supports an architecture."""

    branch: int
    note: str
    sources: tuple[Source, ...]


@cache
def find_gpu(name: str) -> Gpu | None:
    """The GPU that `name` means: `V100`, `NVIDIA GeForce RTX 3090`, `sm_86`, `8.6`. None: not known.

    >>> [find_gpu(name).arch for name in ("A100-SXM4-80GB", "RTX 4090", "GTX 1080 Ti", "8.6", "sm_90a")]
    ['sm_80', 'sm_89', 'sm_61', 'sm_86', 'sm_90']
    """
    arch = _arch(name.strip())
    if arch is not None:
        return _gpus().get(arch)
    words = _words(name)
    return next((gpu for gpu in _gpus().values() if words and _is_named(gpu.arch, words)), None)


def near_gpus(name: str) -> tuple[str, ...]:
    """Names in the facts that look like `name`, which is not among them."""
    spoken = {each.upper(): each for gpu in _gpus().values() for each in (*gpu.names, gpu.arch)}
    bare = {key.replace("GEFORCE ", ""): each for key, each in spoken.items()}
    wanted = " ".join(_words(name)) or name.upper()
    found = difflib.get_close_matches(wanted, [*bare, *spoken], n=6, cutoff=0.5)
    return tuple(dict.fromkeys((bare | spoken)[key] for key in found))[:3]


def arm_host(name: str) -> tuple[Source, ...]:
    """Who says that the GPU of this name is only in hosts with an Arm CPU; empty where nobody does.

    >>> bool(arm_host("NVIDIA GH200 480GB")), bool(arm_host("H100"))
    (True, False)
    """
    row = document(FILE)["arm_host"]
    return sources(FILE, row["src"]) if set(row["gpus"]) & set(_words(name)) else ()


def last_branch(arch: str) -> LastBranch | None:
    """The last driver branch for `arch`; None where newer drivers support it, or none is known to end."""
    rows = document(FILE)["gpu_driver_end"]
    row = next((row for row in rows if arch in row["archs"]), None)
    if row is None:
        return None
    return LastBranch(branch=row["last_driver_branch"], note=row["note"], sources=sources(FILE, row["src"]))


def sass_sources() -> tuple[Source, ...]:
    """Where the rule of `runs_on` comes from."""
    return sources(FILE, ("SASS",))


def first_cuda(arch: str) -> tuple[str, tuple[Source, ...]] | None:
    """The first toolkit that can build for `arch` (`12.8` for `sm_100`)."""
    table = document(FILE)["arch_added"]
    return (table[arch], sources(FILE, table["src"])) if arch in table else None


# Names


@cache
def _gpus() -> Mapping[str, Gpu]:
    known = {arch: _gpu(arch, row) for arch, row in document(FILE)["gpu"].items()}
    for row in document(FILE)["gpu_driver_end"]:
        for arch in row["archs"]:
            known.setdefault(arch, Gpu(arch=arch, names=(), sources=sources(FILE, row["src"])))
    return known


def _gpu(arch: str, row: Mapping[str, Any]) -> Gpu:
    return Gpu(arch=arch, names=tuple(row["gpus"]), sources=sources(FILE, row["src"]))


def _arch(name: str) -> str | None:
    match = _ARCH.fullmatch(name)
    if match is not None:
        return f"sm_{match[1]}"
    match = _CAPABILITY.fullmatch(name)
    return None if match is None else f"sm_{match[1]}{match[2]}"


def _words(name: str) -> tuple[str, ...]:
    """What is left of a name: `NVIDIA GeForce RTX3080Ti Laptop GPU` is RTX 3080."""
    text = _SUFFIXED.sub(r" \1", _JOINED.sub(r"\1 ", re.sub(r"[^A-Z0-9]+", " ", name.upper())))
    return tuple(word for word in text.split() if not _NOISE.fullmatch(word))


def _is_named(arch: str, words: Sequence[str]) -> bool:
    row = document(FILE)["gpu"].get(arch, {})
    excepted = (_words(name) for name in row.get("not", ()))
    patterns = (pattern for name in row.get("gpus", ()) for pattern in _patterns(name))
    return tuple(words) not in excepted and any(pattern.fullmatch(" ".join(words)) for pattern in patterns)


def _patterns(name: str) -> Iterator[re.Pattern[str]]:
    """How a name of the facts is met: `GeForce RTX 30xx`, `GB10 (DGX Spark)`, the family `Quadro RTX`."""
    if name == "Quadro RTX":
        yield re.compile(r"QUADRO RTX \d{4}")
        return
    for part in re.findall(r"[^()]+", name):
        text = " ".join(_words(part))
        # 30xx is 3050 to 3090; the 3000, 4000 and 5000 of other families are no GeForce
        number = text.replace("XX", "[1-9]0")
        series = re.sub(r"^(?:RTX|GTX) ", r"(?:(?:RTX|GTX) )?", number)
        yield re.compile(series if "XX" in text else re.sub("^QUADRO ", "(?:QUADRO )?", number))
