"""Python source -> imports, calls and assignments with their names in full. Nothing is run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from envlock.audit.repository.content import Assignment, Call, Code, Import, Source

_GUARDS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")


class NotPython(ValueError):
    """The text cannot be parsed; `line` and `column` say where."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def parse(source: Source, *, is_example: bool = False) -> Code:
    """What a file says. Raises NotPython."""
    return _Reader(source).code(_tree(source.text), is_example=is_example)


def _tree(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the code that is read: odd escapes, `is` with a number
            return ast.parse(text)
    except SyntaxError as error:
        raise NotPython(error.msg, error.lineno or 1, error.offset or 1) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotPython(str(error) or "too deeply nested", 1, 1) from error


class _Reader:
    """Walks a module once, outermost first, so that imports are known before they are used."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names: dict[str, str] = {}
        self._imports: list[Import] = []
        self._calls: list[Call] = []
        self._assignments: list[Assignment] = []
        self._texts: dict[str, set[str | None]] = {}

    def code(self, tree: ast.Module, *, is_example: bool) -> Code:
        optional = set(_optional(tree))
        every = list(ast.walk(tree))
        for node in every:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node, is_optional=id(node) in optional)
        for node in every:
            if isinstance(node, ast.Call):
                self._calls.append(self._call(node))
            elif isinstance(node, ast.Assign):
                self._assign(node)
        return Code(
            source=self._source,
            constants=self._constants(),
            imports=tuple(self._imports),
            calls=tuple(self._calls),
            assignments=tuple(self._assignments),
            is_example=is_example,
        )

    def _constants(self) -> dict[str, str]:
        """Names that are given one text only."""
        only = {name: next(iter(found)) for name, found in self._texts.items() if len(found) == 1}
        return {name: text for name, text in only.items() if text is not None}

    def _import(self, node: ast.Import | ast.ImportFrom, *, is_optional: bool) -> None:
        place = self._source.place(node.lineno, node.col_offset + 1)
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            for alias in node.names:
                self._names[alias.asname or alias.name] = f"{module}.{alias.name}"
            if not node.level and module:
                self._imports.append(Import(module=module, place=place, is_optional=is_optional))
            return
        for alias in node.names:
            top = alias.name.partition(".")[0]
            self._names[alias.asname or top] = alias.name if alias.asname else top
            self._imports.append(Import(module=alias.name, place=place, is_optional=is_optional))

    def _call(self, node: ast.Call) -> Call:
        place = self._source.place(node.lineno, node.col_offset + 1)
        return Call(name=self._name(node.func), node=node, place=place)

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                text = node.value.value if isinstance(node.value, ast.Constant) else None
                self._texts.setdefault(target.id, set()).add(text if isinstance(text, str) else None)
            if isinstance(target, ast.Attribute):
                place = self._source.place(node.lineno, node.col_offset + 1)
                found = Assignment(name=self._name(target), value=node.value, place=place)
                self._assignments.append(found)

    def _name(self, node: ast.expr) -> str:
        """`torch.cuda.amp.autocast`; a part that is no name is `?`."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        first = self._names.get(node.id, node.id) if isinstance(node, ast.Name) else "?"
        return ".".join((first, *reversed(parts)))


def _optional(tree: ast.Module) -> Iterator[int]:
    """Imports that the code can do without: in `try … except ImportError`, under `if TYPE_CHECKING`, or in
    a branch by version."""
    for node in ast.walk(tree):
        match node:
            case ast.Try(body=body, handlers=handlers) if any(map(_catches, handlers)):
                every: list[ast.stmt] = [*body, *(each for one in handlers for each in one.body)]
            case ast.If(body=body, orelse=orelse):
                every = [*body, *orelse]
            case _:
                continue
        for statement in every:
            yield from (
                id(each) for each in ast.walk(statement) if isinstance(each, ast.Import | ast.ImportFrom)
            )


def _catches(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(isinstance(each, ast.Name) and each.id in _GUARDS for each in ast.walk(handler.type))
