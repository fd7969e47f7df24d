"""Real conda and conda-lock, as oracles: made on the spot from the package index.

No package index has conda itself; conda-lock carries conda 24.7.1 inside, which runs once its few
dependencies are there. The solver is the classic one, which needs no compiled library.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from uv import find_uv_bin

CONDA_LOCK = "conda-lock==4.0.3"
_OF_CONDA = ("pluggy", "pycosat", "tqdm", "archspec", "conda-package-handling")
_CONDA = """#!{python}
import sys
from pathlib import Path
import conda_lock
sys.path.insert(0, str(Path(conda_lock.__file__).parent / "_vendor"))
from conda.cli.main import main
sys.exit(main())
"""


@dataclass(frozen=True, slots=True)
class Oracle:
    """`folder` has the environment of the tools, a home, package cache and environments of its own."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def conda_exe(self) -> Path:
        return self.folder / "tools" / "bin" / "conda"

    def conda(self, *words: str | Path, **variables: str) -> str:
        return self._run(self.conda_exe, *words, **variables)

    def conda_lock(self, *words: str | Path, **variables: str) -> str:
        return self._run(self.folder / "tools" / "bin" / "conda-lock", *words, **variables)

    def _run(self, *words: str | Path, **variables: str) -> str:
        done = subprocess.run(
            list(map(str, words)),
            env={**os.environ, **self._own(), **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _own(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder / "home"),
            "CONDA_PKGS_DIRS": str(self.folder / "packages"),
            "CONDA_ENVS_DIRS": str(self.folder / "environments"),
            "CONDA_SOLVER": "classic",
            "CONDA_REPORT_ERRORS": "false",
            "CONDA_OFFLINE": "true",
            # conda adds pip to the dependencies of Python by itself
            "CONDA_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
        }


def make_oracle(folder: Path) -> Oracle:
    """Install conda-lock and what its conda needs into `folder`."""
    tools = folder / "tools"
    uv = find_uv_bin()
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, tools], check=True)
    python = tools / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, CONDA_LOCK, *_OF_CONDA], check=True)
    (folder / "home").mkdir()
    oracle = Oracle(folder)
    oracle.conda_exe.write_text(_CONDA.format(python=python))
    oracle.conda_exe.chmod(0o755)
    return oracle


def installed(prefix: Path) -> set[str]:
    """`name-version-build` of the packages in a prefix, as conda-meta has them."""
    return {path.stem for path in (prefix / "conda-meta").glob("*.json")}
