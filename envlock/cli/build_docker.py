"""`envlock build docker`: the emitted Dockerfile, built, inspected and verified."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from envlock.cli.options import Talk, lock_option, talk_options
from envlock.cli.places import cache_directory
from envlock.errors import UsageFault

if TYPE_CHECKING:
    from envlock.api.building_docker import Builder, DockerResult


@click.command("docker", short_help="by a Docker daemon, from the Dockerfile that `emit docker` writes")
@lock_option
@click.option("-t", "--tag", "tags", metavar="TAG", multiple=True, help="a name of the image")
@click.option("--platform", metavar="NAME", help="which platform, when the lock has several")
@click.option(
    "--wheelhouse",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="take the wheels from this folder",
)
@click.option("--online", is_flag=True, help="let pip fetch the wheels in the build, over its network")
@click.option(
    "--builder",
    type=click.Choice(["auto", "buildx", "classic"]),
    default="auto",
    show_default=True,
    help="buildx where the docker command has it, else the classic builder",
)
@click.option("--no-cache", is_flag=True, help="build every step anew")
@talk_options
def command(
    lock_path: Path,
    tags: tuple[str, ...],
    platform: str | None,
    wheelhouse: Path | None,
    online: bool,
    builder: str,
    no_cache: bool,
    talk: Talk,
) -> int:
    """Build the image with Docker, then look at every byte of its environment from inside.

    The wheels are fetched first and the build has no network, unless --online, or `apt` of the manifest,
    needs one. Two builds have the same layers.

    \b
    Example:
      envlock build docker -t team/train:1

    Exit status 1: it was built, and something in it differs from the lock.
    """
    from envlock.api.building_docker import DockerOrder, build_docker
    from envlock.cli.progress import progress

    if online and wheelhouse is not None:
        raise UsageFault("`--online` and `--wheelhouse` are two ways to go", hint="leave one out")
    order = DockerOrder(
        lock=lock_path,
        environment=os.environ,
        cache=cache_directory(os.environ),
        tags=tags,
        platform=platform,
        wheelhouse=wheelhouse,
        online=online,
        builder=cast("Builder", builder),
        no_cache=no_cache,
    )
    with progress(enabled=talk.draws) as on_event:
        result = build_docker(order, on_event)
    return _told(result, talk)


def _told(result: DockerResult, talk: Talk) -> int:
    if talk.as_json:
        click.echo(json.dumps(_document(result), indent=2))
    elif not talk.quiet or result.report.verdict.exit_status:
        click.echo("\n".join(_lines(result)))
    return result.report.verdict.exit_status


def _document(result: DockerResult) -> dict[str, object]:
    return {
        "schema": "envlock.build-docker/1",
        "platform": result.platform,
        "builder": result.builder,
        "image_id": result.id,
        "tags": list(result.tags),
        "diff_ids": list(result.diff_ids),
        "size": result.size,
        "verify": result.report.to_json(),
    }


def _lines(result: DockerResult) -> Iterator[str]:
    from envlock.report.text import Look, render, size

    layers = len(result.diff_ids)
    yield f"built {', '.join(result.tags)}: {layers} layers, {size(result.size)}, {result.platform}"
    yield f"  image id  {result.id}"
    yield render(result.report, Look(target=result.tags[0]))
