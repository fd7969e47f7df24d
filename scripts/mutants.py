"""Try mutmut's mutants in one process: pytest collects once, then each mutant has the tests that reach it.

Run by scripts/mutate.sh in its copy of the tree; arguments are names of mutants with `*`. It is some twenty
times as fast as `mutmut run`, which starts a process and pytest anew for each. The tests must leave nothing
behind: after each module all are run again without a mutant. `mutmut results` and `show` read what it writes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from _pytest.doctest import DoctestItem
from _pytest.tmpdir import tmppath_result_key
from mutmut import __main__ as mutmut
from mutmut.configuration import config
from mutmut.mutation import trampoline
from mutmut.mutation.data import SourceFileMutationData
from mutmut.utils.file_utils import walk_mutatable_files

KILLED, SURVIVED, NO_TESTS, LATE = 1, 0, 33, 36  # as mutmut writes them


_WAITING_SECONDS = 10
_NAMES = pytest.StashKey[dict[str, Any]]()


class _Late(BaseException):
    pass


class Loop:
    """In place of pytest's own loop over the collected tests."""

    def __init__(self, modules: Sequence[SourceFileMutationData], patterns: Sequence[str]) -> None:
        self.modules = modules
        self.patterns = patterns
        self.reached: dict[str, set[int]] = {}
        self.seconds: list[float] = []
        self.used = self.most = 0.0  # of the CPU time of this thread: one that a mutant left may never end
        self.waited = 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._measure(session)
        for data in self.modules:
            names = [name for name in data.exit_code_by_key if self._is_asked(name)]
            if not names:
                continue
            start = time.process_time()
            for name in names:
                data.exit_code_by_key[name] = self._try(session, name)
            with _mutant(""):
                if left := [item.nodeid for item in session.items if not _passes(session, item)]:
                    pytest.exit(f"{data.path}: no mutant is on, and {left[0]} fails", 1)
            data.save()
            found = [data.exit_code_by_key[name] for name in names]
            survived, unasked = found.count(SURVIVED), found.count(NO_TESTS)
            print(
                f"{data.path}: {len(names)} tried, {len(names) - survived - unasked} killed, {survived} "
                f"survived, {unasked} without a test, {time.process_time() - start:.0f} s of CPU",
                flush=True,
            )
        return True

    def tick(self, *_: object) -> None:
        """A host that is busy gives little time, and one that waits for what never comes takes none."""
        before, self.used = self.used, time.thread_time()
        self.waited = self.waited + 1 if self.used - before < 0.001 else 0
        if self.used > self.most or self.waited >= _WAITING_SECONDS:
            raise _Late

    def _is_asked(self, name: str) -> bool:
        return not self.patterns or any(fnmatch(name, pattern) for pattern in self.patterns)

    def _measure(self, session: pytest.Session) -> None:
        """Which tests reach which function, and how long each takes."""

        def hit(name: str, **_: Any) -> None:
            self.reached.setdefault(name, set()).add(len(self.seconds))

        trampoline.record_trampoline_hit = hit
        with _mutant("stats"):
            for item in session.items:
                start = time.process_time()
                if not _passes(session, item):
                    pytest.exit(f"{item.nodeid} fails without a mutant", 1)
                self.seconds.append(time.process_time() - start)

    def _try(self, session: pytest.Session, name: str) -> int:
        tests = sorted(
            self.reached.get(trampoline.mangled_name_from_mutant_name(name), ()),
            key=self.seconds.__getitem__,
        )
        if not tests:
            return NO_TESTS
        self.most = time.thread_time() + 2 + 10 * sum(self.seconds[at] for at in tests)
        self.waited = 0
        signal.setitimer(signal.ITIMER_REAL, 1, 1)
        try:
            with _mutant(name):
                return SURVIVED if all(_passes(session, session.items[at]) for at in tests) else KILLED
        except _Late:
            return LATE
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def _mutant(name: str) -> Iterator[None]:
    trampoline.set_mutant_under_test(name)
    try:
        yield
    finally:
        trampoline.set_mutant_under_test("")


def _passes(session: pytest.Session, item: Any) -> bool:
    if isinstance(item, DoctestItem):  # whose names are gone after it has run
        names = item.stash.setdefault(_NAMES, dict(item.dtest.globs))
        item.dtest.globs.update(names)
    try:
        item._initrequest()  # fixtures are made anew
        item.stash[tmppath_result_key] = {}
        session._setupstate.setup(item)
        item.runtest()
    except (_Late, KeyboardInterrupt):
        raise
    except pytest.skip.Exception:
        return True
    except BaseException:  # what a mutant may raise
        return False
    finally:
        session._setupstate.teardown_exact(None)
        # To make a folder, pytest reads the names of all that are there.
        for folder in Path("../tmp").glob("*"):
            folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    return True


def main(patterns: Sequence[str]) -> int:
    trampoline.set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir(exist_ok=True)
    with contextlib.redirect_stdout(sys.stderr):
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.setup_source_paths()
        mutmut.create_mutants(int(os.environ.get("JOBS", "1")))
    modules = [SourceFileMutationData(path=path) for path in walk_mutatable_files()]
    for data in modules:
        data.load()
        data.meta_path = data.meta_path.absolute()
    given = config()
    os.chdir("mutants")
    loop = Loop(modules, patterns)
    signal.signal(signal.SIGALRM, loop.tick)
    arguments = [
        "--rootdir=.",
        f"--basetemp={Path('../tmp').absolute()}",
        "--assert=plain",
        *given.pytest_add_cli_args,
        *given.pytest_add_cli_args_test_selection,
    ]
    return int(pytest.main(["-q", *arguments], plugins=[loop]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
