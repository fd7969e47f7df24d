"""What this host offers to libraries beside its glibc: libstdc++, and a level of x86-64.

Sources: GCC manual of libstdc++, "ABI Policy" (GLIBCXX_ versions); the x86-64 psABI, "Micro-architecture
levels".
"""

import os
import re
from typing import Dict, Iterable, Optional, Sequence

from .numerics.cpu import this_cpu

LIBRARY = "libstdc++.so.6"
_SYMBOLS = re.compile(rb"\0GLIBCXX_(\d+(?:\.\d+)+)(?=\0)")
# By the names of /proc/cpuinfo; `avx2` and such are asked of the CPU itself too, which an emulator changes.
_LEVELS = (
    ("x86-64-v2", {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"}, {"sse4.2"}),
    (
        "x86-64-v3",
        {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
        {"avx", "avx2", "fma"},
    ),
    ("x86-64-v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}, {"avx512f"}),
)


def libstdcxx(paths: Iterable[str]) -> Optional[str]:
    """The newest version of symbols (`3.4.30`) of the first of these libraries that is there."""
    for path in paths:
        try:
            with open(path, "rb") as file:
                found = _SYMBOLS.findall(file.read())
        except OSError:
            continue
        if found:
            newest = max(tuple(int(part) for part in each.decode().split(".")) for each in found)
            return ".".join(str(part) for part in newest)
    return None


def cpu_level(cpuinfo: str = "/proc/cpuinfo") -> Optional[str]:
    """`x86-64-v3`: the highest whose features are all there; None on other machines."""
    if os.uname().machine != "x86_64":
        return None
    try:
        with open(cpuinfo, encoding="utf-8", errors="replace") as file:
            match = re.search(r"^flags\s*:(.*)$", file.read(), re.MULTILINE)
    except OSError:
        match = None
    return level_of(match[1].split(), this_cpu().features) if match else None


def level_of(flags: Sequence[str], features: Sequence[str]) -> str:
    found = "x86-64"
    for name, listed, asked in _LEVELS:
        if not (listed <= set(flags) and asked <= set(features)):
            return found
        found = name
    return found


def offered(prefix: str, cached: Sequence[str], folders: Sequence[str], root: str = "/") -> Dict[str, str]:
    """What there is: the library of a conda prefix comes before the system's."""
    paths = [f"{prefix}/lib/{LIBRARY}"]
    paths += [os.path.join(root, each.lstrip("/")) for each in cached]
    paths += [os.path.join(root, folder.lstrip("/"), LIBRARY) for folder in folders]
    found = {"libstdcxx": libstdcxx(paths), "cpu_level": cpu_level()}
    return {name: value for name, value in found.items() if value}
