"""A requirement as a file spells it -> a line of the manifest, or a comment that says why it is none."""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envlock.manifest.init.indexes import cuda_of_url
from envlock.manifest.init.model import Asking, Row, Said
from envlock.manifest.requirement import canonical, parse_requirement, without_credentials
from envlock.manifest.tables import Faults

NO_INDEX = "no index has it, and a lock has names and hashes"
_KINDS = {"path": "a path", "url": "a URL", "file": "a file", "workspace": "the workspace"}


def requirement_row(text: str, where: str, left_out: str | None = None) -> Row:
    """The requirement in its canonical spelling. What cannot be locked is kept as a comment with why."""
    faults = Faults()
    found = parse_requirement(text, where, faults)
    if found is None:
        return Row(
            text=without_credentials(text).strip(),
            where=where,
            left_out=left_out or reason_of(faults),
            name=_name(text),
        )
    return Row(text=canonical(found), where=where, left_out=left_out, name=canonicalize_name(found.name))


def elsewhere_row(name: str, kind: str, target: str, where: str) -> Row:
    """A distribution that comes from a `kind` (git, path, url) and from no index."""
    at = f" @ {without_credentials(target)}" if target else ""
    return Row(
        text=f"{name}{at}",
        where=where,
        left_out=f"comes from {_KINDS.get(kind, kind)}: {NO_INDEX}",
        name=canonicalize_name(name),
    )


def reason_of(faults: Faults) -> str:
    """Why a line cannot be locked, without the line; hints are for those who can mend it."""
    return "; ".join(short(each.message) for each in faults.found()) or "it cannot be locked"


def short(message: str) -> str:
    """`asks for "…"; a lock has …` of a fault whose line is shown anyway."""
    return message.rpartition("; ")[2] if "a lock has names and hashes" in message else message


def _name(text: str) -> NormalizedName | None:
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement:
        return None


def add_cuda_of_local_versions(asking: Asking) -> None:
    """`torch==2.1.0+cu118` names its CUDA, too."""
    for name, said in asking.asked_by_name().items():
        cuda = _cuda_of(said.value) if name == "torch" else None
        if cuda is not None:
            asking.cudas.append(Said(value=cuda, where=said.where))


def _cuda_of(text: str) -> str | None:
    for clause in Requirement(text).specifier:
        _, plus, local = clause.version.partition("+")
        if plus and clause.operator in ("==", "==="):
            return cuda_of_url(f"/whl/{local}")
    return None
