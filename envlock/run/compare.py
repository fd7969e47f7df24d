"""Two receipts: equal, or the first thing that differs, in the order in which one thing causes another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from envlock.run.receipt import Receipt

# Places differ from host to host; what they do to an environment is the checks' matter.
_PLACES = frozenset(
    {
        "CUDA_HOME",
        "CUDA_VISIBLE_DEVICES",
        "DYLD_LIBRARY_PATH",
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
        "PYTHONPYCACHEPREFIX",
        "PYTHONUSERBASE",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One thing that differs: the stage, what of it, and its value in each receipt (None: not there)."""

    stage: str
    what: str
    first: str | None
    second: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """`differences` in causal order: the first may be why the others are there. `unknown` are stages that
    one receipt or both say nothing of."""

    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]
    outputs: int

    @property
    def outputs_equal(self) -> bool:
        return self.outputs > 0 and not any(each.stage == "outputs" for each in self.differences)


def compare(first: Receipt, second: Receipt) -> Comparison:
    """Hold two receipts against each other."""
    return Comparison(
        differences=tuple(
            each for stage in STAGES.values() for each in stage(first, second) if each.first != each.second
        ),
        unknown=tuple(_unknown(first, second)),
        outputs=len(first["outputs"].keys() | second["outputs"].keys()),
    )


def _runtime(first: Receipt, second: Receipt) -> Iterator[Difference]:
    one, other = first["runtime"], second["runtime"]
    yield _row("runtime", "platform", one["platform"], other["platform"])
    yield _row("runtime", "hash", one["hash"], other["hash"])
    yield _row("runtime", "environment during the run", _held(one["held"]), _held(other["held"]))


def _held(held: bool) -> str:
    return "unchanged" if held else "changed"


def _settings(first: Receipt, second: Receipt) -> Iterator[Difference]:
    yield from _mapped("settings", first["settings"], second["settings"])
    one, other = (_steering(each["variables"]) for each in (first, second))
    yield from _mapped("settings", one, other)


def _steering(variables: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in variables.items() if name not in _PLACES}


def _class(first: Receipt, second: Receipt) -> Iterator[Difference]:
    one, other = first["numerics"], second["numerics"]
    if one is not None and other is not None and one["name"] != other["name"]:
        yield from _mapped("class", one["host"], other["host"])
        yield _row("class", "name", one["name"], other["name"])


def _commit(first: Receipt, second: Receipt) -> Iterator[Difference]:
    one, other = first["code"], second["code"]
    if one is not None and other is not None:
        yield _row("commit", "commit", one["commit"], other["commit"])
        yield _row("commit", "folder", one["folder"], other["folder"])
        yield _row("commit", "uncommitted changes", one["changes"], other["changes"])


def _command(first: Receipt, second: Receipt) -> Iterator[Difference]:
    import shlex

    yield _row("command", "words", shlex.join(first["command"]), shlex.join(second["command"]))


def _outputs(first: Receipt, second: Receipt) -> Iterator[Difference]:
    yield _row("outputs", "exit status", str(first["exit_status"]), str(second["exit_status"]))
    one, other = (
        {name: each["sha256"] or "not there" for name, each in row["outputs"].items()}
        for row in (first, second)
    )
    yield from _mapped("outputs", one, other)


STAGES: Mapping[str, Callable[[Receipt, Receipt], Iterator[Difference]]] = {
    "runtime": _runtime,
    "settings": _settings,
    "class": _class,
    "commit": _commit,
    "command": _command,
    "outputs": _outputs,
}


def _unknown(first: Receipt, second: Receipt) -> Iterator[str]:
    if first["numerics"] is None or second["numerics"] is None:
        yield "class"
    if first["code"] is None or second["code"] is None:
        yield "commit"


def _row(stage: str, what: str, first: str | None, second: str | None) -> Difference:
    return Difference(stage=stage, what=what, first=first, second=second)


def _mapped(stage: str, first: Mapping[str, str], second: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted(first.keys() | second.keys()):
        yield _row(stage, name, first.get(name), second.get(name))
