"""One full pass over a prefix: walk, hash, and describe what is there."""

import hashlib
import os
import platform
import re
import sys
import time
from typing import Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple, TypeVar

from . import bytecode, expect, facts, foreign, makers, packages_db, prefix, scripts
from .hashing import Hashed, Job, Row, cores, hash_all, stat_row
from .identity import SCRIPTS, Entry, entry_list
from .installed import Installed, Owned, find_infos, read_distribution, relative_to_prefix
from .interpreter import Interpreter, NoAnswer, ask, describe, from_json
from .tree import Tree
from .warm import Known, WarmCache

ROOTS, WARM, CONTENT = "roots", "warm", "content"
LEVELS = (ROOTS, WARM, CONTENT)

_Result = TypeVar("_Result")
_WALKED = (foreign.SITE, foreign.USER_SITE, foreign.SYSTEM_SITE)
_PYC = re.compile(r"(?P<stem>[^/]+)\.(?P<tag>[a-z]+-\d+[a-z]*)(\.opt-(?P<level>[12]))?\.pyc$")
_IMPORTED = re.compile(r"\bimport\s+(\w+)|__import__\(['\"](\w+)['\"]\)")
_NOT_STDLIB = ("site-packages", "dist-packages", "__pycache__", "test", "tests", "idlelib", "turtledemo")


class Request(NamedTuple):
    """What to observe. `cache` is the file of the stat cache, or None; `environment` is the job's."""

    prefix: str
    level: str
    expectation: expect.Expectation
    environment: Mapping[str, str]
    cache: Optional[str] = None
    in_process: bool = False
    threads: Optional[int] = None


class Located(NamedTuple):
    """A distribution and the root that it was found in."""

    root: foreign.Root
    installed: Installed


