"""What people read: the page, the appendices, the checklists. Nothing foreign in them is markup."""

from __future__ import annotations

import base64
import hashlib
import importlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from envlock.audit.evidence.appendix import render_latex, render_markdown
from envlock.audit.evidence.checklist import render_artifact, render_checklist
from envlock.audit.evidence.model import Evidence, Installed
from envlock.audit.evidence.page import render_page
from envlock.report import Verdict
from tests.support.evidence import evidence, finding, seen_receipt, seen_report

EVIL = (
    "</style></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
    "{{7*7}}`\n\x1b[31m\u202e\\input{x}%_$^~#|"
)


def hostile() -> Evidence:
    """A stranger's text wherever a stranger's text can be."""
    plain = evidence(title=EVIL, host={"kernel": EVIL}, installed={"six": Installed(licences=(EVIL,))})
    report = seen_report(plain.main_hash, verdict=Verdict.MISMATCH, findings=(finding(EVIL),))
    receipt = seen_receipt(plain.main_hash)
    receipt.receipt["command"] = [EVIL]
    receipt.receipt["outputs"] = {EVIL: receipt.receipt["outputs"]["model.npz"]}
    return replace(
        plain,
        lock=replace(plain.lock, settings={"A": EVIL}),
        reports=(replace(report, target=EVIL),),
        receipts=(receipt,),
    )


