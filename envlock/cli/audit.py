"""`envlock audit`: a repository. `audit --lock` and `audit verify` are commands of their own."""

from __future__ import annotations

import importlib
from typing import Any

import click

# The word that calls for it -> the module of the command. A folder called `verify` is `./verify`.
_BY_FIRST_WORD = {"verify": "audit_verify"}
_BY_OPTION = {"--lock": "audit_lock"}


class Audit(click.Group):
    """Hands over to one of its commands before anything is parsed: the repository's, unless the words call
    for another."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        home, name, rest = _chosen(info_name, args)
        return _command(home).make_context(name, rest, parent, **extra)


def _chosen(info_name: str | None, args: list[str]) -> tuple[str, str | None, list[str]]:
    """(module, name as shown in its help, words that are left)."""
    if args and args[0] in _BY_FIRST_WORD:
        return _BY_FIRST_WORD[args[0]], f"{info_name} {args[0]}", args[1:]
    options = args[: args.index("--")] if "--" in args else args
    for option, home in _BY_OPTION.items():
        if any(word == option or word.startswith(f"{option}=") for word in options):
            return home, info_name, args
    return "audit_repository", info_name, args


def _command(home: str) -> click.Command:
    found: click.Command = importlib.import_module(f"envlock.cli.{home}").command
    return found


command = Audit("audit", short_help="judge a repository: what keeps it from being reproduced")
