"""The second engine: pip's own resolver, run by pip-tools. It answers what uv_compile answers.

pip decides the versions; which files there are of them, each on its named index, is looked up with uv, as
for every lock. What a host says about indexes (pip.conf, `PIP_INDEX_URL`, …) counts, what it says about
resolving (`PIP_CONSTRAINT`, `PIP_PRE`, a pip-tools configuration) does not.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envlock.agent.host import platform_name
from envlock.errors import EnvlockError, IndexFailed, NoSolution, NoWheel, ToolFailed, ToolMissing
from envlock.resolve.exact import exact_pins
from envlock.resolve.uv import Environment, Outcome, without_credentials, workspace
from envlock.resolve.uv_compile import Answer, Question, Target

_INPUT, _OUTPUT, _CONSTRAINTS = "requirements.in", "requirements.txt", "constraints.txt"
_KEPT_PIP = (
    "PIP_CACHE_DIR",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_KEYRING_PROVIDER",
    "PIP_NO_INDEX",
    "PIP_PROXY",
    "PIP_RETRIES",
    "PIP_TIMEOUT",
    "PIP_TOOLS_CACHE_DIR",
    "PIP_TRUSTED_HOST",
)
_DROPPED = ("CUSTOM_COMPILE_COMMAND", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")
_ELSEWHERE = "leave `--engine pip-tools` out: uv resolves for any platform and Python"

_UNSOLVABLE = re.compile(r"No matching distribution found|ResolutionImpossible|conflicting dependencies")
_NETWORK = re.compile(
    r"Max retries exceeded|Could not fetch URL|connection broken|HTTPError|ConnectionError|ReadTimeout"
    r"|upload-time|Network is unreachable|timed out"
)
# The rest of a list of hundreds of versions says nothing.
_VERSIONS = re.compile(r" \(from versions: [^)]*\)")
_ERROR = re.compile(r"^\s*(?:ERROR|Error): ")
_BROKEN = re.compile(r"""after connection broken by '(\w+)\(.*?((?:\[Errno \d+\] )?[\w ]+)["']\)""")
_CAUSE = re.compile(
    r"RequirementInformation\(requirement=\w+\('(?P<asked>[^']+)'\), "
    r"parent=(?:None|\w+\('[^']*?/(?P<wheel>[^/' ]+)\.whl)"
)


def ask(question: Question, environment: Environment) -> Answer:
    """Run pip-compile once, and look up the files of what it pinned.

    Raises ToolFailed where the target is not this host's Python, NoSolution, NoWheel, SourceFailed,
    ToolMissing.
    """
    _refuse_elsewhere(question.target)
    with workspace() as folder:
        outcome = _compile(folder, question, environment)
        if outcome.status != 0:
            raise _failure(outcome)
        versions = _read_pins((folder / _OUTPUT).read_text(encoding="utf-8"))
    pins = exact_pins(question.target, question.indexes, versions, environment)
    for name in sorted(versions.keys() - pins.keys()):
        raise _no_wheel(name, versions[name], question)
    return Answer(outcome=outcome, pins=pins, undated=frozenset())


def _refuse_elsewhere(target: Target) -> None:
    """pip takes markers and tags from the interpreter that it runs on, and cannot be told others."""
    here, python = platform_name(), ".".join(map(str, sys.version_info[:3]))
    if target.platform == here and f"{python}.".startswith(f"{target.python}."):
        return
    message = "pip's resolver only resolves for the platform and Python that it runs on"
    facts = [
        ("runs on", f"{here} with Python {python}"),
        ("asked for", f"{target.platform} with Python {target.python}"),
    ]
    raise ToolFailed(message, hint=_ELSEWHERE, facts=facts)


def _compile(folder: Path, question: Question, environment: Environment) -> Outcome:
    _write(folder / _INPUT, question.requirements)
    if question.constraints:
        _write(folder / _CONSTRAINTS, question.constraints)
    if question.preferences:
        # An output that is there: its pins stay where they still fit.
        _write(folder / _OUTPUT, [f"{name}=={pin}" for name, pin in sorted(question.preferences.items())])
    command = [sys.executable, "-I", "-m", "piptools", "compile", *_arguments(question)]
    done = subprocess.run(
        command,
        cwd=folder,
        env=_pip_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    out, err = (without_credentials(text.decode(errors="replace")) for text in (done.stdout, done.stderr))
    return Outcome(status=done.returncode, stdout=out, stderr=err)


def _write(path: Path, lines: tuple[str, ...] | list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _arguments(question: Question) -> Iterator[str]:
    yield from (_INPUT, "--output-file", _OUTPUT, "--quiet", "--no-config", "--no-color")
    yield from ("--strip-extras", "--allow-unsafe", "--no-header", "--no-annotate", "--no-emit-options")
    # What a wheel's METADATA does not tell, a build on this machine must not decide.
    yield from ("--pip-args", "--only-binary :all:")
    if question.constraints:
        yield from ("--constraint", _CONSTRAINTS)
    if question.indexes.default:
        yield from ("--index-url", question.indexes.default)
    for index in sorted(set(question.indexes.routes.values())):
        yield from ("--extra-index-url", question.indexes.named[index])
    if question.exclude_newer is not None:
        yield from ("--uploaded-prior-to", question.exclude_newer)
    if question.refresh:
        yield "--rebuild"


def _pip_environment(environment: Environment) -> dict[str, str]:
    kept = {key: value for key, value in environment.items() if _counts(key)}
    return {**kept, "COLUMNS": "10000", "NO_COLOR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _counts(key: str) -> bool:
    return key in _KEPT_PIP if key.startswith("PIP_") else key not in _DROPPED


def _read_pins(text: str) -> Mapping[NormalizedName, str]:
    """
    >>> dict(_read_pins("# a comment\\ntorch==2.6.0 ; python_version >= '3'\\n"))
    {'torch': '2.6.0'}
    """
    pins: dict[NormalizedName, str] = {}
    for line in text.splitlines():
        row = line.partition("#")[0].strip()
        if row and not row.startswith("-"):
            requirement = _parsed(row)
            pins[canonicalize_name(requirement.name)] = next(iter(requirement.specifier)).version
    return pins


def _parsed(row: str) -> Requirement:
    try:
        requirement = Requirement(row)
    except InvalidRequirement as error:
        raise ToolFailed(f"`pip-compile` wrote a line that cannot be read: {row}") from error
    if requirement.url is not None or len(requirement.specifier) != 1:
        message = (
            f"`{requirement.name}` comes from a URL or a folder, which has no index to be found on again"
        )
        raise NoSolution(message, hint=f"ask for `{requirement.name}` by name and version")
    return requirement


def _failure(outcome: Outcome) -> EnvlockError:
    """What a failed run means, in pip's words without its traceback."""
    facts = tuple(dict.fromkeys(_said(outcome.stderr)))
    if "No module named piptools" in outcome.stderr:
        return ToolMissing("`pip-tools` is not here", hint="run `pip install pip-tools`")
    if _NETWORK.search(outcome.stderr):
        advice = "check the address in `sources`, the network and the proxy, then try again"
        return IndexFailed("an index failed", hint=advice, facts=facts)
    if _UNSOLVABLE.search(outcome.stderr):
        message = "no set of versions satisfies the manifest"
        return NoSolution(message, hint="loosen one of the requirements named above", facts=facts)
    return ToolFailed("`pip-compile` failed", facts=facts or (("pip says", outcome.stderr.strip()[-500:]),))


