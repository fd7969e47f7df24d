"""What was typed wrong, in the words of the house; click's own are of another one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import click

from envlock.errors import UsageFault


def usage_fault(error: click.UsageError, words: Sequence[str]) -> UsageFault:
    """The usage error as one of ours: message and the command to type next. `words` were typed."""
    near, lists = _near(error), _lists(error, words)
    return UsageFault(
        _message(error), hint=f"did you mean `{near}`? {lists}" if near else _own(error) or lists
    )


def _lists(error: click.UsageError, words: Sequence[str]) -> str:
    name = next((word for word in words if not word.startswith("-")), "")
    path = (
        error.ctx.command_path if error.ctx else f"envlock {name}".strip()
    )  # click forgets it here and there
    return f"`{path} --help` lists {'the options' if ' ' in path else 'the commands'}"


def _message(error: click.UsageError) -> str:
    match error:
        case click.NoSuchOption(option_name=name):
            return f"there is no option `{name}`"
        case click.MissingParameter(param=click.Argument() as argument):
            return f"{argument.human_readable_name} is missing{_choices(argument)}"
        case click.BadParameter(param=click.Parameter() as parameter):
            return f"{_named(parameter)}: {tidy(error.message)}"
        case _:
            extra = _extra(error)
            return f"unexpected argument `{extra}`" if extra else tidy(error.format_message())


def _context(error: click.UsageError) -> click.Context:
    return error.ctx or click.Context(click.Command("envlock"))


def _named(parameter: click.Parameter) -> str:
    is_option = isinstance(parameter, click.Option)
    return f"`{max(parameter.opts, key=len)}`" if is_option else parameter.human_readable_name


def _choices(parameter: click.Parameter) -> str:
    return f": {', '.join(parameter.type.choices)}" if isinstance(parameter.type, click.Choice) else ""


def _near(error: click.UsageError) -> str | None:
    """What was meant, by the looks of it."""
    match error:
        case click.NoSuchOption(option_name=typed):
            known = [name for each in _context(error).command.params for name in (*each.opts, "--help")]
        case click.BadParameter(param=click.Parameter(type=click.Choice(choices=known))):
            quoted = re.match(r"'([^']*)'", error.message)
            typed = quoted[1] if quoted else ""
        case _:
            return None
    return next(iter(difflib.get_close_matches(typed, known, 1)), None)


def _extra(error: click.UsageError) -> str | None:
    found = re.search(r"unexpected extra arguments? \(([^\s)]+)", error.message)
    return found[1] if found else None


def _own(error: click.UsageError) -> str | None:
    """A file that is named bare, where `-p` or `-l` takes it."""
    extra = _extra(error)
    options = {name for each in _context(error).command.params for name in each.opts}
    if extra is None or not Path(extra).exists():
        return None
    letter = "-p" if "-p" in options else "-l" if "-l" in options else None
    return f"`{letter} {extra}` names it" if letter else None


def tidy(text: str) -> str:
    """Lower case, no full stop, backticks around names.

    >>> tidy("'deep' is not one of 'roots', 'warm'.")
    '`deep` is not one of `roots`, `warm`'
    """
    ticked = re.sub(r"'([^']*)'", r"`\1`", text.strip()).rstrip(".")
    return ticked[:1].lower() + ticked[1:]
