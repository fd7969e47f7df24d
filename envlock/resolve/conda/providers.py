"""One provider for each CUDA library: a conda package or a wheel, never both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from envlock.errors import FileClash
from envlock.resolve.conda.model import Archive, CondaPlatform

# What NVIDIA ships as libraries of the toolkit, cuDNN and NCCL, by soname: `libcudnn.so.9`.
_CUDA_LIBRARY = re.compile(
    r"lib(?:cudart|cublas|cublasLt|cudnn(?:_\w+)?|cufft|cufftw|curand|cusolver|cusolverMg|cusparse|cusparseLt|"
    r"cufile|cupti|nccl|nvrtc|nvJitLink|nvToolsExt|nvshmem_host|nvjpeg|npp\w+)\.so\.\d+"
)


def refuse_two_providers(conda: CondaPlatform, wheels: Mapping[str, Iterable[str]]) -> None:
    """Raise FileClash where a conda package and a wheel bring one CUDA library: which of the two a process
    loads depends on what it imports first. `wheels` are the paths that each distribution installs."""
    from_conda = {
        library: package.name
        for package in conda.packages
        for library in _libraries(_paths(conda.archives[package.sha256]))
    }
    clashes = [
        (library, from_conda[library], name)
        for name, paths in sorted(wheels.items())
        for library in sorted(set(_libraries(paths)))
        if library in from_conda
    ]
    if not clashes:
        return
    library, package, distribution = clashes[0]
    raise FileClash(
        f"`{library}` comes twice on {conda.platform}: "
        f"from the conda package {package} and from the wheel of {distribution}",
        hint="take PyTorch from conda too (`pytorch-gpu` in `packages`), or leave the conda package out",
        facts=[("twice", f"{row[0]}: conda {row[1]}, wheel {row[2]}") for row in clashes[1:]],
    )


def _paths(archive: Archive) -> Iterator[str]:
    return (row.path for row in archive.rows if row.path_type != "directory")


def _libraries(paths: Iterable[str]) -> Iterator[str]:
    """Sonames: of `libnccl.so.2.27.7` that is `libnccl.so.2`."""
    for path in paths:
        match = _CUDA_LIBRARY.match(path.rpartition("/")[2])
        if match:
            yield match[0]
