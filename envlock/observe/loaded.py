"""What a process of the target has loaded: a running job, or a fresh process that imports what is locked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from envlock.agent.mapped import (
    SCHEMA,
    LoadedFacts,
    process_environment,
    process_python,
    read_process,
    same_files,
)
from envlock.errors import CouldNotTell
from envlock.observe.carried import PACKAGE
from envlock.observe.document import check
from envlock.observe.zipapp import agent_bytes

_RUN = f"from {PACKAGE}.load_session import main\n\nmain()\n"
_MOST_SECONDS = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A running process: its own environment, and the interpreter that it was called by (None: unknown)."""

    pid: int
    environment: Mapping[str, str]
    python: str | None


def find_job(pid: int) -> Job:
    """Look at a running process. Raises CouldNotTell where that cannot be, saying why."""
    with _readable(pid):
        if not same_files(pid):
            raise CouldNotTell(
                f"process {pid} sees other files than this one: it runs in a container",
                hint="run `envlock verify --level loaded --pid N` in the container",
            )
        return Job(pid=pid, environment=process_environment(pid), python=process_python(pid))


def observe_job(pid: int) -> LoadedFacts:
    """What a running process has mapped now. Raises CouldNotTell."""
    with _readable(pid):
        return read_process(pid)


@contextmanager
def _readable(pid: int) -> Iterator[None]:
    if not Path("/proc/self").is_dir():
        raise CouldNotTell(
            f"what a process has loaded is read from /proc, which {sys.platform} does not have",
            hint="`envlock verify --level content` looks at every byte of the environment",
        )
    try:
        yield
    except PermissionError as error:
        raise CouldNotTell(
            f"process {pid} belongs to another user: what it has loaded is not shown",
            hint="run the command as that user, or as root",
        ) from error
    except (FileNotFoundError, ProcessLookupError) as error:
        raise CouldNotTell(
            f"there is no process {pid}, or it has ended", hint="`pgrep -af python` lists those that run"
        ) from error


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadTarget:
    """An interpreter, the environment of the job, and the modules to import."""

    python: Path
    environment: Mapping[str, str]
    names: tuple[str, ...]


def observe_loaded(target: LoadTarget) -> LoadedFacts:
    """Import the modules in a process of the target's own, and see what that maps. Raises CouldNotTell."""
    with _readable(os.getpid()), tempfile.TemporaryDirectory(prefix="envlock-loaded-") as name:
        output = Path(name) / "loaded.json"
        done = _run(target, Path(name), output)
        if done.returncode != 0 or not output.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise CouldNotTell(
                f"`{target.python}` did not come to its end while it imported {_listed(target.names)}: "
                + (said[-1] if said else _ended(done.returncode)),
                hint="`envlock verify --level content` tells whether the environment is what the lock says",
            )
        return parse_loaded(output.read_bytes())


def parse_loaded(data: bytes) -> LoadedFacts:
    """Parse and check a document. Raises CouldNotTell naming the first value that is not as it must be."""
    try:
        document = json.loads(data)
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise ValueError(f"its schema is not `{SCHEMA}`")
        check(document, LoadedFacts)
    except (ValueError, RecursionError) as error:
        raise CouldNotTell(f"what the process printed is no document of ours: {error}") from error
    return cast(LoadedFacts, document)


def _run(target: LoadTarget, folder: Path, output: Path) -> subprocess.CompletedProcess[bytes]:
    # A script file: sys.path[0] is its folder, so that nothing of the current directory is imported.
    agent, script = folder / "agent.pyz", folder / "run.py"
    agent.write_bytes(agent_bytes())
    script.write_text(f"import sys\nsys.path.append({str(agent)!r})\n{_RUN}")
    try:
        return subprocess.run(
            [str(target.python), "-B", str(script), str(output), json.dumps(target.names)],
            env=dict(target.environment),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_MOST_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CouldNotTell(f"nothing could be imported with `{target.python}`: {error}") from error


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"


def _ended(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
