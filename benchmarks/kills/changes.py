"""Every change that a command makes to a disk, one after the other: each stops until it is let through.

A seccomp filter in the started process, which its children inherit (uv and all its threads with it), hands
each call that changes files to whoever started it (seccomp_unotify(2)). So a command can be killed between
any two of its changes, whatever the machine does besides. Linux on x86-64, for which the numbers below are.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import select
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# arch/x86/entry/syscalls/syscall_64.tbl
_BY_PATH = {
    76: "truncate", 82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat", 86: "link", 87: "unlink",
    88: "symlink", 90: "chmod", 258: "mkdirat", 263: "unlinkat", 264: "renameat", 265: "linkat",
    266: "symlinkat", 268: "fchmodat", 280: "utimensat", 316: "renameat2", 437: "openat2", 452: "fchmodat2",
}  # fmt: skip
# The position of the descriptor that is written to.
_BY_DESCRIPTOR = {
    1: ("write", 0), 18: ("pwrite64", 0), 20: ("writev", 0), 40: ("sendfile", 0), 77: ("ftruncate", 0),
    91: ("fchmod", 0), 285: ("fallocate", 0), 296: ("pwritev", 0), 326: ("copy_file_range", 2),
}  # fmt: skip
# The position of the flags.
_OPENING = {2: ("open", 1), 257: ("openat", 2)}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_IOCTL, _FICLONE = 16, 0x40049409  # linux/fs.h

# linux/bpf_common.h, linux/seccomp.h, linux/prctl.h
_LOAD, _IS, _HAS, _ANSWER = 0x20, 0x15, 0x45, 0x06
_TELL, _ALLOW = 0x7FC00000, 0x7FFF0000
_SECCOMP, _SET_FILTER, _NEW_LISTENER, _NO_NEW_PRIVILEGES = 317, 1, 8, 38
_RECEIVE, _SEND, _CONTINUE = 0xC0502100, 0xC0182101, 1
_NOTICE = struct.Struct("<QIIiIQ6Q")
_REPLY = struct.Struct("<QqiI")
_ARGUMENTS_AT = 16


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("yes", ctypes.c_ubyte),
        ("no", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("first", ctypes.POINTER(_Instruction)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A call that waits: its name, and the file where it has a descriptor."""

    call: str
    path: str


def can_watch() -> bool:
    return platform.system() == "Linux" and platform.machine() == "x86_64"


def tell_of_changes(to: socket.socket) -> None:
    """In the process to be watched: send the descriptor of its notices. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    steps = list(_filter())
    program = _Program(len(steps), (_Instruction * len(steps))(*(_Instruction(*step) for step in steps)))
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    listener = libc.syscall(_SECCOMP, _SET_FILTER, _NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "the kernel lets nobody watch the calls of a process")
    socket.send_fds(to, [b"."], [listener])
    os.close(listener)
    to.close()


def _filter() -> Iterator[tuple[int, int, int, int]]:
    """The number of the call is looked at; where flags or a request decide, that argument is."""
    yield _LOAD, 0, 0, 0
    for number in (*_BY_PATH, *_BY_DESCRIPTOR):
        yield from ((_IS, 0, 1, number), (_ANSWER, 0, 0, _TELL))
    for number, (_, position) in _OPENING.items():
        yield from ((_IS, 0, 4, number), (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * position))
        yield from ((_HAS, 0, 1, _WRITING), (_ANSWER, 0, 0, _TELL), (_ANSWER, 0, 0, _ALLOW))
    yield from ((_IS, 0, 3, _IOCTL), (_LOAD, 0, 0, _ARGUMENTS_AT + 8))
    yield from ((_IS, 0, 1, _FICLONE), (_ANSWER, 0, 0, _TELL), (_ANSWER, 0, 0, _ALLOW))


class Watched:
    """The notices of a process and its children. `wait` gives the next change, `let` lets it happen."""

    def __init__(self, listener: int, besides: Path) -> None:
        """Writes to pipes, to sockets and to the file `besides` are no changes."""
        self._listener, self._besides, self._id = listener, str(besides), 0
        self._poll = select.poll()
        self._poll.register(listener, select.POLLIN)

    def wait(self, seconds: float) -> Change | None:
        """The next change; None where none came in that time, or nobody is left to make one."""
        while True:
            ready = self._poll.poll(1000 * seconds)
            if not ready or not ready[0][1] & select.POLLIN:
                return None
            change = self._received()
            if change is not None:
                return change

    def _received(self) -> Change | None:
        """None where it is no change; it is let through then."""
        buffer = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, buffer)
        except OSError:  # it was killed before it could be looked at
            return None
        self._id, thread, _, number, _, _, *arguments = _NOTICE.unpack(buffer)
        if number not in _BY_DESCRIPTOR:
            return Change(call=_BY_PATH.get(number) or _OPENING.get(number, ("ioctl", 0))[0], path="")
        call, position = _BY_DESCRIPTOR[number]
        path = _path_of(thread, arguments[position])
        if path.startswith("/") and path != self._besides and not path.startswith("/dev/"):
            return Change(call=call, path=path)
        self.let()
        return None

    def let(self) -> None:
        try:
            fcntl.ioctl(self._listener, _SEND, _REPLY.pack(self._id, 0, 0, _CONTINUE))
        except OSError:  # it was killed meanwhile
            return

    def close(self) -> None:
        os.close(self._listener)


def _path_of(thread: int, descriptor: int) -> str:
    try:
        return str(Path(f"/proc/{thread}/fd/{descriptor & 0xFFFFFFFF}").readlink())
    except OSError:
        return ""
