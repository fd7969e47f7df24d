"""What a prefix is by its files, held against what its Python does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envlock.agent.prefix import open_prefix

PYTHON = Path(os.path.realpath(sys.executable))
SEES = "import sys; print(any(p.startswith(sys.base_prefix) and 'site-packages' in p for p in sys.path))"


@pytest.mark.parametrize("key", ["= true", "= TRUE", "= false", "= no", None])
def test_the_site_packages_of_the_system(tmp_path: Path, key: str | None) -> None:
    """A `pyvenv.cfg` that does not say was taken for one that says `false`; site.py has it the other way."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(PYTHON)
    line = f"include-system-site-packages {key}\n" if key is not None else ""
    (tmp_path / "pyvenv.cfg").write_text(f"home = {PYTHON.parent}\n{line}")
    command = [str(tmp_path / "bin" / "python"), "-I", "-c", SEES]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={})
    assert str(open_prefix(str(tmp_path)).sees_system_site) == done.stdout.strip()


def test_what_is_no_virtual_environment_has_no_other_system(tmp_path: Path) -> None:
    assert not open_prefix(str(tmp_path)).sees_system_site
