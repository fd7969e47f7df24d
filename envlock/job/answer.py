"""A report, or the failure to make one, as it travels from the process that looks: one JSON document.

{"report": …, "settings": [names]} or {"error": {"code", "message", "where", "hint", "facts", "faults"}}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from envlock.errors import CouldNotTell, EnvlockError, Fault, InvalidInput


def answer_of_failure(error: EnvlockError) -> dict[str, Any]:
    faults = error.faults if isinstance(error, InvalidInput) else ()
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "where": error.where,
            "hint": error.hint,
            "facts": [list(fact) for fact in error.facts],
            "faults": [[fault.where, fault.message, fault.hint] for fault in faults],
        }
    }


def failure_of(answer: Mapping[str, Any]) -> EnvlockError:
    """The error that `answer_of_failure` told, of its own class."""
    told = answer["error"]
    kind = _classes().get(told["code"], CouldNotTell)
    options = {"where": told["where"], "hint": told["hint"], "facts": [tuple(fact) for fact in told["facts"]]}
    if issubclass(kind, InvalidInput):
        faults = [Fault(where=where, message=text, hint=hint) for where, text, hint in told["faults"]]
        return kind(told["message"], faults=faults, **options)
    return kind(told["message"], **options)


def told_whole(error: EnvlockError) -> None:
    """Put all that an error knows into the text that a traceback ends with."""
    lines = [f"{error.message} [{error.code}]"]
    lines += [f"  where  {error.where}"] if error.where else []
    lines += [f"  {label}  {text}" for label, text in error.facts]
    if isinstance(error, InvalidInput):
        lines += [f"  {fault.where}: {fault.message}" for fault in error.faults]
    lines += [f"  hint: {error.hint}"] if error.hint else []
    error.args = ("\n".join(lines),)


def _classes() -> dict[str, type[EnvlockError]]:
    kinds: list[type[EnvlockError]] = [CouldNotTell, *_below(InvalidInput)]
    return {kind.code: kind for kind in kinds}


def _below(kind: type[EnvlockError]) -> Iterator[type[EnvlockError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _below(each)
