"""`cache` (Python 3.9) on Python 3.8."""

from functools import lru_cache, partial, wraps

__all__ = ["cache", "lru_cache", "partial", "wraps"]

cache = lru_cache(maxsize=None)
