"""YAML as text with places: every scalar stays as it is written (`3.10` is no number), nothing is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from envlock.manifest.tables import Faults


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A value: `text` of a scalar, `items` of a list, `keys` of a mapping; `line` counts from 1."""

    line: int
    text: str | None = None
    items: tuple[Node, ...] = ()
    keys: Mapping[str, Node] = field(default_factory=dict)


def parse_yaml(text: str, shown_as: str, faults: Faults) -> Node | None:
    """The document; None, with a fault that names line and column, where it is not one."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        return None if root is None else _Reader().node(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = shown_as if mark is None else f"{shown_as}, line {mark.line + 1}, column {mark.column + 1}"
        faults.add(where, f"not valid YAML: {error.problem or error.context}")
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        faults.add(shown_as, f"not valid YAML: {str(error).splitlines()[0]}")
    return None


class _Reader:
    """Nodes by identity: an alias is the node that it stands for, however often it is named."""

    def __init__(self) -> None:
        self._known: dict[int, Node] = {}

    def node(self, node: yaml.Node) -> Node:
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = self._read(node)
        return known

    def _read(self, node: yaml.Node) -> Node:
        line = node.start_mark.line + 1
        match node:
            case yaml.ScalarNode():
                return Node(line=line, text=str(node.value))
            case yaml.SequenceNode():
                return Node(line=line, items=tuple(self.node(each) for each in node.value))
            case _:  # a mapping: there is no other
                return Node(line=line, keys=dict(self._pairs(node)))

    def _pairs(self, node: yaml.Node) -> Iterator[tuple[str, Node]]:
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield str(key.value), self.node(value)
