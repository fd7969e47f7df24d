"""Where names point from this host. Never in a lock, never in a fingerprint.

Of two answers for one name the environment's counts (`ENVLOCK_SOURCE_CONDA_FORGE` for `conda-forge`),
then the manifest's, then that of the user's `envlock/config.toml`: the nearer to the command, the
stronger, as pip and uv rank theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from envlock.manifest import patterns
from envlock.manifest.documents import exists, parse_toml, read_text
from envlock.manifest.requirement import without_credentials
from envlock.manifest.tables import Faults, Table, code, shown

_PREFIX = "ENVLOCK_SOURCE_"
_ENVIRONMENT = re.compile(rf"{_PREFIX}[A-Z0-9_]*[A-Z0-9][A-Z0-9_]*")
_CREDENTIALS = re.compile(r"[A-Za-z]+://[^/]*@")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}|[{}]")
WELL_KNOWN = ("default", "pytorch", "conda-forge", "docker.io")


def all_sources(
    manifest: Mapping[str, str], names: Iterable[str], environment: Mapping[str, str], faults: Faults
) -> dict[str, str]:
    """Every source that is known here. `names` are those that the manifest speaks of elsewhere."""
    user = _user_sources(environment, faults)
    known = (*WELL_KNOWN, *names, *manifest, *user)
    return {**user, **manifest, **_environment_sources(environment, known, faults)}


def read_sources(table: Table, key: str) -> dict[str, str]:
    """A `[sources]` table. A URL with a password in it is a fault: files are committed and copied."""
    sources = table.table(key)
    if sources is None:
        return {}
    found = {name: sources.text(name, patterns.ANY_TEXT) for name in sources.data}
    return {
        name: url
        for name, url in found.items()
        if url is not None
        and sources.admits_key(name, patterns.SOURCE_NAME)
        and _fits(url, sources.at(name), sources.faults)
    }


def _fits(url: str, where: str, faults: Faults) -> bool:
    if _CREDENTIALS.match(url):
        message = f"{shown(without_credentials(url))} holds a user name or password"
        faults.add(where, message, "keep credentials in netrc, a keyring or the environment")
        return False
    return _is_url(url, where, faults)


def _is_url(url: str, where: str, faults: Faults) -> bool:
    odd = [text for text in _PLACEHOLDER.findall(url) if text != "{variant}"]
    if odd:
        faults.add(where, f"unknown placeholder {code(odd[0])}", "only `{variant}` is replaced")
    elif not patterns.SOURCE_URL.admits(url):
        bare = f"***@{url.rpartition('@')[2]}" if "@" in url else url
        faults.add(where, f"must be {patterns.SOURCE_URL.says}, found {shown(bare)}")
    else:
        return True
    return False


def _environment_sources(
    environment: Mapping[str, str], known: Iterable[str], faults: Faults
) -> dict[str, str]:
    names = {_variable(name): name for name in known}
    given = {key: url for key, url in environment.items() if _ENVIRONMENT.fullmatch(key) and url}
    return {
        names.get(key, key.removeprefix(_PREFIX).lower().replace("_", "-")): url
        for key, url in given.items()
        if _is_url(_bare(url), f"environment, {key}", faults)
    }


def _bare(url: str) -> str:
    """`url` without its credentials, which are welcome in the environment."""
    return re.sub(r"(?<=//)[^/]*@", "", url, count=1)


def _variable(name: str) -> str:
    """`ENVLOCK_SOURCE_DOCKER_IO` for `docker.io`."""
    return _PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())


def _user_sources(environment: Mapping[str, str], faults: Faults) -> dict[str, str]:
    path = _user_config(environment)
    if path is None or not exists(path):
        return {}
    text = read_text(path, str(path), faults)
    document = parse_toml(text, str(path), faults) if text is not None else None
    table = Table(file=str(path), path="", data=document or {}, faults=faults)
    table.only(("sources",))
    return read_sources(table, "sources")


def _user_config(environment: Mapping[str, str]) -> Path | None:
    """`envlock/config.toml` where the XDG base directory specification puts it."""
    base, home = environment.get("XDG_CONFIG_HOME", ""), environment.get("HOME", "")
    # "All paths set in these environment variables must be absolute. If […] relative […] consider […]
    # the path invalid and ignore it."
    if Path(base).is_absolute():
        return Path(base) / "envlock" / "config.toml"
    return Path(home) / ".config" / "envlock" / "config.toml" if Path(home).is_absolute() else None
