"""Evidence -> one HTML page that needs nothing else: no network, no font, no file beside it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envlock import __version__
from envlock.audit.evidence import view
from envlock.audit.evidence.escaping import one_line
from envlock.audit.evidence.model import Evidence, NumbersSeen
from envlock.audit.evidence.needed import needed
from envlock.audit.evidence.plots import WIDTH, Plot, plot
from envlock.audit.evidence.statement import SIGNED, UNSIGNED
from envlock.audit.evidence.view import Part
from envlock.report.text import size

NAME = "evidence.html"
_TEMPLATES = Path(__file__).with_name("templates")
_MOST_BARS = 15
_SECTIONS = (
    ("stack", "Stack"),
    ("verification", "Verification"),
    ("host", "Host"),
    ("numerics", "Numerics"),
    ("components", "Components"),
    ("receipts", "Receipts"),
    ("again", "Check it again"),
)


def render_page(evidence: Evidence) -> bytes:
    """The page. Every value is escaped by the template engine; the policy in it lets no other script or
    style run than its own, and nothing be loaded."""
    needed("jinja2")
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_visible,
    )
    hashes = {name: _policy_hash(pages.get_template(f"page.{name}").render()) for name in ("css", "js")}
    text = pages.get_template("page.html.j2").render(**_values(evidence), hashes=hashes)
    return f"{text}\n".encode()


def _values(evidence: Evidence) -> dict[str, Any]:
    count, files, size_bytes = view.totals(evidence)
    apart = view.apart(evidence)
    return {
        "e": evidence,
        "version": __version__,
        "width": WIDTH,
        "sections": _SECTIONS,
        "signed_name": SIGNED,
        "statement_name": SIGNED if evidence.is_signed else UNSIGNED,
        "verdict": view.verdict_words(evidence),
        "stack": view.stack_rows(evidence),
        "settings": view.setting_rows(evidence),
        "host": view.host_rows(evidence),
        "references": view.references(evidence),
        "seen": tuple(_seen(evidence)),
        "apart": apart,
        "ulps": _ulps(apart),
        "count": count,
        "files": files,
        "bytes": size_bytes,
        "sizes": _sizes(view.parts(evidence)),
        "groups": tuple(_groups(view.parts(evidence))),
        "text_of": _text_of,
        "command_of": view.command_of,
        "commit_of": view.commit_of,
        "size": size,
    }


def _visible(value: Any) -> Any:
    """No control character and no turn of writing direction of a foreign text reaches the page."""
    return one_line(value) if type(value) is str else value


def _seen(evidence: Evidence) -> Iterator[tuple[NumbersSeen, str]]:
    for report in evidence.reports:
        if report.numerics is not None:
            yield report.numerics, report.name


def _ulps(apart: tuple[view.Apart, ...]) -> Plot:
    rows = [(each.probe, each.median_ulp, f"{each.median_ulp:g} ulp") for each in apart if each.median_ulp]
    return plot(rows[:_MOST_BARS], logarithmic=True)


def _sizes(parts: tuple[Part, ...]) -> Plot:
    """The largest, by size; equal ones by name."""
    known = [(part.name, part.size_bytes) for part in parts if part.size_bytes]
    largest = sorted(known, key=lambda row: (-row[1], row[0]))[:_MOST_BARS]
    return plot([(name, float(count), size(count)) for name, count in largest])


def _groups(parts: tuple[Part, ...]) -> Iterator[tuple[str, tuple[Part, ...]]]:
    for kind, title in (("distribution", "Python distributions"), ("conda package", "Conda packages")):
        members = tuple(part for part in parts if part.kind == kind)
        if members:
            yield title, members


def _text_of(part: Part) -> str:
    """What the search looks in."""
    words = [part.name, part.version, *part.licences, *(row.value for row in part.rows)]
    for each in part.libraries:
        words += [each.path, each.sha256, *(("cuda", each.cuda) if each.cuda else ())]
    return " ".join(words).lower()


def _policy_hash(text: str) -> str:
    """https://www.w3.org/TR/CSP3/#grammardef-hash-source"""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
