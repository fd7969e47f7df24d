"""Python source -> imports, calls and assignments with their names in full. Nothing is run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

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


# What any rule asks of a call or an assignment; in code without these words only imports matter, and its
# expressions are not walked.
_TOLD = re.compile(
    r"seed|backward|determinis|Trainer|autocast|GradScaler|_memory_history|DataLoader|from_pretrained"
    r"|SentenceTransformer|snapshot_download|pipeline|load_dataset|hub|download|retrieve|from_url|cuda|cudnn"
    r"|default_rng|setup"
)
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
_SEEN = frozenset((ast.Import, ast.ImportFrom, ast.Call, ast.Assign, ast.arguments))
_SPARING = frozenset((ast.Try, ast.If))
_MARKS = (ast.expr_context, ast.operator, ast.cmpop, ast.unaryop, ast.boolop)
# Below these there is nothing; fields hold plain values, too.
_LEAVES = frozenset(
    (
        *(ast.Name, ast.Constant, str, int, bool, type(None)),
        *(kind for mark in _MARKS for kind in mark.__subclasses__()),
    )
)


# The fields of each kind of node that may hold what is looked for, the last first.
_NODES = [kind for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, ast.AST)]
_DEEP = {kind: kind._fields[::-1] for kind in _NODES}
_SHALLOW = {kind: tuple(each for each in _DEEP[kind] if each in _BLOCKS) for kind in _NODES}


class _Reader:
    """Walks a module once, in the order of its lines; names are looked up when all imports are known."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names: dict[str, str] = {}
        self._imports: list[Import] = []
        self._calls: list[ast.Call] = []
        self._assigned: list[ast.Assign] = []
        self._assignments: list[Assignment] = []
        self._values: dict[str, set[object]] = {}

    def code(self, tree: ast.Module, *, is_example: bool) -> Code:
        self._walk(tree, is_deep=_TOLD.search(self._source.text) is not None)
        for each in self._assigned:
            self._assign(each)
        return Code(
            source=self._source,
            constants=self._constants(),
            imports=self._settled(),
            calls=tuple(self._call(each) for each in self._calls),
            assignments=tuple(self._assignments),
            is_example=is_example,
        )

    def _walk(self, tree: ast.Module, *, is_deep: bool) -> None:
        fields = _DEEP if is_deep else _SHALLOW
        todo: list[tuple[ast.AST, bool]] = [(tree, False)]
        while todo:
            node, is_optional = todo.pop()
            kind = type(node)
            if kind in _SEEN:
                self._see(node, is_optional=is_optional)
            below = _spared(node) if kind in _SPARING else ()
            for name in fields[kind]:
                value: Any = getattr(node, name, None)
                if type(value) is list:
                    marked = is_optional or name in below
                    todo += [(each, marked) for each in reversed(value) if type(each) not in _LEAVES]
                elif type(value) not in _LEAVES:
                    todo.append((value, is_optional or name in below))

    def _see(self, node: Any, *, is_optional: bool) -> None:
        match node:
            case ast.Import() | ast.ImportFrom():
                self._import(node, is_optional=is_optional)
            case ast.Call():
                self._calls.append(node)
                self._numbers(node)
            case ast.Assign():
                self._assigned.append(node)
            case _:  # ast.arguments, the last of _SEEN
                for argument, default in _defaults(node):
                    self._value(argument, default)

    def _numbers(self, node: ast.Call) -> None:
        """A number that is handed over by name may be that of a parameter of this name."""
        for each in node.keywords:
            if each.arg and isinstance(each.value, ast.Constant) and isinstance(each.value.value, int):
                self._values.setdefault(each.arg, set()).add(each.value.value)

    def _settled(self) -> tuple[Import, ...]:
        """What is optional in one place is so in all: a function may count on the check of another."""
        spared = {each.module for each in self._imports if each.is_optional}
        return tuple(
            replace(each, is_optional=True) if each.module in spared else each for each in self._imports
        )

    def _constants(self) -> dict[str, str | int]:
        """Names that are given one text or number only."""
        only = {name: next(iter(found)) for name, found in self._values.items() if len(found) == 1}
        return {name: value for name, value in only.items() if isinstance(value, str | int)}

    def _value(self, name: str, node: ast.expr) -> None:
        value = node.value if isinstance(node, ast.Constant) else None
        self._values.setdefault(name, set()).add(value if isinstance(value, str | int) else None)

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
                self._value(target.id, node.value)
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


def _spared(node: ast.AST) -> tuple[str, ...]:
    """The blocks whose imports the code can do without: those of `try … except ImportError`, those under
    `if TYPE_CHECKING`, and branches by version."""
    if isinstance(node, ast.If):
        return ("body", "orelse")
    handlers = node.handlers if isinstance(node, ast.Try) else ()
    return ("body", "handlers") if any(map(_catches, handlers)) else ()


def _defaults(node: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    plain = (*node.posonlyargs, *node.args)
    for argument, default in zip(reversed(plain), reversed(node.defaults), strict=False):
        yield argument.arg, default
    for argument, given in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        if given is not None:
            yield argument.arg, given


def _catches(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(isinstance(each, ast.Name) and each.id in _GUARDS for each in ast.walk(handler.type))
