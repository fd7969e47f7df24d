"""Options and small decisions that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from envlock.errors import CouldNotTell

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE = click.Path(path_type=Path)


def lock_option(command: Command) -> Command:
    return click.option(
        "-l",
        "--lock",
        "lock_path",
        type=_FILE,
        default="envlock.lock",
        show_default=True,
        help="the lockfile",
    )(command)


def json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="print one JSON document on stdout")(command)


def project_option(command: Command) -> Command:
    return click.option(
        "-p",
        "--project",
        type=_FILE,
        default=".",
        show_default=True,
        help="the project's directory, its manifest, or a PEP 723 script",
    )(command)


def quiet_option(command: Command) -> Command:
    return click.option("-q", "--quiet", is_flag=True, help="say only what is wrong")(command)


def target_options(command: Command) -> Command:
    """`--prefix` and `--python`: which environment is meant."""
    for option in (
        click.option("--python", type=_FILE, metavar="EXE", help="the environment of this interpreter"),
        click.option("--prefix", type=_FILE, metavar="DIR", help="the environment in this directory"),
    ):
        command = option(command)
    return command


def find_target(prefix: Path | None, python: Path | None) -> tuple[Path, str]:
    """The environment to look at and how it was chosen: VIRTUAL_ENV, CONDA_PREFIX, ./.venv by default."""
    if prefix is not None and python is not None:
        raise click.UsageError("`--prefix` and `--python` name the same thing twice")
    if prefix is not None:
        return prefix, "--prefix"
    if python is not None:
        return _prefix_of(python), "--python"
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if os.environ.get(variable):
            return Path(os.environ[variable]), variable
    if Path(".venv").is_dir():
        return Path(".venv"), "./.venv"
    raise CouldNotTell(
        "there is no environment to look at: no VIRTUAL_ENV, no CONDA_PREFIX, no ./.venv",
        hint="`envlock sync` makes one, `--prefix DIR` names one",
    )


def _prefix_of(python: Path) -> Path:
    from envlock.agent.prefix import prefix_of_executable

    if not python.exists():
        raise CouldNotTell(
            f"there is no interpreter at `{python}`", hint="`--prefix DIR` names an environment"
        )
    return Path(prefix_of_executable(str(python)))
