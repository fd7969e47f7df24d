"""The interpreter of a virtual environment: made with uv, and checked against the lock."""

from __future__ import annotations

import shutil
from pathlib import Path

from envlock.agent.merkle import PythonIdentity
from envlock.agent.target import Answers, Target, open_target
from envlock.errors import EnvlockError, NoInterpreter, UsageFault
from envlock.install.model import SyncRequest
from envlock.install.uv_pip import disk_failure
from envlock.lock.model import Lock
from envlock.lock.runtime import python_identity
from envlock.resolve.uv import Outcome, explanation, run_uv, typed_uv, workspace


def is_missing(venv: Path) -> bool:
    """True where a venv is still to be made. Raises UsageFault where something else stands there."""
    if not venv.exists() and not venv.is_symlink():
        return True
    if venv.is_dir() and ((venv / "pyvenv.cfg").is_file() or not any(venv.iterdir())):
        return not (venv / "pyvenv.cfg").is_file()
    raise UsageFault(
        f"`{venv}` is there and is not a virtual environment",
        hint="name another directory: `envlock sync --venv DIR`",
    )


def make_venv(request: SyncRequest) -> None:
    """`uv venv` with a fitting interpreter of this host. Raises NoInterpreter, DiskFailed."""
    wanted = request.python or f"cpython@{request.lock.python}"
    arguments = ("venv", "--no-python-downloads", "--no-project", "--python", wanted, str(request.venv))
    with workspace() as folder:
        outcome = run_uv(arguments, directory=folder, environment=request.supply.environment)
    if outcome.status != 0:
        remove_venv(request.venv)
        raise _no_venv(request, outcome)


def remove_venv(venv: Path) -> None:
    shutil.rmtree(venv, ignore_errors=True)


def open_venv(venv: Path, answers: Answers | None = None) -> Target:
    """The venv with an interpreter that answers. Raises NoInterpreter."""
    target, _, _, reason = open_target(str(venv), in_process=False, answers=answers)
    if target is None:
        raise NoInterpreter(
            f"the Python of `{venv}` does not start: {reason}",
            hint=f"remove `{venv}` and run `envlock sync` again",
        )
    return target


def check_python(target: Target, lock: Lock, platform: str, venv: Path) -> None:
    """Raise NoInterpreter where the venv's Python is not the lock's (IDENTITY 3, node `python`)."""
    wanted, found = python_identity(lock.python, platform), _identity(target, lock.python)
    if wanted == found:
        return
    facts = [
        (name, f"{theirs} instead of {ours}")
        for name, ours, theirs in zip(PythonIdentity._fields, wanted, found, strict=True)
        if ours != theirs
    ]
    full = target.interpreter.full_version
    raise NoInterpreter(
        f"`{venv}` has {found.implementation} {full}, the lock is for cpython {lock.python} on {platform}",
        hint=f"remove `{venv}`, or make another one beside it: `envlock sync --venv DIR`",
        facts=facts,
    )


def _identity(target: Target, python: str) -> PythonIdentity:
    """What the venv's interpreter is, its version cut to what the lock compares."""
    interpreter = target.interpreter
    version = ".".join(map(str, interpreter.version[: python.count(".") + 1]))
    return PythonIdentity(
        implementation=interpreter.implementation,
        version=version,
        soabi=interpreter.soabi,
        abiflags=interpreter.abiflags,
        debug=interpreter.debug,
        gil_disabled=interpreter.gil_disabled,
    )


def _no_venv(request: SyncRequest, outcome: Outcome) -> EnvlockError:
    if failed := disk_failure(outcome, request.venv):
        return failed
    message, causes, _ = explanation(outcome.stderr)
    python = request.lock.python
    typed = f"{typed_uv(request.supply.environment)} python install {python}"
    missing = f"no Python {python}" if request.python is None else f"no interpreter `{request.python}`"
    return NoInterpreter(
        f"there is {missing} on this host",
        hint=f"install one (`{typed}`), name one (`envlock sync --python PATH`), "
        "or lock for one that is here: `python` in the manifest",
        facts=[("uv says", text) for text in (message, *causes)],
    )
