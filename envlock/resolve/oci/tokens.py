"""How a registry wants to be asked who we are (distribution specification, token authentication)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from envlock.resolve.oci.credentials import Credentials

_PARAMETER = re.compile(r'([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"')
_CLIENT = "envlock"
_TIMEOUT_SECONDS = (10.0, 30.0)


class NoToken(Exception):
    """The token server gave none; `status` is its answer's, the message a clause."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """The `WWW-Authenticate` of an answer: scheme in lower case, parameters by name."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenge(header: str) -> Challenge | None:
    """
    >>> parse_challenge('Bearer realm="https://auth.example/token",service="r"').parameters["service"]
    'r'
    """
    scheme, _, rest = header.strip().partition(" ")
    if not scheme:
        return None
    return Challenge(scheme=scheme.lower(), parameters=dict(_PARAMETER.findall(rest)))


def _is_server(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:  # a bracket that opens no address
        return False


def fetch_token(
    session: requests.Session, challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials | None
) -> str:
    """A bearer token for all `scopes` at once: a mount needs one that opens two repositories.

    Anonymous where there are no credentials. Raises NoToken, and what requests raises.
    """
    realm = challenge.parameters.get("realm", "")
    if not _is_server(realm):
        raise NoToken("the registry names no token server")
    if credentials is not None and credentials.identity_token:
        return _token_of(_refresh(session, challenge, scopes, credentials))
    query = [("scope", scope) for scope in scopes]
    query += [("service", challenge.parameters["service"])] if "service" in challenge.parameters else []
    basic = credentials.basic if credentials is not None else None
    return _token_of(session.get(realm, params=query, auth=Authorized(basic), timeout=_TIMEOUT_SECONDS))


def _refresh(
    session: requests.Session, challenge: Challenge, scopes: tuple[str, ...], credentials: Credentials
) -> requests.Response:
    form = {
        "grant_type": "refresh_token",
        "service": challenge.parameters.get("service", ""),
        "client_id": _CLIENT,
        "scope": " ".join(scopes),
        "refresh_token": credentials.identity_token,
    }
    return session.post(
        challenge.parameters["realm"], data=form, auth=Authorized(None), timeout=_TIMEOUT_SECONDS
    )


def _token_of(response: requests.Response) -> str:
    if response.status_code != 200:
        raise NoToken(f"the token server answers {response.status_code}", response.status_code)
    try:
        document = response.json()
        return str(document.get("token") or document["access_token"])
    except (ValueError, KeyError, AttributeError) as error:
        raise NoToken("the token server answers without a token") from error


class Authorized(requests.auth.AuthBase):
    """Sets one header, or none: without this, requests would put what netrc has in its place."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._value is not None:
            request.headers["Authorization"] = self._value
        return request
