"""Signatures by `ssh-keygen -Y`, which alone sees the key: no key is read here.

https://man.openbsd.org/ssh-keygen.1#Y: the namespace keeps a signature made for one purpose from being
taken for another; an allowed-signers file says whose key is whose.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from envlock.errors import CouldNotTell, ToolFailed, ToolMissing

NAMESPACE = "envlock"
_TOOL = "ssh-keygen"
_FINGERPRINT = re.compile(r"\bkey (SHA256:[A-Za-z0-9+/]{43})")
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """Who made a signature that holds: the fingerprint of the key, and whose it is (None: nobody said)."""

    key: str
    principal: str | None


class SshKey:
    """A key that is named, not read: a private one, or `KEY.pub` whose private half an agent has."""

    def __init__(self, path: Path) -> None:
        """Raises ToolFailed where no file is there."""
        if not path.is_file():
            hint = "`ssh-keygen -t ed25519 -f FILE` makes one"
            raise ToolFailed("there is no key to sign with", where=str(path), hint=hint)
        self.path = path
        self.fingerprint: str | None = None

    def sign(self, data: bytes) -> bytes:
        """The armoured signature of `data`; afterwards the fingerprint is known. A passphrase is asked for
        on the terminal, by ssh-keygen. Raises ToolMissing, ToolFailed."""
        with tempfile.TemporaryDirectory() as folder:
            message = Path(folder, "statement")
            message.write_bytes(data)
            words = ("-Y", "sign", "-n", NAMESPACE, "-f", str(self.path), str(message))
            done = _run(words, b"", asks=True)
            if done.returncode:
                facts = (("said", _said(done)),)
                raise ToolFailed("`ssh-keygen` did not sign", where=str(self.path), facts=facts)
            signature = Path(folder, "statement.sig").read_bytes()
        self.fingerprint = key_of(data, signature)
        return signature


def key_of(data: bytes, signature: bytes) -> str | None:
    """The fingerprint of the key that signed exactly `data`; None where the signature does not hold."""
    with _kept(signature) as path:
        done = _run(("-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(path)), data)
    match = _FINGERPRINT.search(done.stdout.decode(errors="replace"))
    return match[1] if done.returncode == 0 and match else None


def signer_of(data: bytes, signature: bytes, allowed: Path | None) -> Signer | None:
    """Who signed exactly `data`; None where the signature does not hold, for a key that `allowed` has too.

    Raises ToolMissing, CouldNotTell where the allowed-signers file cannot be read.
    """
    key = key_of(data, signature)
    if key is None:
        return None
    if allowed is None:
        return Signer(key=key, principal=None)
    if not allowed.is_file():
        raise CouldNotTell("there is no file of allowed signers", where=str(allowed))
    return Signer(key=key, principal=_principal(data, signature, allowed))


def _principal(data: bytes, signature: bytes, allowed: Path) -> str | None:
    """The first name that the file gives the key, for this namespace and today's date."""
    with _kept(signature) as path:
        found = _run(("-Y", "find-principals", "-f", str(allowed), "-s", str(path)), b"")
        for name in found.stdout.decode(errors="replace").splitlines():
            words = ("-Y", "verify", "-f", str(allowed), "-I", name, "-n", NAMESPACE, "-s", str(path))
            if found.returncode == 0 and _run(words, data).returncode == 0:
                return name
    return None


@contextmanager
def _kept(signature: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "signature")
        path.write_bytes(signature)
        yield path


def _run(words: tuple[str, ...], data: bytes, *, asks: bool = False) -> subprocess.CompletedProcess[bytes]:
    tool = shutil.which(_TOOL)
    if tool is None:
        raise ToolMissing(
            "`ssh-keygen` is not here, which makes and checks signatures",
            hint="it is part of OpenSSH: on Debian `apt install openssh-client`",
        )
    limit = None if asks else _TIMEOUT_SECONDS
    try:
        return subprocess.run([tool, *words], input=data, capture_output=True, check=False, timeout=limit)
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(f"`ssh-keygen` gave no answer within {_TIMEOUT_SECONDS} s") from error


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"nothing, and ended with {done.returncode}"
