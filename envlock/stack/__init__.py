"""Facts of PyTorch and CUDA: which builds exist, what they hold, what they need. Pure, offline.

The facts are in `data/*.toml`, each with its public source; `scripts/refresh_stack.py` compares them
with what is published. Nothing is read before something is asked.
"""

from __future__ import annotations

from envlock.stack.abi import abiflags, soabi
from envlock.stack.asked import doubts, newest_torch, python_choices
from envlock.stack.builds import (
    Build,
    Release,
    build,
    builds,
    cuda_versions_of,
    default_variant,
    gpu_archs,
    is_complete,
    release,
    torch_versions,
    versions_with,
)
from envlock.stack.drivers import driver_floor, toolkit_driver
from envlock.stack.facts import DATA_VERSION
from envlock.stack.images import image_digest, image_tag_exists, image_tags, never_published
from envlock.stack.indexes import default_source, pytorch_index_distributions
from envlock.stack.pythons import default_python, is_known_python, newest_python, pythons
from envlock.stack.variants import cuda_of, variant_of
from envlock.stack.why_not import nearest_cuda, no_such_build

__all__ = [
    "DATA_VERSION",
    "Build",
    "Release",
    "abiflags",
    "build",
    "builds",
    "cuda_of",
    "cuda_versions_of",
    "default_python",
    "default_source",
    "default_variant",
    "doubts",
    "driver_floor",
    "gpu_archs",
    "image_digest",
    "image_tag_exists",
    "image_tags",
    "is_complete",
    "is_known_python",
    "nearest_cuda",
    "never_published",
    "newest_python",
    "newest_torch",
    "no_such_build",
    "python_choices",
    "pythons",
    "pytorch_index_distributions",
    "release",
    "soabi",
    "toolkit_driver",
    "torch_versions",
    "variant_of",
    "versions_with",
]
