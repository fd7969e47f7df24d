"""A library as its own bytes describe it: the code for GPUs that it has, and what it needs of its host."""

import os
import re
from typing import NamedTuple, Optional

from .elf_needs import HostNeeds, read_host_needs
from .elf_sections import FileSource, Source, read_elf
from .fatbin import GpuCode, read_gpu_code
from .hashing import without_waiting

_NAME = re.compile(r".+\.so(\.\d+)*")


class Library(NamedTuple):
    """`gpu` None: it has no code for GPUs."""

    machine: int
    gpu: Optional[GpuCode]
    needs: HostNeeds


def is_named_library(name: str) -> bool:
    """Is a file of this name a shared library, by the usage of Linux?

    >>> is_named_library("libcudnn.so.9"), is_named_library("_C.cpython-311-x86_64-linux-gnu.so")
    (True, True)
    >>> is_named_library("libtorch.so.py")
    False
    """
    return _NAME.fullmatch(name) is not None


def describe_library(source: Source) -> Optional[Library]:
    """Read a library; None for what is no ELF. Raises LibraryFault for one that contradicts itself."""
    elf = read_elf(source)
    if elf is None:
        return None
    needs = read_host_needs(source, elf)
    return Library(elf.machine, read_gpu_code(source, elf), needs)


def read_library(path: str) -> Optional[Library]:
    """A library on disk; None for what is no ELF. Raises LibraryFault, OSError."""
    descriptor = without_waiting(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        return describe_library(FileSource(descriptor))
    finally:
        os.close(descriptor)
