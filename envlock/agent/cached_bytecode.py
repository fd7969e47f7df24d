"""Which bytecode files would be loaded for verified sources, and which of them lie (IDENTITY 5)."""

import hashlib
import os
import platform
import re
from typing import Dict, Iterable, List, Optional, Set, Tuple

from . import bytecode, facts
from .contents import Contents

_PYC = re.compile(r"(?P<stem>[^/]+?)\.(?P<tag>[a-z]+-\d+[a-z]*)(\.opt-(?P<level>\d+))?\.pyc$")
_OTHER_PYTHON = "bytecode can be judged only by the Python that it is for"
_MOST_TOLD = 20
_HIGHEST_LEVEL = 2  # more than two `-O` mean the same to the compiler; the name of the file has them all


class CachedBytecode:
    """The cached bytecode of a target. `same` holds the pairs that were found to be honest."""

    def __init__(self, contents: Contents, redirected: Optional[str], same: Iterable[str]) -> None:
        self.contents = contents
        self.redirected = redirected
        self.same: Set[str] = set(same)
        self.unreadable: List[List[str]] = []
        self._more: List[str] = []
        self._proved: Set[str] = set()

    def also(self, paths: Iterable[str], proved: Set[str]) -> None:
        """Judge these files too, which the walk of the site directories did not come by; `proved` are held
        against a hash, and need no compiling."""
        self._more = [path for path in paths if path not in self.contents.tree.files]
        self._proved = proved

    def pairs(self, sources: Set[str]) -> List[bytecode.PycJob]:
        """Every cached file of `sources`: in `__pycache__`, and below PYTHONPYCACHEPREFIX."""
        found = []
        for path in (*self.contents.tree.files, *self._more):
            if path.endswith(".pyc") and path not in self._proved:
                source, level = self._source_of(path)
                if source in sources:
                    found.append(bytecode.PycJob(source, path, level))
        return found + (self._below(self.redirected, sources) if self.redirected else [])

    def _source_of(self, pyc: str) -> Tuple[str, int]:
        head, _, name = pyc.rpartition("/")
        if not head.endswith("/__pycache__"):
            return "", 0
        return self._source_in(head[: -len("/__pycache__")], name)

    def _source_in(self, folder: str, name: str) -> Tuple[str, int]:
        match = _PYC.match(name)
        if match is None or match["tag"] != self.contents.target.interpreter.cache_tag:
            return "", 0
        return f"{folder}/{match['stem']}.py", min(int(match["level"] or 0), _HIGHEST_LEVEL)

    def _below(self, root: str, sources: Set[str]) -> List[bytecode.PycJob]:
        """A mirror of every source folder, the standard library's too, by each name that it has."""
        folders = {os.path.dirname(source) for source in (*sources, *self.contents.library.files)}
        found = []
        for folder in sorted(folders):
            for spelled in sorted({folder, os.path.realpath(folder)}):
                for pyc, source, level in self._in_mirror(root + spelled, folder):
                    if source in sources or source in self.contents.library.files:
                        found.append(bytecode.PycJob(source, pyc, level))
        return found

    def _in_mirror(self, mirror: str, folder: str) -> Iterable[Tuple[str, str, int]]:
        self.contents.watch(mirror)
        try:
            names = sorted(os.listdir(mirror))
        except OSError:
            return
        for name in names:
            pyc = f"{mirror}/{name}"
            self.contents.watch(pyc)
            yield (pyc, *self._source_in(folder, name))

    def judge(self, sources: Set[str], executable: Optional[str], workers: int) -> List[facts.BytecodeFacts]:
        """Compile what is not known to be honest, and describe what differs."""
        jobs = [job for job in self.pairs(sources) if not self._is_known(job)]
        from_source = any(job.source in self.contents.library.files for job in jobs)
        return self._judged(jobs, bytecode.check_all(jobs, executable, workers, from_source) if jobs else {})

    def judge_here(self, sources: Set[str]) -> List[facts.BytecodeFacts]:
        """As `judge`, by the running interpreter and in its own process: where it is of another version
        than the target, nothing can be said."""
        jobs = self.pairs(sources)
        if platform.python_version() != self.contents.target.interpreter.full_version:
            name = self.contents.target.name
            self.unreadable += [[name(job.pyc), _OTHER_PYTHON] for job in jobs[:_MOST_TOLD]]
            return []
        return self._judged(jobs, {job.pyc: bytecode.check_file(job) for job in jobs})

    def _judged(
        self, jobs: List[bytecode.PycJob], results: Dict[str, bytecode.PycResult]
    ) -> List[facts.BytecodeFacts]:
        name = self.contents.target.name
        judged = []
        for job in jobs:
            result = results[job.pyc]
            if result.verdict == bytecode.SAME:
                self.same.add(self._key(job.optimize, result.source_sha256, result.pyc_sha256))
            elif result.verdict.startswith(bytecode.UNREADABLE):
                self.unreadable.append([name(job.pyc), result.verdict])
            elif result.verdict != bytecode.STALE:
                judged.append(
                    facts.BytecodeFacts(file=name(job.pyc), source=name(job.source), reason=result.verdict)
                )
        return judged

    def _is_known(self, job: bytecode.PycJob) -> bool:
        mine = self.contents.hashes.get((job.pyc, "sha256"))
        its = self.contents.hashes.get((job.source, "sha256"))
        return (
            mine is not None and its is not None and self._key(job.optimize, its.hex, mine.hex) in self.same
        )

    def _key(self, level: int, source: str, pyc: str) -> str:
        interpreter = self.contents.target.interpreter
        text = f"{interpreter.full_version} {interpreter.magic} {level} {source} {pyc}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]
