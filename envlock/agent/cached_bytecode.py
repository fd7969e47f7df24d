"""Which bytecode files would be loaded for verified sources, and which of them lie (IDENTITY 5)."""

import hashlib
import os
import re
from typing import Iterable, List, Optional, Set, Tuple

from . import bytecode, facts
from .contents import Contents

_PYC = re.compile(r"(?P<stem>[^/]+)\.(?P<tag>[a-z]+-\d+[a-z]*)(\.opt-(?P<level>[12]))?\.pyc$")
_SUFFIXES = ((0, ""), (1, ".opt-1"), (2, ".opt-2"))


class CachedBytecode:
    """The cached bytecode of a target. `same` holds the pairs that were found to be honest."""

    def __init__(self, contents: Contents, redirected: Optional[str], same: Iterable[str]) -> None:
        self.contents = contents
        self.redirected = redirected
        self.same: Set[str] = set(same)
        self.unreadable: List[List[str]] = []

    def pairs(self, sources: Set[str]) -> List[bytecode.PycJob]:
        """Every cached file of `sources`: in `__pycache__`, and below PYTHONPYCACHEPREFIX."""
        found = []
        for path in self.contents.tree.files:
            if path.endswith(".pyc"):
                source, level = self._source_of(path)
                if source in sources:
                    found.append(bytecode.PycJob(source, path, level))
        return found + (self._below(self.redirected, sources) if self.redirected else [])

    def _source_of(self, pyc: str) -> Tuple[str, int]:
        head, _, name = pyc.rpartition("/")
        match = _PYC.match(name)
        tag = self.contents.target.interpreter.cache_tag
        if match is None or not head.endswith("/__pycache__") or match["tag"] != tag:
            return "", 0
        return f"{head[: -len('/__pycache__')]}/{match['stem']}.py", int(match["level"] or 0)

    def _below(self, root: str, sources: Set[str]) -> List[bytecode.PycJob]:
        tag = self.contents.target.interpreter.cache_tag
        found = []
        for source in sorted(sources):
            for level, suffix in _SUFFIXES:
                pyc = f"{root}{source[: -len('.py')]}.{tag}{suffix}.pyc"
                self.contents.watch(pyc)
                if os.path.exists(pyc):
                    found.append(bytecode.PycJob(source, pyc, level))
        return found

    def judge(self, sources: Set[str], executable: Optional[str], workers: int) -> List[facts.BytecodeFacts]:
        """Compile what is not known to be honest, and describe what differs."""
        jobs = [job for job in self.pairs(sources) if not self._is_known(job)]
        results = bytecode.check_all(jobs, executable, workers) if jobs else {}
        name = self.contents.target.name
        judged = []
        for job in jobs:
            result = results[job.pyc]
            if result.verdict == bytecode.SAME:
                self.same.add(self._key(result.source_sha256, result.pyc_sha256))
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
        return mine is not None and its is not None and self._key(its.hex, mine.hex) in self.same

    def _key(self, source: str, pyc: str) -> str:
        interpreter = self.contents.target.interpreter
        text = f"{interpreter.full_version} {interpreter.magic} {source} {pyc}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]
