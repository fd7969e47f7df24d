"""Is a `.pyc` what this interpreter makes of its source (IDENTITY 5)?

Runs inside the target's interpreter (`-I -S -B`): only that one compiles as the target would. Reads
rows of [source, pyc, optimisation level] as JSON on stdin, writes one row per file on stdout. Marshal
bytes are not compared: reference flags differ between an import and compileall.
"""

import errno
import hashlib
import json
import marshal
import os
import stat
import subprocess
import sys
from types import CodeType
from typing import IO, Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

# co_filename is judged apart; co_lnotab is derived (and deprecated); methods and closures are no fields.
_NOT_FIELDS = ("co_filename", "co_lnotab", "co_lines", "co_positions", "co_branches")
STALE = "stale"
UNREADABLE = "cannot be read"
SAME = "same"
_MOST_MEMORY_BYTES = 2 << 30
_ENDLESS = (stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK)


class PycJob(NamedTuple):
    source: str
    pyc: str
    optimize: int


class PycResult(NamedTuple):
    """`verdict` is "same", "stale" (Python ignores the file) or the reason why it differs."""

    pyc: str
    verdict: str
    source_sha256: str
    pyc_sha256: str


def check_file(job: PycJob) -> PycResult:
    """Judge one pair of files."""
    try:
        source, pyc = _read(job.source), _read(job.pyc)
        status = os.stat(job.source)
    except FileNotFoundError:  # bytecode in __pycache__ without a source is never loaded
        return PycResult(job.pyc, STALE, "", "")
    except OSError as error:
        return PycResult(job.pyc, "%s: %s" % (UNREADABLE, error.strerror), "", "")
    hashes = hashlib.sha256(source).hexdigest(), hashlib.sha256(pyc).hexdigest()
    if not _would_load(pyc, source, int(status.st_mtime), status.st_size):
        return PycResult(job.pyc, STALE, *hashes)
    return PycResult(job.pyc, _judge(pyc, source, job), *hashes)


def _read(path: str) -> bytes:
    if stat.S_IFMT(os.stat(path).st_mode) in _ENDLESS:
        raise OSError(errno.EINVAL, "not a regular file")
    with open(path, "rb") as file:
        return file.read()


def _would_load(pyc: bytes, source: bytes, mtime: int, size: int) -> bool:
    """As importlib decides: bit 0 of the flags = a hash, bit 1 = compare it with the source (PEP 552).

    Bit 1 alone is read as flags 0: mtime and size of the source.
    """
    import _imp
    from importlib.util import MAGIC_NUMBER

    if len(pyc) < 16 or pyc[:4] != MAGIC_NUMBER:
        return False
    flags = int.from_bytes(pyc[4:8], "little")
    if flags > 3:
        return False
    if flags & 1:
        return flags == 1 or bool(
            pyc[8:16] == _imp.source_hash(int.from_bytes(MAGIC_NUMBER, "little"), source)
        )
    stamp = (mtime & 0xFFFFFFFF).to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    return pyc[8:16] == stamp


def _judge(pyc: bytes, source: bytes, job: PycJob) -> str:
    try:
        found = marshal.loads(pyc[16:])  # noqa: S302 - read, never run, in a process of its own
    except Exception:
        return "its code cannot be read"
    if not isinstance(found, CodeType):
        return "it holds no code"
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = compile(source, job.source, "exec", dont_inherit=True, optimize=job.optimize)
    except Exception as error:
        return "its source does not compile: %s" % type(error).__name__
    return difference(expected, found, found.co_filename) or SAME


def difference(expected: Any, found: Any, filename: str) -> Optional[str]:
    """The first field in which two code objects or constants differ; None when they are the same.

    `==` on code objects ignores co_filename, co_qualname and co_stacksize, and on constants the sign
    of zero and the type of a number: everything is compared here, type and value.
    """
    if type(expected) is not type(found):
        return "a constant has another type"
    if isinstance(expected, CodeType):
        return _code_difference(expected, found, filename)
    if isinstance(expected, tuple):
        return _tuple_difference(expected, found, filename)
    if isinstance(expected, frozenset):
        # Their order depends on the hash seed; constants in a set are hashable scalars or tuples.
        same = _set_rows(expected) == _set_rows(found)
    elif isinstance(expected, slice):  # constants from Python 3.14 on
        parts = (expected.start, expected.stop, expected.step)
        return _tuple_difference(parts, (found.start, found.stop, found.step), filename)
    else:
        same = _constant_key(expected) == _constant_key(found)
    return None if same else "a constant differs"


def _set_rows(values: Iterable[Any]) -> List[str]:
    return sorted(_constant_key(value) for value in values)


