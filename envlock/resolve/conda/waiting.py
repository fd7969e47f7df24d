"""Wait for what py-rattler does in the background."""

from __future__ import annotations

import asyncio
import atexit
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

_Value = TypeVar("_Value")


def wait_for(work: Coroutine[None, None, _Value]) -> _Value:
    """The value of `work`. In a thread of its own: the caller may have an event loop, as notebooks do."""
    _linger()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@cache
def _linger() -> None:
    """A process that ends right after an await can crash: its threads still let go of Python objects
    (pyo3-async-runtimes#40)."""
    atexit.register(time.sleep, 0.2)
