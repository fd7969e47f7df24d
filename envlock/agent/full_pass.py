"""One full pass over a prefix: walk, hash, and describe what is there."""

import hashlib
import os
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Set, Tuple, TypeVar

from . import expect, facts, foreign, gpu, scripts
from .cached_bytecode import CachedBytecode
from .conda.foreign import PrefixWalk
from .conda.full_pass import CondaPass
from .conda.meta import is_conda
from .contents import Contents, exists
from .editable import is_finder_name
from .hashing import cores, without_waiting
from .identity import SCRIPTS, Entry, entry_list
from .installed import (
    Installed,
    Owned,
    entry_point_groups,
    find_infos,
    read_distribution,
    record_bytes,
    split_info,
)
from .prefix import Prefix, PythonFault, python_files
from .target import Answers, Target, stand_in
from .unowned import Ownership, Unowned
from .warm import Known, WarmCache

ROOTS, WARM, CONTENT = "roots", "warm", "content"
LEVELS = (ROOTS, WARM, CONTENT)

# What a distribution's role is that a conda package brings.
CONDA = "conda"
MOST_EXTRA = 100

_Result = TypeVar("_Result")
_FIRST_SHIFT_BYTES = 1 << 30


class Request(NamedTuple):
    """What to observe. `cache` is the file of the stat cache, or None; `environment` is the job's.

    `described`: what the interpreter is (as `describe` says it), where it must not be asked. `answers`:
    what interpreters said earlier in this run.
    """

    prefix: str
    level: str
    expectation: expect.Expectation
    environment: Mapping[str, str]
    cache: Optional[str] = None
    in_process: bool = False
    threads: Optional[int] = None
    described: Optional[Dict[str, Any]] = None
    answers: Optional[Answers] = None


class Located(NamedTuple):
    """A distribution and the root that it was found in."""

    root: foreign.Root
    installed: Installed


