"""The house: who may import whom. CONTRIBUTING.md shows the same table."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "envlock"
STAGES = (
    "manifest",
    "stack",
    "resolve",
    "lock",
    "emit",
    "install",
    "image",
    "observe",
    "verify",
    "job",
    "doctor",
    "run",
    "audit",
)
ANYWHERE = {"errors", "report", "verbs"}
# Where the environment of the process is read for whoever calls from Python.
READS_ENVIRONMENT = {"agent/determinism.py", "api/scripting.py", "job/require.py"}
# Pure values that stand at the end of resolving: the one look ahead that is allowed.
AHEAD = {("resolve", "envlock.lock.model")}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, late and type-checking imports included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "." * node.level + (node.module or "")
            else:
                yield node.module or ""
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "envlock" and len(parts) > 1 else None


def shortcuts(path: Path) -> Iterator[str]:
    mine = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if mine not in STAGES:
        return
    allowed = ANYWHERE | set(STAGES[: STAGES.index(mine) + 1])
    if STAGES.index(mine) >= STAGES.index("resolve"):
        allowed |= {"agent"}
    for module in imported(path):
        target = room(module)
        if target in (None, "__version__") or target in allowed:
            continue
        if not any(mine == stage and module.startswith(name) for stage, name in AHEAD):
            yield f"{path.relative_to(ROOT)} imports {module}"


def test_a_stage_imports_only_from_stages_before_it() -> None:
    assert [line for path in modules() for line in shortcuts(path)] == []


def test_the_agent_imports_the_standard_library_and_itself() -> None:
    found = []
    for path in sorted((PACKAGE / "agent").rglob("*.py")):
        for module in imported(path):
            top = module.split(".", 1)[0]
            if not module.startswith(".") and top not in sys.stdlib_module_names:
                found.append(f"{path.relative_to(ROOT)} imports {module}")
    assert found == []


def test_only_the_borders_print_exit_or_read_the_environment() -> None:
    found = []
    for path in modules():
        parts = path.relative_to(PACKAGE).parts
        if parts[0] in ("cli", "__main__.py") or parts[:2] == ("agent", "__main__.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("print", "exit")
            ):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} calls {node.func.id}")
            if isinstance(node, ast.Attribute):
                name = ast.unparse(node)
                allowed = ("os.environ",) if "/".join(parts) in READS_ENVIRONMENT else ()
                if name in ("os.environ", "os.getenv", "sys.exit") and name not in allowed:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} uses {name}")
    assert found == []


def test_the_command_line_wires_only_the_api() -> None:
    """Commands call `api`; rendering and the agent's constants are no stages."""
    allowed = {"api", "cli", "errors", "report", "agent", "observe", "manifest", "resolve", "lock"}
    found = {room(m) for path in (PACKAGE / "cli").glob("*.py") for m in imported(path)} - {
        None,
        "__version__",
    }
    assert found <= allowed


@pytest.mark.parametrize("name", ["py" + "pi.org", "python" + "hosted", "npm" + "js", "deb." + "debian"])
def test_no_registry_host_is_named(name: str) -> None:
    texts = [
        p for p in ROOT.rglob("*") if p.suffix in (".py", ".md", ".toml", ".sh", ".yaml", ".lock", ".json")
    ]
    own = [
        p
        for p in texts
        if not {".venv", ".git", ".mypy_cache", ".ruff_cache"} & set(p.relative_to(ROOT).parts)
    ]
    assert [str(path.relative_to(ROOT)) for path in own if name in path.read_text()] == []
