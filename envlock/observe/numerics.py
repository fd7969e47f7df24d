"""Run the probes in a target's own Python, and read what they print."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from envlock.agent.numerics.document import SCHEMA, NumericsFacts
from envlock.errors import CouldNotTell
from envlock.observe.document import check
from envlock.observe.zipapp import PACKAGE, agent_bytes

_RUN = f"from {PACKAGE}.numerics.session import main\n\nmain()\n"
_MOST_SECONDS = 1800


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericsTarget:
    """An interpreter, the environment of the job, which probes (none named: all).

    `compile` adds `torch.compile`. `emulator` goes before the interpreter: `("qemu-x86_64", "-cpu", …)`.
    """

    python: Path
    environment: Mapping[str, str]
    probes: tuple[str, ...] = ()
    compile: bool = False
    emulator: tuple[str, ...] = field(default=())


def observe_numerics(target: NumericsTarget) -> NumericsFacts:
    """The fingerprints of a target. Raises CouldNotTell where its Python does not come to the end."""
    with tempfile.TemporaryDirectory(prefix="envlock-numerics-") as name:
        folder = Path(name)
        # A script file: sys.path[0] is this folder, so that nothing of the current directory is imported.
        agent = folder / "agent.pyz"
        agent.write_bytes(agent_bytes())
        (folder / "run.py").write_text(f"import sys\nsys.path.insert(0, {str(agent)!r})\n{_RUN}")
        output = folder / "numerics.json"
        _run(target, [str(folder / "run.py"), str(output), *(["--compile"] if target.compile else [])])
        return parse_numerics(output.read_bytes())


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


def _run(target: NumericsTarget, words: list[str]) -> None:
    command = [*target.emulator, str(target.python), "-B", *words, *target.probes]
    try:
        done = subprocess.run(
            command,
            env=dict(target.environment),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_MOST_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CouldNotTell(f"the probes could not be run with `{target.python}`: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        ending = said[-1] if said else _ended(done.returncode)
        raise CouldNotTell(
            f"the probes did not come to their end with `{target.python}`: {ending}",
            hint="`envlock verify --level content` tells whether the environment is what the lock says",
        )


def _ended(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
