"""One set of trusted certificates for all connections of a session."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import certifi
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

from envlock.errors import UsageFault

if TYPE_CHECKING:
    from requests import PreparedRequest


class SharedTrustAdapter(HTTPAdapter):
    """Loads a bundle of certificates once, where requests loads it for every connection.

    A bundle costs 16 ms of processor time, and the identities of a lock take 16 connections.
    """

    def __init__(self, **options: Any) -> None:
        self._contexts: dict[bool | str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        super().__init__(**options)

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        host, named = super().build_connection_pool_key_attributes(request, verify, cert)
        if not verify or not (request.url or "").lower().startswith("https"):
            return host, named
        pool = {name: value for name, value in named.items() if name not in ("ca_certs", "ca_cert_dir")}
        return host, {**pool, "ssl_context": self._context(verify)}

    def cert_verify(self, conn: Any, url: str, verify: bool | str, cert: Any) -> None:
        check: Any = super().cert_verify
        check(conn, url, verify, cert)
        if verify and url.lower().startswith("https"):
            # The shared context has them; a connection that names them loads them again.
            conn.ca_certs = conn.ca_cert_dir = None

    def _context(self, verify: bool | str) -> ssl.SSLContext:
        with self._lock:
            if verify not in self._contexts:
                self._contexts[verify] = _trusting(verify)
            return self._contexts[verify]


def _trusting(verify: bool | str) -> ssl.SSLContext:
    bundle = Path(certifi.where() if verify is True else str(verify))
    context = create_urllib3_context()
    try:
        if bundle.is_dir():
            context.load_verify_locations(capath=str(bundle))
        else:
            context.load_verify_locations(cafile=str(bundle))
    except OSError as error:
        reason = "it holds none" if isinstance(error, ssl.SSLError) else str(error.strerror).lower()
        raise UsageFault(
            f"cannot read certificates in `{bundle}`: {reason}",
            hint="REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names it",
        ) from error
    if verify is True:
        context.load_default_certs()
    return context