class Reader(HTMLParser):
    """Elements, attributes and text of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.text: dict[str, str] = {}
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "link", "input", "br", "img", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":  # `<rect/>` of SVG closes itself
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        place = self.open[-1] if self.open else ""
        self.text[place] = self.text.get(place, "") + data


def test_no_foreign_text_becomes_an_element_of_the_page() -> None:
    page = Reader(render_page(hostile()))
    assert page.tags.count("script") == page.tags.count("style") == 1
    assert "img" not in page.tags
    assert [name for name, _ in page.attributes if name.startswith("on")] == []
    assert page.open == []
    assert "{{7*7}}" in page.text["h1"]


def test_no_control_character_of_a_foreign_text_is_in_the_page() -> None:
    text = render_page(hostile()).decode()
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text) == []


def test_the_page_loads_nothing_and_its_policy_allows_only_its_own_script_and_style() -> None:
    page = Reader(render_page(evidence()))
    policy = next(value for name, value in page.attributes if value.startswith("default-src"))
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.text[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    loaded = [value for name, value in page.attributes if name in ("src", "href", "srcset", "action")]
    assert [value for value in loaded if not value.startswith("#")] == ["data:,"]


def test_every_section_is_linked_and_there() -> None:
    page = Reader(render_page(evidence()))
    links = {value[1:] for name, value in page.attributes if name == "href" and value.startswith("#")}
    assert links <= {value for name, value in page.attributes if name == "id"}


def test_the_page_says_what_is_known() -> None:
    text = render_page(evidence()).decode()
    for each in (
        "match: every locked file is byte for byte the one that is there",
        evidence().main_hash,
        "<dt>PyTorch</dt><dd>2.6.0</dd>",
        "1 of 2 probes equal to the reference of class",
        "typically by 3 units in the last place and at most by 1e-07 of the largest value; "
        "restored by OMP_NUM_THREADS=2",
        "<strong>CUDA: cudart</strong>",
        "<dt>licence</dt><dd>MIT</dd>",
        "<dt>licence</dt><dd>not known</dd>",
        "python train.py --epochs 5",
        "<strong>Not signed</strong>",
    ):
        assert each in text


def test_a_page_without_documents_of_its_host_says_so() -> None:
    bare = evidence(host={}, installed={}, receipts=())
    text = render_page(bare).decode()
    assert "the reports came as documents, which do not describe their hosts" in text
    assert "Licences and carried libraries are not known: the environment was not at hand." in text
    assert "No receipt of a run was handed over." in text


# --- LaTeX


walker: Any = importlib.import_module("pylatexenc.latexwalker")


def _nodes(nodes: list[Any]) -> list[Any]:
    found: list[Any] = []
    for node in nodes:
        found.append(node)
        inner = list(getattr(node, "nodelist", None) or [])
        arguments = getattr(getattr(node, "nodeargd", None), "argnlist", None) or []
        found += _nodes([*inner, *(each for each in arguments if each is not None)])
    return found


@pytest.mark.parametrize("given", [evidence(), hostile()], ids=["plain", "hostile"])
def test_the_latex_is_read_and_has_only_our_macros(given: Evidence) -> None:
    text = render_latex(given).decode()
    nodes, _, _ = walker.LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    every = _nodes(nodes)
    macros = {node.macroname for node in every if isinstance(node, walker.LatexMacroNode)}
    assert macros <= {
        *("subsection", "texttt", "allowbreak", "par", "item", "textbackslash", "textasciicircum"),
        *("textasciitilde", "textless", "textgreater", "textbar", "char", "textquotesingle"),
        *("textasciigrave", "_", "{", "}", "$", "&", "#", "%"),
    }
    environments = {node.environmentname for node in every if isinstance(node, walker.LatexEnvironmentNode)}
    assert environments == {"description"}


def test_the_latex_names_the_runtime_hash_in_pieces_that_may_break() -> None:
    text = render_latex(evidence()).decode()
    assert evidence().main_hash in text.replace(r"\allowbreak{}", "")


# --- Markdown


def test_no_foreign_text_is_markup_in_markdown() -> None:
    for text in (render_markdown(hostile()), render_checklist(hostile()), render_artifact(hostile())):
        bare = re.sub(r"(`+) ?[^\n]*?[^`]\1(?!`)", "code", text.decode())
        assert re.findall(r"(?<!\\)[<>]|(?<!\\)\[", bare) == []
        assert "\x1b" not in text.decode()


def test_the_appendix_in_markdown() -> None:
    text = render_markdown(evidence()).decode()
    assert text.startswith(
        f"## Environment of demo\n\nRuntime hash: `{evidence().main_hash}`\n\n"
        "The environment has 2 locked components; its wheels install 10 files (73.8 kB). "
        "Verification (1 report): match: every locked file is byte for byte the one that is there.\n"
    )
    assert "| A | 1 |" in text
    assert f"- `model.npz` sha256 `{'7' * 64}`" in text


# --- checklists


def _sections(page: bytes) -> dict[str, str]:
    rows = page.decode().split("\n## ")[1:]
    return {row.partition("\n")[0]: row.partition("\n")[2].strip() for row in rows}


def test_answers_are_those_that_the_evidence_has() -> None:
    answers = _sections(render_checklist(evidence()))
    assert answers["Numerical determinism"] == (
        "Fingerprints in the lock: 2 probes of class nc1:0123456789abcdef, 1 probes of class "
        "nc1:fedcba9876543210. reports/1-a.json: 1 of 2 probes equal. Differences: matmul-f32 "
        "(nc1:0123456789abcdef and nc1:fedcba9876543210): 50 % of the values changed, typically "
        "by 1 unit in the last place and at most by 6e-08 of the largest value; matmul-f32 "
        "(reports/1-a.json): 50 % of the values changed, typically by 3 units in the last place and at most "
        "by 1e-07 of the largest value; restored by OMP\\_NUM\\_THREADS=2."
    )
    assert answers["Licences of software that is used"] == (
        "As the packages' own metadata has them: MIT. Without a licence in their metadata: "
        "jupyterlab-widgets. By package: sbom.cdx.json."
    )
    assert (
        answers["Claims and their scope"]
        == "`TO DO` Left to the author: nothing in this evidence speaks of it."
    )


def test_classes_are_told_apart_by_the_probes_that_both_have() -> None:
    plain = evidence(reports=())
    first, other = plain.lock.numerics
    alone = replace(other.probes[0], name="own")
    equal = replace(first, class_name="nc1:00000000000000ee", probes=(*first.probes, alone))
    held = replace(plain, lock=replace(plain.lock, numerics=(first, equal)))
    assert _sections(render_checklist(held))["Numerical determinism"] == (
        "Fingerprints in the lock: 2 probes of class nc1:0123456789abcdef, 3 probes of class "
        "nc1:00000000000000ee."
    )


def test_what_the_evidence_does_not_have_is_left_to_the_author() -> None:
    bare = evidence(host={}, installed={}, receipts=(), reports=())
    bare = replace(bare, lock=replace(bare.lock, numerics=(), settings={}))
    answers = {**_sections(render_checklist(bare)), **_sections(render_artifact(bare))}
    known = {topic for topic, text in answers.items() if not text.startswith("`TO DO` ")}
    assert known == {
        "Dependencies of the code",
        "Run-time environment",
        "Binary",
        "Disk space required",
        "Installation",
    }


def test_the_disk_space_is_that_of_the_lock() -> None:
    answers = _sections(render_artifact(evidence()))
    assert answers["Disk space required"] == (
        "73.8 kB on disk, 22.1 kB to download. Data is the author's to add."
    )
