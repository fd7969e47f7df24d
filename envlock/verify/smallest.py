"""The smallest explanation of many findings: the most likely cause, in one line."""

from __future__ import annotations

from collections.abc import Sequence

from envlock.report import Finding, Severity

# What else follows from comes first: another interpreter brings other wheels, another wheel other files.
_CAUSES = (
    "python-differs",
    "foreign-interpreter",
    "glibc-too-old",
    "libstdcxx-too-old",
    "cpu-too-old",
    "driver-needs-reboot",
    "driver-too-old",
    "no-code-for-gpu",
    "distribution-missing",
    "version-differs",
)
_KINDS = ("python", "host", "conda", "distribution", "setting", "environment", "path", "files", "bytecode")


def explanation_of(findings: Sequence[Finding]) -> str | None:
    """One line; None where nothing turns the verdict.

    A component with a thousand files that differ is one cause: its first message, and how many more.
    """
    counting = [each for each in findings if each.severity.turns_verdict]
    counting = counting or [each for each in findings if each.severity is Severity.UNKNOWN]
    if not counting:
        return None
    first = min(counting, key=_likelihood)
    alike = sum(each.component == first.component for each in counting) - 1
    others = len({each.component for each in counting}) - 1
    more = [f"{alike} more of {first.component.partition(':')[2] or first.component}"] if alike else []
    more += [f"{others} other {'components' if others > 1 else 'component'}"] if others else []
    return first.message + (f" (and {', '.join(more)})" if more else "")


def _likelihood(finding: Finding) -> tuple[int, int, str, str]:
    code = _CAUSES.index(finding.code) if finding.code in _CAUSES else len(_CAUSES)
    kind = finding.component.partition(":")[0]
    return code, _KINDS.index(kind) if kind in _KINDS else len(_KINDS), finding.component, finding.path or ""
