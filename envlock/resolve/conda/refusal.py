"""Why conda packages cannot be had together: the solver's tree retold in a sentence.

py-rattler tells a tree: what is asked for, what each candidate of it would require, and at the leaves what
is the matter. The whole of it is kept beside the sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from envlock.errors import NoSolution
from envlock.resolve.conda.model import CondaWish

_BRANCH = re.compile(r"^[\s│]*(?:[├└]─ )?")
_NONE = re.compile(r"No candidates were found for (?P<what>.+)")
_CONSTRAINT = re.compile(r"the constraint (?P<what>.+) cannot be fulfilled")
_END = re.compile(
    r",? (?:for which no candidates|which (?:can|cannot) be installed|which conflicts|"
    r"can(?:not)? be installed|would require|would constrain).*"
)
_INCOMPATIBLE = "The following packages are incompatible"


@dataclass(kw_only=True, slots=True)
class Node:
    """A line of the tree and what stands below it."""

    told: str
    below: list[Node] = field(default_factory=list)

    @property
    def what(self) -> str:
        """The specification or package that the line is about, without the star that stands for any.

        >>> Node(told="pytorch ==2.7.1 cuda*, which cannot be installed because …").what
        'pytorch 2.7.1 cuda*'
        """
        return _END.sub("", self.told).removesuffix(" *").replace(" ==", " ")

    @property
    def package(self) -> str:
        return self.what.split(" ", maxsplit=1)[0]

    def ways(self) -> Iterator[tuple[Node, ...]]:
        """Every way down to a leaf."""
        if not self.below:
            yield (self,)
        for node in self.below:
            yield from ((self, *way) for way in node.ways())


def no_solution(wish: CondaWish, text: str, constraints: tuple[str, ...] = ()) -> NoSolution:
    """The error for `text`, what py-rattler says."""
    lines = text.removeprefix("Cannot solve the request because of: ").splitlines()
    trees = read_tree(lines)
    by_cuda = [("asked by", f'{wish.cuda_origin} = "{wish.cuda}": {", ".join(constraints)}')]
    message, hint = _sentence(trees, wish)
    return NoSolution(
        message,
        where=wish.where,
        hint=hint,
        facts=[
            *(by_cuda if constraints else []),
            ("virtual", ", ".join(f"{name} {version}" for name, version in wish.virtual.items())),
            *(("solver says", line) for line in lines if line.strip()),
        ],
    )


def read_tree(lines: list[str]) -> list[Node]:
    """The lines as trees, by their indentation."""
    top: list[Node] = []
    open_: list[tuple[int, list[Node]]] = [(-1, top)]
    for line in filter(str.strip, lines):
        match = _BRANCH.match(line)
        depth = match.end() if match else 0
        node = Node(told=line[depth:].strip().rstrip("."))
        while open_[-1][0] >= depth:
            open_.pop()
        open_[-1][1].append(node)
        open_.append((depth, node.below))
    return top


def _sentence(trees: list[Node], wish: CondaWish) -> tuple[str, str]:
    """The message and the hint."""
    other = "ask for other versions in `packages` of [tool.envlock.conda], or name another channel"
    absent = [match["what"] for tree in trees if (match := _NONE.fullmatch(tree.told))]
    if absent:
        names = ", ".join(f"`{Node(told=what).what}`" for what in absent)
        return f"{_channels(wish)} no {names} for {wish.platform}", other
    told = next((tree.below for tree in trees if tree.told == _INCOMPATIBLE), [])
    if told:
        return _incompatible(told, wish), other
    ways = [way for tree in trees for way in tree.ways()]
    virtual = [way for way in ways if way[-1].package.startswith("__")]
    if virtual:
        return _missing_virtual(virtual[0], wish)
    return f"{_chain(ways[0])}: none fits on {wish.platform}", other


def _incompatible(told: list[Node], wish: CondaWish) -> str:
    held = [match["what"] for node in told if (match := _CONSTRAINT.fullmatch(node.told))]
    asked = [node.what for node in told if not _CONSTRAINT.fullmatch(node.told)]
    names = " and ".join(f"`{name}`" for name in dict.fromkeys(asked))
    together = "" if len(dict.fromkeys(asked)) < 2 else " together"
    wanted = " and ".join(f"`{name}`" for name in dict.fromkeys(held))
    return f"{names} cannot be had{together} on {wish.platform}{f' with {wanted}' if held else ''}"


def _missing_virtual(way: tuple[Node, ...], wish: CondaWish) -> tuple[str, str]:
    name = way[-1].package
    hint = f"`virtual-packages` of [tool.envlock.conda] can give `{name}`"
    if name == "__cuda":
        hint = '`virtual-packages = { __cuda = "12.9" }` of [tool.envlock.conda] says what the hosts can run'
    if name in wish.virtual:
        given = f"and the manifest gives {wish.platform} {name} {wish.virtual[name]}"
        return f"{_chain(way)}, {given}", hint
    return f"{_chain(way)}, and the manifest gives {wish.platform} no such virtual package", hint


def _chain(way: tuple[Node, ...]) -> str:
    """`a 1.0` needs `b 2.0`, which needs `c`: a specification and the package that is to meet it are one."""
    after = [*(node.package for node in way[1:]), ""]
    steps = [f"`{node.what}`" for node, next_ in zip(way, after, strict=True) if node.package != next_]
    first, *rest = steps
    return f"{first} needs {', which needs '.join(rest)}" if rest else f"{first} cannot be had"


def _channels(wish: CondaWish) -> str:
    names = ", ".join(f"`{name}`" for name in wish.request.channels)
    return f"the channel {names} has" if len(wish.request.channels) == 1 else f"the channels {names} have"
