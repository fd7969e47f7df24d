"""`envlock verify`: observe a target and judge it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import FILE, Chosen, Talk, find_target, lock_option, talk_options, target_options
from envlock.cli.places import cache_directory, shown
from envlock.errors import UsageFault

if TYPE_CHECKING:
    from envlock.report import Report


@click.command("verify", short_help="prove that an environment is what the lock says")
@target_options
@lock_option
@click.option("--image", metavar="REF", help="an image: a reference, oci:DIR, or a file of `docker save`")
@click.option(
    "--inside",
    type=click.Choice(["docker", "podman"]),
    help="look at the image from inside: the agent runs in a container of this engine",
)
@click.option("--facts", type=FILE, metavar="FILE", help="judge what an agent printed elsewhere")
@click.option(
    "--level",
    type=click.Choice(["roots", "warm", "content", "numerics"]),
    default="warm",
    show_default=True,
    help="roots: dist-info only; warm: what changed since the last full pass; content: every byte; "
    "numerics: and the results of numeric probes",
)
@click.option("--strict", is_flag=True, help="every distribution that is not locked is foreign")
@click.option("--require-gpu", is_flag=True, help="no NVIDIA driver here is a finding, not a note")
@click.option("--in-job", is_flag=True, help="this is the job's own environment: unset settings differ")
@talk_options
def command(
    prefix: Path | None,
    python: Path | None,
    lock_path: Path,
    image: str | None,
    inside: str | None,
    facts: Path | None,
    level: str,
    strict: bool,
    require_gpu: bool,
    in_job: bool,
    talk: Talk,
) -> int:
    """Compare an environment with the lock, byte by byte, and name every file that differs.

    Without --prefix, --python and --facts the environment is that of VIRTUAL_ENV, else of CONDA_PREFIX,
    else ./.venv.

    Exit status: 0 match, 1 mismatch, 8 something could not be looked at.
    """
    from envlock.api import How, VerifyRequest, verify, verify_facts

    how = How(strict=strict, require_gpu=require_gpu, in_job=in_job)
    cache = cache_directory(os.environ)
    if inside is not None and image is None:
        raise UsageFault("`--inside` looks at an image", hint="name it: `--image NAME`")
    if facts is not None and image is not None:
        raise UsageFault("`--facts` and `--image` are two targets", hint="leave one out")
    if facts is not None:
        _refuse_targets(prefix, python)
        return _told(verify_facts(lock_path, facts, how=how, cache=cache), talk)
    if image is not None:
        from envlock.api import ImageRequest, verify_image

        _refuse_python(python)
        asked = ImageRequest(
            lock=lock_path,
            image=image,
            environment=os.environ,
            prefix=str(prefix) if prefix is not None else None,
            inside=inside,
            cache=cache,
            how=how,
        )
        return _told(verify_image(asked), talk)
    chosen = find_target(prefix, python)
    if talk.draws and not chosen.is_named:
        click.echo(f"verifying {chosen.announced()}", err=True)
    request = VerifyRequest(
        lock=lock_path, prefix=chosen.prefix, environment=os.environ, level=level, cache=cache, how=how
    )
    if level == "numerics":
        from envlock.api import NumericsRequest, verify_numerics

        return _told(verify_numerics(NumericsRequest(target=request)), talk, chosen)
    return _told(verify(request), talk, chosen)


def _refuse_python(python: Path | None) -> None:
    if python is not None:
        raise UsageFault("`--image` takes no `--python`", hint="`--prefix DIR` names the environment inside")


def _refuse_targets(prefix: Path | None, python: Path | None) -> None:
    if prefix is not None or python is not None:
        raise UsageFault(
            "`--facts` is judged as it is: it takes no `--prefix` and no `--python`", hint="leave one out"
        )


def _told(report: Report, talk: Talk, chosen: Chosen | None = None) -> int:
    """Print the report; the status is that of its verdict. `chosen` None: the target is not of this host."""
    if talk.as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
        return report.verdict.exit_status
    from envlock.cli.terminal import painter
    from envlock.report.text import Look, render

    look = Look(
        quiet=talk.quiet,
        verbose=talk.verbose,
        target=shown(report.target) if chosen else None,
        paint=painter(sys.stdout),
    )
    click.echo(render(report, look))
    if chosen is not None and chosen.passed_over and report.verdict.exit_status:
        click.echo(f"hint: this was {chosen.by}; `envlock verify --prefix .venv` looks at ./.venv", err=True)
    return report.verdict.exit_status