def _said(stderr: str) -> Iterator[tuple[str, str]]:
    """What stands against what, and pip's errors. The resolver's own exceptions repeat them."""
    causes = [("because", _cause(match)) for match in _CAUSE.finditer(stderr)]
    broken = [("cause", f"{match[1]}: {match[2]}") for match in _BROKEN.finditer(stderr)]
    yield from broken or causes
    for line in () if broken or len(causes) > 1 else stderr.splitlines():
        match = _ERROR.match(line)
        if match is not None:
            yield "pip says", _VERSIONS.sub("", line[match.end() :]).strip()


def _cause(match: re.Match[str]) -> str:
    """
    >>> parent = "parent=LinkCandidate('https://host.example/a-1-py3-none-any.whl (…)')"
    >>> told = f"RequirementInformation(requirement=SpecifierRequirement('b<3'), {parent})"
    >>> _cause(next(_CAUSE.finditer(told)))
    'a 1 depends on b<3'
    """
    if match["wheel"] is None:
        return f"the manifest asks for {match['asked']}"
    name, version = match["wheel"].split("-")[:2]
    return f"{name} {version} depends on {match['asked']}"


def _no_wheel(name: str, version: str, question: Question) -> NoWheel:
    target = question.target
    message = f"`{name}` {version}, which pip chose, has no wheel for {target.platform} on its index"
    facts = [("asked for", f"Python {target.python}, glibc {'.'.join(map(str, target.glibc))}")]
    return NoWheel(message, hint=f"constrain `{name}`, or {_ELSEWHERE}", facts=facts)
