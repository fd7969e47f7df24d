"""The runtime hash: a Merkle root over leaves (IDENTITY 3)."""

import hashlib
from typing import Dict, Iterable, Mapping, NamedTuple, Tuple

PREFIX = "rt1:"


class PythonIdentity(NamedTuple):
    """What the interpreter contributes: `version` as written in the manifest, flags as "0" or "1"."""

    implementation: str
    version: str
    soabi: str
    abiflags: str
    debug: str
    gil_disabled: str


class RuntimeTree(NamedTuple):
    """The parts of a runtime: leaf values by name. An empty part is no child of the root."""

    python: PythonIdentity
    distributions: Mapping[str, str]
    conda: Mapping[str, str]
    settings: Mapping[str, str]


def leaf(kind: str, name: str, value: str) -> str:
    r"""Hash one leaf.

    >>> leaf("python", "version", "3.11")
    '7265087d623d33349e50dee035b9a28c5c5c30608c279c3bba5fe2131dbc353c'
    """
    return _sha256(b"envlock-leaf-v1\0%b\0%b\0%b" % (kind.encode(), name.encode(), value.encode()))


def node(kind: str, children: Iterable[Tuple[str, str]]) -> str:
    """Hash a node over its (name, hash) children; their order does not matter."""
    rows = sorted(b"%b\0%b\n" % (name.encode(), value.encode()) for name, value in children)
    return _sha256(b"envlock-node-v1\0%b\0" % kind.encode() + b"".join(rows))


def parts(tree: RuntimeTree) -> Dict[str, str]:
    """The hash of each part that is there; two hosts that differ are compared part by part."""
    leaves = {
        "python": ("python", tree.python._asdict()),
        "distributions": ("distribution", tree.distributions),
        "conda": ("conda", tree.conda),
        "settings": ("setting", tree.settings),
    }
    return {
        part: node(part, ((_leaf_name(name), leaf(kind, _leaf_name(name), values[name])) for name in values))
        for part, (kind, values) in leaves.items()
        if values
    }


def runtime_hash(tree: RuntimeTree) -> str:
    """The root, printed: `rt1:` and 64 hex digits."""
    return PREFIX + node("runtime", parts(tree).items())


def distribution_value(version: str, digest: str) -> str:
    return f"{version} {digest}"


def conda_value(version: str, build: str, subdir: str, paths_digest: str) -> str:
    return f"{version} {build} {subdir} {paths_digest}"


def _leaf_name(name: str) -> str:
    return "gil-disabled" if name == "gil_disabled" else name


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
