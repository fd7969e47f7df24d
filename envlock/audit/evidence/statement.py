"""The in-toto Statement of the folder, and the DSSE envelope that a signature comes in."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from envlock import __version__
from envlock.audit.evidence.model import Evidence, SeenReceipt, SeenReport

SCHEMA = "envlock.evidence/1"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://github.com/torch-envlock/torch-envlock/blob/main/docs/json.md#envlockevidence1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
UNSIGNED, SIGNED = "statement.json", "statement.dsse.json"
RUNTIME_DIGEST = "envlock-rt1"


def statement(evidence: Evidence, files: Mapping[str, bytes]) -> bytes:
    """An in-toto Statement v1: subjects are every file and the runtime hashes, the predicate is what was
    verified."""
    rows = [{"name": name, "digest": {"sha256": _sha256(data)}} for name, data in sorted(files.items())]
    rows += [
        {
            "name": f"runtime:{evidence.platform}:{kind}",
            "digest": {RUNTIME_DIGEST: value.removeprefix("rt1:")},
        }
        for kind, value in sorted(evidence.runtime.items())
    ]
    document = {
        "_type": STATEMENT_TYPE,
        "subject": rows,
        "predicateType": PREDICATE_TYPE,
        "predicate": predicate(evidence),
    }
    return _json(document)


def predicate(evidence: Evidence) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "envlock": __version__,
        "title": evidence.title,
        "made": evidence.made,
        "platform": evidence.platform,
        "runtime": evidence.main_hash,
        "verdict": str(evidence.verdict),
        "host": dict(sorted(evidence.host.items())),
        "reports": [_report(each) for each in evidence.reports],
        "receipts": [_receipt(each) for each in evidence.receipts],
    }


def _report(seen: SeenReport) -> dict[str, Any]:
    return {
        "name": seen.name,
        "own": seen.is_own,
        "verdict": str(seen.verdict),
        "observed": seen.observed,
        "level": seen.level,
    }


def _receipt(seen: SeenReceipt) -> dict[str, Any]:
    outputs = {name: row["sha256"] for name, row in sorted(seen.receipt["outputs"].items())}
    return {"name": seen.name, "runtime": seen.receipt["runtime"]["hash"], "outputs": outputs}


def pre_authentication(payload: bytes) -> bytes:
    """What is signed. DSSE v1: `PAE(type, body) = "DSSEv1" + SP + LEN(type) + SP + type + SP + LEN(body) +
    SP + body`, lengths in decimal."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def envelope(payload: bytes, signature: bytes, key: str) -> bytes:
    """The envelope of one signature; `key` is the fingerprint of the key, which only helps to find it."""
    document = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key, "sig": base64.b64encode(signature).decode()}],
    }
    return _json(document)


def opened_envelope(data: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """The payload and the signatures of an envelope. Raises ValueError for what is none."""
    try:
        document = json.loads(data)
        if document["payloadType"] != PAYLOAD_TYPE:
            raise ValueError(f"its payload is `{document['payloadType']}`, not `{PAYLOAD_TYPE}`")
        rows = tuple(base64.b64decode(row["sig"], validate=True) for row in document["signatures"])
        payload = base64.b64decode(document["payload"], validate=True)
    except (KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise ValueError("it is no DSSE envelope") from error
    if not rows:
        raise ValueError("it has no signature")
    return payload, rows


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _json(document: Any) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