class FullPass:
    """The state of one pass. `run` once, then `known` and `same_bytecode` are what a cache keeps."""

    def __init__(self, request: Request, previous: Optional[WarmCache]) -> None:
        self.request = request
        self.previous = previous
        self.prefix = prefix.open_prefix(request.prefix)
        self.tree = Tree()
        self.library_tree = Tree()
        self.hashes: Dict[Tuple[str, str], Hashed] = {}
        self.extra_rows: Dict[str, Optional[Row]] = {}
        self.accepted: Dict[str, str] = {}
        self.unreadable: List[List[str]] = []
        self.same_bytecode: Set[str] = set(previous.head.get("bytecode", [])) if previous else set()
        self.timing: Dict[str, float] = {}

    # -- the pass ------------------------------------------------------------------------------

    def run(self) -> facts.Facts:
        """Observe everything that the level asks for."""
        self.faults = prefix.check_python_files(self.prefix)
        interpreter = self._interpreter()
        if interpreter is None:
            return self._document(None, [], [], [], [])
        self.interpreter = interpreter
        self.layout = prefix.layout_of(interpreter)
        self.roots = foreign.site_roots(self.prefix, interpreter, dict(self.request.environment))
        if self.request.level != ROOTS:
            self._timed("walk_seconds", self._walk)
        located = self._timed("records_seconds", self._distributions)
        self.owned = {path for item in located for path in item.installed.owned}
        self.locked_scripts = {
            os.path.basename(path)
            for item in located
            if self._counts(item)
            for path in item.installed.owned
            if path.startswith(self.layout.scripts + "/")
        }
        counted = [item.installed for item in located if self._counts(item)]
        self._timed("hash_seconds", lambda: self._hash(counted))
        if self.request.level == ROOTS:
            return self._document(interpreter, self._describe(located), [], [], [])
        found = self._timed("foreign_seconds", lambda: self._foreign(located))
        paths = self._paths(located)
        described = self._describe(located)
        judged = self._timed("bytecode_seconds", lambda: self._bytecode(counted))
        return self._document(interpreter, described, found, paths, judged)

    def _timed(self, name: str, work: Callable[[], _Result]) -> _Result:
        started = time.time()
        result = work()
        self.timing[name] = round(time.time() - started, 4)
        return result

    def known(self) -> Dict[str, Known]:
        """Every path that this pass looked at, as the stat cache keeps it."""
        known = {path: Known(row, False, "") for path, row in self._rows().items()}
        for (path, algorithm), result in self.hashes.items():
            if algorithm == "sha256" and not result.error:
                known[path] = Known(result.row, result.is_elf, result.hex)
        return known

    def _rows(self) -> Dict[str, Optional[Row]]:
        rows: Dict[str, Optional[Row]] = {}
        for tree in (self.tree, self.library_tree):
            rows.update(tree.files)
            rows.update(tree.directories)
        watched = prefix.python_files(self.prefix) + [os.path.join(self.prefix.path, "pyvenv.cfg")]
        watched += [os.path.join(self.prefix.path, "bin"), self.interpreter.user_site]
        rows.update(foreign.rows_of(path for path in watched if path))
        rows.update(self.extra_rows)
        return rows

    # -- what is there -------------------------------------------------------------------------

    def _interpreter(self) -> Optional[Interpreter]:
        is_venv = self.prefix.is_venv
        if self.request.in_process:
            return from_json(describe(self.prefix.path, is_venv))
        candidates = [prefix.trusted_executable(self.prefix)]
        if self.prefix.config.get("home"):
            # bin/python is not to be trusted, but its home still says where things are.
            candidates += [os.path.join(self.prefix.config["home"], name) for name in ("python3", "python")]
        reason = "there is no bin/python"
        for executable in candidates:
            if executable is None or not os.path.exists(executable):
                continue
            try:
                return ask(executable, self.prefix.path, is_venv)
            except NoAnswer as error:
                reason = str(error)
        self.unreadable.append([os.path.join(self.prefix.path, "bin", "python"), reason])
        return None

    def _walk(self) -> None:
        for root in self.roots:
            if root.role in _WALKED:
                self.tree.walk(root.directory)
            else:
                self.extra_rows[root.directory] = stat_row(root.directory)
        self.tree.walk(self.layout.scripts)
        self.unreadable.extend([path, reason] for path, reason in self.tree.errors)
        for directory in self.interpreter.stdlib:
            self.library_tree.walk(directory, lambda name: name in _NOT_STDLIB or name.startswith("config-"))

    def _distributions(self) -> List[Located]:
        located = []
        for root in self.roots:
            if root.role not in _WALKED:
                continue
            for info in find_infos(root.directory):
                item = self._distribution(root, info)
                if item is not None:
                    located.append(Located(root, item))
        return located

    def _distribution(self, root: foreign.Root, info: str) -> Optional[Installed]:
        from .installed import split_info

        identity = split_info(info)
        expected = self.request.expectation.distributions.get(identity[0]) if identity else None
        return read_distribution(root.directory, info, self.layout, self.interpreter.short, expected)

    def _counts(self, item: Located) -> bool:
        """Is this distribution hashed: a locked one, or any where nothing is expected."""
        expected = self.request.expectation.distributions
        return item.root.role == foreign.SITE and (not expected or item.installed.name in expected)

    # -- bytes ---------------------------------------------------------------------------------

    def _hash(self, counted: List[Installed]) -> None:
        jobs: List[Job] = []
        for item in counted:
            for entry in item.entries:
                if self.request.level != ROOTS or not entry.hex:
                    self._plan(entry.absolute, entry.algorithm, jobs, entry.place == SCRIPTS)
        if self.request.level != ROOTS:
            for path, _, _ in self._pyc_pairs(counted):
                self._plan(path, "sha256", jobs, False)
            for path in self.library_tree.files:
                if path.endswith((".py", ".so")):
                    self._plan(path, "sha256", jobs, False)
        self.hashes.update(hash_all(jobs, self.request.threads))

    def _plan(self, path: str, algorithm: str, jobs: List[Job], is_script: bool) -> None:
        row = self._row(path)
        if row is None:
            return
        if self.previous is not None and algorithm == "sha256":
            known = self.previous.known.get(path)
            if known is not None and known.sha256 and known.row == row:
                self.hashes[path, algorithm] = Hashed(known.sha256, known.is_elf, row)
                return
        jobs.append(Job(path, row.size, algorithm, self._normalize if is_script else None))

    def _normalize(self, content: bytes) -> bytes:
        return scripts.normalize_script(content, self._is_prefix_python)

    def _row(self, path: str) -> Optional[Row]:
        for tree in (self.tree, self.library_tree):
            if path in tree.files:
                return tree.files[path]
        if path not in self.extra_rows:
            self.extra_rows[path] = stat_row(path)
        return self.extra_rows[path]

    def _is_prefix_python(self, path: str) -> bool:
        """Does a shebang that names `path` start this prefix's Python?"""
        if not os.path.isabs(path):
            path = os.path.join(self.layout.scripts, path)
        if any(fault.path == path for fault in self.faults):
            return False
        if self.prefix.is_venv:
            mine = os.path.join(self.prefix.path, "bin")
            named = os.path.dirname(os.path.normpath(path))
            in_bin = named == mine or os.path.realpath(named) == os.path.realpath(mine)
            return in_bin and os.path.exists(path) and prefix.is_python_name(os.path.basename(path))
        return self._same_interpreter(path)

    def _same_interpreter(self, path: str) -> bool:
        mine = prefix.trusted_executable(self.prefix)
        return mine is not None and os.path.realpath(path) == os.path.realpath(mine)

    # -- description ---------------------------------------------------------------------------

    def _describe(self, located: List[Located]) -> List[facts.DistributionFacts]:
        lines: Dict[str, List[foreign.PathLine]] = {}
        for root in self.roots:
            if root.role in _WALKED:
                for line in foreign.path_lines(root.directory, self.tree):
                    lines.setdefault(line.pth, []).append(line)
        return [self._describe_one(item, lines) for item in located]

    def _describe_one(
        self, item: Located, lines: Mapping[str, List[foreign.PathLine]]
    ) -> facts.DistributionFacts:
        installed, counts = item.installed, self._counts(item)
        entries, changed = self._entries(installed) if counts else (None, [])
        text = entry_list(installed.name, installed.version, entries) if entries is not None else None
        digest = hashlib.sha256(text).hexdigest() if text is not None else None
        expected = self.request.expectation.distributions.get(installed.name)
        is_expected = expected is not None and expected.digest == digest
        mine = [line for path in installed.owned for line in lines.get(path, [])]
        start = installed.site + "/"
        return facts.DistributionFacts(
            name=installed.name,
            version=installed.version,
            info=installed.info,
            directory=installed.site,
            role=item.root.role,
            digest=digest,
            entries=text.decode() if text is not None and not is_expected and expected else None,
            changed=changed,
            present=[self._name(path) for path in installed.absent if os.path.lexists(path)],
            scripts=self._scripts(installed) if counts else [],
            problems=[list(problem) for problem in installed.problems],
            top_level=foreign.top_level_names(
                path[len(start) :] for path in installed.owned if path.startswith(start)
            ),
            startup=[] if counts else self._startup_of(installed, mine),
            groups=_groups(installed.entry_points),
            editable=installed.editable,
            path_lines=[facts.PathLineFacts(pth=p, directory=d, code=c) for p, d, c in mine],
        )

    def _entries(self, installed: Installed) -> Tuple[Optional[List[Entry]], List[facts.ChangedFile]]:
        """The entries as they are on disk (None when a file cannot be read), and what RECORD denies."""
        entries: List[Entry] = []
        changed: List[facts.ChangedFile] = []
        complete = True
        for owned in installed.entries:
            value, error = self._value(owned)
            if error:
                self.unreadable.append([owned.absolute, error])
                complete = False
            elif value is not None:
                entries.append(Entry(owned.place, owned.path, owned.algorithm, value))
            if not error and owned.hex != (value or "") and (owned.hex or value is None):
                changed.append(self._changed(owned, value))
        return (entries if complete else None), changed

    def _value(self, owned: Owned) -> Tuple[Optional[str], str]:
        """(hex or None where the file is missing, error)"""
        if self.request.level == ROOTS and owned.hex:
            return owned.hex, ""
        result = self.hashes.get((owned.absolute, owned.algorithm))
        if result is None or (result.error and not os.path.exists(owned.absolute)):
            return None, ""
        return result.hex, result.error

    def _changed(self, owned: Owned, value: Optional[str]) -> facts.ChangedFile:
        return facts.ChangedFile(
            place=owned.place,
            path=owned.path,
            file=self._name(owned.absolute),
            claimed=owned.hex,
            observed=value,
        )

    def _scripts(self, installed: Installed) -> List[facts.ScriptFacts]:
        return [
            facts.ScriptFacts(name=name, file=f"bin/{name}", reason=self._script_fault(name, target))
            for name, target in sorted(installed.scripts.items())
        ]

    def _script_fault(self, name: str, target: str) -> str:
        path = os.path.join(self.layout.scripts, name)
        try:
            with open(path, "rb") as file:
                content = file.read(1 << 20)
        except OSError as error:
            return "is missing" if not os.path.lexists(path) else f"cannot be read: {error.strerror}"
        return scripts.check_entry_point_script(content, target=target, is_prefix_python=self._is_prefix_python) or ""

    def _startup_of(self, installed: Installed, lines: List[foreign.PathLine]) -> List[str]:
        """Files of an extra distribution that start with the interpreter and that no maker is known for."""
        start = installed.site + "/"
        found = []
        for path in installed.owned:
            head, _, name = path.rpartition("/")
            if head + "/" == start and foreign.is_startup(name) and not self._accept(path, "startup"):
                found.append(self._name(path))
        for line in lines:
            if line.code is not None and self._name(line.pth) not in found:
                found.extend(self._unknown_imports(line.code, installed))
        return found

    def _unknown_imports(self, code: str, installed: Installed) -> List[str]:
        """Modules that an accepted `.pth` imports count as start-up code too: their bytes must be known."""
        names = {a or b for a, b in _IMPORTED.findall(code)} - set(self.interpreter.stdlib_names)
        start = installed.site + "/"
        return [
            self._name(path)
            for path in installed.owned
            if path.startswith(start)
            and path[len(start) :].split("/", 1)[0].split(".", 1)[0] in names
            and path.endswith((".py", ".so"))
            and not self._accept(path, "startup")
        ]

    # -- foreign code --------------------------------------------------------------------------

    def _foreign(self, located: List[Located]) -> List[facts.ForeignFacts]:
        found = self._unowned()
        found = [item for item in found if not self._accept(item.path, item.kind)]
        system: Set[str] = set()
        candidates = [item.path for item in found if self._may_be_system(item)]
        if candidates:
            system = packages_db.owned_by_system(candidates)
        return [
            facts.ForeignFacts(
                file=self._name(item.path),
                kind=item.kind,
                role=item.role,
                detail=item.detail,
                system=item.path in system,
            )
            for item in sorted(found)
        ]

    def _may_be_system(self, item: foreign.Found) -> bool:
        return not self.prefix.is_venv or item.role in (foreign.SYSTEM_SITE, foreign.STDLIB)

    def _unowned(self) -> List[foreign.Found]:
        found: List[foreign.Found] = []
        for root in self.roots:
            if root.role in _WALKED:
                found += foreign.unowned_in_site(root, self.tree, self.owned)
        pythons = set(prefix.python_files(self.prefix))
        in_bin = foreign.unowned_in_bin(
            self.layout.scripts, self.tree, self.owned, lambda path: path in pythons
        )
        if not self.prefix.is_venv:
            in_bin = [item for item in in_bin if item.kind == "module" or self._is_locked_script(item.path)]
        found += in_bin
        for directory in self.interpreter.stdlib:
            found += [
                foreign.Found(path, "startup", foreign.STDLIB, foreign.leads_to(path))
                for path in foreign.startup_in(directory)
            ]
        return found + self._unowned_libraries(found)

    def _is_locked_script(self, path: str) -> bool:
        return os.path.basename(path) in self.locked_scripts

    def _unowned_libraries(self, already: List[foreign.Found]) -> List[foreign.Found]:
        """Libraries in the directories that installed ELF files search before the system's."""
        directories, needed = foreign.loader_directories(self._elf_files())
        names = needed | self._library_names()
        known = {item.path for item in already}
        found = []
        for directory in sorted(directories):
            inside = self.prefix.is_venv and (directory + "/").startswith(self.prefix.path + "/")
            for searched in foreign.search_directories(directory):
                self.extra_rows[searched] = stat_row(searched)
                counts = _any_name if inside else names.__contains__
                for item in foreign.unowned_libraries(searched, self.owned, counts):
                    if item.path not in known:
                        found.append(item)
                        known.add(item.path)
        return found

    def _elf_files(self) -> List[str]:
        hashed = [path for (path, _), result in self.hashes.items() if result.is_elf]
        seen = set(hashed)
        others = [p for p in self.owned if p not in seen and foreign.is_library_name(p)]
        standard = tuple(directory + "/" for directory in self.interpreter.stdlib)
        sites = tuple(root.directory + "/" for root in self.roots if root.role in _WALKED)
        return [p for p in hashed if not p.startswith(standard) or p.startswith(sites)] + others

    def _library_names(self) -> Set[str]:
        return {os.path.basename(path) for path in self.owned if foreign.is_library_name(path)}

    def _accept(self, path: str, kind: str) -> bool:
        """Is this exactly what a known maker of environments writes (by content, never by name)?"""
        if path in self.accepted:
            return True
        content = _small_file(path)
        if content is None:
            return False
        maker = makers.accepted(
            os.path.basename(path), content, prefix=self.prefix.path, python=self.interpreter.short
        )
        if maker is not None:
            self.accepted[path] = maker
        return maker is not None

    def _paths(self, located: List[Located]) -> List[facts.PathFacts]:
        """Directories that sys.path gets besides the site directories."""
        extra = [root for root in self.roots if root.role == foreign.PYTHONPATH]
        sites = {root.directory for root in self.roots if root.role in _WALKED}
        for root in self.roots:
            if root.role in _WALKED:
                for line in foreign.path_lines(root.directory, self.tree):
                    if line.directory and line.directory not in sites and os.path.exists(line.directory):
                        extra.append(foreign.Root(line.directory, foreign.PTH, self._name(line.pth)))
        described = []
        for root in extra:
            self.extra_rows[root.directory] = stat_row(root.directory)
            described.append(
                facts.PathFacts(
                    directory=root.directory,
                    role=root.role,
                    origin=root.origin,
                    modules=foreign.modules_in(root.directory),
                    startup=foreign.startup_in(root.directory),
                    infos=find_infos(root.directory),
                )
            )
        return described

    # -- bytecode ------------------------------------------------------------------------------

    def _pyc_pairs(self, counted: List[Installed]) -> List[Tuple[str, str, int]]:
        """(pyc, source, optimisation) of every cached bytecode file of a verified source."""
        sources = {entry.absolute for item in counted for entry in item.entries if entry.path.endswith(".py")}
        sources.update(path for path in self.tree.files if path in self.accepted)
        pairs = []
        for path in self.tree.files:
            if path.endswith(".pyc"):
                source, level = self._source_of(path)
                if source in sources:
                    pairs.append((path, source, level))
        return pairs + self._redirected_pairs(sources)

    def _source_of(self, pyc: str) -> Tuple[str, int]:
        head, _, name = pyc.rpartition("/")
        match = _PYC.match(name)
        if match is None or not head.endswith("/__pycache__") or match["tag"] != self.interpreter.cache_tag:
            return "", 0
        return f"{head[: -len('/__pycache__')]}/{match['stem']}.py", int(match["level"] or 0)

    def _redirected_pairs(self, sources: Iterable[str]) -> List[Tuple[str, str, int]]:
        root = self.request.environment.get("PYTHONPYCACHEPREFIX")
        if not root:
            return []
        pairs = []
        for source in sorted(sources):
            folder, _, name = source.rpartition("/")
            for level, suffix in ((0, ""), (1, ".opt-1"), (2, ".opt-2")):
                pyc = f"{root}{folder}/{name[:-3]}.{self.interpreter.cache_tag}{suffix}.pyc"
                if os.path.exists(pyc):
                    pairs.append((pyc, source, level))
        return pairs

    def _bytecode(self, counted: List[Installed]) -> List[facts.BytecodeFacts]:
        pairs = self._pyc_pairs(counted)
        jobs = [bytecode.PycJob(source, pyc, level) for pyc, source, level in pairs if not self._is_known(pyc, source)]
        executable = None if self.request.in_process else self._python()
        results = bytecode.check_all(jobs, executable, self.request.threads or cores()) if jobs else {}
        judged = []
        for job in jobs:
            result = results[job.pyc]
            if result.verdict == bytecode.SAME:
                self.same_bytecode.add(self._pair_key(result.source_sha256, result.pyc_sha256))
            elif result.verdict != bytecode.STALE:
                judged.append(
                    facts.BytecodeFacts(
                        file=self._name(job.pyc), source=self._name(job.source), reason=result.verdict
                    )
                )
        return judged

    def _is_known(self, pyc: str, source: str) -> bool:
        mine, its = self.hashes.get((pyc, "sha256")), self.hashes.get((source, "sha256"))
        return mine is not None and its is not None and self._pair_key(its.hex, mine.hex) in self.same_bytecode

    def _pair_key(self, source: str, pyc: str) -> str:
        text = f"{self.interpreter.full_version} {self.interpreter.magic} {source} {pyc}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _python(self) -> Optional[str]:
        trusted = prefix.trusted_executable(self.prefix)
        home = self.prefix.config.get("home")
        return trusted or (os.path.join(home, "python3") if home else None)

    # -- the document --------------------------------------------------------------------------

    def _document(
        self,
        interpreter: Optional[Interpreter],
        distributions: List[facts.DistributionFacts],
        found: List[facts.ForeignFacts],
        paths: List[facts.PathFacts],
        judged: List[facts.BytecodeFacts],
    ) -> facts.Facts:
        names = sorted(self._library_names()) if interpreter is not None else []
        hashed = [result for (_, _), result in self.hashes.items() if result.row is not None]
        return facts.Facts(
            schema=facts.SCHEMA,
            level=ROOTS if self.request.level == ROOTS else CONTENT,
            prefix=self.prefix.path,
            is_venv=self.prefix.is_venv,
            sees_system_site=self.prefix.sees_system_site,
            host=host_facts(),
            python=self._python_facts(interpreter) if interpreter else None,
            python_faults=[[self._name(fault.path), fault.reason] for fault in self.faults],
            distributions=distributions,
            foreign=found,
            accepted={self._name(path): maker for path, maker in sorted(self.accepted.items())},
            paths=paths,
            libraries=[],
            library_names=names,
            bytecode=judged,
            environment={},
            unreadable=self.unreadable,
            counts={"files": len(hashed), "bytes": sum(r.row.size for r in hashed if r.row)},
            timing=dict(self.timing),
        )

    def _python_facts(self, interpreter: Interpreter) -> facts.PythonFacts:
        return facts.PythonFacts(
            executable=self.prefix.executable,
            implementation=interpreter.implementation,
            version=interpreter.full_version,
            soabi=interpreter.soabi,
            abiflags=interpreter.abiflags,
            debug=interpreter.debug,
            gil_disabled=interpreter.gil_disabled,
            base_prefix=interpreter.base_prefix,
            stdlib_names=interpreter.stdlib_names,
            standard_library=self._standard_library(),
        )

    def _standard_library(self) -> Optional[str]:
        """One hash over the modules of the standard library, to compare hosts with."""
        if self.request.level == ROOTS:
            return None
        rows = []
        for directory in self.interpreter.stdlib:
            for path in self.library_tree.files:
                result = self.hashes.get((path, "sha256"))
                if result is not None and path.startswith(directory + "/"):
                    rows.append(f"{path[len(directory) + 1 :]}\0{result.hex}\n")
        return hashlib.sha256("".join(sorted(rows)).encode(errors="surrogateescape")).hexdigest()

    def _name(self, path: str) -> str:
        return relative_to_prefix(path, self.prefix.path)


