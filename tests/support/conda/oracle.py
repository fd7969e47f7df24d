"""Real conda and conda-lock, as oracles: made on the spot from the package index.

No package index has conda itself; conda-lock carries conda 24.7.1 inside, which runs once its few
dependencies are there. The solver is the classic one, which needs no compiled library. It comes without the
files for shells, so `conda run`, which activates by them, is told how by the script here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

CONDA_LOCK = "conda-lock==4.0.3"
_OF_CONDA = ("pluggy", "pycosat", "tqdm", "archspec", "conda-package-handling")
_SHELL = ("bash", "basename", "cat", "dirname", "env", "ls", "mkdir", "rm", "sh", "uname")
_CONDA = """#!{python}
import sys
from pathlib import Path
import conda_lock
sys.path.insert(0, str(Path(conda_lock.__file__).parent / "_vendor"))
from conda.cli.main import main
HOOK = '''conda() {{ eval "$({conda} shell.posix "$@")"; }}'''
if __name__ == "__main__":
    if sys.argv[1:3] == ["shell.posix", "hook"]:
        print(HOOK)
        sys.exit()
    sys.exit(main())
"""


@dataclass(frozen=True, slots=True)
class Oracle:
    """`folder` has the environment of the tools, a home, package cache and environments of its own."""

    folder: Path

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
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            # no pip but a prefix's own can be found: these tools would call whichever comes first
            "PATH": f"{self.folder / 'tools' / 'bin'}:{self.folder / 'shell'}",
            "PIP_BREAK_SYSTEM_PACKAGES": "1",  # the Python of the channel is marked as conda's own (PEP 668)
            "HOME": str(self.folder / "home"),
            "CONDA_PKGS_DIRS": str(self.folder / "packages"),
            "CONDA_ENVS_DIRS": str(self.folder / "environments"),
            "CONDA_EXE": str(self.conda_exe),
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
    _link_shell(folder / "shell")
    oracle = Oracle(folder)
    oracle.conda_exe.write_text(_CONDA.format(python=python, conda=oracle.conda_exe))
    oracle.conda_exe.chmod(0o755)
    return oracle


def _link_shell(folder: Path) -> None:
    folder.mkdir()
    for name in _SHELL:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)


def installed(prefix: Path) -> set[str]:
    """`name-version-build` of the packages in a prefix, as conda-meta has them."""
    return {path.stem for path in (prefix / "conda-meta").glob("*.json")}
