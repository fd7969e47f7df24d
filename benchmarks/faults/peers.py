"""What other tools say of the same environment. One that fails, for whatever reason, counts as an alarm.

A tool takes part only where it is silent on the untouched environment; see `Peers.without`.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from uv import find_uv_bin

from benchmarks.faults.projects import Project, plain_variables

NAMES = ("pip check", "uv pip check", "uv sync --check", "pip-sync -n", "pipenv verify", "dpkg --verify")
_UV = ("--offline", "--no-cache", "--no-python-downloads")
# The uv that looks into an image, and its project, as they are called inside.
_INSIDE = "/peers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """A tool's command, and its variables beside those of this process and of the case. Where `prints`, what
    the command prints is an alarm, too: `dpkg --verify` ends with 0 whatever it finds."""

    command: tuple[str, ...]
    variables: Mapping[str, str]
    prints: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Peers:
    """The tools that take part, and the project that they hold an environment against."""

    project: Project
    left_out: frozenset[str] = frozenset()

    def without(self, alarms: Mapping[str, bool | None]) -> Peers:
        """Less the tools that complained about the untouched environment: what they say tells nothing."""
        return replace(self, left_out=frozenset(name for name, alarm in alarms.items() if alarm))

    def of_prefix(self, prefix: Path, environment: Mapping[str, str]) -> dict[str, bool | None]:
        """Tool -> did it find anything in an environment of this machine; None where it takes no part."""
        return self._answers(_of_prefix(self.project, prefix), environment)

    def of_image(self, root: Path, environment: Mapping[str, str]) -> dict[str, bool | None]:
        """The same of an image that lies unpacked below `root`. Its own programs run in it, so root's rights
        are needed; without them the tools take no part."""
        asks = _of_image(self.project, root, environment) if os.geteuid() == 0 else {}
        return self._answers(asks, {})

    def _answers(self, asks: Mapping[str, Ask], environment: Mapping[str, str]) -> dict[str, bool | None]:
        return {
            name: self._alarm(asks[name], environment) if name in asks and name not in self.left_out else None
            for name in NAMES
        }

    def _alarm(self, ask: Ask, environment: Mapping[str, str]) -> bool:
        folder = self.project.folder
        done = subprocess.run(
            ask.command,
            cwd=folder,
            env={**plain_variables(folder), **ask.variables, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return done.returncode != 0 or (ask.prints and bool(done.stdout.strip()))


def _of_prefix(project: Project, prefix: Path) -> dict[str, Ask]:
    python = str(prefix / "bin/python")
    pip_sync = ("sync", "-n", "--python-executable", python, str(project.requirements))
    return {
        "pip check": _ask(sys.executable, "-m", "pip", "--python", python, "check"),
        "uv pip check": _ask(find_uv_bin(), "pip", "check", *_UV, "--python", python),
        "uv sync --check": replace(
            _ask(find_uv_bin(), "sync", "--check", "--locked", *_UV, "--project", str(project.folder)),
            variables={"UV_PROJECT_ENVIRONMENT": str(prefix)},
        ),
        "pip-sync -n": _ask(sys.executable, "-m", "piptools", *pip_sync),
        "pipenv verify": _ask(sys.executable, "-m", "pipenv", "verify"),
    }


def _of_image(project: Project, root: Path, environment: Mapping[str, str]) -> dict[str, Ask]:
    """pip and uv run inside, under the variables of the image; pipenv and dpkg from outside."""
    os.mknod(root / "dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # uv starts Python with it
    place = root / _INSIDE.lstrip("/")
    place.mkdir()
    shutil.copy2(find_uv_bin(), place / "uv")
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy2(project.folder / name, place / name)
    variables = {**environment, "PYTHONDONTWRITEBYTECODE": "1", "UV_PROJECT_ENVIRONMENT": "/opt/env"}
    given = (f"{name}={value}" for name, value in variables.items())
    inside = ("chroot", str(root), "/usr/bin/env", "-i", *given)
    uv, python = f"{_INSIDE}/uv", "/opt/env/bin/python"
    return {
        "pip check": _ask(*inside, "/usr/bin/python3", "-m", "pip", "--python", python, "check"),
        "uv pip check": _ask(*inside, uv, "pip", "check", *_UV, "--python", python),
        "uv sync --check": _ask(*inside, uv, "sync", "--check", "--locked", *_UV, "--project", _INSIDE),
        "pipenv verify": _ask(sys.executable, "-m", "pipenv", "verify"),
        "dpkg --verify": replace(_ask("dpkg", f"--root={root}", "--verify"), prints=True),
    }


def _ask(*command: str) -> Ask:
    return Ask(command=command, variables={})
