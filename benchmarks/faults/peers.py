"""What other tools say of the same environment. One that fails, for whatever reason, counts as an alarm."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from uv import find_uv_bin

from benchmarks.faults.environments import Template

SLOW = ("pip check", "pip-sync -n")
NAMES = ("pip check", "uv pip check", "uv sync --check", "pip-sync -n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Peers:
    """The tools for one environment, with what each needs beside it."""

    template: Template
    project: Path
    left_out: frozenset[str] = frozenset()

    def silent_on(self, prefix: Path) -> Peers:
        """Without the tools that complain about the untouched environment: what they say tells nothing."""
        found = self.alarms(prefix, {}, slow=True)
        return replace(self, left_out=frozenset(name for name, alarm in found.items() if alarm))

    def alarms(self, prefix: Path, environment: Mapping[str, str], *, slow: bool) -> dict[str, bool | None]:
        """Tool -> did it find anything; None where it does not apply, or is not asked: those that start a
        Python are asked where `slow`."""
        commands = self._commands(prefix)
        commands = {name: command for name, command in commands.items() if name not in self.left_out}
        if not slow:
            commands = {name: command for name, command in commands.items() if name not in SLOW}
        variables = {**_plain(), "UV_PROJECT_ENVIRONMENT": str(prefix), **environment}
        return {
            name: None if name not in commands else self._run(commands[name], variables) for name in NAMES
        }

    def _commands(self, prefix: Path) -> dict[str, list[str]]:
        python, uv = str(prefix / "bin/python"), find_uv_bin()
        found = {
            "pip check": [sys.executable, "-m", "pip", "--python", python, "check"],
            "uv pip check": [uv, "pip", "check", "--python", python],
        }
        if self.template.name.startswith("venv"):
            sync = ["sync", "--check", "--frozen", "--inexact", "--offline", "--no-install-project"]
            pip_sync = [sys.executable, "-m", "piptools", "sync", "-n", "--python-executable", python]
            found["uv sync --check"] = [uv, *sync, "--project", str(self.project)]
            found["pip-sync -n"] = [*pip_sync, str(self.project / "requirements.txt")]
        return found

    def _run(self, command: list[str], variables: Mapping[str, str]) -> bool:
        done = subprocess.run(
            command,
            cwd=self.project,
            env=dict(variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode != 0


def peers_of(template: Template) -> Peers:
    """Write what the tools need: a project with a uv.lock, and pinned requirements."""
    project = template.kept.parent / "peers"
    project.mkdir(exist_ok=True)
    pins = [f"{each.name}=={each.version}" for each in template.subject.lock.distributions]
    (project / "requirements.txt").write_text("".join(f"{pin}\n" for pin in pins))
    if template.name.startswith("venv"):
        store = template.kept.parent / "all-wheels"
        store.mkdir(exist_ok=True)
        for folder in (template.store, *template.kept.parents[2].glob("materials/locked/store")):
            for wheel in folder.glob("*.whl"):
                shutil.copy(wheel, store)
        wanted = ", ".join(f'"{pin}"' for pin in pins)
        (project / "pyproject.toml").write_text(
            f'[project]\nname = "scored"\nversion = "0"\nrequires-python = "==3.{sys.version_info[1]}.*"\n'
            f'dependencies = [{wanted}]\n[tool.uv]\nno-index = true\nfind-links = ["{store}"]\n'
            "environments = [\"sys_platform == 'linux'\"]\n"
        )
        command = [find_uv_bin(), "lock", "--offline", "--project", str(project)]
        subprocess.run(command, check=True, env=_plain(), capture_output=True)
    return Peers(template=template, project=project)


def _plain() -> dict[str, str]:
    dropped = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if name not in dropped}
