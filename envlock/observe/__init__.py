"""How facts are fetched from a target."""

from envlock.observe.document import parse_facts, read_facts
from envlock.observe.expectation import expectation_of
from envlock.observe.local import LocalTarget, observe_local

__all__ = ["LocalTarget", "expectation_of", "observe_local", "parse_facts", "read_facts"]
