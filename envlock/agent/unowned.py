"""Code without an owner in one target, less what known makers of environments leave (IDENTITY 6)."""

import os
import re
from typing import Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Set

from . import elf, facts, foreign, makers, packages_db
from .contents import Contents, small_file
from .installed import Installed, find_infos, groups_in
from .prefix import python_files

_IMPORTED = re.compile(r"\bimport\s+(\w+)|__import__\(['\"](\w+)['\"]\)")

_SOURCELESS = re.compile(r"(?<!/__pycache__)/[^/.]+\.pyc$")


class Ownership(NamedTuple):
    """`owned` are the absolute paths that distributions and conda packages answer for, `locked` those of the
    expected ones, `scripts` the names of theirs in `bin`. `is_environment`: all of `bin` belongs to it, as it
    does not in the system's."""

    owned: Set[str]
    locked: Set[str]
    scripts: Set[str]
    is_environment: bool


class Unowned:
    """Looks for foreign code."""

    def __init__(
        self,
        contents: Contents,
        roots: List[foreign.Root],
        ownership: Ownership,
    ) -> None:
        self.contents = contents
        self.target = contents.target
        self.roots = roots
        self.owned = ownership.owned
        self.locked = ownership.locked
        self.locked_scripts = ownership.scripts
        self.is_environment = ownership.is_environment
        self.accepted: Dict[str, str] = {}
        self._library_files: Optional[Set[str]] = None
        self._early: List[foreign.Found] = []
        self._dynamics: Dict[str, Optional[elf.Dynamic]] = {}

    # -- files ---------------------------------------------------------------------------------

    def files(self) -> List[facts.ForeignFacts]:
        """Every piece of foreign code, sorted by path."""
        found = [item for item in self._candidates() if not self.accept(item.path)]
        system = packages_db.owned_by_system(item.path for item in found if self._may_be_system(item))
        return [
            facts.ForeignFacts(
                file=self.target.name(item.path),
                kind=item.kind,
                role=item.role,
                detail=item.detail,
                system=item.path in system,
            )
            for item in sorted(found)
        ]

    def _may_be_system(self, item: foreign.Found) -> bool:
        return not self.is_environment or item.role in (foreign.SYSTEM_SITE, foreign.STDLIB)

    def prepare(self) -> None:
        """Do what needs no hash, while workers hash: look for files without an owner, and read what the
        libraries ask of the loader."""
        self._early = self._without_owner()
        for path in self.library_files():
            self._dynamics[path] = elf.read_dynamic(path)

    def _candidates(self) -> List[foreign.Found]:
        return self._early + self._libraries({item.path for item in self._early})

    def _dynamic(self, path: str) -> Optional[elf.Dynamic]:
        return self._dynamics[path] if path in self._dynamics else elf.read_dynamic(path)

    def _without_owner(self) -> List[foreign.Found]:
        found: List[foreign.Found] = []
        for root in self.roots:
            if root.role in foreign.WALKED:
                found += foreign.unowned_in_site(root, self.contents.tree, self.owned)
        found += self._in_bin()
        for directory in self.target.interpreter.stdlib:
            for path in foreign.startup_in(directory):
                found.append(foreign.Found(path, "startup", foreign.STDLIB, foreign.leads_to(path)))
        return found

    def _in_bin(self) -> List[foreign.Found]:
        pythons = set(python_files(self.target.prefix))
        found = foreign.unowned_in_bin(
            self.target.layout.scripts, self.contents.tree, self.locked, pythons.__contains__
        )
        found = [item for item in found if item.path not in self.owned or self._reaches(item)]
        if self.is_environment:
            return found
        # Outside an environment `bin` is the system's: modules, and files that bear a locked script's name.
        return [f for f in found if f.kind == "module" or os.path.basename(f.path) in self.locked_scripts]

    def _reaches(self, item: foreign.Found) -> bool:
        """Does a file of an extra distribution in `bin` come before what is locked, or start a shell?"""
        name = item.path[len(self.target.layout.scripts) + 1 :].split("/", 1)[0]
        if item.kind == "shell":
            return foreign.is_start_of_shell(name)
        taken = {*self.target.interpreter.stdlib_names, *self._locked_names()}
        return item.kind in ("module", "library") and name.split(".", 1)[0] in taken

    def _locked_names(self) -> List[str]:
        starts = [site + "/" for site in self.target.layout.sites]
        return foreign.top_level_names(p[len(s) :] for s in starts for p in self.locked if p.startswith(s))

    def _libraries(self, known: Set[str]) -> List[foreign.Found]:
        """Libraries in the directories that installed ELF files search before the system's."""
        directories, needed = foreign.loader_directories(self._elf_files(), self._dynamic)
        names = needed | self.library_names()
        found = []
        for directory in sorted(directories):
            for searched in foreign.search_directories(directory):
                self.contents.watch(searched)
                counts: Callable[[str], bool] = names.__contains__
                if self._is_inside(directory):
                    counts = _any_name
                for item in foreign.unowned_libraries(searched, self.locked, counts):
                    is_extra = item.path in self.owned and os.path.basename(item.path) not in names
                    if item.path not in known and not is_extra:
                        known.add(item.path)
                        found.append(item)
        return found

    def _is_inside(self, directory: str) -> bool:
        prefix = self.target.prefix
        return self.is_environment and (directory + "/").startswith(prefix.path + "/")

    def _elf_files(self) -> List[str]:
        hashed = self.contents.elf_files()
        seen = set(hashed)
        return hashed + [p for p in self.locked if p not in seen and foreign.is_library_name(p)]

    def library_files(self) -> Set[str]:
        """The locked libraries."""
        if self._library_files is None:
            self._library_files = {path for path in self.locked if foreign.is_library_name(path)}
        return self._library_files

    def library_names(self) -> Set[str]:
        """Their file names: what a search path could shadow."""
        return {os.path.basename(path) for path in self.library_files()}

    # -- what is accepted ----------------------------------------------------------------------

    def accept(self, path: str) -> bool:
        """Is this exactly what a known maker of environments writes (by content, never by name)?"""
        if path in self.accepted:
            return True
        content = small_file(path)
        if content is None:
            return False
        maker = makers.accepted(
            path,
            content,
            prefix=self.target.prefix.path,
            python=self.target.interpreter.short,
            base_prefix=self.target.interpreter.base_prefix,
        )
        if maker is not None:
            self.accepted[path] = maker
        return maker is not None

    def startup_of(self, installed: Installed, lines: Mapping[str, Iterable[foreign.PathLine]]) -> List[str]:
        """Files of an extra distribution that run when Python starts and that no maker is known for:
        its own start-up files, and what any accepted one imports from it.
        """
        start = installed.site + "/"
        found = [
            self.target.name(path)
            for path in installed.owned
            if path.startswith(start) and _is_startup(path[len(start) :]) and not self.accept(path)
        ]
        for line in (line for rows in lines.values() for line in rows):
            if line.code is not None and self.target.name(line.pth) not in found:
                found.extend(self._unknown_imports(line.code, installed))
        return found

    def _unknown_imports(self, code: str, installed: Installed) -> List[str]:
        """What an accepted `.pth` imports is start-up code too: its bytes must be known."""
        names = {a or b for a, b in _IMPORTED.findall(code)} - set(self.target.interpreter.stdlib_names)
        start = installed.site + "/"
        return [
            self.target.name(path)
            for path in installed.owned
            if path.startswith(start)
            and path[len(start) :].split("/", 1)[0].split(".", 1)[0] in names
            and (path.endswith((".py", ".so")) or _SOURCELESS.search(path))
            and not self.accept(path)
        ]

    # -- directories on sys.path ---------------------------------------------------------------

    def path_lines(self) -> Mapping[str, List[foreign.PathLine]]:
        """The lines of every `.pth` file by its path."""
        lines: Dict[str, List[foreign.PathLine]] = {}
        for root in self.roots:
            if root.role in foreign.WALKED:
                for line in foreign.path_lines(root.directory):
                    lines.setdefault(line.pth, []).append(line)
        return lines

    def paths(self, lines: Mapping[str, List[foreign.PathLine]]) -> List[facts.PathFacts]:
        """Directories that sys.path gets besides the site directories, by PYTHONPATH and `.pth` lines."""
        sites = {root.directory for root in self.roots if root.role in foreign.WALKED}
        extra = [root for root in self.roots if root.role == foreign.PYTHONPATH]
        extra += foreign.standard_paths(self.target.interpreter)
        for rows in lines.values():
            for line in rows:
                if line.is_finder or line.directory is None or line.directory in sites:
                    continue
                if os.path.exists(line.directory):
                    extra.append(foreign.Root(line.directory, foreign.PTH, self.target.name(line.pth)))
        return [self._describe_path(root) for root in extra]

    def _describe_path(self, root: foreign.Root) -> facts.PathFacts:
        self.contents.watch(root.directory)
        described = facts.PathFacts(
            directory=root.directory,
            role=root.role,
            origin=root.origin,
            modules=foreign.modules_in(root.directory),
            startup=foreign.startup_in(root.directory),
            infos=find_infos(root.directory),
            groups=groups_in(root.directory),
        )
        if self._is_judged(root.directory):
            # The walk names what has no owner; here counts only what comes before the standard library.
            before = self.target.interpreter.stdlib_names if root.role == foreign.PYTHONPATH else []
            modules = sorted(set(described["modules"]).intersection(before))
            described["modules"], described["startup"], described["infos"] = modules, [], []
            described["groups"] = []
        return described

    def _is_judged(self, directory: str) -> bool:
        """Is it a site directory, or inside one?"""
        walked = [os.path.realpath(root.directory) for root in self.roots if root.role in foreign.WALKED]
        return any(f"{os.path.realpath(directory)}/".startswith(site + "/") for site in walked)


def _any_name(_: str) -> bool:
    return True


def _is_startup(path: str) -> bool:
    head, separator, _ = path.partition("/")
    return foreign.is_customize(head) if separator else foreign.is_startup(head)
