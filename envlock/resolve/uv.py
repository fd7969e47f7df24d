"""The uv process: which binary, under which configuration, and what its failures mean.

What a host says about *indexes* (user and system uv.toml, `UV_INDEX…`, credentials, proxies, cache)
counts, because "default" means the installer's own default index. What it says about *resolving*
(`UV_RESOLUTION`, `constraint-dependencies`, a uv.toml in some folder, an active environment) does
not, because a lock would differ from host to host. So uv gets a configuration of its own, made from
the user's, with the keys below and no others.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import tomli

from envlock.errors import EnvlockError, IndexFailed, NoSolution, ToolFailed, ToolMissing
from envlock.resolve.tags import MACOS

Environment: TypeAlias = Mapping[str, str]
PROJECT = "envlock-manifest"

_CONFIG_KEYS = (
    "allow-insecure-host",
    "cache-dir",
    "concurrent-downloads",
    "extra-index-url",
    "find-links",
    "http-proxy",
    "https-proxy",
    "index",
    "index-strategy",
    "index-url",
    "keyring-provider",
    "native-tls",
    "no-cache",
    "no-index",
    "no-proxy",
    "offline",
    "system-certs",
)
_KEPT_UV = (
    "UV_CACHE_DIR",
    "UV_CONCURRENT_",
    "UV_CREDENTIALS_DIR",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_HTTP_",
    "UV_INDEX",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_LINK_MODE",
    "UV_NATIVE_TLS",
    "UV_NO_CACHE",
    "UV_OFFLINE",
    "UV_PYTHON_INSTALL_DIR",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
)
_DROPPED = ("CONDA_DEFAULT_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")

_NETWORK = re.compile(
    r"Failed to fetch|Request failed|error sending request|timed out|Unsupported `Content-Type`"
    r"|could not be queried|returned a \d{3}|HTTP status|dns error|Failed to (?:download|read metadata|parse)"
    r"|connectivity is disabled"
)
_NO_SOLUTION = "No solution found"
_NOT_FOUND = re.compile(r"([\w.-]+?)(?:\[[^]]*\])? was not found in the package registry")
_FORK = re.compile(r"(?<=[\w\]])\{[^}]*\}")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a run of uv ended. Text is as uv wrote it, without credentials."""

    status: int
    stdout: str
    stderr: str

    @property
    def is_unsolvable(self) -> bool:
        """uv looked, and there is no solution; not a network failure that looks like one."""
        return self.status != 0 and _NO_SOLUTION in self.stderr and not _NETWORK.search(self.stderr)


def find_uv(environment: Environment) -> str:
    """The uv binary: of the installed package, else on PATH. Raises ToolMissing."""
    bundled = _bundled_uv()
    found = bundled or shutil.which("uv", path=environment.get("PATH", ""))
    if found is None:
        raise ToolMissing("`uv` is not here", hint="run `pip install uv`")
    return found


def typed_uv(environment: Environment) -> str:
    """How somebody types uv: by its name where it is on PATH, else by the path of the one in use."""
    on_path = shutil.which("uv", path=environment.get("PATH", ""))
    return "uv" if on_path else shlex.quote(find_uv(environment))


def _bundled_uv() -> str | None:
    try:
        from uv import find_uv_bin  # optional where uv is on PATH

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        return None


