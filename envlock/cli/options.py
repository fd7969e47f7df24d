"""Options and small decisions that several commands share."""

from __future__ import annotations

import functools
import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from envlock.agent.places import ACTIVE, environment_at_hand
from envlock.errors import CouldNotTell, LockfileInvalid, UsageFault

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(path_type=Path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """How much is said, and to whom."""

    as_json: bool
    quiet: bool
    verbose: bool

    @property
    def draws(self) -> bool:
        return not (self.quiet or self.as_json)


def talk_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`, `-q` and `-v`, handed over as one `talk`."""

    @functools.wraps(command)
    def talking(*, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> Any:
        if quiet and verbose:
            raise UsageFault("`--quiet` and `--verbose` contradict each other", hint="leave one out")
        return command(talk=Talk(as_json=as_json, quiet=quiet, verbose=verbose), **options)

    return json_option(quiet_option(verbose_option(talking)))


def lock_option(command: Command) -> Command:
    """`-l` names the lockfile; `--variant NAME` is short for `-l envlock.NAME.lock`."""
    variant = click.option(
        "--variant",
        metavar="NAME",
        expose_value=False,
        is_eager=True,  # `-l` is decided with it in mind
        callback=_variant,
        help="the lockfile of a variant: envlock.NAME.lock",
    )
    lock = click.option(
        "-l",
        "--lock",
        "lock_path",
        type=FILE,
        default="envlock.lock",
        show_default=True,
        metavar="FILE",
        callback=_at_hand,
        help="the lockfile",
    )
    return lock(variant(command))


_VARIANT = "envlock.variant"


def _variant(context: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    from envlock.manifest.patterns import VARIANT_NAME

    if name is not None and not context.resilient_parsing and not VARIANT_NAME.admits(name):
        raise UsageFault(f"`--variant {name}` is not {VARIANT_NAME.says}")
    context.meta[_VARIANT] = name
    return name


def _at_hand(context: click.Context, parameter: click.Parameter, path: Path) -> Path:
    if context.resilient_parsing:
        return path
    variant = context.meta.get(_VARIANT)
    if variant is None:
        return at_hand(path)
    if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE:
        raise UsageFault("`--lock` and `--variant` name the same thing twice", hint="leave one out")
    return at_hand(Path(f"envlock.{variant}.lock"))


def at_hand(path: Path) -> Path:
    """The lockfile that is named; where it is not there, those that are: of a script, of a variant."""
    if os.path.lexists(path) or not path.parent.is_dir():
        return path
    others = [
        each for pattern in ("*.envlock.lock", "envlock.*.lock") for each in sorted(path.parent.glob(pattern))
    ]
    if not others:
        return path
    raise LockfileInvalid(
        "there is no lockfile",
        where=str(path),
        hint=f"`-l {others[0]}` names one that is here, `envlock lock` makes this one",
    )


def json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="print one JSON document on stdout")(command)


def project_option(command: Command) -> Command:
    return click.option(
        "-p",
        "--project",
        type=FILE,
        default=".",
        show_default=True,
        metavar="PATH",
        help="the project's directory, its manifest, or a PEP 723 script",
    )(command)


def quiet_option(command: Command) -> Command:
    return click.option("-q", "--quiet", is_flag=True, help="say only what is wrong")(command)


def verbose_option(command: Command) -> Command:
    return click.option(
        "-v", "--verbose", is_flag=True, help="shorten nothing, and say how long each step took"
    )(command)


def target_options(command: Command) -> Command:
    """`--prefix` and `--python`: which environment is meant."""
    for option in (
        click.option("--python", type=FILE, metavar="EXE", help="the environment of this interpreter"),
        click.option("--prefix", type=FILE, metavar="DIR", help="the environment in this directory"),
    ):
        command = option(command)
    return command


def emulator_option(command: Command) -> Command:
    """`--emulator`: what starts the interpreter of the probes, as words."""
    return click.option(
        "--emulator",
        metavar="CMD",
        default="",
        callback=_words,
        help="start the Python of the numeric probes with this command: `qemu-x86_64 -cpu Haswell` is "
        "another CPU, `taskset -c 0` one core",
    )(command)


def _words(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise UsageFault(
            f"`--emulator` cannot be read as a command: {str(error).lower()}",
            hint='`--emulator "qemu-x86_64 -cpu Haswell"`',
        ) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The environment to look at, and by what it was chosen: an option, a variable, or being here."""

    prefix: Path
    by: str

    @property
    def is_named(self) -> bool:
        return self.by.startswith("--")

    @property
    def passed_over(self) -> Path | None:
        """./.venv, where a variable that names another environment went before it."""
        here = Path(".venv")
        is_variable = self.by in ACTIVE
        return here if is_variable and here.is_dir() and not _same(here, self.prefix) else None

    def announced(self) -> str:
        """The environment, why it is this one, and how to look at the one beside it."""
        why = "in this directory" if self.by == "./.venv" else self.by
        other = "; `--prefix .venv` looks at the one in this directory" if self.passed_over else ""
        return f"{self.prefix} ({why}){other}"


def find_target(prefix: Path | None, python: Path | None) -> Chosen:
    """The environment to look at: VIRTUAL_ENV, CONDA_PREFIX, ./.venv by default, in that order."""
    if prefix is not None and python is not None:
        raise UsageFault("`--prefix` and `--python` name the same thing twice", hint="leave one out")
    if prefix is not None:
        return Chosen(prefix=prefix, by="--prefix")
    if python is not None:
        return Chosen(prefix=_prefix_of(python), by="--python")
    found = environment_at_hand(os.environ)
    if found is None:
        raise CouldNotTell(
            "there is no environment to look at: no VIRTUAL_ENV, no CONDA_PREFIX, no ./.venv",
            hint="`envlock sync` makes one, `--prefix DIR` names one",
        )
    return Chosen(prefix=Path(found[0]), by=found[1])


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _prefix_of(python: Path) -> Path:
    from envlock.agent.prefix import prefix_of_executable

    if not python.exists():
        raise CouldNotTell(
            f"there is no interpreter at `{python}`", hint="`--prefix DIR` names an environment"
        )
    return Path(prefix_of_executable(str(python)))
