"""Rooms whose name is also what a script calls: `envlock.lock()` beside `from envlock.lock import Lock`.

Whoever imports a module of a room makes Python bind the room to its name in `envlock`, so a function of
that name would be there or not, by what somebody imported before. So the room itself is called: it is one
object in every order of imports, and `import envlock.lock.model` leads where it says.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from inspect import Signature, signature
from types import ModuleType
from typing import Any


class Verb(ModuleType):
    """A module that passes a call on to the function of its name in `envlock.api.scripting`."""

    def __call__(self, *values: Any, **options: Any) -> Any:
        return _function(self)(*values, **options)

    @property
    def __signature__(self) -> Signature:
        return signature(_function(self))

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        """A pool of processes takes it as it takes a function: by its name."""
        return importlib.import_module, (self.__name__,)


def make_verb(room: str) -> None:
    """Let the module `room` be called; the room itself says so, on its last line."""
    sys.modules[room].__class__ = Verb


def _function(room: ModuleType) -> Callable[..., Any]:
    scripting = importlib.import_module("envlock.api.scripting")
    found: Callable[..., Any] = getattr(scripting, room.__name__.rpartition(".")[2])
    return found
