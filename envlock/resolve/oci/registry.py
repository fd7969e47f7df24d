"""A repository in a registry: read, push, mount (OCI distribution specification 1.1).

A client of our own: the docker SDK needs a daemon; oras-py drops the exact bytes of manifests (so their
digest), and holds blobs in memory; python-dxf reads no docker configuration and refuses to log in over
HTTP. Import late: requests costs 0.1 s.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.utils import get_netrc_auth

from envlock.errors import RegistryFailed
from envlock.resolve.oci.credentials import Credentials, credentials_for, credentials_in
from envlock.resolve.oci.media import ACCEPT, BadImage, Descriptor, Document, media_type_of, parse_json
from envlock.resolve.oci.reference import DOCKER_HUB, Reference, is_digest
from envlock.resolve.oci.store import checked, digest_of, other_bytes
from envlock.resolve.oci.tokens import Authorized, Challenge, NoToken, fetch_token, parse_challenge
from envlock.resolve.wheels.ranges import open_session, retry_after

HUB_HOST: Final = "registry-1.docker.io"
ATTEMPTS: Final = 4
FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 30.0
TIMEOUT_SECONDS: Final = (10.0, 60.0)
AGAIN: Final = frozenset({429, 500, 502, 503, 504})
CHUNK_BYTES: Final = 1 << 20
MOST_MANIFEST_BYTES: Final = 4 << 20  # the limit that the specification asks registries to keep


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Where a registry is reached from here: `root` ends before `/v2/`, `prefix` goes before repositories."""

    root: str
    prefix: str
    credentials: Credentials | None


def endpoint_of(registry: str, sources: Mapping[str, str], environment: Mapping[str, str]) -> Endpoint:
    """The registry itself, or the mirror that `sources` names for it.

    A path in a mirror's URL goes before the name of the repository, as proxies of several registries have it.
    """
    known = credentials_for(registry, environment)
    mirror = sources.get(registry)
    if mirror is None:
        host = HUB_HOST if registry == DOCKER_HUB else registry
        return Endpoint(root=f"https://{host}", prefix="", credentials=known or _netrc(f"https://{host}"))
    parts = urlsplit(mirror)
    host = parts.netloc.rpartition("@")[2]
    of_mirror = credentials_in(mirror) or credentials_for(host, environment) or _netrc(mirror)
    path = parts.path.strip("/").removesuffix("v2").strip("/")
    return Endpoint(root=f"{parts.scheme}://{host}", prefix=f"{path}/" if path else "", credentials=of_mirror)


def _netrc(url: str) -> Credentials | None:
    found = get_netrc_auth(url)
    return Credentials(user=found[0], password=found[1]) if found else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request: `path` below the repository, or a whole URL; `source` is a second repository to read."""

    method: str
    path: str
    push: bool = False
    source: str | None = None
    fine: tuple[int, ...] = (200, 206)
    query: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None
    body: Body | bytes | None = None
    stream: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A request that failed: `reason` is a clause, `passes` whether another try may help."""

    reason: str
    status: int | None = None
    passes: bool = False
    wait_seconds: float | None = None
    tries: int = 1


