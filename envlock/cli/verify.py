"""`envlock verify`: observe a target and judge it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.fleet_options import FleetChoice, fleet_options
from envlock.cli.options import (
    Chosen,
    Talk,
    emulator_option,
    find_target,
    lock_option,
    talk_options,
    target_options,
)
from envlock.cli.places import cache_directory, shown
from envlock.errors import UsageFault

if TYPE_CHECKING:
    from envlock.api import FleetRequest, How
    from envlock.report import Report
    from envlock.report.fleet import FleetReport


@click.command("verify", short_help="prove that an environment is what the lock says")
@target_options
@lock_option
@click.option("--image", metavar="REF", help="an image: a reference, oci:DIR, or a file of `docker save`")
@click.option(
    "--inside",
    type=click.Choice(["docker", "podman"]),
    help="look at the image from inside: the agent runs in a container of this engine",
)
@click.option("--container", metavar="NAME", help="a running container, of docker or the engine of --inside")
@fleet_options
@click.option(
    "--level",
    type=click.Choice(["roots", "warm", "content", "loaded", "numerics"]),
    default="warm",
    show_default=True,
    help="roots: dist-info only; warm: what changed since the last full pass; content: every byte; "
    "loaded: and what a process of it has loaded; numerics: and what small fixed computations (probes) give",
)
@emulator_option
@click.option("--pid", type=int, metavar="N", help="with --level loaded: the job that runs as this process")
@click.option("--strict", is_flag=True, help="every distribution that is not locked is foreign")
@click.option("--require-gpu", is_flag=True, help="no NVIDIA GPU here is a finding, not a note")
@click.option("--in-job", is_flag=True, help="this is the job's own environment: unset settings differ")
@talk_options
def command(
    prefix: Path | None,
    python: Path | None,
    lock_path: Path,
    image: str | None,
    inside: str | None,
    container: str | None,
    fleet: FleetChoice | None,
    level: str,
    emulator: tuple[str, ...],
    pid: int | None,
    strict: bool,
    require_gpu: bool,
    in_job: bool,
    talk: Talk,
) -> int:
    """Compare an environment with the lock, byte by byte, and name every file that differs.

    Without --prefix, --python and --facts the environment is that of VIRTUAL_ENV, else of CONDA_PREFIX,
    else ./.venv. With --launcher each host looks there, and --prefix names a directory of the hosts.

    \b
    Examples:
      envlock verify
      envlock verify --prefix /srv/train/.venv --level content
      envlock verify --launcher "srun -N 200 --ntasks-per-node=1" --expect-hosts 200
      envlock verify --image oci:image

    Exit status: 0 match, 1 mismatch, 8 something could not be looked at.
    """
    from envlock.api import How, VerifyRequest, verify

    how = How(strict=strict, require_gpu=require_gpu, in_job=in_job)
    cache = cache_directory(os.environ)
    elsewhere = "--launcher" if fleet is not None and fleet.launcher is not None else "--facts"
    _refuse_two((elsewhere, fleet), ("--image", image), ("--container", container))
    if inside is not None and image is None and container is None:
        raise UsageFault("`--inside` looks at an image", hint="name it: `--image NAME`")
    if emulator:
        _refuse_beside_emulator(level, any(each is not None for each in (image, fleet, container)))
    if pid is not None:
        _refuse_beside_pid(level, any(each is not None for each in (image, fleet, container)))
        named = find_target(prefix, python).prefix if prefix or python else None
        return _verified_job(lock_path, pid, named, how, talk)
    if fleet is not None:
        asked_for = _Elsewhere(lock=lock_path, prefix=prefix, python=python, level=level)
        return _verified_elsewhere(fleet, asked_for, how, talk)
    if level == "loaded" and (image is not None or container is not None):
        raise UsageFault("`--level loaded` looks at a process of this host", hint="leave one out")
    if image is not None:
        from envlock.api import ImageRequest, verify_image, verify_image_numerics

        _refuse_python("--image", python)
        asked = ImageRequest(
            lock=lock_path,
            image=image,
            environment=os.environ,
            prefix=str(prefix) if prefix is not None else None,
            inside=inside,
            cache=cache,
            how=how,
        )
        look = verify_image_numerics if level == "numerics" else verify_image
        return _told(look(asked), talk)
    if container is not None:
        from envlock.api import ContainerRequest, verify_container, verify_container_numerics

        _refuse_python("--container", python)
        running = ContainerRequest(
            lock=lock_path,
            name=container,
            environment=os.environ,
            engine=inside or "docker",
            prefix=str(prefix) if prefix is not None else None,
            cache=cache,
            how=how,
        )
        look_inside = verify_container_numerics if level == "numerics" else verify_container
        return _told(look_inside(running), talk)
    chosen = find_target(prefix, python)
    if talk.draws and not chosen.is_named:
        click.echo(f"verifying {chosen.announced()}", err=True)
    request = VerifyRequest(
        lock=lock_path, prefix=chosen.prefix, environment=os.environ, level=level, cache=cache, how=how
    )
    if level == "numerics":
        from envlock.api import NumericsRequest, verify_numerics

        return _told(verify_numerics(NumericsRequest(target=request, emulator=emulator)), talk, chosen)
    if level == "loaded":
        from envlock.api import verify_loaded

        return _told(verify_loaded(request), talk, chosen)
    return _told(verify(request), talk, chosen)


def _verified_job(lock: Path, pid: int, prefix: Path | None, how: How, talk: Talk) -> int:
    from envlock.api import RunningRequest, verify_running

    cache = cache_directory(os.environ)
    return _told(
        verify_running(RunningRequest(lock=lock, pid=pid, prefix=prefix, cache=cache, how=how)), talk
    )


def _refuse_beside_pid(level: str, has_other_target: bool) -> None:
    if has_other_target:
        raise UsageFault(
            "`--pid` names a target: it takes no `--image`, `--container`, `--facts` or `--launcher`",
            hint="leave one out",
        )
    if level != "loaded":
        raise UsageFault("`--pid` looks at what is loaded", hint="`envlock verify --level loaded --pid N`")


def _refuse_beside_emulator(level: str, is_elsewhere: bool) -> None:
    if level != "numerics" or is_elsewhere:
        raise UsageFault(
            "`--emulator` is for the numeric probes of an environment at hand",
            hint="`envlock verify --level numerics --emulator CMD`",
        )


def _refuse_two(*targets: tuple[str, object]) -> None:
    given = [name for name, value in targets if value is not None]
    if len(given) > 1:
        raise UsageFault(f"`{given[0]}` and `{given[1]}` are two targets", hint="leave one out")


def _refuse_python(name: str, python: Path | None) -> None:
    if python is not None:
        raise UsageFault(f"`{name}` takes no `--python`", hint="`--prefix DIR` names the environment inside")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Elsewhere:
    """What was named beside the documents or the launcher."""

    lock: Path
    prefix: Path | None
    python: Path | None
    level: str


def _verified_elsewhere(fleet: FleetChoice, asked: _Elsewhere, how: How, talk: Talk) -> int:
    """Facts of other hosts: one document gives the report of one target, else a fleet is told."""
    from envlock.api import ExpectedHosts, FleetRequest, verify_documents, verify_facts

    cache = cache_directory(os.environ)
    _refuse_targets(fleet, asked)
    if fleet.is_one_document:
        return _told(verify_facts(asked.lock, fleet.facts[0], how=how, cache=cache), talk)
    request = FleetRequest(lock=asked.lock, expected=fleet.expected or ExpectedHosts(), how=how, cache=cache)
    if fleet.launcher is None and fleet.ray is None:
        return _told_fleet(verify_documents(request, fleet.facts), talk)
    return _told_fleet(_launched(request, fleet, asked), talk)


def _launched(request: FleetRequest, fleet: FleetChoice, asked: _Elsewhere) -> FleetReport:
    from envlock.api import Reach, verify_launched, verify_ray

    reach = Reach(
        command=fleet.launcher or fleet.ray or "",
        environment=os.environ,
        level=asked.level,
        prefix=str(asked.prefix.absolute()) if asked.prefix is not None else None,
        shared=fleet.shared,
        python=fleet.agent_python,
        timeout_seconds=fleet.timeout_seconds,
    )
    return verify_launched(request, reach) if fleet.ray is None else verify_ray(request, reach)


def _refuse_targets(fleet: FleetChoice, asked: _Elsewhere) -> None:
    if fleet.facts and (asked.prefix is not None or asked.python is not None):
        raise UsageFault(
            "`--facts` is judged as it is: it takes no `--prefix` and no `--python`", hint="leave one out"
        )
    if asked.python is not None:
        raise UsageFault(
            "`--launcher` takes no `--python`", hint="`--prefix DIR` names the environment on the hosts"
        )
    if fleet.launcher is not None and asked.level not in ("roots", "warm", "content"):
        raise UsageFault(
            f"`--level {asked.level}` is for the environment at hand",
            hint="`--level content` reads every byte on every host",
        )


def _told_fleet(report: FleetReport, talk: Talk) -> int:
    if talk.as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
        return report.verdict.exit_status
    from envlock.cli.terminal import painter
    from envlock.report.fleet_text import render_fleet
    from envlock.report.text import Look

    look = Look(quiet=talk.quiet, verbose=talk.verbose, paint=painter(sys.stdout))
    click.echo(render_fleet(report, look))
    return report.verdict.exit_status


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
