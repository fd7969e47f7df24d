"""What is installed, by its own word: licences and shared libraries, out of dist-info and conda-meta."""

from __future__ import annotations

import base64
import binascii
import csv
import email
import json
import re
from collections.abc import Iterator, Mapping
from email.message import Message
from pathlib import Path

from envlock.agent.cuda_names import toolkit_family
from envlock.agent.installed import find_infos, split_info
from envlock.audit.evidence.model import CarriedLibrary, Installed

_LIBRARY = re.compile(r"lib[^/]*\.so(\.\d+)*$|lib[^/]*\.dylib$")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CLASSIFIER = "License :: "
_LONGEST_LICENCE = 120
_MOST_BYTES = 64 << 20


def read_installed(prefix: Path, versions: Mapping[str, str]) -> dict[str, Installed]:
    """name -> what its dist-info says, for the distributions of `versions` that are there in that version.

    The files are claims of the environment: a verification says whether they are the locked ones.
    """
    found: dict[str, Installed] = {}
    for site in sorted(prefix.glob("lib*/python*/site-packages")):
        for info in find_infos(str(site)):
            told = split_info(info)
            if told is not None and versions.get(told[0]) == told[1] and told[0] not in found:
                found[told[0]] = _read(site / info)
    return found


def read_conda(prefix: Path, records: Mapping[str, str]) -> dict[str, Installed]:
    """`conda:NAME` -> what its record in conda-meta says; `records` is name -> file name of the record."""
    found = {name: _record(prefix / "conda-meta" / file) for name, file in records.items()}
    return {f"conda:{name}": each for name, each in found.items() if each is not None}


def _record(path: Path) -> Installed | None:
    try:
        record = json.loads(_text(path))
        licence = record.get("license")
        rows = record.get("paths_data", {}).get("paths", [])
        libraries = [_mapped(row["_path"], row.get("sha256_in_prefix")) for row in rows]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None
    known = isinstance(licence, str) and 0 < len(licence) <= _LONGEST_LICENCE
    return Installed(
        licences=(licence,) if known else (),
        libraries=tuple(sorted((each for each in libraries if each is not None), key=lambda each: each.path)),
    )


def _mapped(path: str, sha256: object) -> CarriedLibrary | None:
    name = path.rpartition("/")[2]
    if not (_LIBRARY.fullmatch(name) and isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        return None
    return CarriedLibrary(path=path, sha256=sha256, cuda=toolkit_family(name))


def _read(info: Path) -> Installed:
    metadata = email.message_from_string(_text(info / "METADATA"))
    return Installed(licences=tuple(_licences(metadata)), libraries=tuple(_libraries(info / "RECORD")))


def _licences(metadata: Message) -> Iterator[str]:
    """The SPDX expression (PEP 639), else the classifiers, else a `License` field of one short line."""
    expression = str(metadata.get("License-Expression", "")).strip()
    classifiers = [str(row) for row in metadata.get_all("Classifier", []) if str(row).startswith(_CLASSIFIER)]
    names = sorted({row.rpartition(" :: ")[2] for row in classifiers} - {"OSI Approved"})
    line = str(metadata.get("License", "")).strip()
    if expression:
        yield expression[:_LONGEST_LICENCE]
    elif names:
        yield from (name[:_LONGEST_LICENCE] for name in names)
    elif line and "\n" not in line and len(line) <= _LONGEST_LICENCE:
        yield line


def _libraries(record: Path) -> Iterator[CarriedLibrary]:
    for path, claimed in sorted(_rows(_text(record))):
        name = path.rpartition("/")[2]
        sha256 = _hex(claimed)
        if _LIBRARY.fullmatch(name) and sha256 is not None:
            yield CarriedLibrary(path=path, sha256=sha256, cuda=toolkit_family(name))


def _rows(record: str) -> set[tuple[str, str]]:
    """(path, claimed hash) of a RECORD; none of one that is no CSV: verification names its faults."""
    try:
        return {(row[0], row[1]) for row in csv.reader(record.splitlines()) if len(row) > 1}
    except csv.Error:
        return set()


def _hex(claimed: str) -> str | None:
    algorithm, _, value = claimed.partition("=")
    try:
        digest = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (binascii.Error, ValueError):
        return None
    return digest.hex() if algorithm == "sha256" and len(digest) == 32 else None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
