"""Who we are to a registry: docker's `config.json`, credential helpers, podman's `auth.json`.

Read as docker reads it: `credHelpers` of a registry go before `credsStore`, and both before `auths`.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from envlock.errors import ToolFailed
from envlock.resolve.oci.reference import DOCKER_HUB

_HUB_KEY = "https://index.docker.io/v1/"
_HELPER = re.compile(r"[A-Za-z0-9._-]+")
_TOKEN_USER = "<token>"  # noqa: S105 - how helpers mark an identity token (docker-credential-helpers)
_HELPER_SECONDS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """A user with a password, or an identity token (an OAuth2 refresh token), or a token to send as it is."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str | None:
        """The value of an `Authorization` header, where there is a password."""
        if not self.password:
            return None
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def credentials_for(registry: str, environment: Mapping[str, str]) -> Credentials | None:
    """What the user's files know of a registry. Raises ToolFailed for a file or helper that is broken."""
    for path in _config_files(environment):
        document = _document(path)
        found = _from_helper(document, registry, environment) or _from_auths(document, registry, path)
        if found is not None:
            return found
    return None


def credentials_in(url: str) -> Credentials | None:
    """Those that stand in a URL of the environment."""
    parts = urlsplit(url)
    if not parts.password:
        return None
    return Credentials(user=unquote(parts.username or ""), password=unquote(parts.password))


def _config_files(environment: Mapping[str, str]) -> Iterator[Path]:
    """docker's file, then podman's."""
    if environment.get("DOCKER_CONFIG"):
        yield Path(environment["DOCKER_CONFIG"]) / "config.json"
    elif environment.get("HOME"):
        yield Path(environment["HOME"]) / ".docker" / "config.json"
    if environment.get("REGISTRY_AUTH_FILE"):
        yield Path(environment["REGISTRY_AUTH_FILE"])
    elif environment.get("XDG_RUNTIME_DIR"):
        yield Path(environment["XDG_RUNTIME_DIR"]) / "containers" / "auth.json"


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_bytes() or b"{}")
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ToolFailed(f"docker's configuration cannot be read: {error}", where=str(path)) from error
    if not isinstance(document, dict):
        raise ToolFailed("docker's configuration cannot be read: it is no JSON object", where=str(path))
    return document


def _table(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def _keys(registry: str) -> tuple[str, ...]:
    return (_HUB_KEY, "index.docker.io", DOCKER_HUB) if registry == DOCKER_HUB else (registry,)


def _host(key: str) -> str:
    return key.partition("://")[2].partition("/")[0] if "://" in key else key.partition("/")[0]


def _from_auths(document: Mapping[str, Any], registry: str, path: Path) -> Credentials | None:
    wanted = {_host(key) for key in _keys(registry)}
    rows = (row for key, row in _table(document, "auths").items() if _host(key) in wanted)
    found = (_decoded(row, path) for row in rows if isinstance(row, dict))
    return next((each for each in found if each is not None), None)


def _decoded(row: Mapping[str, Any], path: Path) -> Credentials | None:
    user, password = str(row.get("username") or ""), str(row.get("password") or "")
    if row.get("auth"):
        try:
            user, _, password = base64.b64decode(str(row["auth"]), validate=True).decode().partition(":")
        except ValueError as error:  # binascii's, or letters beyond ASCII
            raise ToolFailed(
                "docker's configuration has an `auth` that is no base64", where=str(path)
            ) from error
    found = Credentials(
        user=user,
        password=password.rstrip("\0"),
        identity_token=str(row.get("identitytoken") or ""),
        registry_token=str(row.get("registrytoken") or ""),
    )
    return found if found.password or found.identity_token or found.registry_token else None


def _from_helper(
    document: Mapping[str, Any], registry: str, environment: Mapping[str, str]
) -> Credentials | None:
    helpers = _table(document, "credHelpers")
    store = document.get("credsStore")
    for key in _keys(registry):
        name = helpers.get(key) or store
        if isinstance(name, str) and name:
            found = _ask(name, key, environment)
            if found is not None:
                return found
    return None


def _ask(name: str, key: str, environment: Mapping[str, str]) -> Credentials | None:
    """Run `docker-credential-NAME get`. None where it knows nothing of the registry."""
    if not _HELPER.fullmatch(name):
        raise ToolFailed(f"{name!a} is not the name of a credential helper")
    program = f"docker-credential-{name}"
    try:
        done = subprocess.run(
            [program, "get"],
            input=key.encode(),
            capture_output=True,
            env=dict(environment),
            check=False,
            timeout=_HELPER_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or "it does not answer"
        raise ToolFailed(
            f"`{program}` cannot be asked for credentials: {reason[:1].lower()}{reason[1:]}",
            hint="install it, or take it out of docker's configuration",
        ) from error
    if done.returncode != 0:
        _raise_unless_unknown(program, done)
        return None
    return _answered(done.stdout)


def _answered(stdout: bytes) -> Credentials | None:
    try:
        document = json.loads(stdout)
        user, secret = str(document["Username"]), str(document["Secret"])
    except (ValueError, KeyError, TypeError):
        return None
    if user == _TOKEN_USER:
        return Credentials(identity_token=secret)
    return Credentials(user=user, password=secret) if secret else None


def _raise_unless_unknown(program: str, done: subprocess.CompletedProcess[bytes]) -> None:
    """docker-credential-helpers: "credentials not found in native keychain" is an answer like any other."""
    said = (done.stdout + done.stderr).decode(errors="replace").strip()
    if "not found" in said:
        return
    raise ToolFailed(
        f"`{program}` failed: {said.splitlines()[-1] if said else f'exit status {done.returncode}'}"
    )