class Registry:
    """One repository. Use from one thread; `wait` sleeps between tries."""

    def __init__(
        self,
        reference: Reference,
        *,
        sources: Mapping[str, str],
        environment: Mapping[str, str],
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self.reference = reference
        self._endpoint = endpoint_of(reference.registry, sources, environment)
        self._is_mirror = reference.registry in sources
        self._session = open_session(4)
        self._wait = wait
        self._root: str | None = self._endpoint.root if self._is_mirror else None
        self._challenge: Challenge | None = None
        self._tokens: dict[tuple[str, ...], str] = {}

    @property
    def name(self) -> str:
        return str(self.reference)

    # -- reading -------------------------------------------------------------------------------

    def document(self, version: str) -> Document:
        """The manifest or index of a tag or a digest, its bytes as they are. Raises RegistryFailed."""
        call = Call(method="GET", path=f"manifests/{version}", headers={"Accept": ACCEPT}, stream=True)
        with closing(self._ask(call)) as response:
            content = self._body(response)
        digest = digest_of(content)
        for wanted in (version, response.headers.get("Docker-Content-Digest")):
            if is_digest(wanted) and wanted != digest:
                raise other_bytes(self.name, str(wanted), digest)
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
        try:
            media_type = media_type_of(parse_json(content), kind)
        except BadImage as error:
            raise self._failed(Failure(reason=f"what it answers is no manifest: {error}")) from error
        return Document(media_type=media_type, digest=digest, content=content)

    def chunks(self, blob: Descriptor) -> Iterator[bytes]:
        """The bytes of a blob; a connection that breaks is taken up where it broke."""
        return checked(self._resumed(blob), blob, self.name)

    def _resumed(self, blob: Descriptor) -> Iterator[bytes]:
        got = 0
        for attempt in range(ATTEMPTS):
            try:
                for chunk in self._from(blob, got):
                    got += len(chunk)
                    yield chunk
            except urllib3.exceptions.HTTPError:
                self._wait(FIRST_WAIT_SECONDS * 2**attempt)
            else:
                return
        reason = f"a blob ends early, after {got} of {blob.size} bytes"
        raise self._failed(Failure(reason=reason, tries=ATTEMPTS))

    def _from(self, blob: Descriptor, start: int) -> Iterator[bytes]:
        """The bytes of a blob from `start` on; raises urllib3's HTTPError where the connection breaks."""
        headers = {"Range": f"bytes={start}-"} if start else None
        call = Call(method="GET", path=f"blobs/{blob.digest}", headers=headers, stream=True)
        with closing(self._ask(call)) as response:
            skip = start if response.status_code == 200 else 0
            for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                yield chunk[skip:]
                skip = max(skip - len(chunk), 0)

    def holds(self, path: str) -> bool:
        """Is there such a manifest (`manifests/sha256:…`) or blob (`blobs/sha256:…`)? Raises RegistryFailed
        where that cannot be asked."""
        headers = {"Accept": ACCEPT}
        return self._ask(Call(method="HEAD", path=path, fine=(200, 404), headers=headers)).status_code == 200

    # -- writing -------------------------------------------------------------------------------

    def has_blob(self, digest: str) -> bool:
        call = Call(method="HEAD", path=f"blobs/{digest}", push=True, fine=(200, 404))
        return self._ask(call).status_code == 200

    def mount(self, digest: str, repository: str) -> bool:
        """Take a blob from another repository of the same registry; False where it will not."""
        source = self._endpoint.prefix + repository
        query = {"mount": digest, "from": source}
        call = Call(
            method="POST", path="blobs/uploads/", query=query, push=True, source=source, fine=(201, 202)
        )
        return self._ask(call).status_code == 201

    def upload(self, blob: Descriptor, content: Iterator[bytes]) -> None:
        """Send a blob in one request. Nothing stands in the registry before it has checked the digest."""
        started = self._ask(Call(method="POST", path="blobs/uploads/", push=True, fine=(202,)))
        try:
            place = urljoin(started.url, started.headers.get("Location", ""))
        except ValueError as error:  # a bracket that opens no address
            raise self._failed(Failure(reason="the registry names no place for a blob")) from error
        place += ("&" if "?" in place else "?") + f"digest={blob.digest}"
        headers = {"Content-Type": "application/octet-stream"}
        body = Body(content, blob.size)
        self._ask(Call(method="PUT", path=place, push=True, fine=(201,), headers=headers, body=body))

    def put(self, document: Document, version: str) -> None:
        """Push a manifest or index under a tag or its digest. Its blobs must be there before it."""
        headers = {"Content-Type": document.media_type}
        path, body = f"manifests/{version}", document.content
        self._ask(Call(method="PUT", path=path, push=True, fine=(201,), headers=headers, body=body))

    # -- requests ------------------------------------------------------------------------------

    def _ask(self, call: Call) -> requests.Response:
        """One answer with a status that is `fine`, tried again where that may help. Raises RegistryFailed."""
        tries = 1 if isinstance(call.body, Body) else ATTEMPTS
        attempt = 1
        while isinstance(answer := self._try(call), Failure):
            waits = answer.wait_seconds
            if waits is None:
                waits = FIRST_WAIT_SECONDS * 2 ** (attempt - 1)
            if attempt == tries or not answer.passes or waits > LONGEST_WAIT_SECONDS:
                raise self._failed(replace(answer, tries=attempt))
            self._wait(waits)
            attempt += 1
        return answer

    def _try(self, call: Call) -> requests.Response | Failure:
        try:
            response = self._authorized(call)
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            return Failure(reason=_broken(error), passes=_passes(error))
        status = response.status_code
        if status in call.fine:
            return response
        response.close()
        return Failure(
            reason=f"the registry answers {status}",
            status=status,
            passes=status in AGAIN,
            wait_seconds=retry_after(response.headers.get("Retry-After")),
        )

    def _authorized(self, call: Call) -> requests.Response:
        """Ask; where the registry wants to know who we are, tell it and ask again."""
        scopes = self._scopes(call)
        if isinstance(call.body, Body):  # can be sent once only
            return self._send(call, self._header(scopes, fetch=self._challenge is not None))
        response = self._send(call, self._header(scopes))
        challenge = parse_challenge(response.headers.get("WWW-Authenticate", ""))
        if response.status_code != 401 or challenge is None:
            return response
        response.close()  # its status and headers stay; asking for a token may raise
        self._challenge = challenge
        self._tokens.pop(scopes, None)
        header = self._header(scopes, fetch=True)
        return response if header is None else self._send(call, header)

    def _send(self, call: Call, header: str | None) -> requests.Response:
        url = call.path if "://" in call.path else f"{self._base()}/v2/{self._repository()}/{call.path}"
        return self._session.request(
            call.method,
            url,
            auth=Authorized(header),
            params=call.query,
            headers=call.headers,
            data=call.body,
            stream=call.stream,
            timeout=TIMEOUT_SECONDS,
        )

    def _header(self, scopes: tuple[str, ...], *, fetch: bool = False) -> str | None:
        known = self._endpoint.credentials
        if self._challenge is None:
            return None
        if self._challenge.scheme == "basic":
            return known.basic if known is not None else None
        if known is not None and known.registry_token:
            return f"Bearer {known.registry_token}"
        if scopes not in self._tokens and fetch:
            try:
                self._tokens[scopes] = fetch_token(self._session, self._challenge, scopes, known)
            except NoToken as error:
                raise self._failed(Failure(reason=str(error), status=error.status)) from error
        return f"Bearer {self._tokens[scopes]}" if scopes in self._tokens else None

    def _scopes(self, call: Call) -> tuple[str, ...]:
        own = f"repository:{self._repository()}:{'pull,push' if call.push else 'pull'}"
        return (own, f"repository:{call.source}:pull") if call.source else (own,)

    def _repository(self) -> str:
        return self._endpoint.prefix + self.reference.repository

    def _base(self) -> str:
        """HTTPS; HTTP as well for a registry on this host, as docker does it."""
        if self._root is None:
            self._root = self._endpoint.root
            if _is_loopback(self.reference.registry) and not self._speaks_tls():
                self._root = self._root.replace("https://", "http://", 1)
        return self._root

    def _speaks_tls(self) -> bool:
        try:
            self._session.get(
                f"{self._endpoint.root}/v2/", auth=Authorized(None), timeout=TIMEOUT_SECONDS
            ).close()
        except requests.exceptions.SSLError as error:
            # A server that speaks TLS and is not trusted is no server without TLS.
            return "CERTIFICATE_VERIFY_FAILED" in str(error)
        except requests.exceptions.RequestException:
            return False
        return True

    def _body(self, response: requests.Response) -> bytes:
        try:
            content: bytes = response.raw.read(MOST_MANIFEST_BYTES + 1, decode_content=True)
        except urllib3.exceptions.HTTPError as error:
            raise self._failed(Failure(reason="what it answers ends early")) from error
        announced = response.headers.get("Content-Length", "")
        is_plain = "Content-Encoding" not in response.headers
        if announced.isdecimal() and is_plain and len(content) < min(int(announced), MOST_MANIFEST_BYTES):
            raise self._failed(Failure(reason="what it answers ends early"))
        if len(content) > MOST_MANIFEST_BYTES:
            raise self._failed(Failure(reason="what it answers is larger than any manifest"))
        return content

    def _failed(self, failure: Failure) -> RegistryFailed:
        facts = [("host", urlsplit(self._root or self._endpoint.root).netloc)]
        facts += [("tried", f"{failure.tries} times")] if failure.tries > 1 else []
        missing = failure.status == 404
        what = f"there is no image `{self.name}`" if missing else f"cannot use the image `{self.name}`"
        hint = _hint(failure, has_credentials=self._endpoint.credentials is not None)
        return RegistryFailed(f"{what}: {failure.reason}", where=self.name, hint=hint, facts=facts)


class Body:
    """A stream of known length as the body of a request."""

    def __init__(self, content: Iterator[bytes], size: int) -> None:
        self._content, self._size = content, size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        return self._content

    def read(self, _size: int = -1) -> bytes:
        return next(self._content, b"")


def _is_loopback(registry: str) -> bool:
    host = registry.rpartition(":")[0] if ":" in registry else registry
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _passes(error: Exception) -> bool:
    kinds = (requests.exceptions.ConnectionError, requests.exceptions.Timeout)
    return isinstance(error, kinds) and not isinstance(error, requests.exceptions.SSLError)


def _broken(error: Exception) -> str:
    """What went wrong below HTTP, without the library's own text: that one holds the URL."""
    match error:
        case requests.exceptions.SSLError():
            return "the registry's certificate is not trusted"
        case requests.exceptions.ProxyError():
            return "the proxy does not answer"
        case requests.exceptions.Timeout():
            return "the registry is silent for too long"
        case requests.exceptions.ConnectionError():
            return "the connection cannot be made, or breaks"
    return "the request cannot be made"


def _hint(failure: Failure, *, has_credentials: bool) -> str:
    if failure.status == 401:
        return "its credentials are not accepted" if has_credentials else "`docker login` keeps some for it"
    if failure.status == 403:
        return "the account may not do this; `docker login` with another one"
    if failure.status == 404:
        return "look at the name and the tag; a private image needs `docker login`"
    if failure.wait_seconds is not None and failure.wait_seconds > LONGEST_WAIT_SECONDS:
        return f"the registry asks to wait {failure.wait_seconds:.0f} seconds; then run the command again"
    if "certificate" in failure.reason:
        return "let REQUESTS_CA_BUNDLE name the certificates of your network"
    return "run the command again; `[tool.envlock.sources]` can name a mirror"
