"""Evidence -> the environment paragraph of an appendix, in Markdown and in LaTeX."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.audit.evidence import view
from envlock.audit.evidence.escaping import latex, latex_hash, markdown, markdown_code
from envlock.audit.evidence.model import Evidence, SeenReceipt
from envlock.report.text import size

MARKDOWN, LATEX = "appendix.md", "appendix.tex"


def render_markdown(evidence: Evidence) -> bytes:
    """A section to paste into an appendix."""
    return ("\n".join(_markdown(evidence)) + "\n").encode()


def _markdown(evidence: Evidence) -> Iterator[str]:
    yield f"## Environment of {markdown(evidence.title)}"
    yield ""
    yield f"Runtime hash: {markdown_code(evidence.main_hash)}"
    yield ""
    yield markdown(_summary(evidence))
    yield ""
    yield from _markdown_table("stack", view.stack_rows(evidence))
    yield from _markdown_table("setting", view.setting_rows(evidence))
    yield from _markdown_table("host", view.host_rows(evidence))
    yield "| report | verdict | level |"
    yield "|---|---|---|"
    for each in evidence.reports:
        yield f"| {markdown_code(each.name)} | {each.verdict} | {markdown(each.level or 'several')} |"
    for reference in view.references(evidence):
        rows = ", ".join(f"{key} {value}" for key, value in sorted(reference.host.items()))
        yield ""
        yield f"Numerics class {markdown_code(reference.class_name)}: {markdown(rows)}; "
        yield f"{len(reference.probes)} probes recorded."
    for row in view.apart(evidence):
        yield ""
        yield f"- {markdown_code(row.probe)} ({markdown(row.where)}): {markdown(row.words)}"
    for receipt in evidence.receipts:
        yield from _markdown_receipt(receipt)


def _markdown_table(title: str, rows: tuple[view.Row, ...]) -> Iterator[str]:
    if rows:
        yield f"| {title} | |"
        yield "|---|---|"
        yield from (f"| {markdown(row.label)} | {markdown(row.value)} |" for row in rows)
        yield ""


def _markdown_receipt(receipt: SeenReceipt) -> Iterator[str]:
    yield ""
    yield f"Run {markdown_code(view.command_of(receipt))}, commit {markdown(view.commit_of(receipt))}:"
    yield ""
    for name, output in sorted(receipt.receipt["outputs"].items()):
        yield f"- {markdown_code(name)} sha256 {markdown_code(output['sha256'] or 'not there')}"


def _summary(evidence: Evidence) -> str:
    count, files, size_bytes = view.totals(evidence)
    hosts = len(evidence.reports)
    looked = f"{hosts} report{'s' * (hosts != 1)}"
    return (
        f"The environment has {count} locked components; its wheels install {files:,} files "
        f"({size(size_bytes)}). Verification ({looked}): {view.verdict_words(evidence)}."
    )


def render_latex(evidence: Evidence) -> bytes:
    """The same as a subsection that `\\input` takes: standard LaTeX, no package."""
    return ("\n".join(_latex(evidence)) + "\n").encode()


def _latex(evidence: Evidence) -> Iterator[str]:
    yield "% Written by `envlock audit --lock`; needs no package."
    yield rf"\subsection*{{Environment of {latex(evidence.title)}}}"
    yield rf"Runtime hash: {latex_hash(evidence.main_hash)}."
    yield ""
    yield latex(_summary(evidence))
    yield ""
    yield from _latex_table(view.stack_rows(evidence))
    yield from _latex_table(view.setting_rows(evidence))
    yield from _latex_table(view.host_rows(evidence))
    for report in evidence.reports:
        level = latex(report.level or "several")
        yield rf"Report {latex_hash(report.name)}: {report.verdict}, level {level}.\par"
    for reference in view.references(evidence):
        rows = ", ".join(f"{key} {value}" for key, value in sorted(reference.host.items()))
        name = latex_hash(reference.class_name)
        yield rf"Numerics class {name}: {latex(rows)}; {len(reference.probes)} probes recorded.\par"
    for row in view.apart(evidence):
        yield rf"Probe {latex_hash(row.probe)} ({latex(row.where)}): {latex(row.words)}.\par"
    for receipt in evidence.receipts:
        yield from _latex_receipt(receipt)


def _latex_table(rows: tuple[view.Row, ...]) -> Iterator[str]:
    if rows:
        yield r"\begin{description}"
        yield from (rf"\item[{{{latex(row.label)}}}] {latex(row.value)}" for row in rows)
        yield r"\end{description}"


def _latex_receipt(receipt: SeenReceipt) -> Iterator[str]:
    commit = latex(view.commit_of(receipt))
    yield rf"Run {latex_hash(view.command_of(receipt))}, commit {commit}.\par"
    for name, output in sorted(receipt.receipt["outputs"].items()):
        yield rf"Output {latex_hash(name)}: sha256 {latex_hash(output['sha256'] or 'not there')}.\par"
