"""`envlock emit`: the lock as a file for another tool."""

from __future__ import annotations

import os
from pathlib import Path

import click

from envlock.cli.options import FILE, lock_option, quiet_option
from envlock.errors import DiskFailed

_FORMATS = (
    *(
        "conda",
        "conda-explicit",
        "conda-explicit-md5",
        "conda-lock",
        "docker",
        "dockerignore",
        "pixi",
        "pylock",
    ),
    "requirements",
    "compose",
    "devcontainer",
    "kubernetes",
    "slurm",
    "apptainer",
    "github-actions",
    "gitlab-ci",
)


@click.command("emit", short_help="write a file for another tool: docker, conda, pylock, compose, slurm, …")
@click.argument("format", type=click.Choice(_FORMATS), metavar="FORMAT")
@lock_option
@click.option("-o", "--output", type=FILE, metavar="FILE", help="the file to write (default: stdout)")
@click.option("--wheelhouse", type=FILE, metavar="DIR", help="install from this folder of wheels, no network")
@click.option("--platform", metavar="NAME", help="which platform, when the lock has several")
@quiet_option
def command(
    format: str,
    lock_path: Path,
    output: Path | None,
    wheelhouse: Path | None,
    platform: str | None,
    quiet: bool,
) -> None:
    """Write the lock as a file for another tool. Every wheel comes with its hash. FORMAT is one of

    \b
    conda               environment.yml: conda packages by build, the locked wheels by pip with hashes
    conda-explicit      @EXPLICIT: conda packages by URL and sha256, for conda 24.9 or newer
    conda-explicit-md5  the same for any conda
    conda-lock          conda-lock.yml for conda-lock and micromamba, all platforms
    docker              Dockerfile: a user without root, hashes required, labels with the runtime hash
    dockerignore        .dockerignore: what the Dockerfile copies, no keys, no caches
    pixi                pixi.lock for pixi and rattler, all platforms
    pylock              pylock.toml (PEP 751) for uv and pip
    requirements        requirements.txt with hashes
    compose             compose.yaml for `docker compose`
    devcontainer        .devcontainer/devcontainer.json
    kubernetes          a Job
    slurm               a batch script, checked on every node before the job
    apptainer           a definition file
    github-actions      a workflow
    gitlab-ci           .gitlab-ci.yml

    The seven last have the check of the environment in front of the command.

    \b
    Examples:
      envlock emit docker -o Dockerfile
      envlock emit slurm -o job.sh
    """
    from envlock.api import EmitRequest, emit

    text = emit(
        EmitRequest(
            format=format,
            lock=lock_path,
            environment=os.environ,
            platform=platform,
            wheelhouse=_seen_from(output, wheelhouse),
        )
    )
    if output is None:
        click.echo(text, nl=False)
        return
    _write(output, text)
    if not quiet:
        click.echo(f"wrote {output}", err=True)


def _seen_from(output: Path | None, wheelhouse: Path | None) -> Path | None:
    """The wheelhouse as the emitted file must name it: relative paths lead from where the file lies."""
    if wheelhouse is None or wheelhouse.is_absolute() or output is None:
        return wheelhouse
    return Path(os.path.relpath(wheelhouse, output.parent))


def _write(output: Path, text: str) -> None:
    from envlock.lock.file import replace_bytes

    try:
        # `.devcontainer/` and `.github/workflows/` are seldom there already.
        output.absolute().parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(output.absolute(), text.encode())
    except OSError as error:
        raise DiskFailed(
            f"the file cannot be written: {(error.strerror or str(error)).lower()}",
            where=str(output),
            hint="`-o FILE` names another",
        ) from error
