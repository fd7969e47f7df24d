"""`envlock audit --lock`: the evidence of an environment, as one folder for a paper."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envlock.cli.options import FILE, Talk, at_hand, find_target, talk_options, target_options
from envlock.cli.places import cache_directory, shown
from envlock.errors import UsageFault

if TYPE_CHECKING:
    from envlock.api import EvidenceResult, VerifyRequest

_LOCK = "envlock.lock"


@click.command("audit --lock", short_help="evidence of an environment, as one folder for a paper")
@click.option(
    "--lock",
    "lock_path",
    type=FILE,
    is_flag=False,
    flag_value=_LOCK,
    default=_LOCK,
    metavar="[FILE]",
    help=f"the lockfile; without a name {_LOCK}",
)
@target_options
@click.option(
    "--level",
    type=click.Choice(["warm", "content", "numerics"]),
    default="content",
    show_default=True,
    help="how the environment is verified now: as `envlock verify --level`",
)
@click.option(
    "--report",
    "reports",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="a document of `envlock verify --json`, of any host; again for more. Then nothing is verified now, "
    "unless --prefix or --python names what",
)
@click.option(
    "--receipt", "receipts", type=FILE, multiple=True, metavar="FILE", help="a receipt of `envlock run`"
)
@click.option("--title", metavar="TEXT", help="what the environment is called; else the project of the lock")
@click.option(
    "--license", "license_text", metavar="TEXT", help="the licence of the folder: an address, or an SPDX name"
)
@click.option("--key", type=FILE, metavar="FILE", help="sign with this SSH key; ssh-keygen reads it")
@click.option("-o", "--output", "folder", type=FILE, required=True, metavar="DIR", help="where it goes")
@talk_options
def command(
    lock_path: Path,
    prefix: Path | None,
    python: Path | None,
    level: str,
    reports: tuple[Path, ...],
    receipts: tuple[Path, ...],
    title: str | None,
    license_text: str | None,
    key: Path | None,
    folder: Path,
    talk: Talk,
) -> int:
    """Write the evidence of a locked environment: one HTML page, an appendix in Markdown and LaTeX, answers
    for reproducibility checklists, an SBOM, an RO-Crate, and a statement of them all, signed with --key.

    The environment is verified now. With --report the documents of other hosts are taken instead. A
    signature of `ssh-keygen -Y sign -n envlock FILE` that lies beside a document (FILE.sig) comes along.

    \b
    Examples:
      envlock audit --lock -o evidence
      envlock audit --lock --report node1.json --report node2.json --key ~/.ssh/id_ed25519 -o evidence

    Exit status: 0 the reports match, 1 one of them does not, 8 one could not look at everything.
    """
    from envlock.api import EvidenceOrder, write_evidence

    path = at_hand(lock_path)
    named = prefix is not None or python is not None
    target = _target(path, prefix, python, level, talk) if named or not reports else None
    order = EvidenceOrder(
        lock=path,
        folder=folder,
        target=target,
        reports=reports,
        receipts=receipts,
        key=key,
        title=title,
        license=license_text,
        epoch=_epoch(os.environ.get("SOURCE_DATE_EPOCH")),
    )
    result = write_evidence(order)
    if talk.as_json:
        click.echo(json.dumps(_document(result), indent=2))
    elif not talk.quiet:
        click.echo("\n".join(_said(result)))
    return result.evidence.verdict.exit_status


def _target(lock: Path, prefix: Path | None, python: Path | None, level: str, talk: Talk) -> VerifyRequest:
    from envlock.api import VerifyRequest

    chosen = find_target(prefix, python)
    if talk.draws and not chosen.is_named:
        click.echo(f"verifying {chosen.announced()}", err=True)
    cache = cache_directory(os.environ)
    return VerifyRequest(lock=lock, prefix=chosen.prefix, environment=os.environ, level=level, cache=cache)


def _epoch(text: str | None) -> int | None:
    """https://reproducible-builds.org/specs/source-date-epoch/: whole seconds since 1970."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise UsageFault(f"SOURCE_DATE_EPOCH is `{text}`, not seconds since 1970")
    return int(text)


def _document(result: EvidenceResult) -> dict[str, Any]:
    evidence = result.evidence
    return {
        "schema": "envlock.audit-lock/1",
        "verdict": str(evidence.verdict),
        "runtime_hash": evidence.main_hash,
        "folder": str(result.folder),
        "files": list(result.files),
        "signed_by": result.key,
    }


def _said(result: EvidenceResult) -> Iterator[str]:
    evidence = result.evidence
    yield f"wrote {shown(result.folder)}: {len(result.files)} files, evidence.html is the one to read"
    yield f"  verification  {evidence.verdict} ({_counted(len(evidence.reports), 'report')})"
    yield f"  runtime hash  {evidence.main_hash}"
    if result.key is not None:
        yield f"  signed        by key {result.key}"
    else:
        yield "  NOT SIGNED    nobody vouches for it: `--key FILE` signs with an SSH key"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"