class FullPass:
    """One pass. `run` once; then `known` and `same_bytecode` are what a stat cache keeps."""

    def __init__(self, request: Request, target: Target, previous: Optional[WarmCache]) -> None:
        self.request = request
        self.target = target
        self.contents = Contents(target, previous)
        same = previous.head.get("bytecode", []) if previous is not None else []
        redirected = request.environment.get("PYTHONPYCACHEPREFIX")
        self.bytecode = CachedBytecode(self.contents, redirected, same)
        self.unreadable: List[List[str]] = []
        self.timing: Dict[str, float] = {}
        self.conda = conda_pass(request, self.contents, target.prefix.is_venv)
        self.prefix_walk: Optional[PrefixWalk] = None

    def run(self) -> facts.Facts:
        """Observe everything that the level asks for."""
        roots = foreign.site_roots(
            self.target.prefix, self.target.interpreter, dict(self.request.environment)
        )
        if self.conda is not None:
            self._timed("conda_seconds", self._plan_conda)
        located = self._timed("records_seconds", lambda: self._distributions(roots))
        counted = [item.installed for item in located if self._counts(item)]
        self.unowned = Unowned(self.contents, roots, self._ownership(located, counted))
        self.claimed = _claims(counted)
        if self.request.level != ROOTS:
            self._timed("walk_seconds", lambda: self._walk(roots))
            self._plan_more(counted)
            self._timed("look_seconds", self.unowned.prepare)
        self._timed("hash_seconds", lambda: self.contents.hash(self._workers))
        document = self._document()
        lines = self.unowned.path_lines()
        if self.request.level != ROOTS:
            document["foreign"] = self._timed("foreign_seconds", self.unowned.files)
            document["paths"] = self.unowned.paths(lines)
        if self.conda is not None:
            document["conda"] = self._describe_conda(self.conda, document)
        document["distributions"] = [self._describe(item, lines) for item in located]
        if self.request.level != ROOTS:
            document["bytecode"] = self._timed("bytecode_seconds", lambda: self._judge_bytecode(counted))
            self.unreadable += self.bytecode.unreadable
        accepted = sorted(self.unowned.accepted.items())
        document["accepted"] = {self.target.name(path): maker for path, maker in accepted}
        document["unreadable"] = self.unreadable + [list(row) for row in self.contents.tree.errors]
        document["timing"] = dict(self.timing)
        return document

    def known(self) -> Dict[str, Known]:
        """Every path that this pass looked at, as the stat cache keeps it."""
        prefix = self.target.prefix
        watched = [*python_files(prefix), f"{prefix.path}/pyvenv.cfg", f"{prefix.path}/bin"]
        user_site = foreign.job_user_site(self.target.interpreter, dict(self.request.environment))
        return self.contents.known([path for path in (*watched, user_site) if path])

    @property
    def same_bytecode(self) -> Set[str]:
        return self.bytecode.same

    def _timed(self, name: str, work: Callable[[], _Result]) -> _Result:
        started = time.time()
        result = work()
        self.timing[name] = round(time.time() - started, 4)
        return result

    # -- conda ---------------------------------------------------------------------------------

    def _plan_conda(self) -> None:
        if self.conda is not None and self.conda.plan() > 0:
            self._start_hashing()

    def _walk(self, roots: List[foreign.Root]) -> None:
        self.contents.walk(roots)
        if self.conda is not None:
            judged = [root.directory for root in roots if root.role in foreign.WALKED]
            prefix = self.target.prefix.path
            self.prefix_walk = PrefixWalk(self.contents, prefix, [*judged, self.target.layout.scripts])
            self.prefix_walk.walk()
            self.bytecode.also(self.prefix_walk.bytecode, proved=self.conda.packaged_bytecode)

    def _describe_conda(self, conda: CondaPass, document: facts.Facts) -> facts.CondaFacts:
        """The conda part; its foreign code goes to the other's."""
        started = time.time()
        described = conda.describe(self.target.is_prefix_python)
        conda.watch()
        self.unreadable += conda.unreadable
        if self.prefix_walk is not None:
            known = {self.target.name(path) for path in self.unowned.accepted}
            known.update(item["file"] for item in document["foreign"])
            found = self.prefix_walk.strangers(self.unowned.owned, self.target.interpreter.stdlib)
            document["foreign"] += self._foreign_in_conda(found.code, known)
            described["extra"], described["extra_count"] = found.rest[:MOST_EXTRA], len(found.rest)
        spent = self.timing.get("conda_seconds", 0.0) + time.time() - started
        self.timing["conda_seconds"] = round(spent, 4)
        return described

    def _foreign_in_conda(self, found: List[foreign.Found], known: Set[str]) -> List[facts.ForeignFacts]:
        rows = [(self.target.name(item.path), item) for item in found]
        return [
            facts.ForeignFacts(file=file, kind=item.kind, role=item.role, detail=item.detail, system=False)
            for file, item in rows
            if file not in known
        ]

    def _is_of_conda(self, installed: Installed) -> bool:
        """Does a conda package bring this distribution? Its files are the package's then."""
        if self.conda is None:
            return False
        info = f"{installed.site}/{installed.info}"
        marks = {info, f"{info}/METADATA", f"{info}/PKG-INFO"}
        return not marks.isdisjoint(self.conda.owned)

    # -- distributions -------------------------------------------------------------------------

    def _distributions(self, roots: List[foreign.Root]) -> List[Located]:
        """Every distribution, in the order of sys.path, and the hashing of the counted ones planned.

        The short RECORDs are read first: they are those of the libraries of gigabytes, and workers begin
        with these while the long ones are read.
        """
        infos = [
            (root, info)
            for root in roots
            if root.role in foreign.WALKED
            for info in find_infos(root.directory)
        ]
        found: Dict[Tuple[foreign.Root, str], Located] = {}
        planned = 0
        for root, info in sorted(infos, key=lambda pair: record_bytes(pair[0].directory, pair[1])):
            installed = self._distribution(root, info)
            found[root, info] = item = Located(root, installed)
            planned += self._plan(installed) if self._counts(item) else 0
            if planned > _FIRST_SHIFT_BYTES:
                self._start_hashing()
                planned = 0
        self._start_hashing()
        return [found[key] for key in infos]

    def _distribution(self, root: foreign.Root, info: str) -> Installed:
        identity = split_info(info)
        expected = self.request.expectation.distributions.get(identity[0]) if identity else None
        short = self.target.interpreter.short
        return read_distribution(root.directory, info, self.target.layout, short, expected)

    def _counts(self, item: Located) -> bool:
        """Is this distribution hashed: a locked one, or any where nothing is expected."""
        expected = self.request.expectation
        if item.root.role != foreign.SITE or expected.is_nothing:
            return item.root.role == foreign.SITE
        return item.installed.name in expected.distributions and not self._is_of_conda(item.installed)

    def _may_be_extra(self, item: Located) -> bool:
        """Where nothing is expected any of them may be: facts are judged against a lock later, too."""
        if self._is_of_conda(item.installed):
            return False
        return self.request.expectation.is_nothing or not self._counts(item)

    def _ownership(self, located: List[Located], counted: List[Installed]) -> Ownership:
        scripts_folder = self.target.layout.scripts + "/"
        names = {os.path.basename(p) for item in counted for p in item.owned if p.startswith(scripts_folder)}
        names.update(name for item in counted for name in item.scripts)
        conda = self.conda.owned if self.conda is not None else set()
        locked = {path for item in counted for path in item.owned} | conda
        owned = {path for item in located for path in item.installed.owned} | conda
        is_environment = self.target.prefix.is_venv or self.conda is not None
        return Ownership(owned, locked, names, is_environment)

    # -- bytes ---------------------------------------------------------------------------------

    def _plan(self, installed: Installed) -> int:
        """Plan the files of a locked distribution; their bytes as RECORD claims them."""
        for entry in installed.entries:
            if self.request.level != ROOTS or not entry.hex:
                normalize = self._normalize if entry.place == SCRIPTS else None
                self.contents.plan_owned(entry, normalize)
        return sum(entry.size or 0 for entry in installed.entries)

    def _start_hashing(self) -> None:
        if not self.request.in_process:
            self.contents.start_hashing(self._workers)

    def _plan_more(self, counted: List[Installed]) -> None:
        for job in self.bytecode.pairs(self._all_sources(counted)):
            self.contents.plan(job.pyc)
        self.contents.plan_standard_library()

    def _all_sources(self, counted: List[Installed]) -> Set[str]:
        return _sources(counted) | (self.conda.sources if self.conda is not None else set())

    @property
    def _workers(self) -> int:
        return self.request.threads or cores()

    def _normalize(self, content: bytes) -> bytes:
        return scripts.normalize_script(content, self.target.is_prefix_python)

    def _judge_bytecode(self, counted: List[Installed]) -> List[facts.BytecodeFacts]:
        sources = self._all_sources(counted) | set(self.unowned.accepted)
        sources.update(path for path in self.unowned.owned if is_finder_name(os.path.basename(path)))
        if self.request.described is not None:
            return self.bytecode.judge_here(sources)
        executable = None if self.request.in_process else self.target.compiler()
        return self.bytecode.judge(sources, executable, self._workers)

    # -- description ---------------------------------------------------------------------------

    def _describe(
        self, item: Located, lines: Mapping[str, List[foreign.PathLine]]
    ) -> facts.DistributionFacts:
        installed, counts = item.installed, self._counts(item)
        entries, changed = self._entries(installed) if counts else (None, [])
        digest, text = self._digest(installed, entries)
        mine = [line for path in installed.owned for line in lines.get(path, [])]
        start = installed.site + "/"
        inside = (path[len(start) :] for path in installed.owned if path.startswith(start))
        return facts.DistributionFacts(
            name=installed.name,
            version=installed.version,
            info=installed.info,
            directory=installed.site,
            role=CONDA if self._is_of_conda(installed) else item.root.role,
            digest=digest,
            entries=text,
            changed=changed,
            present=[self.target.name(path) for path in installed.absent if exists(path)],
            scripts=self._scripts(installed) + self._linked_scripts(installed) if counts else [],
            problems=[list(problem) for problem in installed.problems],
            top_level=foreign.top_level_names(inside),
            startup=self.unowned.startup_of(installed, lines) if self._may_be_extra(item) else [],
            groups=entry_point_groups(installed.entry_points),
            editable=installed.editable,
            path_lines=[facts.PathLineFacts(pth=m.pth, directory=m.directory, code=m.code) for m in mine],
        )

    def _digest(
        self, installed: Installed, entries: Optional[List[Entry]]
    ) -> Tuple[Optional[str], Optional[str]]:
        """The digest, and the entry list where it is not the expected one."""
        if entries is None:
            return None, None
        text = entry_list(installed.name, installed.version, entries)
        digest = hashlib.sha256(text).hexdigest()
        expected = self.request.expectation.distributions.get(installed.name)
        return digest, text.decode() if expected is not None and expected.digest != digest else None

    def _entries(self, installed: Installed) -> Tuple[Optional[List[Entry]], List[facts.ChangedFile]]:
        """The entries as they are on disk (None when a file cannot be read), and what RECORD denies."""
        entries: List[Entry] = []
        changed: List[facts.ChangedFile] = []
        complete = True
        for owned in installed.entries:
            if not owned.hex and os.path.isdir(owned.absolute):
                continue  # some RECORDs list folders; the lock side ignores those rows too
            value, error = self._value(owned)
            if error:
                self.unreadable.append([self.target.name(owned.absolute), error])
                complete = False
                continue
            if value is not None:
                entries.append(Entry(owned.place, owned.path, owned.algorithm, value))
            if value is None or (owned.hex and owned.hex != value):
                changed.append(self._changed(owned, value))
        return (entries if complete else None), changed

    def _value(self, owned: Owned) -> Tuple[Optional[str], str]:
        """(hex, or None where the file is missing, and an error)"""
        if self.request.level == ROOTS and owned.hex:
            return owned.hex, ""
        result = self.contents.hashes.get((owned.absolute, owned.algorithm))
        if result is None or (result.error and not os.path.exists(owned.absolute)):
            return None, ""
        return result.hex, result.error

    def _changed(self, owned: Owned, value: Optional[str]) -> facts.ChangedFile:
        file = self.target.name(owned.absolute)
        return facts.ChangedFile(
            place=owned.place, path=owned.path, file=file, claimed=owned.hex, observed=value
        )

    def _scripts(self, installed: Installed) -> List[facts.ScriptFacts]:
        return [
            facts.ScriptFacts(name=name, file=f"bin/{name}", reason=self._script_fault(name, target))
            for name, target in sorted(installed.scripts.items())
        ]

    def _script_fault(self, name: str, target: str) -> str:
        """Why a script is none of the templates. Where two locked distributions claim the name, the one
        that was installed last wrote it: either will do."""
        claims = [target, *(other for other in self.claimed.get(name, ()) if other != target)]
        faults = [self._target_fault(name, claim) for claim in claims]
        return "" if "" in faults else faults[0]

    def _linked_scripts(self, installed: Installed) -> List[facts.ScriptFacts]:
        """Other scripts in `bin`, where they are links that lead out of it."""
        return [
            facts.ScriptFacts(name=owned.path, file=self.target.name(owned.absolute), reason=reason)
            for owned in installed.entries
            for reason in [_link_fault(owned.absolute) if owned.place == SCRIPTS else ""]
            if reason
        ]

    def _target_fault(self, name: str, target: str) -> str:
        path = os.path.join(self.target.layout.scripts, name)
        self.contents.row(path)
        if _link_fault(path):
            return _link_fault(path)
        try:
            with open(path, "rb", opener=without_waiting) as file:
                content = file.read(1 << 20)
        except OSError as error:
            return "is missing" if not exists(path) else f"cannot be read: {error.strerror}"
        reason = scripts.check_entry_point_script(
            content, target=target, is_prefix_python=self.target.is_prefix_python
        )
        return reason or ""

    def _document(self) -> facts.Facts:
        document = empty_document(self.request, self.target.prefix.path)
        interpreter, prefix = self.target.interpreter, self.target.prefix
        document["is_venv"] = prefix.is_venv
        document["sees_system_site"] = prefix.sees_system_site
        document["python_faults"] = [[self.target.name(f.path), f.reason] for f in self.target.faults]
        document["library_files"] = sorted(self.unowned.library_files())
        document["counts"] = self.contents.counts()
        document["python"] = facts.PythonFacts(
            executable=prefix.executable,
            implementation=interpreter.implementation,
            version=interpreter.full_version,
            soabi=interpreter.soabi,
            abiflags=interpreter.abiflags,
            debug=interpreter.debug,
            gil_disabled=interpreter.gil_disabled,
            base_prefix=interpreter.base_prefix,
            stdlib_names=interpreter.stdlib_names,
            standard_library=None if self.request.level == ROOTS else self.contents.standard_library(),
        )
        return document


