"""`envlock audit verify`: check evidence again, and count who signed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envlock.cli.options import FILE, Talk, talk_options

if TYPE_CHECKING:
    from envlock.api.evidence_checking import Checked, EvidenceCheck, Quorum, Signer
    from envlock.report.text import Paint


@click.command("verify", short_help="check a folder of evidence again, and who signed it")
@click.argument("paths", type=FILE, nargs=-1, required=True, metavar="EVIDENCE...")
@click.option(
    "--allowed-signers",
    "allowed",
    type=FILE,
    metavar="FILE",
    help="the keys that you trust, by name (ssh-keygen(1), ALLOWED SIGNERS)",
)
@click.option(
    "--quorum",
    "needed",
    type=click.IntRange(min=1),
    metavar="N",
    help="N independent signers must say the same; two documents of one key count once",
)
@talk_options
def command(paths: tuple[Path, ...], allowed: Path | None, needed: int | None, talk: Talk) -> int:
    """Check evidence that `envlock audit --lock` wrote: a folder, a .zip or a .tar; or several.

    Every file is held against the signed statement and the crate, the runtime hash is computed from the
    lock again, and lock, reports, receipts and bill of materials are held against each other.

    \b
    Examples:
      envlock audit verify evidence --allowed-signers signers
      envlock audit verify evidence --allowed-signers signers --quorum 3

    Exit status: 0 all holds, 1 something differs, 3 this is no evidence, 6 ssh-keygen is missing, 8 could
    not tell: not signed, or by a key that nobody named.
    """
    from envlock.api import check_evidence

    found = check_evidence(paths, allowed=allowed, needed=needed)
    if talk.as_json:
        click.echo(json.dumps(_document(found), indent=2))
    else:
        from envlock.cli.terminal import painter

        click.echo("\n".join(_said(found, talk, painter(sys.stdout))))
    return found.verdict.exit_status


def _document(found: EvidenceCheck) -> dict[str, Any]:
    return {
        "schema": "envlock.audit-verify/1",
        "verdict": str(found.verdict),
        "folders": [_folder(each) for each in found.folders],
        "findings": [each.to_json() for each in found.findings],
        "quorum": _quorum(found.quorum) if found.quorum is not None else None,
    }


def _folder(checked: Checked) -> dict[str, Any]:
    return {
        "place": checked.place,
        "runtime_hash": checked.runtime,
        "files": checked.files,
        **_signer(checked.signer),
    }


def _signer(signer: Signer | None) -> dict[str, Any]:
    return {
        "key": signer.key if signer is not None else None,
        "signer": signer.principal if signer is not None else None,
    }


def _quorum(quorum: Quorum) -> dict[str, Any]:
    rows = [
        {
            "document": each.document,
            **_signer(each.signer),
            "values": dict(each.values),
            "odd": list(each.odd),
        }
        for each in quorum.witnesses
    ]
    return {"needed": quorum.needed, "counted": quorum.counted, "witnesses": rows}


def _said(found: EvidenceCheck, talk: Talk, paint: Paint) -> Iterator[str]:
    for each in found.findings:
        yield f"{paint(f'{each.severity}:', each.severity)} {each.message}"
        if each.expected is not None and (talk.verbose or each.code == "witness-odd"):
            yield f"  expected  {each.expected}"
            yield f"  observed  {each.observed if each.observed is not None else 'nothing'}"
        if each.hint is not None:
            yield f"  {paint('hint:', 'hint')} {each.hint}"
    if talk.quiet:
        return
    for folder in found.folders:
        yield f"{folder.place}: {folder.files} files, {_told_signer(folder.signer)}"
        yield f"  runtime hash  {folder.runtime}"
    if found.quorum is not None:
        yield f"quorum: {found.quorum.counted} of {found.quorum.needed} independent signers say the same"
    yield f"{paint(f'{found.verdict}:', found.verdict)} {_VERDICTS[str(found.verdict)]}"


_VERDICTS = {
    "match": "all of it holds",
    "mismatch": "the evidence does not hold",
    "incomplete": "nothing differs, and not everything could be told",
}


def _told_signer(signer: Signer | None) -> str:
    if signer is None:
        return "without a signature that holds"
    return f"signed by {signer.principal or 'nobody that is named'}, key {signer.key}"
