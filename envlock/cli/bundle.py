"""`envlock bundle`: all that a lock needs in one archive, for where there is no network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from envlock.cli.options import FILE, Talk, lock_option, talk_options
from envlock.cli.places import cache_directory, shown
from envlock.errors import UsageFault
from envlock.report.text import size

if TYPE_CHECKING:
    from envlock.api.bundling import BundleResult, Verified
    from envlock.api.standings import Checked, Standing


@click.group(
    "bundle",
    short_help="all that a lock needs in one archive, for hosts without a network",
    invoke_without_command=True,
    no_args_is_help=True,
)
@lock_option
@click.option("-o", "--output", type=FILE, metavar="PATH", help="the archive (`….tar`) or folder to write")
@click.option(
    "--wheelhouse",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="take wheels and conda archives from this folder, no network",
)
@click.option(
    "--platform", "platforms", metavar="NAME", multiple=True, help="only this platform (may be given again)"
)
@click.option("--sbom", is_flag=True, help="with a CycloneDX bill of materials of each platform")
@click.option(
    "--check", is_flag=True, help="tell which files can no longer be had from their index; writes nothing"
)
@click.option("--no-image", is_flag=True, help="leave the base image out")
@talk_options
@click.pass_context
def command(
    context: click.Context,
    lock_path: Path,
    output: Path | None,
    wheelhouse: Path | None,
    platforms: tuple[str, ...],
    check: bool,
    no_image: bool,
    sbom: bool,
    talk: Talk,
) -> int | None:
    """Write everything that the lock names into one archive: wheels, conda archives, the base image, the lock
    itself, and how to use them with envlock and without.

    \b
    Examples:
      envlock bundle -o bundle.tar                        where there is a network
      envlock bundle verify bundle.tar                    after the journey
      envlock bundle install bundle.tar --venv .venv      where there is none
      envlock bundle --check                              are the files still there?

    The same lock gives the same bytes. What was fetched before is not fetched again, and a download that
    broke off goes on where it stopped.

    `--check` asks the index of each locked file for it: exit status 0 all are there, 1 some were yanked,
    deleted or exchanged, 5 an index could not be asked.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return None
    if check:
        if output or wheelhouse or platforms or sbom:
            raise UsageFault(
                "`--check` writes nothing: it takes `-l` and `--no-image` alone", hint="leave the rest out"
            )
        return _check(lock_path, no_image, talk)
    if output is None:
        raise UsageFault("`-o` is missing", hint="name the archive: `envlock bundle -o bundle.tar`")
    return _make(lock_path, output, wheelhouse, platforms, no_image, sbom, talk)


def _refuse_options(context: click.Context) -> None:
    """Options of the making that were given to `verify` or `install` would be obeyed by nobody."""
    for name in context.params:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise UsageFault(
                f"options go after `envlock bundle {context.invoked_subcommand}`",
                hint=f"`envlock bundle {context.invoked_subcommand} --help` lists them",
            )


def _make(
    lock_path: Path,
    output: Path,
    wheelhouse: Path | None,
    platforms: tuple[str, ...],
    no_image: bool,
    sbom: bool,
    talk: Talk,
) -> int:
    from envlock.api import BundleOrder, bundle
    from envlock.cli.progress import progress

    order = BundleOrder(
        lock=lock_path,
        output=output,
        environment=os.environ,
        cache=cache_directory(os.environ),
        platforms=platforms,
        wheelhouse=wheelhouse,
        image=not no_image,
        sbom=sbom,
    )
    with progress(enabled=talk.draws) as on_event:
        result = bundle(order, on_event)
    if talk.as_json:
        click.echo(json.dumps(_made_document(result), indent=2))
    elif not talk.quiet:
        click.echo("\n".join(_made_lines(result)))
    return 0


_SHOWN = 20


def _check(lock_path: Path, no_image: bool, talk: Talk) -> int:
    from envlock.api import CheckOrder, check_sources
    from envlock.cli.progress import progress

    order = CheckOrder(lock=lock_path, environment=os.environ, image=not no_image)
    with progress(enabled=talk.draws) as on_event:
        found = check_sources(order, on_event)
    if talk.as_json:
        click.echo(json.dumps(_checked_document(found), indent=2))
    elif found.gone or found.unasked or not talk.quiet:
        click.echo("\n".join(_checked_lines(found, talk)))
    return 1 if found.gone else 5 if found.unasked else 0


def _checked_document(found: Checked) -> dict[str, object]:
    return {
        "schema": "envlock.bundle-check/1",
        "verdict": "gone" if found.gone else "unknown" if found.unasked else "there",
        "files": len(found.standings),
        "gone": [_standing_document(each) for each in found.gone],
        "unasked": [_standing_document(each) for each in found.unasked],
    }


def _standing_document(each: Standing) -> dict[str, str]:
    return {
        "file": each.file,
        "sha256": each.sha256,
        "index": each.index,
        "state": str(each.state),
        "reason": each.reason,
    }


