"""What the target's interpreter is: asked once, with `-I -S -B`, so that none of its start-up code runs.

Start-up code (`.pth`, sitecustomize) is part of what is judged (IDENTITY 9), so it must not run first.
"""

import json
import os
import subprocess
from typing import Any, Dict, List, NamedTuple, Tuple

# The environment of the probe: nothing that changes what an interpreter loads reaches it.
CLEAN_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


class Interpreter(NamedTuple):
    """Facts of one interpreter. Directories are absolute; `prefix` is the environment's.

    `sites` are the site directories in the order of sys.path, without the user's. `include` is the
    directory below which pip installs headers, a folder per distribution.
    """

    implementation: str
    version: Tuple[int, int, int]
    full_version: str
    soabi: str
    abiflags: str
    debug: str
    gil_disabled: str
    cache_tag: str
    magic: str
    prefix: str
    base_prefix: str
    sites: List[str]
    user_site: str
    scripts: str
    data: str
    include: str
    stdlib: List[str]
    stdlib_names: List[str]

    @property
    def short(self) -> Tuple[int, int]:
        return self.version[0], self.version[1]


class NoAnswer(Exception):
    """The interpreter could not be started, or did not say what it is."""


def command_of(executable: str, *, from_source: bool) -> List[str]:
    """How an interpreter is started that is not trusted yet: without its start-up code, and `from_source`
    without the bytecode of its standard library, which may lie."""
    return [executable, "-I", "-S", "-B", *(("-X", "pycache_prefix=" + os.devnull) if from_source else ())]


def ask(executable: str, prefix: str, is_venv: bool, from_source: bool = False) -> Interpreter:
    """Start `executable` and let it describe itself. Raises NoAnswer with what it said instead."""
    program = source_of("description.py") + "\nprint(told(describe(sys.argv[1], sys.argv[2] == 'venv')))\n"
    start = command_of(executable, from_source=from_source)
    command = [*start, "-c", program, prefix, "venv" if is_venv else "base"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=60,
            env=CLEAN_ENVIRONMENT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswer(str(error)) from error
    try:
        return from_json(json.loads(done.stdout))
    except (ValueError, TypeError, KeyError) as error:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise NoAnswer(said[-1] if said else f"exit status {done.returncode}") from error


def source_of(name: str) -> str:
    """The text of a module of the agent, to run in another interpreter."""
    # Through the loader: inside the zipapp there is no file to open.
    import pkgutil

    data = pkgutil.get_data(__name__.rpartition(".")[0], name)
    return (data or b"").decode()


def from_json(document: Dict[str, Any]) -> Interpreter:
    fields = {name: document[name] for name in Interpreter._fields}
    major, minor, micro = (int(part) for part in document["version"])
    fields["version"] = (major, minor, micro)
    return Interpreter(**fields)
