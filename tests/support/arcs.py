"""Goes into the agent's zipapp while coverage is measured: where the zipapp runs, coverage.py is not there.

Each arc of its modules is a line of a file when it is first taken, so that a process that is killed, forks or
leaves by `os._exit` has told what it ran. What is an arc is as in `coverage/pytracer.py`. Python 3.8.
"""

from __future__ import annotations

import opcode
import os
import sys
import threading
from types import CodeType, FrameType
from typing import Any, Callable

_RESUME = opcode.opmap.get("RESUME")
_HANDLER = opcode.opmap.get("PUSH_EXC_INFO")
_RETURN, _YIELD, _YIELD_FROM = (
    opcode.opmap.get(name) for name in ("RETURN_VALUE", "YIELD_VALUE", "YIELD_FROM")
)


def start(folder: str) -> None:
    """Write to a new file of a folder; where that cannot be written, or a tracer is at work, do nothing."""
    if sys.gettrace() is not None or "coverage" in sys.modules:
        return
    name = "%d-%s" % (os.getpid(), os.urandom(4).hex())
    try:
        file = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
    except OSError:
        return
    trace = _tracer(file, os.path.dirname(__file__) + "/")
    threading.settrace(trace)
    sys.settrace(trace)


def _tracer(file: int, package: str) -> Callable[[FrameType, str, Any], Any]:
    seen = set()

    def called(frame: FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(package):
            return None
        member = code.co_filename[len(package) :]
        last = -code.co_firstlineno if _is_begun(frame, code) else frame.f_lineno

        def took(to: int) -> None:
            nonlocal last
            arc = (member, last, to)
            last = to
            if arc not in seen:
                seen.add(arc)
                os.write(file, ("%s\t%d\t%d\n" % arc).encode())

        def stepped(frame: FrameType, event: str, arg: Any) -> Any:
            if event == "line" and not _is_handler(frame, code):
                took(frame.f_lineno)
            elif event == "return" and _is_left(frame, code):
                if sys.version_info >= (3, 14) and frame.f_lineno not in (None, last):
                    took(frame.f_lineno)
                took(-code.co_firstlineno)
            return stepped

        return stepped

    return called


def _is_begun(frame: FrameType, code: CodeType) -> bool:
    """Or is it a generator that goes on?"""
    return frame.f_lasti < 0 if _RESUME is None else code.co_code[frame.f_lasti + 1] == 0


def _is_handler(frame: FrameType, code: CodeType) -> bool:
    return (
        _HANDLER is not None
        and 0 <= frame.f_lasti < len(code.co_code)
        and (code.co_code[frame.f_lasti] == _HANDLER)
    )


def _is_left(frame: FrameType, code: CodeType) -> bool:
    """Or does it yield?"""
    text, at = code.co_code, frame.f_lasti
    if _RESUME is not None:
        after = at if sys.version_info[:2] == (3, 13) else at + 2
        return len(text) == at + 2 or text[after] != _RESUME
    if text[at] in (_RETURN, _YIELD):
        return text[at] == _RETURN
    return len(text) <= at + 2 or text[at + 2] != _YIELD_FROM
