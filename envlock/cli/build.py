"""`envlock build`: the lock as a container image."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli import build_docker
from envlock.cli.options import FILE, Talk, lock_option, talk_options
from envlock.cli.places import cache_directory, shown
from envlock.errors import UsageFault

if TYPE_CHECKING:
    from envlock.api.building import OciOrder, OciResult


@click.group("build", short_help="make a container image from the lock")
def command() -> None:
    """Make a container image from the lock.

    \b
    Examples:
      envlock build oci -o image.tar -t team/train:1
      envlock build docker -t team/train:1
    """


command.add_command(build_docker.command)


@command.command("oci", short_help="without a daemon, bit-identical on every machine")
@lock_option
@click.option("-o", "--output", type=FILE, metavar="PATH", help="a folder: OCI layout; a .tar: `docker load`")
@click.option("-t", "--tag", metavar="TAG", help="the name of the image in the output")
@click.option("--push", metavar="REF", help="send the image to this place in a registry")
@click.option("--digest-only", is_flag=True, help="make only the digests, and note them in the lock")
@click.option("--platform", metavar="NAME", help="which platform, when the lock has several")
@click.option(
    "--wheelhouse",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="take wheels and conda archives from this folder, no network",
)
@talk_options
def oci(
    lock_path: Path,
    output: Path | None,
    tag: str | None,
    push: str | None,
    digest_only: bool,
    platform: str | None,
    wheelhouse: Path | None,
    talk: Talk,
) -> int:
    """Make the image without a daemon: the wheels' own compressed streams on the locked base image, or on a
    conda prefix, where the lock has conda packages.

    The same lock gives the same digest on every machine. Where the lock has the digests of an image
    (--digest-only notes them), what is built is held against them.

    \b
    Examples:
      envlock build oci -o image.tar -t team/train:1
      envlock build oci --push registry.example/team/train:1
    """
    from envlock.api.building import OciOrder, build_oci
    from envlock.cli.progress import progress

    _check(output, push, digest_only=digest_only)
    order = OciOrder(
        lock=lock_path,
        environment=os.environ,
        cache=cache_directory(os.environ),
        platform=platform,
        output=output,
        push=push,
        tag=tag,
        digest_only=digest_only,
        wheelhouse=wheelhouse,
    )
    with progress(enabled=talk.draws) as on_event:
        result = build_oci(order, on_event)
    return _told(order, result, talk)


def _check(output: Path | None, push: str | None, *, digest_only: bool) -> None:
    ways = [
        name for name, given in (("-o", output), ("--push", push), ("--digest-only", digest_only)) if given
    ]
    if len(ways) > 1:
        raise UsageFault(f"`{ways[0]}` and `{ways[1]}` are two ways to go", hint="leave one out")
    if not ways:
        raise UsageFault(
            "where should the image go?",
            hint="`-o DIR` writes a layout, `-o image.tar` what `docker load` takes, `--push REF` sends it",
        )


def _told(order: OciOrder, result: OciResult, talk: Talk) -> int:
    if result.not_run:
        names = ", ".join(result.not_run)
        click.echo(f"note: scripts that conda would run after linking were not run: {names}", err=True)
    if talk.as_json:
        click.echo(json.dumps(_document(order, result), indent=2))
    elif not talk.quiet:
        click.echo("\n".join(_lines(order, result)))
    return 0


def _document(order: OciOrder, result: OciResult) -> dict[str, object]:
    return {
        "schema": "envlock.build/1",
        "platform": result.platform,
        "image_id": result.built.id,
        "manifest": result.built.manifest,
        "diff_ids": list(result.built.diff_ids),
        "layers": result.layers,
        "size": result.size,
        "output": str(order.output) if order.output is not None else None,
        "pushed": order.push,
        "noted": result.noted,
    }


def _lines(order: OciOrder, result: OciResult) -> Iterator[str]:
    from envlock.report.text import size

    where = f"wrote {shown(order.output)}" if order.output is not None else f"pushed {order.push}"
    if order.digest_only:
        where = f"noted in {shown(order.lock)}" if result.noted else f"as noted in {shown(order.lock)}"
    yield f"{where}: {result.layers} layers, {size(result.size)}, {result.platform}"
    yield f"  manifest  {result.built.manifest}"
    yield f"  image id  {result.built.id}"
