"""The commands that the pages show, taken out of their `sh` and `console` blocks.

blocks(page)            # every block of README.md, the tutorial, the FAQ, docs/how-to/*.md, line by line
envlock_calls(line)     # the words after each `envlock` that a line of shell starts
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(?P<language>sh|console)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_ENDS = {"&&", "||", ";", "|", ">", "<"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One block: its page below the root, its language, and its commands without prompt and comment."""

    page: str
    language: str
    number: int
    lines: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.page}-{self.number}"


def pages() -> tuple[Path, ...]:
    """The pages whose commands somebody types."""
    how_to = sorted((ROOT / "docs" / "how-to").glob("*.md"))
    return (ROOT / "README.md", ROOT / "docs" / "tutorial.md", ROOT / "docs" / "faq.md", *how_to)


def blocks(page: Path) -> tuple[Block, ...]:
    """Every block of a page that holds a command."""
    rows = enumerate(_FENCE.finditer(page.read_text(encoding="utf-8")))
    name = page.relative_to(ROOT).as_posix()
    return tuple(
        Block(page=name, language=row["language"], number=number, lines=tuple(_lines(row)))
        for number, row in rows
    )


def _lines(row: re.Match[str]) -> Iterator[str]:
    for line in row["body"].splitlines():
        if row["language"] == "sh" or line.startswith("$ "):
            command = re.sub(r"  +#\s.*$", "", line.removeprefix("$ ")).strip()
            if command and not command.startswith("#"):
                yield command


def envlock_calls(line: str) -> tuple[tuple[str, ...], ...]:
    """The arguments of each call of envlock in a line, those inside of `$(…)` included."""
    inner = re.findall(r"\$\((.*?)\)", line)
    outer = re.sub(r"\$\(.*?\)", "VALUE", line)
    return tuple(call for text in (outer, *inner) for call in _calls(text))


def _calls(text: str) -> Iterator[tuple[str, ...]]:
    words = shlex.shlex(text, posix=True, punctuation_chars="&|;<>")
    words.whitespace_split = True
    call: list[str] = []
    for word in (*words, ";"):
        if word not in _ENDS:
            call.append(word)
            continue
        if call[:1] and Path(call[0]).name == "envlock":
            yield tuple(call[1:])
        # What follows a redirection is a file.
        call = ["FILE"] if word in "<>" else []
