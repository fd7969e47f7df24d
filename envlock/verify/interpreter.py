"""The interpreter: what must be equal (IDENTITY 3), and whether it is one at all (IDENTITY 6)."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.agent.facts import Facts, PythonFacts
from envlock.agent.merkle import PythonIdentity
from envlock.report import Finding, Severity


def observed_python(expected: PythonIdentity, python: PythonFacts) -> PythonIdentity:
    """The interpreter's leaves. A patch version that the lock leaves open counts as written there."""
    version = expected.version if accepts(expected.version, python["version"]) else python["version"]
    return PythonIdentity(
        python["implementation"],
        version,
        python["soabi"],
        python["abiflags"],
        python["debug"],
        python["gil_disabled"],
    )


def accepts(written: str, version: str) -> bool:
    """`3.11` accepts every patch of 3.11, `3.11.7` only itself.

    >>> accepts("3.11", "3.11.7"), accepts("3.11", "3.1.1"), accepts("3.11.7", "3.11.8")
    (True, False, False)
    """
    return version == written or (written.count(".") == 1 and version.startswith(written + "."))


def judge_python(expected: PythonIdentity, facts: Facts) -> Iterator[Finding]:
    """Each leaf of the interpreter that differs, and each `bin/python*` that is no interpreter."""
    for path, reason in facts["python_faults"]:
        yield Finding(
            code="foreign-interpreter",
            severity=Severity.FOREIGN,
            component="python",
            path=path,
            message=f"`{path}` {reason}",
            hint="make the environment again: `envlock sync`",
        )
    if facts["python"] is not None:
        yield from _leaves(expected, observed_python(expected, facts["python"]))


def _leaves(expected: PythonIdentity, observed: PythonIdentity) -> Iterator[Finding]:
    for name, wanted, found in zip(PythonIdentity._fields, expected, observed):
        if wanted != found:
            label = name.replace("_", "-")
            yield Finding(
                code="python-differs",
                severity=Severity.DIFFERS,
                component="python",
                expected=wanted,
                observed=found,
                message=f"the interpreter's {label} is `{found}`, the lock has `{wanted}`",
                hint=f"make the environment with Python {expected.version}: `envlock sync`",
            )
