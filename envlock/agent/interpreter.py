"""What the target's interpreter is: asked once, with `-I -S -B`, so that none of its start-up code runs.

Start-up code (`.pth`, sitecustomize) is part of what is judged (IDENTITY 9), so it must not run first.
"""

import json
import os
import subprocess
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

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


def describe(prefix: str, is_venv: bool) -> Dict[str, Any]:
    """Describe the running interpreter as the one of `prefix`. Runs inside the target: `-S` leaves
    sys.prefix at the base before Python 3.14, so the prefix is given.
    """
    import importlib.util
    import site
    import sysconfig

    scheme, variables = _scheme(prefix, is_venv)
    paths = sysconfig.get_paths(scheme, vars=variables) if scheme else sysconfig.get_paths()
    version = "python%d.%d%s" % (sys.version_info[0], sys.version_info[1], getattr(sys, "abiflags", ""))
    include = os.path.join(prefix, "include", "site", version) if is_venv else paths["include"]
    sites = site.getsitepackages([prefix]) if is_venv else site.getsitepackages()
    return {
        "implementation": sys.implementation.name,
        "version": list(sys.version_info[:3]),
        "full_version": sys.version.split()[0],
        "soabi": sysconfig.get_config_var("SOABI") or "",
        "abiflags": getattr(sys, "abiflags", ""),
        "debug": str(int(hasattr(sys, "gettotalrefcount"))),
        "gil_disabled": str(int(bool(sysconfig.get_config_var("Py_GIL_DISABLED")))),
        "cache_tag": sys.implementation.cache_tag or "",
        "magic": importlib.util.MAGIC_NUMBER.hex(),
        "prefix": prefix,
        "base_prefix": sys.base_prefix,
        "sites": _unique([paths["purelib"], paths["platlib"], *sites] if is_venv else sites),
        "user_site": _user_site(site),
        "scripts": paths["scripts"],
        "data": paths["data"],
        "include": include,
        "stdlib": _unique([sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]),
        "stdlib_names": _stdlib_names(),
    }


def command_of(executable: str, *, from_source: bool) -> List[str]:
    """How an interpreter is started that is not trusted yet: without its start-up code, and `from_source`
    without the bytecode of its standard library, which may lie."""
    return [executable, "-I", "-S", "-B", *(("-X", "pycache_prefix=" + os.devnull) if from_source else ())]


def ask(executable: str, prefix: str, is_venv: bool, from_source: bool = False) -> Interpreter:
    """Start `executable` and let it describe itself. Raises NoAnswer with what it said instead."""
    program = (
        source_of("interpreter.py") + "\nprint(json.dumps(describe(sys.argv[1], sys.argv[2] == 'venv')))\n"
    )
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


def _scheme(prefix: str, is_venv: bool) -> Tuple[Optional[str], Dict[str, str]]:
    import sysconfig

    variables = {"base": prefix, "platbase": prefix, "installed_base": prefix, "installed_platbase": prefix}
    if not is_venv:
        return None, {}
    return ("venv" if "venv" in sysconfig.get_scheme_names() else "posix_prefix"), variables


def _user_site(site: Any) -> str:
    # -I switches the user site off for the probe; whether it counts for a job is judged elsewhere.
    try:
        return str(site.getusersitepackages())
    except Exception:  # a host without a home
        return ""


def _stdlib_names() -> List[str]:
    names = getattr(sys, "stdlib_module_names", None)
    if names is not None:
        return sorted(names)
    import sysconfig

    found = set(sys.builtin_module_names)
    for directory in (
        sysconfig.get_path("stdlib"),
        os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload"),
    ):
        if os.path.isdir(directory):
            found.update(entry.split(".", 1)[0] for entry in os.listdir(directory))
    return sorted(name for name in found if name.isidentifier())


def _unique(paths: List[str]) -> List[str]:
    seen = set()
    kept = []
    for path in paths:
        real = os.path.realpath(path)
        if real not in seen:
            seen.add(real)
            kept.append(path)
    return kept
