"""The second engine: conda-lock, run as a process of its own. It decides versions and builds, and no more.

What it takes for granted of a machine is told it: `__cuda` 11.4 is its default, and ours is none.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from envlock.errors import EnvlockError, NoSolution, ToolFailed, ToolMissing, UsageFault
from envlock.resolve.conda.model import CondaWish

_TIMEOUT_SECONDS = 1800
_NO_CONDA = re.compile(
    r"No conda \(or equivalent\)|[Nn]o .*(?:conda|mamba|micromamba).* executable|ensureconda"
)
_ENVIRONMENT, _VIRTUAL, _OUTPUT = "environment.yml", "virtual-packages.yml", "conda-lock.yml"


def run_conda_lock(
    wish: CondaWish, channels: Mapping[str, str], constraints: tuple[str, ...], environment: Mapping[str, str]
) -> str:
    """The text of the conda-lock.yml for `wish`.

    Raises ToolMissing, ToolFailed, NoSolution, and UsageFault for what conda-lock cannot do.
    """
    if wish.exclude_newer is not None:
        raise UsageFault(
            "conda-lock cannot resolve as if it were another day",
            hint="leave `--conda-engine` out, or `exclude-newer`",
        )
    tool = _tool(environment)
    with tempfile.TemporaryDirectory(prefix="envlock-conda-lock-") as name:
        folder = Path(name)
        _write(folder, wish, channels, constraints)
        done = _run(tool, folder, wish, environment)
        if done.returncode:
            raise _failure(wish, f"{done.stdout}\n{done.stderr}")
        return (folder / _OUTPUT).read_text(encoding="utf-8")


def _tool(environment: Mapping[str, str]) -> str:
    beside = Path(sys.executable).parent / "conda-lock"
    found = str(beside) if beside.is_file() else shutil.which("conda-lock", path=environment.get("PATH"))
    if found is None:
        raise ToolMissing("`conda-lock` is not installed", hint="`pip install 'torch-envlock[conda-lock]'`")
    return found


def _write(folder: Path, wish: CondaWish, channels: Mapping[str, str], constraints: tuple[str, ...]) -> None:
    """JSON, which every reader of YAML reads. A constraint counts where its package is asked for by name."""
    names = {_name(spec) for spec in wish.specs}
    held = [spec for spec in constraints if _name(spec) in names]
    document = {"channels": list(channels.values()), "dependencies": [*wish.specs, *held]}
    packages = {name: text.replace("=", " ", 1) for name, text in wish.virtual.items()}
    virtual = {"subdirs": {str(wish.platform): {"packages": packages}}}
    for file, content in ((_ENVIRONMENT, document), (_VIRTUAL, virtual), ("lookup.json", {})):
        (folder / file).write_text(json.dumps(content), encoding="utf-8")


def _name(spec: str) -> str:
    return re.split(r"[ =<>!~\[]", spec, maxsplit=1)[0]


def _run(
    tool: str, folder: Path, wish: CondaWish, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    words = (
        *(tool, "lock", "--file", _ENVIRONMENT, "--platform", str(wish.platform), "--lockfile", _OUTPUT),
        *("--virtual-package-spec", _VIRTUAL),
        # its table of names serves wheels, which it is not asked for; it would fetch it
        *("--pypi_to_conda_lookup_file", (folder / "lookup.json").as_uri()),
        *_conda(environment),
    )
    try:
        return subprocess.run(
            words,
            cwd=folder,
            env=dict(environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolFailed(f"`conda-lock` did not run: {error}") from error


def _conda(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The conda of this host; conda-lock would fetch one where there is none."""
    for name, others in (("micromamba", ()), ("mamba", ()), ("conda", ("--no-mamba", "--no-micromamba"))):
        found = shutil.which(name, path=environment.get("PATH"))
        if found is not None:
            return ("--conda", found, *others)
    raise ToolMissing(
        "`conda-lock` needs conda, mamba or micromamba, and none is on PATH",
        hint="install one of them, or leave `--conda-engine` out: envlock has a solver of its own",
    )


def _failure(wish: CondaWish, text: str) -> EnvlockError:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    facts = [("conda-lock says", line) for line in lines[-8:]]
    if _NO_CONDA.search(text):
        return ToolMissing("`conda-lock` found no conda", hint="put conda on PATH", facts=facts)
    if "UnsatisfiableError" in text or "ResolvePackageNotFound" in text or "PackagesNotFound" in text:
        return NoSolution(
            f"conda-lock finds no packages for {wish.platform} that go together",
            where=wish.where,
            hint="without `--conda-engine` the cause is told in a sentence",
            facts=facts,
        )
    return ToolFailed(f"`conda-lock` failed for {wish.platform}", facts=facts)
