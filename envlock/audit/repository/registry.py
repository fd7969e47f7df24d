"""All rules, in the order in which the reference lists them."""

from __future__ import annotations

from envlock.audit.repository.model import Rule
from envlock.audit.repository.rules import images, reading

RULES: tuple[Rule, ...] = (*images.RULES, *reading.RULES)
IDS = frozenset(rule.id for rule in RULES)