def _checked_lines(found: Checked, talk: Talk) -> Iterator[str]:
    if not (found.gone or found.unasked):
        yield f"all {len(found.standings):,} files can be had from where the lock says"
        return
    most = len(found.standings) if talk.verbose else _SHOWN
    for rows, title in ((found.gone, "can no longer be had"), (found.unasked, "could not be looked for")):
        if rows:
            yield f"{len(rows):,} of {len(found.standings):,} files {title}:"
            yield from (
                f"  {each.state}: {each.file} on `{each.index}`: {each.reason}" for each in rows[:most]
            )
        if len(rows) > most:
            yield f"  … and {len(rows) - most} more (`-v` has them all)"
    if found.gone:
        yield "  hint: a bundle that was made before has them: `envlock sync --bundle FILE`"


def _made_document(result: BundleResult) -> dict[str, object]:
    return {
        "schema": "envlock.bundle-made/1",
        "output": str(result.output),
        "platforms": list(result.platforms),
        "runtime": dict(result.runtime),
        "files": result.files,
        "size": result.size,
        "wheels": result.wheels,
        "conda_packages": result.conda_packages,
        "image": result.has_image,
    }


def _made_lines(result: BundleResult) -> Iterator[str]:
    counts = [(result.wheels, "wheel"), (result.conda_packages, "conda package")]
    parts = [f"{count} {what}{'s' if count != 1 else ''}" for count, what in counts if count]
    parts += ["the base image"] if result.has_image else []
    yield f"wrote {shown(result.output)}: {', '.join(parts) or 'no packages'}, {size(result.size)}"
    for platform, runtime in result.runtime.items():
        yield f"  {platform}  {runtime}"


@command.command("install", short_help="make an environment from a bundle, no network")
@click.argument("bundle", type=FILE, metavar="FILE")
@click.option("--venv", type=FILE, metavar="DIR", help="the virtual environment  [default: .venv]")
@click.option(
    "--conda", type=FILE, metavar="PREFIX", help="a conda prefix, with the conda packages of the lock"
)
@click.option("--repair", is_flag=True, help="put back only what differs, file by file")
@click.option(
    "--python", metavar="EXE|X.Y", help="the interpreter of an environment that is still to be made"
)
@talk_options
def install(
    bundle: Path,
    venv: Path | None,
    conda: Path | None,
    repair: bool,
    python: str | None,
    talk: Talk,
) -> int:
    """Make an environment from FILE, an archive or an unpacked bundle, by the lock in it, and look at every
    byte of it. `envlock sync --bundle FILE` does the same, and takes `-l LOCK`.

    \b
    Example:
      envlock bundle install bundle.tar --venv .venv

    Exit status 1: it was made, and something in it still differs.
    """
    from envlock.cli.sync import Wanted, run

    return run(Wanted(venv=venv, conda=conda, repair=repair, python=python, bundle=bundle), talk)


@command.command("verify", short_help="every file of a bundle against the lock inside")
@click.argument("bundle", type=FILE, metavar="FILE")
@talk_options
def verify(bundle: Path, talk: Talk) -> int:
    """Hash every file of FILE, an archive or an unpacked bundle, and hold it against the lock inside: none
    may be missing, none may be there besides.

    \b
    Example:
      envlock bundle verify bundle.tar

    Exit status: 0 it is what its lock says, 1 something differs, 3 it is no bundle.
    """
    from envlock.api import verify_bundle
    from envlock.cli.progress import progress

    with progress(enabled=talk.draws) as on_event:
        found = verify_bundle(bundle, on_event)
    if talk.as_json:
        click.echo(json.dumps(_verified_document(found), indent=2))
    elif found.problems or not talk.quiet:
        click.echo("\n".join(_verified_lines(found, talk)))
    return 1 if found.problems else 0


def _verified_document(found: Verified) -> dict[str, object]:
    return {
        "schema": "envlock.bundle-verify/1",
        "verdict": "mismatch" if found.problems else "match",
        "platforms": list(found.platforms),
        "runtime": {platform: dict(hashes) for platform, hashes in found.runtime.items()},
        "files": found.files,
        "size": found.size,
        "image": found.has_image,
        "problems": [
            {
                "code": each.code,
                "path": each.path,
                "message": each.message,
                "expected": each.expected,
                "observed": each.observed,
            }
            for each in found.problems
        ],
    }


def _verified_lines(found: Verified, talk: Talk) -> Iterator[str]:
    if not found.problems:
        yield f"match: {found.files:,} files, {size(found.size)}, each what the lock says"
        for platform, hashes in found.runtime.items():
            yield f"  {platform}  {hashes.get('conda', hashes['wheels'])}"
        return
    count = "1 file" if len(found.problems) == 1 else f"{len(found.problems)} files"
    yield f"mismatch: {count}"
    most = len(found.problems) if talk.verbose else 20
    for each in found.problems[:most]:
        yield f"  {each.code}: {each.message}"
        if talk.verbose and each.expected:
            yield f"    expected {each.expected}, found {each.observed}"
    if len(found.problems) > most:
        yield f"  … and {len(found.problems) - most} more (`-v` has them all)"
    yield "  hint: fetch the bundle again, or make it anew: `envlock bundle -o FILE`"
