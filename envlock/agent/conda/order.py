"""In which order packages are linked into a prefix, so whose file stands where two have one.

rattler's rule (rattler_conda_types, `topological_sort.rs`): what others depend on comes first, else the names
from the last to the first; the later one has the file. conda has another order among packages that do not
depend on each other.
"""

from typing import Iterable, List, Mapping, Set, Tuple


def linking_order(depends: Mapping[str, Iterable[str]]) -> List[str]:
    """Names in the order of linking. `depends` has the match specifications of every package.

    >>> linking_order({"a": [], "b": [], "c": ["d >=1"], "d": []})
    ['d', 'c', 'b', 'a']
    """
    needs = {name: sorted({_name(spec) for spec in specs} & set(depends)) for name, specs in depends.items()}
    needed = {name for names in needs.values() for name in names}
    roots = sorted(set(needs) - needed) or sorted(needs)
    order: List[str] = []
    entered: Set[str] = set()
    stack: List[Tuple[str, bool]] = [(name, False) for name in roots]
    while stack:
        name, is_ready = stack.pop()
        if is_ready:
            order.append(name)
        elif name not in entered:
            entered.add(name)
            stack.append((name, True))
            stack.extend((other, False) for other in needs[name])
    return order + sorted(set(needs) - entered)


def _name(spec: str) -> str:
    """The package name of a match specification.

    >>> _name("numpy >=1.19"), _name("conda-forge::python=3.11"), _name("libstdcxx[version='>=14']")
    ('numpy', 'python', 'libstdcxx')
    """
    bare = spec.rpartition("::")[2].strip()
    for at, sign in enumerate(bare):
        if sign in " =<>!~[":
            return bare[:at]
    return bare
