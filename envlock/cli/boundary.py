"""The one place where failures become text (or JSON) and an exit status."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

import click

from envlock.errors import DiskFailed, EnvlockError, InvalidInput

BUG = 70
STOPPED = 130  # as a shell reports SIGINT
READER_GONE = 141  # and SIGPIPE: neither "differs" nor "done" was told to anybody

# What a host refuses at any place, and no envlock can mend.
_HOST = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)


def run(command: click.Command, arguments: list[str] | None) -> int:
    """Run `command`; every failure ends here and nowhere else."""
    words = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in _own(words)
    try:
        outcome = _outcome(command, words)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.UsageError as error:
        from envlock.cli.usage import usage_fault

        return _failed(usage_fault(error, words), as_json=as_json)
    except (click.Abort, KeyboardInterrupt) as stop:
        click.echo("\nstopped" if sys.stderr.isatty() else "stopped", err=True)  # after the terminal's ^C
        return 128 + getattr(stop, "number", STOPPED - 128)
    except EnvlockError as error:
        return _failed(error, as_json=as_json)
    except BrokenPipeError:
        _let_go()
        return READER_GONE
    except Exception as error:
        return _unexpected(error, as_json=as_json)
    return outcome if isinstance(outcome, int) else 0


def _own(words: list[str]) -> list[str]:
    """The words before `--`: what follows belongs to the command that is run."""
    return words[: words.index("--")] if "--" in words else words


def _outcome(command: click.Command, words: list[str]) -> Any:
    """As click's own `main`, which would make a reader that went away an exit status of 1."""
    instruction = os.environ.get("_ENVLOCK_COMPLETE")
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(command, {}, "envlock", "_ENVLOCK_COMPLETE", instruction)
    with command.make_context("envlock", list(words)) as context:
        return command.invoke(context)


def _let_go() -> None:
    """Nothing is left to tell the reader, and nothing may be flushed to it when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _let_go_of_what_is_full() -> None:
    """What stdout still holds would fail once more when Python ends, with an exit status of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        _let_go()


def _unexpected(error: Exception, *, as_json: bool) -> int:
    if isinstance(error, OSError) and error.errno in _HOST:
        _let_go_of_what_is_full()
        return _failed(_refused(error), as_json=as_json)
    import traceback

    click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    document: dict[str, Any] = {
        "code": "bug",
        "message": f"this is a bug in envlock: {type(error).__name__}: {error}",
        "where": None,
        "hint": "please report it with the traceback: https://github.com/torch-envlock/torch-envlock/issues",
        "facts": {},
    }
    if as_json:
        _print_error(document)
    click.echo(f"error: {document['message']} [bug]\n\nhint: {document['hint']}", err=True)
    return BUG


def _refused(error: OSError) -> DiskFailed:
    reason = (error.strerror or str(error)).lower()
    hint = "free some space, or write elsewhere" if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
    return DiskFailed(reason, where=str(error.filename) if error.filename else None, hint=hint)


def _failed(error: EnvlockError, *, as_json: bool) -> int:
    if as_json:
        _print_error(error_document(error))
    else:
        from envlock.cli.terminal import painter

        message, *rest = error_text(error).split("\n")
        paint = painter(sys.stderr)
        marked = [message.replace("error:", paint("error:", "error"), 1)]
        marked += [
            line.replace("hint:", paint("hint:", "hint"), 1) if _is_hint(line) else line for line in rest
        ]
        click.echo("\n".join(marked), err=True)
    return error.exit_status


def _print_error(document: dict[str, Any]) -> None:
    import json

    click.echo(json.dumps({"error": document}, indent=2))


def _is_hint(line: str) -> bool:
    return line.startswith("hint: ")


def error_document(error: EnvlockError) -> dict[str, Any]:
    """The error as `--json` prints it."""
    document: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "hint": error.hint,
        "facts": _by_label(error),
    }
    if isinstance(error, InvalidInput):
        document["faults"] = [
            {"where": fault.where, "message": fault.message, "hint": fault.hint} for fault in error.faults
        ]
    return document


def _by_label(error: EnvlockError) -> dict[str, str]:
    """label -> text; where a label comes twice (two requirements that clash), a line for each."""
    found: dict[str, str] = {}
    for label, text in error.facts:
        found[label] = f"{found[label]}\n{text}" if label in found else text
    return found


def error_text(error: EnvlockError) -> str:
    """The error as a person reads it: message, place, facts, faults, hint."""
    lines = [f"error: {error.message} [{error.code}]"]
    faults = error.faults if isinstance(error, InvalidInput) else ()
    facts = list(error.facts)
    told = "asked by" in dict(facts) or any(fault.where.startswith(error.where or "") for fault in faults)
    if error.where and not told:
        facts.insert(0, ("where", error.where))
    width = max((len(label) for label, _ in facts), default=0)
    lines += [f"  {label:<{width}}  {text}" for label, text in facts]
    for fault in faults:
        lines.append(f"  {fault.where}: {fault.message}")
        lines += [f"    {fault.hint}"] if fault.hint else []
    if error.hint:
        lines += ["", f"hint: {error.hint}"]
    return "\n".join(lines)
