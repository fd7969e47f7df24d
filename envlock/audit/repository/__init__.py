"""A repository -> findings about what keeps it from being reproduced. Nothing of it is run or fetched.

`walk` chooses files, `read` parses each of them once, `rules/` are small pure functions over what was
read, `judge` runs them and grades. A further rule is a function and a row in its file's `RULES`.
"""

from __future__ import annotations

from envlock.audit.repository.judge import Audit, judge
from envlock.audit.repository.read import read_repository
from envlock.audit.repository.registry import RULES

__all__ = ["RULES", "Audit", "judge", "read_repository"]
