"""A script with its dependencies in it (PEP 723)."""

from __future__ import annotations

from pathlib import Path

from envlock.manifest.documents import read_text, script_metadata
from envlock.manifest.init.model import Asking, Place
from envlock.manifest.init.pyproject import add_block
from envlock.manifest.requirements_file import shown_path
from envlock.manifest.tables import Faults, Table

_MOST_BYTES = 1 << 20
_BLOCK = "# /// script"


def find_scripts(root: Path, asking: Asking) -> tuple[Path, ...]:
    """The one script with a block; several are told."""
    found = tuple(path for path in sorted(root.glob("*.py")) if _has_block(path))
    if len(found) > 1:
        names = ", ".join(f"`{path.name}`" for path in found)
        asking.note(
            names, f"several scripts with dependencies; `envlock init {found[0].name}` takes that one"
        )
        return ()
    return found


def read_script(path: Path, place: Place, asking: Asking) -> None:
    """Add what the block of a script asks for. A script without one is a fault."""
    name = shown_path(path, place.root)
    asking.read.append(name)
    text = read_text(path, name, asking.faults)
    block = script_metadata(text, name, asking.faults) if text is not None else None
    add_block(Table(file=name, path="", data=block or {}, faults=asking.faults), asking)
    asking.note(name, f"is a manifest by itself, too: `envlock lock -p {name}` locks it with defaults")


def _has_block(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        return False
    text = read_text(path, path.name, Faults())
    return text is not None and _BLOCK in text.splitlines()
