"""Evidence -> every file of the folder, as bytes; and the folder on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from envlock.audit.evidence import appendix, checklist, crate, page, sbom
from envlock.audit.evidence import statement as statements
from envlock.audit.evidence.model import Evidence
from envlock.audit.evidence.signing import SshKey
from envlock.errors import DiskFailed
from envlock.lock.file import replace_bytes

LOCK = "envlock.lock"
_SAYS = {
    LOCK: "the lockfile: every component by version and hash, and the identity of every installed file",
    page.NAME: "the evidence for people: one page that needs nothing else",
    appendix.MARKDOWN: "a section for an appendix, in Markdown",
    appendix.LATEX: "a section for an appendix, in LaTeX",
    checklist.CHECKLIST: "answers for a reproducibility checklist",
    checklist.ARTIFACT: "answers for an artifact appendix",
    sbom.NAME: "the bill of materials, CycloneDX 1.6",
    "reports": "what a verification of the environment found, or a signature of it",
    "receipts": "what decided a run and what it gave, or a signature of it",
    statements.SIGNED: "the in-toto statement of this folder, in a signed envelope",
    statements.UNSIGNED: "the in-toto statement of this folder, which nobody signed",
}


def render_folder(evidence: Evidence, key: SshKey | None = None) -> dict[str, bytes]:
    """Name -> bytes. The statement covers every other file; the crate every file but the statement."""
    files = {
        LOCK: evidence.lock_data,
        **dict(evidence.documents()),
        sbom.NAME: sbom.render_sbom(evidence),
        page.NAME: page.render_page(evidence),
        appendix.MARKDOWN: appendix.render_markdown(evidence),
        appendix.LATEX: appendix.render_latex(evidence),
        checklist.CHECKLIST: checklist.render_checklist(evidence),
        checklist.ARTIFACT: checklist.render_artifact(evidence),
    }
    last = statements.UNSIGNED if key is None else statements.SIGNED
    files[crate.NAME] = crate.render_crate(evidence, files, _SAYS, last)
    payload = statements.statement(evidence, files)
    if key is None:
        return {**files, last: payload}
    signature = key.sign(statements.pre_authentication(payload))
    return {**files, last: statements.envelope(payload, signature, key.fingerprint or "")}


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write into a folder that is new, empty, or evidence that was written before, which goes.

    Raises DiskFailed, and leaves alone a folder with anything else in it.
    """
    try:
        stale = _stale(folder, files)
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(path, data)
        for path in stale:
            path.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        where = str(error.filename or folder)
        raise DiskFailed(f"the evidence cannot be written: {reason.lower()}", where=where) from error


def _stale(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Documents and the other statement of evidence that lies there already."""
    if not folder.exists():
        return []
    found = [path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()]
    strange = [path for path in found if not _is_ours(path.relative_to(folder))]
    if strange:
        raise DiskFailed(
            f"`{folder}` has files that are no evidence, and they would be mixed up",
            where=str(sorted(strange)[0]),
            hint="name an empty or a new folder: `-o DIR`",
        )
    return [path for path in found if path.relative_to(folder).as_posix() not in files]


def _is_ours(path: Path) -> bool:
    if path.parent == Path():
        return path.name in _SAYS or path.name == crate.NAME
    return path.parent.as_posix() in ("reports", "receipts") and path.suffix in (".json", ".sig")
