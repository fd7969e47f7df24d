"""What lies in a conda prefix and belongs to nobody: code that is picked up, and the rest.

Site directories and `bin` have their own rules (`foreign`); here are the other places of a prefix.
"""

import os
import re
import stat
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Set

from ..contents import Contents
from ..foreign import Found, is_library_name, leads_to
from ..hashing import ELF_MAGIC, without_waiting
from ..identity import is_cached_bytecode

CONDA = "conda"
# Of a base installation: other environments and the archives that they come from.
_OTHERS = ("envs", "pkgs", "conda-bld")
_ACTIVATION = re.compile(r"etc/(conda/(de)?activate\.d|profile\.d|fish/conf\.d)/[^/]+")
_STARTS_PYTHON = re.compile(r"(bin/)?pyvenv\.cfg|bin/([^/]*\._pth|pybuilddir\.txt)")
_ZIPPED_LIBRARY = re.compile(r"lib/python\d+\.zip")
_PROGRAMS = re.compile(r"(sbin|libexec|condabin)/")
# Written by the installers themselves, and read by nothing that runs in the environment.
_HARMLESS = re.compile(
    r"CACHEDIR\.TAG|conda-meta/(history|frozen|created_at|pixi[^/]*|[^/]+\.json)|\.nonadmin"
)


class Strangers(NamedTuple):
    """Foreign code, and the other files without an owner, relative to the prefix."""

    code: List[Found]
    rest: List[str]


class PrefixWalk:
    """Everything in a prefix, links not followed. `bytecode` are cached files that it came by."""

    def __init__(self, contents: Contents, prefix: str, judged: Sequence[str]) -> None:
        """`judged` are absolute folders that have rules of their own: their files are no strangers here."""
        self._contents = contents
        self._prefix = prefix
        self._judged = tuple(folder + "/" for folder in judged)
        self._files: Dict[str, "os.DirEntry[str]"] = {}
        self._linked_folders: List[str] = []
        self.bytecode: List[str] = []

    def walk(self) -> None:
        pending = [self._prefix]
        while pending:
            folder = pending.pop()
            self._contents.watch(folder)
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        self._add(entry, pending)
            except OSError as error:
                self._contents.tree.errors.append((folder, error.strerror or str(error)))

    def _add(self, entry: "os.DirEntry[str]", pending: List[str]) -> None:
        if entry.is_dir(follow_symlinks=False):
            if not (entry.name in _OTHERS and os.path.dirname(entry.path) == self._prefix):
                pending.append(entry.path)
            return
        if entry.is_symlink() and entry.is_dir():
            self._linked_folders.append(entry.path)
        self._files[entry.path] = entry
        if is_cached_bytecode(entry.path) and entry.path.endswith(".pyc"):
            self.bytecode.append(entry.path)

    def strangers(self, owned: Set[str], standard_library: Sequence[str]) -> Strangers:
        """What no package and no distribution owns."""
        code: List[Found] = list(self._foreign_links(owned))
        rest = []
        for path in sorted(self._files):
            if path in owned or path.startswith(self._judged) or is_cached_bytecode(path):
                continue
            name = path[len(self._prefix) + 1 :]
            if _HARMLESS.fullmatch(name):
                continue
            self._contents.row(path)
            kind = self._kind(path, name, standard_library)
            if kind is not None:
                code.append(Found(path, kind, CONDA, leads_to(path)))
            else:
                rest.append(name)
        linked = {item.path for item in code}
        return Strangers(code, [name for name in rest if "%s/%s" % (self._prefix, name) not in linked])

    def _kind(self, path: str, name: str, standard_library: Sequence[str]) -> Optional[str]:
        """Who would pick it up; None for nobody."""
        if _STARTS_PYTHON.fullmatch(name):
            return "startup"
        if _ACTIVATION.fullmatch(name):
            return "shell"
        if _ZIPPED_LIBRARY.fullmatch(name) or _is_module(path, standard_library):
            return "module"
        if is_library_name(path):
            return "library"
        if _is_elf(path):
            return "library" if name.startswith("lib") else "executable"
        return "executable" if _PROGRAMS.match(name) and _may_start(path) else None

    def _foreign_links(self, owned: Set[str]) -> Iterable[Found]:
        """Folders of packages that are links, which no package has: what is behind them was not walked."""
        for path in self._linked_folders:
            if path not in owned and any(file.startswith(path + "/") for file in owned):
                yield Found(path, "link", CONDA, leads_to(path))


def _is_module(path: str, standard_library: Sequence[str]) -> bool:
    return path.endswith((".py", ".pyc")) and path.startswith(tuple(lib + "/" for lib in standard_library))


def _is_elf(path: str) -> bool:
    try:
        with open(path, "rb", buffering=0, opener=without_waiting) as file:
            return file.read(4) == ELF_MAGIC
    except OSError:
        return False


def _may_start(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & 0o111)
