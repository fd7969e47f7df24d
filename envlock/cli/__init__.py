"""The command line. One command per file; a command's module is imported when it is run."""

from __future__ import annotations

import gc
import importlib
from typing import Any

import click

from envlock import __version__

# command -> one line of help; the module of the same name holds the command. Help needs no import.
COMMANDS = {
    "init": "write a manifest from an existing repository",
    "lock": "resolve the manifest and write envlock.lock",
    "explain": "does a combination exist, will it run, what is nearest",
    "diff": "what differs between two lockfiles, or two hosts",
    "emit": "write a file for another tool: docker, conda, pylock, compose, slurm, …",
    "build": "make a container image from the lock",
    "sync": "make or repair an environment from the lock",
    "bundle": "all that a lock needs in one archive, for hosts without a network",
    "verify": "prove that an environment is what the lock says",
    "numerics": "record numeric results in the lock; settings that make numbers repeat",
    "run": "run a command in the locked environment, and leave a receipt",
    "audit": "judge a repository: what keeps it from being reproduced",
    "resurrect": "lock a repository as it would have been on a day",
    "bisect": "which package between two locks changed a result",
    "receipt": "show and compare the receipts of `envlock run`",
    "observe": "print the facts of an environment as JSON",
    "agent": "write the agent: one file that observes a host with nothing but a Python",
    "env": "print the locked settings as shell exports",
    "compare": "conda, Docker, venv and the daemonless image side by side, measured",
    "doctor": "what ails this host: driver, GPU, containers, variables; or an error",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed: `--help` stays under 0.12 s."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"envlock.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            from envlock.errors import UsageFault

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            meant = f"did you mean `{near[0]}`? " if near else ""
            hint = f"{meant}`envlock --help` lists the commands"
            raise UsageFault(f"there is no command `{args[0]}`", hint=hint) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 done and nothing found, 1 it differs, 2 usage, 3 manifest or lockfile invalid, "
    "4 no solution, 5 network or index failed, 6 a tool is missing or failed, 8 could not tell, 70 a bug.",
)
@click.version_option(__version__, prog_name="envlock")
def cli() -> None:
    """Lock a PyTorch/CUDA environment down to the bytes of every installed file, and prove on any host
    that they are the same.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and exit."""
    from envlock.cli.boundary import run

    # A short process that makes many values and no cycles: collecting them costs a tenth of a pass.
    gc.disable()
    status = run(cli, arguments)
    gc.freeze()
    raise SystemExit(status)
