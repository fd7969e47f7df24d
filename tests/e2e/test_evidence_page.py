"""The page of evidence in a real browser: a headless Chromium opens it from a file, without a network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from envlock.api import EvidenceOrder, write_evidence
from envlock.lock import read_lock
from envlock.lock.runtime import runtime_hash
from tests.support.evidence import receipt_document, report_document
from tests.support.tools import need

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "bert-cu124" / "envlock.lock"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence of the example with 55 distributions and CUDA, from documents."""
    folder = tmp_path_factory.mktemp("page")
    runtime = runtime_hash(read_lock(EXAMPLE), "linux-64")
    (folder / "node.json").write_text(json.dumps(report_document(runtime)))
    (folder / "run.json").write_text(json.dumps(receipt_document(runtime)))
    order = EvidenceOrder(
        lock=EXAMPLE,
        folder=folder / "evidence",
        reports=(folder / "node.json",),
        receipts=(folder / "run.json",),
    )
    return write_evidence(order).folder / "evidence.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    need("chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield chromium
        chromium.close()


@dataclass
class Seen:
    """What the browser complained of, and what it asked for."""

    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


def opened(browser: Browser, file: Path, **how: Any) -> tuple[Page, Seen]:
    context = browser.new_context(offline=True, **how)
    page, seen = context.new_page(), Seen()
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("request", lambda request: seen.asked.append(request.url))
    page.goto(file.as_uri())
    return page, seen


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.className || document.activeElement.tagName"))


def test_it_opens_without_a_complaint_and_asks_for_nothing_else(browser: Browser, page_file: Path) -> None:
    page, seen = opened(browser, page_file)
    assert page.title() == "Evidence: bert-cu124"
    assert seen.complaints == []
    assert [url for url in seen.asked if not url.startswith("data:")] == [page_file.as_uri()]
    assert page.locator(".verdict").inner_text().startswith("match:")


def test_its_policy_lets_no_other_script_run(browser: Browser, page_file: Path, tmp_path: Path) -> None:
    """The sign that the policy is read at all: a script that was put in is stopped."""
    spoilt = tmp_path / "spoilt.html"
    text = page_file.read_text()
    spoilt.write_text(text.replace("</main>", "</main><script>document.title = 'taken'</script>"))
    page, seen = opened(browser, spoilt)
    assert page.title() == "Evidence: bert-cu124"
    assert len(seen.complaints) == 1
    assert "Content Security Policy" in seen.complaints[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible_in_light_and_dark(browser: Browser, page_file: Path, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1 for every text."""
    page, seen = opened(browser, page_file, color_scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (_luminance(ground) > 0.5) is (scheme == "light")
    pairs = page.evaluate(_COLOURS)
    assert len(pairs) >= 5
    pairs += page.evaluate(_VERDICTS)
    assert [pair for pair in pairs if _contrast(*pair) < 4.5] == []
    assert seen.complaints == []


# Colour of every text, and of the nearest ground that is painted below it.
_COLOURS = """() => {
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (!colour.endsWith(", 0)")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = new Set();
  for (const each of document.querySelectorAll("body *")) {
    if (!each.innerText || !each.innerText.trim()) continue;
    found.add(JSON.stringify([getComputedStyle(each).color, ground(each)]));
  }
  return Array.from(found).map((each) => JSON.parse(each));
}"""


# The colours of verdicts that this page does not have, on both grounds.
_VERDICTS = """() => {
  const probe = document.body.appendChild(document.createElement("p"));
  const found = [];
  for (const name of ["good", "bad", "unknown"]) for (const ground of ["ground", "card"]) {
    probe.style.color = "var(--" + name + ")";
    probe.style.backgroundColor = "var(--" + ground + ")";
    found.push([getComputedStyle(probe).color, getComputedStyle(probe).backgroundColor]);
  }
  return found;
}"""


def _luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(part) / 255 for part in colour.partition("(")[2].rstrip(")").split(",")[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_it_fits_a_phone(browser: Browser, page_file: Path) -> None:
    page, _ = opened(browser, page_file, viewport={"width": 360, "height": 740}, is_mobile=True)
    page.locator("summary").nth(1).click()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    small = "() => Array.from(document.querySelectorAll('summary')).map((e) => e.offsetHeight)"
    assert min(page.evaluate(small)) >= 24  # WCAG 2.2, 2.5.8: the size of a target


def test_the_keyboard_reaches_and_opens_everything(browser: Browser, page_file: Path) -> None:
    page, seen = opened(browser, page_file)
    page.keyboard.press("Tab")
    assert focused(page) == "skip"
    box = page.locator(".skip").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    page.keyboard.press("Enter")
    assert focused(page) == "MAIN"
    page.keyboard.press("Tab")
    assert focused(page) == "search"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.keyboard.press("Tab")  # the group of distributions
    page.keyboard.press("Tab")  # the first of them
    assert focused(page) == "SUMMARY"
    assert page.evaluate(outline) == "solid"
    opened_by_key = "document.activeElement.parentElement.open"
    assert page.evaluate(opened_by_key) is False
    page.keyboard.press("Enter")
    assert page.evaluate(opened_by_key) is True
    page.keyboard.press("Space")
    assert page.evaluate(opened_by_key) is False
    assert seen.complaints == []


def test_the_search_finds_and_forgets(browser: Browser, page_file: Path) -> None:
    page, _ = opened(browser, page_file)
    assert page.locator(".shown").inner_text() == "55 components"
    page.locator("#search").fill("cudnn cu12")
    assert page.locator(".tree [data-text]:visible strong").all_inner_texts() == ["nvidia-cudnn-cu12"]
    assert page.locator(".shown").inner_text() == "1 of 55 shown"
    page.locator("#search").fill("no such thing")
    assert page.locator(".tree [data-text]:visible").count() == 0
    page.keyboard.press("Escape")
    assert page.locator(".tree [data-text]:visible").count() == 55


def test_on_paper_everything_is_open_and_black_on_white(browser: Browser, page_file: Path) -> None:
    page, _ = opened(browser, page_file, color_scheme="dark")
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 1
    assert page.pdf().startswith(b"%PDF-")


def test_without_scripts_all_of_it_is_there(browser: Browser, page_file: Path) -> None:
    page, _ = opened(browser, page_file, java_script_enabled=False)
    assert page.locator(".tree [data-text]").count() == 55
    assert not page.locator("#search").is_visible()


def test_the_plots_show_the_largest_and_how_far_numbers_lie_apart(browser: Browser, page_file: Path) -> None:
    page, _ = opened(browser, page_file)
    ulps, sizes = page.locator("svg").all()
    assert sizes.locator("text:not(.value)").first.text_content() == "torch"
    assert ulps.locator("text").all_text_contents() == ["matmul-f32", "3 ulp"]
    widths = [float(each.get_attribute("width") or 0) for each in sizes.locator("rect").all()]
    assert widths == sorted(widths, reverse=True)
    assert len(widths) == 15
