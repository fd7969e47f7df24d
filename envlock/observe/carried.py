"""The rooms that the zipapp carries beside the agent, so that it can judge: `require()` and all it imports.

Their text is taken as it is, but for what their imports name: `envlock.…` becomes a package inside the
zipapp, and what Python 3.8 lacks, or a library would have to be installed for, becomes the small module of
`agent/older` that offers it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.resources import files

PACKAGE = "envlock_agent"
ROOMS = f"{PACKAGE}.rooms"
START = "job.require"
DATA = ("stack/data/soabi.toml", "stack/data/wheel_code.toml")
OFFERS = {
    "EnvironmentDiffers": f"{ROOMS}.errors",
    "EnvlockError": f"{ROOMS}.errors",
    "deterministic": f"{PACKAGE}.determinism",
    "require": f"{ROOMS}.job.require",
}

_OLDER = {
    "dataclasses": "dataclasses",
    "enum": "enum",
    "functools": "functools",
    "packaging.utils": "packaging",
    "packaging.version": "packaging",
    "tomli": "tomli",
}
_FROM = re.compile(r"^(?P<head>\s*from )(?P<module>[\w.]+)(?P<tail> import )", re.MULTILINE)
_IMPORT = re.compile(r"^(?P<head>\s*)import (?P<module>tomli)$", re.MULTILINE)


def carried_files() -> dict[str, bytes]:
    """Member of the zipapp -> content, the packages between them included."""
    found = {f"{ROOMS.replace('.', '/')}/{name}": _data(name) for name in DATA}
    for module, text in carried_modules().items():
        path = _path(module)
        found[f"{ROOMS.replace('.', '/')}/{path}"] = _rewritten(text).encode()
    for member in list(found):
        parts = member.split("/")[:-1]
        for depth in range(2, len(parts) + 1):
            found.setdefault("/".join([*parts[:depth], "__init__.py"]), b"")
    return found


def carried_modules() -> dict[str, str]:
    """`lock.reader` -> its text, for everything that `require` leads to, late imports included."""
    found: dict[str, str] = {}
    ahead = [START]
    while ahead:
        module = ahead.pop()
        if module not in found:
            found[module] = _data(_path(module)).decode()
            ahead += _imported(found[module])
    return dict(sorted(found.items()))


def entry_text(agent: str) -> str:
    """The `__init__` of the zipapp's package: the agent's, and the names that it offers to programs."""
    return (
        f"{agent}\n_OFFERS = {OFFERS!r}\n\n\n"
        "def __getattr__(name):\n"
        "    if name not in _OFFERS:\n"
        "        raise AttributeError('module `%s` has no `%s`' % (__name__, name))\n"
        "    import importlib\n\n"
        "    return getattr(importlib.import_module(_OFFERS[name]), name)\n"
    )


def _imported(text: str) -> Iterator[str]:
    """The modules of other rooms that a text imports while it runs; the agent is there anyway."""
    for node in _running(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("envlock."):
            module = (node.module or "").removeprefix("envlock.")
            if module != "agent" and not module.startswith("agent."):
                yield from _modules_of(module, [alias.name for alias in node.names])


def _modules_of(module: str, names: list[str]) -> Iterator[str]:
    """`lock` with `reader` is the module lock.reader; with `loads` it is what lock/__init__ offers."""
    below = [f"{module}.{name}" for name in names if _exists(f"{module}.{name}")]
    yield from below
    if len(below) < len(names):
        yield module


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from _running(child)


def _rewritten(text: str) -> str:
    text = _IMPORT.sub(rf"\g<head>from {PACKAGE}.older import \g<module>", text)
    return _FROM.sub(lambda match: match["head"] + _renamed(match["module"]) + match["tail"], text)


def _renamed(module: str) -> str:
    if module in _OLDER:
        return f"{PACKAGE}.older.{_OLDER[module]}"
    if module == "envlock.agent" or module.startswith("envlock.agent."):
        return PACKAGE + module.removeprefix("envlock.agent")
    return ROOMS + module.removeprefix("envlock") if module.startswith("envlock.") else module


def _path(module: str) -> str:
    path = module.replace(".", "/")
    return f"{path}.py" if _is_file(f"{path}.py") else f"{path}/__init__.py"


def _exists(module: str) -> bool:
    path = module.replace(".", "/")
    return _is_file(f"{path}.py") or _is_file(f"{path}/__init__.py")


def _is_file(path: str) -> bool:
    return files("envlock").joinpath(path).is_file()


def _data(path: str) -> bytes:
    return files("envlock").joinpath(path).read_bytes()
