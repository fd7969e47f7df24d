"""The instructions of a Dockerfile: continuations joined, comments and heredocs handled, arguments put in.

Own code, and small: which instructions there are, and where their words come from, is all that is asked.
(Docker's documentation, "Dockerfile reference".)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"#\s*escape\s*=\s*(?P<sign>[\\`])\s*", re.IGNORECASE)
_INSTRUCTION = re.compile(r"\s*(?P<name>[A-Za-z]+)\s+(?P<value>.*)", re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*(?P<quote>['\"]?)(?P<word>[A-Za-z_][A-Za-z0-9_]*)(?P=quote)")
_VARIABLE = re.compile(
    r"\$(?:(?P<plain>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::?(?P<sign>[-+])(?P<word>[^{}]*))?\})"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Instruction:
    """`name` in capitals; `value` is the rest; `body` what stands in heredocs; `line` counts from 1."""

    name: str
    value: str
    line: int
    body: str = ""


def instructions(text: str) -> Iterator[Instruction]:
    r"""The instructions in their order.

    >>> [(each.line, each.name, each.value) for each in instructions("FROM a\nRUN b \\\n  # no\n  c")]
    [(1, 'FROM', 'a'), (2, 'RUN', 'b    c')]
    """
    lines = text.splitlines()
    sign, position = _escape(lines), 0
    while position < len(lines):
        start = position
        value, position = _joined(lines, position, sign)
        match = _INSTRUCTION.fullmatch(value)
        if match is None:
            continue
        body, position = _heredocs(match["value"], lines, position)
        yield Instruction(name=match["name"].upper(), value=match["value"].strip(), line=start + 1, body=body)


def _escape(lines: Iterable[str]) -> str:
    for line in lines:
        if not line.startswith("#"):
            break
        match = _DIRECTIVE.fullmatch(line)
        if match is not None:
            return match["sign"]
    return "\\"


def _joined(lines: list[str], position: int, sign: str) -> tuple[str, int]:
    """One instruction with its continuations; comment lines among them do not count."""
    parts: list[str] = []
    while position < len(lines):
        line = lines[position]
        position += 1
        if line.lstrip().startswith("#") or (parts and not line.strip()):
            if not parts:
                break
            continue
        stripped = line.rstrip()
        if not stripped.endswith(sign):
            parts.append(line)
            break
        parts.append(stripped[: -len(sign)])
    return " ".join(parts), position


def _heredocs(value: str, lines: list[str], position: int) -> tuple[str, int]:
    body: list[str] = []
    for match in _HEREDOC.finditer(value):
        while position < len(lines) and lines[position].strip() != match["word"]:
            body.append(lines[position])
            position += 1
        position += 1
    return "\n".join(body), position


def substituted(text: str, values: Mapping[str, str]) -> str:
    """`text` with `$NAME` and `${NAME:-word}` put in; a name that is not known stays as it is.

    >>> substituted("x:${V:-1}-$W-${T}", {"T": "a"})
    'x:1-$W-a'
    """
    return _VARIABLE.sub(lambda match: _value(match, values), text)


def _value(match: re.Match[str], values: Mapping[str, str]) -> str:
    known = values.get(match["plain"] or match["name"])
    if match["sign"] == "-":
        return known or match["word"]
    if match["sign"] == "+":
        return match["word"] if known else ""
    return match[0] if known is None else known