def run_uv(arguments: tuple[str, ...], *, directory: Path, environment: Environment) -> Outcome:
    """Run `uv …` in `directory`, which also gets its configuration. Never a shell."""
    command = [find_uv(environment), *arguments, *_configuration(directory, environment)]
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=uv_environment(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise ToolMissing(f"`uv` cannot be started: {error.strerror}", hint="run `pip install uv`") from error
    out, err = (without_credentials(text.decode(errors="replace")) for text in (done.stdout, done.stderr))
    return Outcome(status=done.returncode, stdout=out, stderr=err)


@contextmanager
def workspace() -> Iterator[Path]:
    """A private folder for one run of uv."""
    with tempfile.TemporaryDirectory(prefix="envlock-") as folder:
        yield Path(folder)


def uv_environment(environment: Environment) -> dict[str, str]:
    """`environment` without what would move a resolution."""
    kept = {key: value for key, value in environment.items() if _counts(key)}
    return {
        **kept,
        "COLUMNS": "10000",  # uv wraps its explanations to the terminal, and they are read here
        "MACOSX_DEPLOYMENT_TARGET": ".".join(map(str, MACOS)),
        "NO_COLOR": "1",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }


def _counts(key: str) -> bool:
    if key.startswith("UV_"):
        return key.startswith(_KEPT_UV)
    return key not in _DROPPED


def python_arguments() -> tuple[str, ...]:
    """Let uv ask this interpreter, whatever is on PATH; markers and tags come from the target."""
    return ("--python", sys.executable)


def _configuration(directory: Path, environment: Environment) -> tuple[str, ...]:
    """Arguments that give uv the index part of the user's configuration and nothing else."""
    tables = [table for path in _config_files(environment) if (table := _index_part(path))]
    if not tables:
        return ("--no-config",)
    path = directory / "uv.toml"
    path.write_text(toml_document(_merged(tables)), encoding="utf-8")
    return ("--config-file", str(path))


def _config_files(environment: Environment) -> Iterator[Path]:
    """Where uv looks beside the project, the nearer first."""
    if environment.get("UV_NO_CONFIG", "").lower() in ("1", "true", "yes", "on"):
        return
    if named := environment.get("UV_CONFIG_FILE"):
        yield Path(named)
        return
    if home := environment.get("XDG_CONFIG_HOME") or _home_config(environment):
        yield Path(home) / "uv" / "uv.toml"
    for folder in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"):
        yield Path(folder) / "uv" / "uv.toml"
    yield Path("/etc/uv/uv.toml")


def _home_config(environment: Environment) -> str | None:
    if roaming := environment.get("APPDATA"):
        return roaming
    return f"{environment['HOME']}/.config" if environment.get("HOME") else None


def _index_part(path: Path) -> dict[str, object]:
    """The keys of a uv.toml that say where distributions come from; those of `[pip]` count too."""
    try:
        document = tomli.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    except (OSError, UnicodeDecodeError, tomli.TOMLDecodeError) as error:
        raise ToolFailed(f"the configuration of uv cannot be read: {error}", where=str(path)) from error
    pip = document.get("pip")
    pip = pip if isinstance(pip, dict) else {}
    return {key: {**document, **pip}[key] for key in _CONFIG_KEYS if key in document or key in pip}


def _merged(tables: list[dict[str, object]]) -> dict[str, object]:
    """One configuration of several, as uv merges them: lists in turn, of values the nearest."""
    merged: dict[str, object] = {}
    for table in tables:
        for key, value in table.items():
            known = merged.setdefault(key, value)
            if known is not value and isinstance(known, list) and isinstance(value, list):
                merged[key] = [*known, *value]
    return merged


def toml_document(table: Mapping[str, object]) -> str:
    """`table` as TOML, nested tables inline.

    >>> toml_document({"index": [{"name": "a", "explicit": True}]})
    '"index" = [{"name" = "a", "explicit" = true}]\\n'
    """
    return "".join(f"{_toml(key)} = {_toml(value)}\n" for key, value in table.items())


def _toml(value: object) -> str:
    match value:
        case Mapping():
            return "{" + ", ".join(f"{_toml(key)} = {_toml(each)}" for key, each in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:
            # A TOML basic string takes JSON's escapes, and DEL must be one of them.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def failure(outcome: Outcome, *, where: str | None, hint: str | None = None) -> EnvlockError:
    """What a failed run of uv means: no solution, a network that failed, or a tool that failed."""
    message, causes, hints = explanation(outcome.stderr)
    facts = tuple(("uv says", text) for text in hints)
    if outcome.is_unsolvable:
        facts = (*(("because", _reason(text)) for text in causes), *facts)
        message = "no set of versions satisfies the manifest"
        advice = hint or _spelling(causes) or "loosen one of the requirements named above"
        return NoSolution(message, where=where, hint=advice, facts=facts)
    facts = (*(("cause", text) for text in causes), *facts)
    if _NETWORK.search(outcome.stderr):
        advice = hint or "check the address in `sources`, the network and the proxy, then try again"
        return IndexFailed(f"an index failed: {message}", where=where, hint=advice, facts=facts)
    return ToolFailed(f"`uv` failed: {message}", where=where, hint=hint, facts=facts)


def _spelling(causes: tuple[str, ...]) -> str | None:
    """What to do about a name that no index has."""
    found = next((match for text in causes if (match := _NOT_FOUND.search(text))), None)
    if found is None:
        return None
    return (
        f"look at the spelling of `{found[1]}`; the index of a distribution that others do not have is named "
        "in `sources` and `index-of`"
    )


def explanation(stderr: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """uv's error text as (message, causes, hints), its project called "the manifest".

    Causes that wrap over lines are one text each; warnings are left out.
    """
    blocks = {"error": list[str](), "cause": list[str](), "hint": list[str]()}
    current: list[str] | None = None
    for line in stderr.splitlines():
        label, colon, rest = line.strip().partition(": ")
        if colon and label in blocks:
            current = blocks[label]
            current.append(_retold(rest))
        elif colon and label == "warning":
            current = None
        elif line.startswith(" ") and current:
            _continue(current, _retold(line.strip()))
    message = " ".join(blocks["error"]) or "it gave no reason"
    return message, tuple(blocks["cause"]), tuple(blocks["hint"])


def _continue(texts: list[str], line: str) -> None:
    """Each step of the search is a text; the rows of a list ("one of:") belong to its step."""
    if line.startswith("And "):
        texts.append(line)
    else:
        texts[-1] += f" {line}" if texts[-1].endswith(":") else f", {line}"


def _retold(text: str) -> str:
    """In words: `x{sys_platform == 'linux'}==1.0` is uv's own way to name a fork of its search."""
    told = _FORK.sub("", text).replace(f"{PROJECT} depends on", "the manifest asks for")
    told = told.replace("your requirements are unsatisfiable", "the manifest cannot be satisfied")
    return told.replace(", we can conclude that ", ", so ").strip().rstrip(".")


def _reason(cause: str) -> str:
    return cause.removeprefix("And because ").removeprefix("Because ")


def without_credentials(text: str) -> str:
    return _CREDENTIALS.sub("", text)
