"""Notebooks: their cells in order, their code as one module, what `!` and `%` run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from envlock.audit.repository.content import Cell, Notebook, Script, Source
from envlock.audit.repository.model import Place

_MAGIC = re.compile(r"\s*[%!?]|.*\?\s*$")
_SHELL = re.compile(r"\s*(?:!|%(?:shell|sx|system|bash)\b|%(?=(?:pip|conda|mamba)\b))\s*(?P<line>.*)")
_ASSIGNED = re.compile(r"\s*[\w., ]+=\s*[!%].*")  # `files = !ls`

_BACKSLASH = "\\"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """A notebook taken apart. `code` is one module: lines that are not Python are blank in it."""

    notebook: Notebook
    code: Source
    cells: tuple[Source, ...]
    script: Script
    prose: tuple[Source, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    text: str
    line: int
    cell: int


def take_apart(source: Source) -> Parts:
    """Raises ValueError where the file is no notebook."""
    rows, is_python = _cells(source.text)
    raw = _RawLines(source.text)
    code: list[list[_Line]] = []
    prose: list[Source] = []
    cells: list[Cell] = []
    for number, cell in enumerate(rows, start=1):
        lines = [_Line(text=text, line=raw.of(text), cell=number) for text in _lines(cell)]
        if cell.get("cell_type") == "code":
            cells.append(_cell(cell, number, lines, source.file))
            code.append(_joined(_python(lines)) if is_python else [])
        elif cell.get("cell_type") == "markdown":
            prose.append(_source(source.file, lines))
    shell = [
        (Place(file=source.file, line=each.line, cell=each.cell), match["line"])
        for lines in code
        for each in lines
        if (match := _SHELL.fullmatch(each.text)) is not None
    ]
    plain = [[_blanked(each) for each in lines] for lines in code]
    return Parts(
        notebook=Notebook(file=source.file, cells=tuple(cells)),
        code=_source(source.file, [each for lines in plain for each in lines]),
        cells=tuple(_source(source.file, lines) for lines in plain),
        script=Script(file=source.file, kind="notebook", lines=tuple(shell)),
        prose=tuple(prose),
    )


def _cells(text: str) -> tuple[list[Mapping[str, Any]], bool]:
    """The cells, and whether their code is Python."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON: {str(error).partition(':')[0].lower()}") from error
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or not all(isinstance(each, dict) for each in cells):
        raise ValueError("has no cells, so it is no notebook")
    return cells, _language(document) in (None, "python")


def _language(document: Mapping[str, Any]) -> object:
    metadata = document.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, dict) else None
    return kernel.get("language") if isinstance(kernel, dict) else None


def _joined(lines: list[_Line]) -> list[_Line]:
    """A magic with the lines that it goes on with (`\\` at the end) is one; those are blank then."""
    found: list[_Line] = []
    head: int | None = None
    for each in lines:
        if head is not None:
            whole = f"{found[head].text.rstrip().removesuffix(_BACKSLASH)} {each.text.strip()}"
            found[head] = replace(found[head], text=whole)
            found.append(replace(each, text=""))
        else:
            found.append(each)
            head = len(found) - 1 if _MAGIC.match(each.text) else None
        head = head if each.text.rstrip().endswith(_BACKSLASH) else None
    return found


def _lines(cell: Mapping[str, Any]) -> list[str]:
    source = cell.get("source", "")
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    return text.splitlines()


def _cell(cell: Mapping[str, Any], number: int, lines: list[_Line], file: str) -> Cell:
    count = cell.get("execution_count")
    return Cell(
        number=number,
        count=count if isinstance(count, int) else None,
        has_outputs=bool(cell.get("outputs")),
        is_empty=not any(each.text.strip() and not each.text.lstrip().startswith("#") for each in lines),
        place=Place(file=file, line=lines[0].line if lines else 1, cell=number),
    )


def _python(lines: list[_Line]) -> list[_Line]:
    """The lines of a cell; one in another language (`%%bash`) has shell for all of them."""
    first = next((each.text.strip() for each in lines if each.text.strip()), "")
    if not first.startswith("%%"):
        return lines
    if first.split()[0] in ("%%bash", "%%sh", "%%script"):
        return [_Line(text=f"!{each.text}", line=each.line, cell=each.cell) for each in lines[1:]]
    if first.split()[0] in ("%%time", "%%timeit", "%%capture"):
        return lines[1:]
    return []


def _blanked(line: _Line) -> _Line:
    """`pass` where there was a magic, so that a block of nothing else stays one."""
    if not _MAGIC.match(line.text) and not _ASSIGNED.fullmatch(line.text):
        return line
    indent = line.text[: len(line.text) - len(line.text.lstrip())]
    return _Line(text=f"{indent}pass", line=line.line, cell=line.cell)


def _source(file: str, lines: list[_Line]) -> Source:
    return Source(
        file=file,
        text="\n".join(each.text for each in lines) + "\n",
        spots=tuple((each.line, each.cell) for each in lines),
    )


class _RawLines:
    """Where the lines of cells stand in the JSON: each is a text of its own there, in the same order."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._next = 0

    def of(self, text: str) -> int:
        wanted = json.dumps(text, ensure_ascii=False)[:-1]
        ascii_only = json.dumps(text)[:-1]
        for place in range(self._next, len(self._lines)):
            line = self._lines[place].lstrip().removeprefix('"source":').lstrip(" [")
            if line.startswith((wanted, ascii_only)):
                self._next = place + 1
                return place + 1
        return max(1, self._next)
