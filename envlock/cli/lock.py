"""`envlock lock`: resolve the manifest and write the lockfile."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import FILE, Talk, project_option, talk_options
from envlock.cli.places import cache_directory, shown
from envlock.errors import UsageFault
from envlock.report.text import size
from envlock.resolve.model import CondaEngine, Engine

if TYPE_CHECKING:
    from envlock.api import LockRequest, LockResult
    from envlock.lock.model import Lock, Stack


@click.command("lock", short_help="resolve the manifest and write envlock.lock")
@project_option
@click.option("-o", "--output", type=FILE, metavar="FILE", help="the lockfile (default: beside the manifest)")
@click.option(
    "--check", is_flag=True, help="only tell whether the lock is that of the manifest: offline, 1 if not"
)
@click.option("--upgrade", is_flag=True, help="let every pin go")
@click.option(
    "--upgrade-package", "upgraded", multiple=True, metavar="NAME", help="let this pin go (repeatable)"
)
@click.option("--exclude-newer", metavar="DATE", help="resolve as if it were that day, 00:00 UTC")
@click.option("--variant", metavar="NAME", help="lock a variant of the manifest to envlock.NAME.lock")
@click.option("--python", "python_exact", metavar="X.Y.Z", help="the patch that conda and Docker install")
@click.option("--deep", is_flag=True, help="download every wheel and prove its digest from the bytes")
@click.option(
    "--engine",
    type=click.Choice([each.value for each in Engine]),
    default=Engine.UV.value,
    show_default=True,
    help="who decides the versions; pip-tools is pip's own resolver, for this host only",
)
@click.option(
    "--conda-engine",
    type=click.Choice([each.value for each in CondaEngine]),
    default=CondaEngine.RATTLER.value,
    show_default=True,
    help="who decides the conda packages; conda-lock takes a conda of this host, and keeps no pins",
)
@click.option(
    "--from", "adopt", type=FILE, metavar="FILE", help="take the pins of another tool's lock as they are"
)
@talk_options
def command(
    project: Path,
    output: Path | None,
    check: bool,
    upgrade: bool,
    upgraded: tuple[str, ...],
    exclude_newer: str | None,
    variant: str | None,
    python_exact: str | None,
    deep: bool,
    engine: str,
    conda_engine: str,
    adopt: Path | None,
    talk: Talk,
) -> int:
    """Resolve the manifest and write the lockfile.

    Pins that stand stay; `--upgrade` and `--upgrade-package` let them go. Nothing is downloaded whole:
    what each wheel installs is known from parts of it.

    `--from` adopts the lock of another tool: uv.lock, pylock.toml, a requirements file with hashes,
    conda-lock.yml, pixi.lock, an @EXPLICIT file, or an environment.yml whose packages are all pinned.
    Its pins stay exactly, its hashes bind, and what each wheel installs is added; with `--check`, whether
    the lock still has those pins.

    \b
    Examples:
      envlock lock
      envlock lock --check
      envlock lock --upgrade-package numpy
      envlock lock --from uv.lock
    """
    from envlock.api import LockRequest

    if check and (upgrade or upgraded or deep):
        raise UsageFault(
            "`--check` only looks: it takes no `--upgrade`, `--upgrade-package` or `--deep`",
            hint="leave one out",
        )
    engines = (engine, conda_engine) != (Engine.UV, CondaEngine.RATTLER)
    if adopt is not None and (upgrade or upgraded or exclude_newer or engines):
        raise UsageFault(
            "`--from` takes pins as they are: no `--upgrade`, `--upgrade-package`, `--exclude-newer` or "
            "`--engine`",
            hint="lock anew with the tool that made the file, then adopt it",
        )
    request = LockRequest(
        project=project,
        output=output,
        variant=variant,
        upgrade=upgrade,
        upgrade_packages=upgraded,
        exclude_newer=_instant(exclude_newer),
        python_exact=python_exact,
        deep=deep,
        adopt=adopt,
        engine=Engine(engine),
        conda_engine=CondaEngine(conda_engine),
        cache=cache_directory(os.environ),
    )
    return _check(request, talk) if check else _lock(request, talk)


def _instant(text: str | None) -> str | None:
    from envlock.manifest.instants import utc_instant

    try:
        return None if text is None else utc_instant(text)
    except ValueError as error:
        raise UsageFault(
            f"`--exclude-newer`: `{text}` {error}", hint="write it like `--exclude-newer 2025-03-01`"
        ) from error


def _check(request: LockRequest, talk: Talk) -> int:
    from envlock.api import check

    reasons = check(request, environment=os.environ)
    if talk.as_json:
        document = {"schema": "envlock.lock-check/1", "fresh": not reasons, "reasons": list(reasons)}
        click.echo(json.dumps(document, indent=2))
    elif reasons:
        rows = (f"  {reason}" for reason in reasons)
        click.echo("\n".join([f"stale: the lock is not that of {_source(request)}", *rows]))
        anew = "envlock lock" if request.adopt is None else f"envlock lock --from {request.adopt}"
        click.echo(f"hint: `{anew}` brings it up to date", err=True)
    elif not talk.quiet:
        click.echo(f"fresh: the lock is that of {_source(request)}")
    return 1 if reasons else 0


def _source(request: LockRequest) -> str:
    return "the manifest" if request.adopt is None else f"the manifest and of {request.adopt.name}"


def _lock(request: LockRequest, talk: Talk) -> int:
    from envlock.api import lock
    from envlock.cli.progress import progress

    with progress(enabled=talk.draws) as on_event:
        result = lock(request, environment=os.environ, on_event=on_event)
    if talk.as_json:
        click.echo(json.dumps(_document(result), indent=2))
    elif not talk.quiet:
        click.echo("".join(f"note: {note}\n" for note in result.notes), err=True, nl=False)
        click.echo("\n".join(_summary(result, verbose=talk.verbose)))
    return 0


def _document(result: LockResult) -> dict[str, object]:
    return {
        "schema": "envlock.lock/1",
        "lockfile": str(result.path),
        "changed": result.changed,
        "distributions": len(result.lock.distributions),
        "runtime": {platform: _runtime(result, platform) for platform in result.lock.platforms},
        "conda_packages": len(result.lock.conda_packages),
        "conda_runtime": {platform: _conda_runtime(result, platform) for platform in result.lock.platforms},
        "fetched_bytes": result.fetched_bytes,
        "seconds": {name: round(seconds, 4) for name, seconds in result.timings.items()},
        "notes": list(result.notes),
    }


def _runtime(result: LockResult, platform: str) -> str:
    from envlock.lock.runtime import runtime_hash

    return runtime_hash(result.lock, platform)


def _conda_runtime(result: LockResult, platform: str) -> str | None:
    from envlock.lock.runtime import conda_runtime_hash

    return conda_runtime_hash(result.lock, platform)


def _summary(result: LockResult, *, verbose: bool) -> Iterator[str]:
    lock, count = result.lock, len(result.lock.distributions)
    done = "wrote" if result.changed else "unchanged:"
    distributions = f"{count} distribution{'s' * (count != 1)}"
    yield f"{done} {shown(result.path)}: {distributions} for Python {lock.python} on {_list(lock.platforms)}"
    for platform in lock.platforms:
        yield f"  {platform}  {_stack(lock.stack.get(platform))}"
        yield f"    {_sizes(lock, platform)}{_read(result) if platform == lock.platforms[-1] else ''}"
        yield f"    runtime hash  {_runtime(result, platform)}"
        yield from _conda(lock, platform)
    if verbose:
        yield f"  manifest {shown(result.manifest.path)}"
        yield f"  {_list(f'{name} {seconds:.2f} s' for name, seconds in result.timings.items())}"


def _conda(lock: Lock, platform: str) -> Iterator[str]:
    from envlock.lock.runtime import conda_runtime_hash

    packages = list(lock.conda_on(platform))
    if packages:
        count, bytes_ = len(packages), sum(package.size for package in packages)
        yield f"    {count} conda package{'s' * (count != 1)}, {size(bytes_)} to download"
        yield f"    runtime hash of a conda prefix  {conda_runtime_hash(lock, platform)}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)


def _sizes(lock: Lock, platform: str) -> str:
    wheels = [wheel for _, wheel in lock.on(platform)]
    files, unpacked = sum(wheel.files for wheel in wheels), sum(wheel.unpacked for wheel in wheels)
    return f"{files:,} files, {size(unpacked)} installed, {size(sum(w.size for w in wheels))} to download"


def _read(result: LockResult) -> str:
    count = result.fetched_bytes
    return f"; {size(count)} were read to know them" if count else ""


def _stack(stack: Stack | None) -> str:
    if stack is None or stack.torch is None:
        return "no PyTorch"
    parts = [f"PyTorch {stack.torch}", f"CUDA {stack.cuda}" if stack.cuda != "cpu" else "CPU"]
    for label, value in (("cuDNN", stack.cudnn), ("NCCL", stack.nccl), ("Triton", stack.triton)):
        parts += [f"{label} {value}"] if value else []
    return ", ".join(parts) + (f"; NVIDIA driver {stack.driver} or newer" if stack.driver else "")
