"""Who needs whom among locked distributions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)  # without slots, so that what is computed once can be kept
class Graph:
    """`edges`: name -> names that it needs. A lock does not say what was asked for by name, so the roots
    are what nothing else needs; of distributions that need one another in a ring, all."""

    edges: Mapping[str, Set[str]]

    def above(self, name: str) -> frozenset[str]:
        """All that need `name`, directly or not. It is among them where it stands in a ring.

        >>> sorted(Graph({"a": {"b"}, "b": {"c"}, "c": set()}).above("c"))
        ['a', 'b']
        """
        return self._turned.reached(self._turned.edges.get(name, ()))

    @cached_property
    def _turned(self) -> Graph:
        turned: dict[str, set[str]] = {name: set() for name in self.edges}
        for name, needed in self.edges.items():
            for each in needed:
                turned[each].add(name)
        return Graph(turned)

    def reached(self, names: Iterable[str], without: str | None = None) -> frozenset[str]:
        """`names` and all that they need, on ways that do not lead through `without`."""
        found: set[str] = set()
        waiting = [name for name in names if name != without]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [each for each in self.edges.get(name, ()) if each != without]
        return frozenset(found)

    @cached_property
    def roots(self) -> frozenset[str]:
        return frozenset(name for name in self.edges if self.above(name) <= self.reached([name]))

    def only_through(self, gate: str) -> frozenset[str]:
        """What nothing would need if `gate` were not there; not `gate` itself.

        >>> graph = Graph({"torch": {"sympy", "numpy"}, "pandas": {"numpy"}, "sympy": set(), "numpy": set()})
        >>> sorted(graph.only_through("torch"))
        ['sympy']
        """
        if gate not in self.edges:
            return frozenset()
        return frozenset(self.edges) - self.reached(self.roots, without=gate) - {gate}
