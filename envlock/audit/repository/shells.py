"""Shell scripts and the steps of CI: logical lines with their places, and what they install."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from envlock.audit.repository.content import Script, Source
from envlock.audit.repository.model import Place

_COMMENT = re.compile(r"(?:(?<=\s)|^)#(?:\s[^'\"]*)?$")
_FILLED_IN = re.compile(r"\$\{\{.*?\}\}")  # by the CI: a value that cannot be seen here
_STEP = re.compile(r"(?P<indent>\s*(?:- )?)(?:run|script|command):\s*(?P<rest>.*)")
_HEAD = re.compile(r"(?:(?P<style>[|>])[-+1-9]{0,2})?\s*(?:#.*)?")  # of a block, or of a list


def script(source: Source, kind: str) -> Script:
    """The lines of a shell script, continuations joined, comments gone."""
    return Script(file=source.file, kind=kind, lines=tuple(_logical(source, source.text.split("\n"), 1)))


def _logical(source: Source, lines: list[str], first: int) -> Iterator[tuple[Place, str]]:
    started, parts = first, list[str]()
    for number, line in enumerate(lines, start=first):
        started = started if parts else number
        text = _COMMENT.sub("", line.removeprefix("$ ")).rstrip()
        if text.lstrip().startswith("#"):
            continue
        parts.append(text.removesuffix("\\"))
        if not text.endswith("\\"):
            joined = " ".join(parts).strip()
            if joined:
                yield source.place(started), joined
            parts = []


def steps(source: Source) -> Script:
    """What `run:` and `script:` of a CI file run, line by line."""
    found: list[tuple[Place, str]] = []
    lines, place = _FILLED_IN.sub("$VALUE", source.text).split("\n"), 0
    while place < len(lines):
        match = _STEP.fullmatch(lines[place])
        place += 1
        if match is None:
            continue
        start = place
        while place < len(lines) and (not lines[place].strip() or _deeper(lines[place], match["indent"])):
            place += 1
        block = [each.strip() for each in lines[start:place]]
        head = _HEAD.fullmatch(match["rest"])
        if head is None:  # a plain value, which goes on in lines that are deeper
            found += _logical(source, [" ".join((match["rest"], *block))], start)
        else:
            text = _folded(block) if head["style"] == ">" else [each.removeprefix("- ") for each in block]
            found += _logical(source, text, start + 1)
    return Script(file=source.file, kind="ci", lines=tuple(found))


def _folded(block: list[str]) -> list[str]:
    """The lines of a paragraph are one."""
    return [f"{each}\\" if each and after else each for each, after in pairwise((*block, ""))]


def _deeper(line: str, indent: str) -> bool:
    return len(line) - len(line.lstrip()) > len(indent)
