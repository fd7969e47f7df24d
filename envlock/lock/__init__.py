"""The lock: values, the file `envlock.lock`, its runtime hash, and whether it is still fresh."""

from __future__ import annotations

from envlock.lock.file import read_lock, write_lock
from envlock.lock.model import (
    LOCK_VERSION,
    BuiltImage,
    CondaLock,
    CondaPackage,
    Distribution,
    Fixup,
    ImageLock,
    ImagePlatform,
    Lock,
    Stack,
    Wheel,
)
from envlock.lock.reader import loads
from envlock.lock.runtime import conda_runtime_hash, runtime_hash, runtime_tree
from envlock.lock.writer import dumps
from envlock.verbs import make_verb

__all__ = [
    "LOCK_VERSION",
    "BuiltImage",
    "CondaLock",
    "CondaPackage",
    "Distribution",
    "Fixup",
    "ImageLock",
    "ImagePlatform",
    "Lock",
    "Stack",
    "Wheel",
    "conda_runtime_hash",
    "dumps",
    "loads",
    "read_lock",
    "runtime_hash",
    "runtime_tree",
    "write_lock",
]

make_verb(__name__)  # `envlock.lock(…)`
