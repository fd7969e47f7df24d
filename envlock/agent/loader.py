"""Which file stands behind each name that a library asks for, as ld.so(8) searches.

RPATH of the library itself (where it has no RUNPATH), LD_LIBRARY_PATH, RUNPATH, the cache, the system's
directories. What cannot be known before the process runs is left out: the RPATH of whoever loads a library,
and a library of that name that is loaded already.
"""

import os
from typing import Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple

from . import elf
from .cuda_names import is_of_driver, toolkit_family
from .foreign import search_directories
from .loader_cache import read_cache

_Read = Callable[[str], Optional[elf.Dynamic]]


class System(NamedTuple):
    """What the system offers: file by name of its cache, and the directories that are searched last."""

    cache: Mapping[str, str]
    directories: Tuple[str, ...]


class Shadow(NamedTuple):
    """A file that a variable puts before another one. `takers` are locked libraries that find it; `instead`
    is what they would find without the variable."""

    variable: str
    file: str
    name: str
    instead: str
    takers: List[str]


class Examined(NamedTuple):
    """`providers`: libraries of the CUDA toolkit behind whose name different libraries find different files;
    `unresolved`: names behind which nothing is found, with the libraries that ask."""

    shadows: List[Shadow]
    providers: Dict[str, List[str]]
    unresolved: Dict[str, List[str]]


def this_system() -> System:
    machine = os.uname().machine
    triplet = f"{machine}-linux-gnu"
    folders = [f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib64", "/usr/lib64", "/lib", "/usr/lib"]
    return System(read_cache(), tuple(folders))


class Loader:
    """Resolves names for locked libraries under one environment. Directories are listed once."""

    def __init__(self, library_path: str, system: System, read: _Read = elf.read_dynamic) -> None:
        parts = [part for part in library_path.replace(";", ":").split(":") if part]
        self.library_path = [folder for part in parts for folder in reversed(search_directories(part))]
        self.system = system
        self._read = read
        self._dynamics: Dict[str, Optional[elf.Dynamic]] = {}
        self._listed: Dict[str, Set[str]] = {}
        self._places: Dict[str, str] = {}
        self._own: Dict[str, List[str]] = {}
        self._real: Dict[str, str] = {}

    def dynamic(self, path: str) -> elf.Dynamic:
        if path not in self._dynamics:
            self._dynamics[path] = self._read(path)
        return self._dynamics[path] or elf.NOTHING

    def resolve(self, name: str, path: str, with_variable: bool = True) -> Optional[str]:
        """The file that the library at `path` gets for `name`; None where there is none."""
        for directory in self._directories(path, with_variable):
            if self._has(directory, name):
                return f"{directory}/{name}"
        cached = self.system.cache.get(name)
        if cached is not None and os.path.exists(cached):
            return cached
        return next((f"{each}/{name}" for each in self.system.directories if self._has(each, name)), None)

    def own_directories(self, path: str) -> List[str]:
        """Where RPATH or RUNPATH lead: those by `$ORIGIN`, and absolute ones."""
        if path not in self._own:
            dynamic = self.dynamic(path)
            texts = dynamic.runpath or dynamic.rpath
            kept = elf.Dynamic((), (), texts, "")
            absolute = [os.path.normpath(text) for text in texts if text.startswith("/")]
            self._own[path] = elf.origin_directories(kept, path, self._places) + absolute
        return self._own[path]

    def real(self, path: str) -> str:
        """Where links lead."""
        if path not in self._real:
            self._real[path] = os.path.realpath(path)
        return self._real[path]

    def _directories(self, path: str, with_variable: bool) -> Iterable[str]:
        variable = self.library_path if with_variable else []
        own = self.own_directories(path)
        return [*variable, *own] if self.dynamic(path).runpath else [*own, *variable]

    def _has(self, directory: str, name: str) -> bool:
        if directory not in self._listed:
            try:
                self._listed[directory] = set(os.listdir(directory))
            except OSError:
                self._listed[directory] = set()
        return name in self._listed[directory]


def examine(loader: Loader, libraries: Iterable[str]) -> Examined:
    """Look at every name that the locked libraries ask for, and at those that they may open late."""
    files = sorted(libraries)
    installed = {os.path.basename(path): path for path in files}
    found: Dict[str, Dict[str, List[str]]] = {}
    shadows: Dict[Tuple[str, str], Shadow] = {}
    unresolved: Dict[str, List[str]] = {}
    for path in files:
        late = _late(loader, path, installed)
        for name in (*loader.dynamic(path).needed, *late):
            got = loader.resolve(name, path)
            plain = loader.resolve(name, path, with_variable=False) if loader.library_path else got
            if got is not None and got != plain and (plain is None or loader.real(got) != loader.real(plain)):
                instead = plain or installed.get(name, "")
                row = shadows.setdefault((got, name), Shadow("LD_LIBRARY_PATH", got, name, instead, []))
                row.takers.append(path)
            if got is not None and name not in late:
                found.setdefault(name, {}).setdefault(loader.real(got), []).append(path)
            elif got is None and name not in installed and not _comes_otherwise(name):
                unresolved.setdefault(name, []).append(path)
    taken = [row for row in shadows.values() if row.instead and not is_of_driver(row.name)]
    # Wheels bring copies of small libraries under names of their own; of the toolkit there is to be one.
    providers = {
        name: sorted(places)
        for name, places in sorted(found.items())
        if len(places) > 1 and toolkit_family(name)
    }
    return Examined(taken, providers, unresolved)


def _late(loader: Loader, path: str, installed: Mapping[str, str]) -> List[str]:
    """Installed libraries that this one can open by name through its RUNPATH, as cuDNN opens its parts."""
    dynamic = loader.dynamic(path)
    if not dynamic.runpath or not loader.library_path:
        return []
    folders = set(loader.own_directories(path))
    return [
        name
        for name, file in installed.items()
        if os.path.dirname(file) in folders and name not in dynamic.needed and file != path
    ]


def _same(one: str, other: Optional[str]) -> bool:
    return other is not None and os.path.realpath(one) == os.path.realpath(other)


def _comes_otherwise(name: str) -> bool:
    """The interpreter brings its own library; the driver's absence is told by itself."""
    return name.startswith("libpython") or is_of_driver(name)
