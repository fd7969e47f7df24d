"""What the other tools hold an environment against: a project with a lock of each, all of the same wheels.

The wheels come from an index on 127.0.0.1, with their hashes: an environment that was made from files says so
in `direct_url.json`, and `uv sync --check` and `pip-sync -n` then complain before anything was changed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from benchmarks.shelf import published
from tests.support.environments import SERIES
from tests.support.index import LocalIndex
from tests.support.wheels import Wheel

_DROPPED = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A folder with requirements.txt, uv.lock and Pipfile.lock of one set of wheels."""

    folder: Path

    @property
    def requirements(self) -> Path:
        return self.folder / "requirements.txt"


@contextmanager
def served(wheels: Iterable[Wheel | Path]) -> Iterator[str]:
    """The URL of an index of these wheels, as long as it lasts."""
    with LocalIndex() as index:
        for wheel in wheels:
            index.add(wheel if isinstance(wheel, Wheel) else published(wheel))
        yield index.url


def write_project(folder: Path, wheels: Sequence[Wheel | Path], index: str) -> Project:
    """The same pins for each tool; the locks are made by the tools themselves."""
    folder.mkdir(parents=True)
    project = Project(folder=folder)
    known = [wheel if isinstance(wheel, Wheel) else published(wheel) for wheel in wheels]
    pins = {wheel.name: f"=={wheel.version}" for wheel in known}
    rows = [f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in known]
    project.requirements.write_text("".join(rows))
    _lock_for_uv(folder, pins, index)
    _lock_for_pipenv(folder, pins, index)
    return project


def _lock_for_uv(folder: Path, pins: dict[str, str], index: str) -> None:
    wanted = ", ".join(f'"{name}{pin}"' for name, pin in pins.items())
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "scored"\nversion = "0"\nrequires-python = "=={SERIES}.*"\n'
        f"dependencies = [{wanted}]\n[tool.uv]\nenvironments = [\"sys_platform == 'linux'\"]\n"
        f'[[tool.uv.index]]\nurl = "{index}"\ndefault = true\n'
    )
    _done([find_uv_bin(), "lock", "--quiet", "--project", str(folder)], folder)


def _lock_for_pipenv(folder: Path, pins: dict[str, str], index: str) -> None:
    wanted = "".join(f'{name} = "{pin}"\n' for name, pin in pins.items())
    (folder / "Pipfile").write_text(
        f'[[source]]\nname = "local"\nurl = "{index}"\nverify_ssl = false\n'
        f'[packages]\n{wanted}[requires]\npython_version = "{SERIES}"\n'
    )
    _done([sys.executable, "-m", "pipenv", "lock", "--quiet", "--python", sys.executable], folder)


def plain_variables(folder: Path) -> dict[str, str]:
    """The variables of this process without those that name an environment or an index; pipenv's own
    environments go below the project."""
    kept = {name: value for name, value in os.environ.items() if name not in _DROPPED}
    return {**kept, "WORKON_HOME": str(folder / "pipenv"), "PIPENV_IGNORE_VIRTUALENVS": "1"}


def _done(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=plain_variables(folder), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
