"""Refresh envlock/agent/data/finders.py: what setuptools' editable finders look like, by release.

    python scripts/refresh_editable.py VERSION…

Each release of setuptools is fetched through the installer's own index and its template read out of the
source, without running it. A finder of an unknown template is foreign to `verify`, so run it when a new
release has another one.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.version import Version
from uv import find_uv_bin

from envlock.agent.editable import blanked_digest

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "envlock" / "agent" / "data" / "finders.py"
HEADER = '''"""Editable finders of setuptools, by the sha256 of their text with mappings and names blanked.

Source: `_FINDER_TEMPLATE` in setuptools/command/editable_wheel.py of each release, read from its wheel.
Written by scripts/refresh_editable.py.
"""

FINDERS = {
'''


def main() -> None:
    seen: dict[str, list[Version]] = {}
    for version in sorted(map(Version, sys.argv[1:])):
        digest = template_digest(str(version))
        if digest is not None:
            seen.setdefault(digest, []).append(version)
    rows = [
        f'    "{digest}": "setuptools {versions[0]} - {versions[-1]}",\n' for digest, versions in seen.items()
    ]
    DATA.write_text(HEADER + "".join(rows) + "}\n")
    print(f"{len(seen)} templates of {sum(map(len, seen.values()))} releases")


def template_digest(version: str) -> str | None:
    """The digest of a release's finder, None for a release without editable installs."""
    with tempfile.TemporaryDirectory() as folder:
        command = [find_uv_bin(), "pip", "install", "-q", "--no-deps", "--target", folder]
        subprocess.run([*command, f"setuptools=={version}"], check=True)
        source = Path(folder, "setuptools", "command", "editable_wheel.py")
        template = _template(source.read_text()) if source.exists() else None
    return None if template is None else blanked_digest(template.format(name="n", mapping={}, namespaces={}))


def _template(source: str) -> str | None:
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_FINDER_TEMPLATE":
            return str(ast.literal_eval(node.value))
    return None


if __name__ == "__main__":
    main()
