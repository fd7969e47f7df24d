"""The one place where failures become text (or JSON) and an exit status."""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

import click

from envlock.errors import EnvlockError, InvalidInput

BUG = 70


def run(command: click.Command, arguments: list[str] | None) -> int:
    """Run `command`; every failure ends here and nowhere else."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        outcome = command.main(args=words, prog_name="envlock", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except EnvlockError as error:
        _say(error, as_json="--json" in words)
        return error.exit_status
    except BrokenPipeError:
        # The reader of our output went away (`envlock … | head`): nothing is left to tell it.
        sys.stderr.close()
        return 0
    except Exception:
        click.echo(traceback.format_exc(), err=True, nl=False)
        click.echo("error: this is a bug in envlock [bug]", err=True)
        return BUG
    return outcome if isinstance(outcome, int) else 0


def _say(error: EnvlockError, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"error": error_document(error)}, indent=2))
    else:
        click.echo(error_text(error), err=True)


def error_document(error: EnvlockError) -> dict[str, Any]:
    """The error as `--json` prints it."""
    document: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "hint": error.hint,
        "facts": dict(error.facts),
    }
    if isinstance(error, InvalidInput):
        document["faults"] = [
            {"where": fault.where, "message": fault.message, "hint": fault.hint} for fault in error.faults
        ]
    return document


def error_text(error: EnvlockError) -> str:
    """The error as a person reads it: message, place, facts, hint."""
    lines = [f"error: {error.message} [{error.code}]"]
    facts = list(error.facts)
    if error.where and "asked by" not in dict(facts):
        facts.insert(0, ("where", error.where))
    width = max((len(label) for label, _ in facts), default=0)
    lines += [f"  {label:<{width}}  {text}" for label, text in facts]
    if isinstance(error, InvalidInput):
        for fault in error.faults:
            lines.append(f"  {fault.where}: {fault.message}")
            if fault.hint:
                lines.append(f"    {fault.hint}")
    if error.hint:
        lines += ["", f"hint: {error.hint}"]
    return "\n".join(lines)
