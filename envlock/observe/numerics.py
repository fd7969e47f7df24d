"""Run the probes in a target's own Python, and read what they print."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import cast

from envlock.agent.numerics.document import SCHEMA, NumericsFacts
from envlock.agent.numerics.host_class import VARIABLES as CLASS_VARIABLES
from envlock.agent.numerics.session import CLASS, IMPORT
from envlock.errors import CouldNotTell
from envlock.observe.carried import PACKAGE
from envlock.observe.document import check
from envlock.observe.zipapp import agent_bytes

_RUN = f"from {PACKAGE}.numerics.session import main\n\nmain()\n"
_MOST_SECONDS = 1800
_MOST_CRASHES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericsTarget:
    """An interpreter, the environment of the job, which probes (none named: all).

    `compile` adds `torch.compile`. `emulator` goes before the interpreter: `("qemu-x86_64", "-cpu", …)`.
    """

    python: PurePath
    environment: Mapping[str, str]
    probes: tuple[str, ...] = ()
    compile: bool = False
    emulator: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a run of the probes ended: its exit status (negative: a signal), the probe that ran last, the last
    line that it said, and the document that it wrote."""

    status: int
    at: str | None
    said: str
    document: bytes = b""


# Runs the probes of a target but for those that are to be skipped. Raises CouldNotTell.
Runner = Callable[[NumericsTarget, tuple[str, ...]], Ended]


def run_here(target: NumericsTarget, skipped: tuple[str, ...]) -> Ended:
    """Run the probes in a process of this host. Raises CouldNotTell."""
    with tempfile.TemporaryDirectory(prefix="envlock-numerics-") as name:
        return _Run(target=target, folder=Path(name), skipped=skipped).end()


def observe_numerics(target: NumericsTarget, run: Runner = run_here) -> NumericsFacts:
    """The fingerprints of a target. A probe that ends the process is named as failed, and the others run; so
    is a library whose import does, as broken.

    Raises CouldNotTell where its Python does not come to the end otherwise.
    """
    crashed: dict[str, str] = {}
    while True:
        end = run(target, tuple(crashed))
        if end.status == 0:
            document = parse_numerics(end.document)
            for name, why in crashed.items():
                is_import = name.startswith(IMPORT)
                document["broken" if is_import else "failed"][name.removeprefix(IMPORT)] = why
            return document
        if end.at in (None, CLASS, *crashed) or len(crashed) == _MOST_CRASHES:
            raise _no_end(target, end)
        crashed[str(end.at)] = f"it ended the process with {_ended(end.status)}"


def observe_class(target: NumericsTarget) -> tuple[str, Mapping[str, str]]:
    """The name of the class and its values, without a probe: what NumPy and torch take to be imported.

    Raises CouldNotTell.
    """
    document = observe_numerics(replace(target, probes=(CLASS,)))
    return document["class"], document["host"]


def parse_numerics(data: bytes) -> NumericsFacts:
    """Parse and check a document. Raises CouldNotTell naming the first value that is not as it must be."""
    try:
        document = json.loads(data)
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ValueError(f"its schema is not `{SCHEMA}`")
        check(document, NumericsFacts)
    except (ValueError, RecursionError) as error:
        raise CouldNotTell(f"what the probes printed is no document of theirs: {error}") from error
    return cast(NumericsFacts, document)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    """One process that runs probes, with a folder for what it needs."""

    target: NumericsTarget
    folder: Path
    skipped: tuple[str, ...]

    @property
    def output(self) -> Path:
        return self.folder / "numerics.json"

    def end(self) -> Ended:
        try:
            done = subprocess.run(
                self._command(),
                env=dict(self.target.environment),
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=_MOST_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CouldNotTell(f"the probes could not be run with `{self.target.python}`: {error}") from error
        at = self.folder / f"{self.output.name}.at"
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return Ended(
            status=done.returncode,
            at=at.read_text() if at.exists() else None,
            said=said[-1] if said else "",
            document=self.output.read_bytes() if self.output.exists() else b"",
        )

    def _command(self) -> list[str]:
        # A script file: sys.path[0] is its folder, so that nothing of the current directory is imported.
        agent, script = self.folder / "agent.pyz", self.folder / "run.py"
        agent.write_bytes(agent_bytes())
        script.write_text(script_text(str(agent)))
        words = ["-B", str(script), str(self.output), choice_text(self.target, self.skipped)]
        return [*self.target.emulator, str(self.target.python), *words]


def script_text(agent: str) -> str:
    """The program that runs the probes out of the agent's file. Its arguments: output and choice."""
    return f"import sys\nsys.path.insert(0, {agent!r})\n{_RUN}"


def choice_text(target: NumericsTarget, skipped: tuple[str, ...]) -> str:
    """Which probes run, as the session reads it."""
    choice = {
        "named": target.probes,
        "compile": target.compile,
        "skipped": skipped,
        "environment": {key: target.environment.get(key, "") for key in CLASS_VARIABLES},
    }
    return json.dumps(choice)


def _no_end(target: NumericsTarget, end: Ended) -> CouldNotTell:
    return CouldNotTell(
        f"the probes did not come to their end with `{target.python}`: {end.said or _ended(end.status)}",
        hint="`envlock verify --level content` tells whether the environment is what the lock says",
    )


def _ended(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
