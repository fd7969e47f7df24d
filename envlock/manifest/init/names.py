"""Names of groups and files that a person knows by sight."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[^a-z0-9]+")
_WORK = frozenset(
    (
        *(
            "dev",
            "develop",
            "development",
            "devel",
            "test",
            "tests",
            "testing",
            "doc",
            "docs",
            "documentation",
        ),
        *("lint", "linting", "linter", "linters", "format", "formatting", "typing", "types", "type", "mypy"),
        *("check", "checks", "ci", "style", "quality", "release", "build", "publish", "pre", "precommit"),
        *("coverage", "bench", "benchmark", "benchmarks"),
    )
)


def is_for_work(name: str) -> bool:
    """Is `name` that of tools for working on the code, which no result depends on?

    >>> [is_for_work(name) for name in ("dev", "requirements-test", "ci-lint", "gpu", "train")]
    [True, True, True, False, False]
    """
    return any(word in _WORK for word in _WORDS.split(name.lower()))