def host_facts() -> Dict[str, str]:
    """What is recorded of the host: outside the runtime hash."""
    system = os.uname()
    driver = _nvidia_driver()
    return {
        **({"nvidia_driver": driver} if driver else {}),
        "platform": platform_name(),
        "name": system.nodename,
        "system": system.sysname,
        "kernel": system.release,
        "machine": system.machine,
        "libc": " ".join(platform.libc_ver()),
        "byte_order": sys.byteorder,
    }


_PLATFORMS = {
    ("Linux", "x86_64"): "linux-64",
    ("Linux", "aarch64"): "linux-aarch64",
    ("Darwin", "arm64"): "osx-arm64",
}


def platform_name() -> str:
    """This host as conda names its subdirs; "" for one that no lock has."""
    system = os.uname()
    return _PLATFORMS.get((system.sysname, system.machine), "")


def _nvidia_driver() -> Optional[str]:
    """The version of the loaded kernel module, as the module itself says it."""
    try:
        with open("/proc/driver/nvidia/version", encoding="utf-8") as file:
            match = re.search(r"Kernel Module[^\n]*?\s(\d+\.\d+(\.\d+)?)\s", file.read())
    except OSError:
        return None
    return match[1] if match else None


def _any_name(name: str) -> bool:
    return bool(name)


def _small_file(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as file:
            content = file.read(1 << 20)
    except OSError:
        return None
    return content if len(content) < 1 << 20 else None


def _groups(entry_points: str) -> List[str]:
    return re.findall(r"^\s*\[([^\]]+)\]", entry_points, re.MULTILINE)
