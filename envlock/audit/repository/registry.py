"""All rules, in the order in which the reference lists them."""

from __future__ import annotations

from envlock.audit.repository.model import Rule
from envlock.audit.repository.rules import code, data, dependencies, images, notebooks, reading, stacks

RULES: tuple[Rule, ...] = (
    *stacks.RULES,
    *dependencies.RULES,
    *images.RULES,
    *code.RULES,
    *data.RULES,
    *notebooks.RULES,
    *reading.RULES,
)
IDS = frozenset(rule.id for rule in RULES)
