"""envlock: the lock that proves the bytes on disk."""

__version__ = "0.1.0"