def conda_pass(request: Request, contents: Contents, is_venv: bool) -> Optional[CondaPass]:
    """The pass over the conda packages of a prefix, where they are looked at: a lock that has some counts
    for everything but a virtual environment; without any lock all is looked at."""
    expectation = request.expectation
    counts = bool(expectation.conda) and not is_venv
    if counts or ((expectation.conda or expectation.is_nothing) and is_conda(request.prefix)):
        return CondaPass(contents, request.prefix, expectation.conda, hashes=request.level != ROOTS)
    return None


def conda_alone(request: Request, prefix: Prefix, faults: List[PythonFault], document: facts.Facts) -> None:
    """The conda part of a prefix whose interpreter does not answer: which of its files is to blame."""
    target = stand_in(prefix, faults)
    contents = Contents(target, None)
    conda = conda_pass(request, contents, prefix.is_venv)
    if conda is not None:
        conda.plan()
        contents.hash(1 if request.in_process else request.threads or cores())
        document["conda"] = conda.describe(target.is_prefix_python)
        document["unreadable"] += conda.unreadable


def empty_document(request: Request, prefix: str) -> facts.Facts:
    """A document of a target of which nothing is known yet."""
    return facts.Facts(
        schema=facts.SCHEMA,
        level=ROOTS if request.level == ROOTS else CONTENT,
        prefix=prefix,
        is_venv=False,
        sees_system_site=False,
        host={},
        gpu=gpu.nothing(),
        kernels={},
        python=None,
        python_faults=[],
        distributions=[],
        conda=None,
        foreign=[],
        accepted={},
        paths=[],
        libraries=[],
        library_files=[],
        loader=facts.LoaderFacts(providers={}, unresolved={}),
        bytecode=[],
        environment={},
        unreadable=[],
        counts={"files": 0, "bytes": 0},
        timing={},
    )


def _claims(counted: List[Installed]) -> Dict[str, List[str]]:
    """What each script name of the locked distributions is to call."""
    claims: Dict[str, List[str]] = {}
    for item in counted:
        for name, target in item.scripts.items():
            claims.setdefault(name, []).append(target)
    return claims


def _link_fault(path: str) -> str:
    """Python takes modules first from the folder that a script really is in."""
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.islink(path) or folder == os.path.realpath(os.path.dirname(path)):
        return ""
    if not _is_script(path):
        return ""  # a program, such as uv links into its cache, imports nothing
    return f"leads to `{folder}`, from where it would import"


def _is_script(path: str) -> bool:
    try:
        with open(path, "rb", opener=without_waiting) as file:
            return file.read(2) == b"#!"
    except OSError:
        return False


def _sources(counted: List[Installed]) -> Set[str]:
    """Absolute paths of the locked modules."""
    return {entry.absolute for item in counted for entry in item.entries if entry.path.endswith(".py")}
