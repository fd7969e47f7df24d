"""Which code runs on which GPU: the rules alone, without facts."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CODE = re.compile(r"(?:sm|compute)_(\d+)(\d)([af]?)")


def runs_on(code: str, arch: str) -> bool:
    """Does machine code for `code` run on `arch`? The same major, and no higher minor; `sm_90a` runs on that
    architecture alone.

    >>> runs_on("sm_86", "sm_89"), runs_on("sm_86", "sm_80"), runs_on("sm_90", "sm_100")
    (True, False, False)
    >>> runs_on("sm_100a", "sm_103"), runs_on("sm_100f", "sm_103")
    (False, True)
    """
    major, minor, only = _parts(code)
    on_major, on_minor, _ = _parts(arch)
    return major == on_major and (minor == on_minor if only == "a" else minor <= on_minor)


def ptx_runs_on(ptx: str, arch: str) -> bool:
    """Can the driver make code for `arch` out of `ptx` (`compute_90`)? Any architecture that is not older;
    of `compute_90a` and `compute_100f`, the same as their machine code."""
    major, minor, only = _parts(ptx)
    return runs_on(ptx, arch) if only else (major, minor) <= _parts(arch)[:2]


def code_for(archs: Iterable[str], arch: str) -> str | None:
    """The best machine code among `archs` for `arch`."""
    fitting = [code for code in archs if runs_on(code, arch)]
    return max(fitting, key=_parts, default=None)


def _parts(code: str) -> tuple[int, int, str]:
    match = _CODE.fullmatch(code)
    if match is None:
        raise ValueError(f"not the name of an architecture: {code!r}")
    return int(match[1]), int(match[2]), match[3]
