"""READMEs, papers and other text: what is prose, and what is an example in a fence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from envlock.audit.repository.content import ImageUse, Source

_FENCE = re.compile(r"\s*(?P<sign>`{3,}|~{3,})\s*(?P<language>[\w+-]*).*")
_IMAGE = re.compile(
    r"(?:docker\.io/|nvcr\.io/)?(?:pytorch/pytorch|nvidia/cuda|nvidia/pytorch):[\w][\w.-]*[\w](?:@sha256:[0-9a-f]{64})?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A fenced block; `language` as it is written, in lower case."""

    language: str
    source: Source


def split(source: Source) -> tuple[Source, tuple[Example, ...]]:
    """(the text with the blocks blank, the blocks)."""
    lines, plain, examples = source.text.split("\n"), list[str](), list[Example]()
    place = 0
    while place < len(lines):
        match = _FENCE.fullmatch(lines[place])
        if match is None:
            plain.append(lines[place])
            place += 1
            continue
        end = _end(lines, place + 1, match["sign"])
        plain += [""] * (min(end + 1, len(lines)) - place)
        examples.append(_example(source, lines[place + 1 : end], place + 1, match["language"].lower()))
        place = end + 1
    return Source(file=source.file, text="\n".join(plain), spots=source.spots), tuple(examples)


def _end(lines: list[str], start: int, sign: str) -> int:
    """The line of the closing fence, or behind the last."""
    for place in range(start, len(lines)):
        text = lines[place].strip()
        if text.startswith(sign) and not text.strip(sign[0]):
            return place
    return len(lines)


def _example(source: Source, lines: list[str], start: int, language: str) -> Example:
    places = [source.place(start + 1 + number) for number in range(len(lines))]
    return Example(
        language=language,
        source=Source(
            file=source.file,
            text="\n".join(lines) + "\n",
            spots=tuple((each.line, each.cell) for each in places),
        ),
    )


def images_told(source: Source) -> Iterator[ImageUse]:
    """Images of PyTorch and CUDA that a text names, in its blocks or outside."""
    for number, line in enumerate(source.text.split("\n"), start=1):
        for match in _IMAGE.finditer(line):
            place = source.place(number, match.start() + 1)
            yield ImageUse(reference=match[0], place=place, is_told=True)
