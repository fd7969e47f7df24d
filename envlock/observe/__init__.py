"""How facts are fetched from a target."""

from envlock.observe.expectation import expectation_of
from envlock.observe.local import LocalTarget, observe_local

__all__ = ["LocalTarget", "expectation_of", "observe_local"]
