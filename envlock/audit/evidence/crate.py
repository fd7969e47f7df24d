"""Evidence -> the RO-Crate metadata of the folder: every file with its hash, and what it is."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping
from typing import Any

from envlock import __version__
from envlock.audit.evidence.model import Evidence
from envlock.audit.evidence.needed import needed

NAME = "ro-crate-metadata.json"
_ENVLOCK = "https://github.com/torch-envlock/torch-envlock"
_TYPES = {
    ".html": "text/html",
    ".json": "application/json",
    ".lock": "application/toml",
    ".md": "text/markdown",
    ".sig": "text/plain",
    ".tex": "application/x-tex",
}


def render_crate(evidence: Evidence, files: Mapping[str, bytes], says: Mapping[str, str], last: str) -> bytes:
    """The metadata. `says` has a sentence for files by name; `last` is the statement, which has the hash of
    this document and therefore none in it."""
    needed("rocrate")
    crate = importlib.import_module("rocrate.rocrate").ROCrate(gen_preview=False)
    entity = importlib.import_module("rocrate.model.contextentity").ContextEntity
    software = crate.add(entity(crate, _ENVLOCK, properties=_software()))
    root = crate.root_dataset
    root["name"] = f"Evidence of the environment of {evidence.title}"
    root["description"] = f"{evidence.main_hash} on {evidence.platform}: {evidence.verdict}"
    root["datePublished"] = evidence.made
    root["license"] = evidence.license or "not stated: the author of the evidence chooses one"
    root["identifier"] = crate.add(entity(crate, "#runtime-hash", properties=_identifier(evidence)))
    for name, data in sorted(files.items()):
        crate.add_file(None, name, properties=_file(name, says, data))
    crate.add_file(None, last, properties=_file(last, says, None))
    root["mentions"] = software
    text = json.dumps(crate.metadata.generate(), indent=2, ensure_ascii=False, sort_keys=True)
    return (text + "\n").encode()


def _software() -> dict[str, Any]:
    return {"@type": "SoftwareApplication", "name": "envlock", "version": __version__, "url": _ENVLOCK}


def _identifier(evidence: Evidence) -> dict[str, Any]:
    return {"@type": "PropertyValue", "name": "runtime hash", "value": evidence.main_hash}


def _file(name: str, says: Mapping[str, str], data: bytes | None) -> dict[str, Any]:
    _, dot, end = name.rpartition(".")
    found = {
        "name": name,
        "description": says.get(name, says.get(name.partition("/")[0], "part of the evidence")),
        "encodingFormat": _TYPES.get(f"{dot}{end}", "application/octet-stream"),
    }
    if data is not None:
        found |= {"sha256": hashlib.sha256(data).hexdigest(), "contentSize": str(len(data))}
    return found
