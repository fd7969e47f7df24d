"""One verdict over the nodes of a job: each is judged on its own, and all must be judged by one lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from envlock.report.model import Finding, Report, Severity, Verdict, finding_order, verdict_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """What a node told of itself: `expected` is the runtime hash of its lock, None where it could not look;
    `said` why it is no match."""

    number: int
    host: str
    platform: str
    verdict: Verdict
    expected: str | None
    said: str | None

    @property
    def name(self) -> str:
        return f"node {self.number} (`{self.host}`)"


def with_nodes(report: Report, nodes: Sequence[Node], missing: Mapping[int, str]) -> Report:
    """The report of one node with what the nodes of its job told, its own word among it; `missing` are those
    that told nothing, and why."""
    found = [*_odd(nodes), *_other_locks(nodes), *_silent(missing)]
    findings = tuple(sorted([*report.findings, *found], key=finding_order))
    return replace(report, findings=findings, verdict=verdict_of(findings))


def _odd(nodes: Sequence[Node]) -> Iterator[Finding]:
    for node in nodes:
        if node.verdict is not Verdict.MATCH:
            unknown = node.verdict is Verdict.INCOMPLETE
            yield Finding(
                code="node-unknown" if unknown else "node-differs",
                severity=Severity.UNKNOWN if unknown else Severity.DIFFERS,
                component=f"node:{node.number}",
                message=f"{node.name}: {node.said or node.verdict}",
            )


def _other_locks(nodes: Sequence[Node]) -> Iterator[Finding]:
    """Nodes whose lock promises something else than that of most nodes of their platform."""
    for platform in sorted({node.platform for node in nodes}):
        looked = [node for node in nodes if node.platform == platform and node.expected is not None]
        most = Counter(node.expected for node in looked).most_common(1)
        for node in looked:
            if node.expected != most[0][0]:
                yield Finding(
                    code="node-lock-differs",
                    severity=Severity.DIFFERS,
                    component=f"node:{node.number}",
                    expected=most[0][0],
                    observed=node.expected,
                    message=f"{node.name} is held against another lock than the others",
                    hint="give every node the same `envlock.lock`",
                )


def _silent(missing: Mapping[int, str]) -> Iterator[Finding]:
    for number, why in sorted(missing.items()):
        yield Finding(
            code="node-unknown",
            severity=Severity.UNKNOWN,
            component=f"node:{number}",
            message=f"node {number}: {why}",
            hint="every rank calls `require()`; `timeout_seconds` is how long a node waits for the others",
        )
