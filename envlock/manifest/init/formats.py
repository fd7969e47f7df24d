"""The kinds of files that `init` reads, in the order in which they are believed.

A further kind is a module with a reader, and a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from envlock.manifest.init.model import Asking, Place
from envlock.manifest.init.pyproject import read_pyproject
from envlock.manifest.init.python_version import read_python_version
from envlock.manifest.init.requirements import find_requirements, read_requirements
from envlock.manifest.init.script import find_scripts, read_script
from envlock.manifest.init.setup_cfg import read_setup_cfg


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """`find` chooses files of a directory, `knows` tells one that is named by its name, `read` adds what
    it asks for. `alone`: looked for only where nothing else asks for anything."""

    title: str
    find: Callable[[Path, Asking], tuple[Path, ...]]
    knows: Callable[[Path], bool]
    read: Callable[[Path, Place, Asking], None]
    alone: bool = False


def _called(*names: str) -> Callable[[Path, Asking], tuple[Path, ...]]:
    return lambda root, _asking: tuple(root / name for name in names if (root / name).is_file())[:1]


def _read_environment(path: Path, place: Place, asking: Asking) -> None:
    from envlock.manifest.init.conda_environment import read_environment  # late: YAML is not for everyone

    read_environment(path, place, asking)


def _read_dockerfile(path: Path, place: Place, asking: Asking) -> None:
    from envlock.manifest.init.dockerfile import read_dockerfile  # late, too: it reads environment.yml

    read_dockerfile(path, place, asking)


FORMATS = (
    Format(
        title="`.python-version`",
        find=_called(".python-version"),
        knows=lambda path: path.name == ".python-version",
        read=read_python_version,
    ),
    Format(
        title="`pyproject.toml`",
        find=_called("pyproject.toml"),
        knows=lambda path: path.name == "pyproject.toml",
        read=read_pyproject,
    ),
    Format(
        title="`requirements*.txt`",
        find=find_requirements,
        knows=lambda path: path.suffix in (".txt", ".in"),
        read=read_requirements,
    ),
    Format(
        title="`setup.cfg`",
        find=_called("setup.cfg"),
        knows=lambda path: path.name == "setup.cfg",
        read=read_setup_cfg,
    ),
    Format(
        title="`environment.yml`",
        find=_called("environment.yml", "environment.yaml", "conda.yml", "conda.yaml", "env.yml"),
        knows=lambda path: path.suffix in (".yml", ".yaml"),
        read=_read_environment,
    ),
    Format(
        title="`Dockerfile`",
        find=_called("Dockerfile", "docker/Dockerfile", ".devcontainer/Dockerfile", "Containerfile"),
        knows=lambda path: "dockerfile" in path.name.lower() or path.name == "Containerfile",
        read=_read_dockerfile,
    ),
    Format(
        title="a script with a `# /// script` block",
        find=find_scripts,
        knows=lambda path: path.suffix == ".py" and path.name != "setup.py",
        read=read_script,
        alone=True,
    ),
)
