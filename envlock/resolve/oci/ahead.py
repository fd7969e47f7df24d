"""Work ahead in a thread: what gives bytes (disk or network, hashing, inflating) and what takes them (a tar
reader, a disk) keep a core each, since all of it is done without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from queue import Full, Queue
from threading import Event, Thread

_MOST_WAITING = 64
_LOOK_SECONDS = 0.1


def ahead(items: Iterator[bytes]) -> Generator[bytes]:
    """The same items, made by a thread before they are asked for; what it raises is raised here in its turn.

    Nothing else may touch `items` until this one has come to its end, or was closed.
    """
    waiting: Queue[bytes | BaseException] = Queue(maxsize=_MOST_WAITING)
    unwanted = Event()
    worker = Thread(target=_make, args=(items, waiting, unwanted), daemon=True)
    worker.start()
    try:
        while not isinstance(item := waiting.get(), BaseException):
            yield item
        if not isinstance(item, StopIteration):
            raise item
    finally:
        unwanted.set()
        worker.join()


def _make(items: Iterator[bytes], waiting: Queue[bytes | BaseException], unwanted: Event) -> None:
    try:
        for item in items:
            if not _handed_over(item, waiting, unwanted):
                return
        end: BaseException = StopIteration()
    except BaseException as error:
        end = error
    _handed_over(end, waiting, unwanted)


def _handed_over(item: bytes | BaseException, waiting: Queue[bytes | BaseException], unwanted: Event) -> bool:
    while not unwanted.is_set():
        try:
            waiting.put(item, timeout=_LOOK_SECONDS)
        except Full:
            continue
        return True
    return False