def _constant_key(value: Any) -> str:
    """Type and value as text: tells 0.0 from -0.0 and 1 from True, and takes integers of any size."""
    if isinstance(value, tuple):
        return "(%s)" % ",".join(_constant_key(part) for part in value)
    if isinstance(value, frozenset):
        return "{%s}" % ",".join(_set_rows(value))
    text = hex(value) if isinstance(value, int) else repr(value)
    return "%s %s" % (type(value).__name__, text)


def _tuple_difference(expected: Sequence[Any], found: Sequence[Any], filename: str) -> Optional[str]:
    if len(expected) != len(found):
        return "another number of constants"
    for left, right in zip(expected, found):
        reason = difference(left, right, filename)
        if reason:
            return reason
    return None


def _code_difference(expected: CodeType, found: CodeType, filename: str) -> Optional[str]:
    if found.co_filename != filename:
        return "its parts name different source files"
    for field in _fields(expected):
        left, right = getattr(expected, field), getattr(found, field)
        if field == "co_consts":
            reason = _tuple_difference(left, right, filename)
            if reason:
                return reason
        elif type(left) is not type(right) or left != right:
            return "%s of `%s` differs" % (field, expected.co_name)
    if _hidden_fields(expected) != _hidden_fields(found):
        return "instructions of `%s` differ" % expected.co_name
    return None


def _hidden_fields(code: CodeType) -> Tuple[Any, List[str]]:
    """What runs, from Python 3.11 on: `co_code` hides specialised instructions and their caches, and
    the variables of a frame have one order that co_varnames and its like do not tell.
    """
    name_of = getattr(code, "_varname_from_oparg", None)
    count = len({*code.co_varnames, *code.co_cellvars, *code.co_freevars})
    names = [name_of(index) for index in range(count)] if name_of is not None else []
    return getattr(code, "_co_code_adaptive", None), names


def _fields(code: CodeType) -> List[str]:
    return [name for name in dir(code) if name.startswith("co_") and name not in _NOT_FIELDS]


def _bound_memory() -> None:
    """A crafted file can ask marshal for a tuple of gigabytes; an honest one needs nothing like it."""
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, hard))
    except (ImportError, ValueError, OSError):  # no such limit here
        return


def main() -> None:
    """Answer the jobs on stdin."""
    _bound_memory()
    rows = [check_file(PycJob(*row)) for row in json.load(sys.stdin)]
    json.dump([list(row) for row in rows], sys.stdout)


class _Worker(NamedTuple):
    process: "subprocess.Popen[bytes]"
    answers: IO[bytes]


def check_all(
    jobs: Sequence[PycJob], executable: Optional[str], workers: int, from_source: bool = False
) -> Dict[str, PycResult]:
    """Judge every job, by `executable` or (None) by the running interpreter; results by pyc path.

    `from_source`: bytecode of the interpreter's own library is among what is judged, so it is not used.
    A worker that dies is a finding about the files that it was given: a crafted `.pyc` can crash
    marshal, which an honest one never does.
    """
    batches = [list(jobs[index::workers]) for index in range(workers)]
    from .interpreter import command_of

    command = command_of(executable or sys.executable, from_source=from_source)
    running = [(batch, _start(batch, command)) for batch in batches if batch]
    results: Dict[str, PycResult] = {}
    for batch, worker in running:
        results.update(_finish(batch, worker, command))
    return results


def _start(batch: List[PycJob], command: List[str]) -> _Worker:
    from .interpreter import CLEAN_ENVIRONMENT, source_of

    program = source_of("bytecode.py") + "\nmain()\n"
    answers = _nameless()
    # Files, not pipes: two workers are fed and read at once without threads.
    with _nameless() as feed:
        feed.write(json.dumps(batch).encode())
        feed.seek(0)
        process = subprocess.Popen(
            [*command, "-c", program],
            stdin=feed,
            stdout=answers,
            stderr=subprocess.DEVNULL,
            env=CLEAN_ENVIRONMENT,
        )
    return _Worker(process, answers)


def _nameless() -> IO[bytes]:
    """A file without a name, in memory: a container may have no place that can be written."""
    try:
        return os.fdopen(os.memfd_create("envlock"), "w+b")
    except (AttributeError, OSError):  # not Linux, or an old one
        import tempfile

        return tempfile.TemporaryFile()


def _finish(batch: List[PycJob], worker: _Worker, command: List[str]) -> Dict[str, PycResult]:
    status = worker.process.wait()
    with worker.answers as answers:
        answers.seek(0)
        data = answers.read()
    if status == 0:
        return {row[0]: PycResult(*row) for row in json.loads(data)}
    if len(batch) == 1:
        return {batch[0].pyc: PycResult(batch[0].pyc, "it crashes the interpreter that reads it", "", "")}
    middle = len(batch) // 2
    halves = [(half, _start(half, command)) for half in (batch[:middle], batch[middle:])]
    results: Dict[str, PycResult] = {}
    for half, second in halves:
        results.update(_finish(half, second, command))
    return results
