"""CUDA toolkit versions and the variant names that PyTorch's wheels bear."""

from __future__ import annotations

import re

from packaging.version import Version

CPU = "cpu"
_CUDA = re.compile(r"(?P<major>[1-9]\d)\.(?P<minor>\d)")
_VARIANT = re.compile(r"cu(?P<major>[1-9]\d)(?P<minor>\d)")


def variant_of(cuda: str) -> str:
    """The variant of a toolkit version. Raises ValueError for what is neither X.Y nor `cpu`.

    >>> variant_of("12.4"), variant_of("cpu")
    ('cu124', 'cpu')
    """
    if cuda == CPU:
        return CPU
    match = _CUDA.fullmatch(cuda)
    if match is None:
        raise ValueError(f"not a CUDA toolkit version: {cuda!r}")
    return f"cu{match['major']}{match['minor']}"


def cuda_of(variant: str) -> str:
    """The toolkit version of a variant. Raises ValueError for another accelerator's (`rocm6.2`).

    >>> cuda_of("cu124"), cuda_of("cpu")
    ('12.4', 'cpu')
    """
    if variant == CPU:
        return CPU
    match = _VARIANT.fullmatch(variant)
    if match is None:
        raise ValueError(f"not a CUDA variant: {variant!r}")
    return f"{match['major']}.{match['minor']}"


def cuda_order(cuda: str) -> tuple[bool, Version]:
    """Sort key: by version, `cpu` last."""
    return (cuda == CPU, Version("0" if cuda == CPU else cuda))
