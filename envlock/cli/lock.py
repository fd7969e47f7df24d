"""`envlock lock`: resolve the manifest and write the lockfile."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import json_option, project_option, quiet_option
from envlock.cli.places import cache_directory

if TYPE_CHECKING:
    from envlock.api import LockRequest, LockResult
    from envlock.lock.model import Stack

_FILE = click.Path(path_type=Path)


@click.command("lock", short_help="resolve the manifest and write envlock.lock")
@project_option
@click.option("-o", "--output", type=_FILE, help="the lockfile (default: beside the manifest)")
@click.option("--check", is_flag=True, help="is the lock that of the manifest? Offline; stale: exit status 1")
@click.option("--upgrade", is_flag=True, help="let every pin go")
@click.option("--upgrade-package", "upgraded", multiple=True, metavar="NAME", help="let these pins go")
@click.option("--exclude-newer", metavar="DATE", help="as if it were that day, 00:00 UTC")
@click.option("--variant", metavar="NAME", help="lock a variant of the manifest to envlock.NAME.lock")
@click.option("--python", "python_exact", metavar="X.Y.Z", help="the interpreter for routes that install one")
@click.option("--deep", is_flag=True, help="download every wheel and prove its digest from the bytes")
@json_option
@quiet_option
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
    as_json: bool,
    quiet: bool,
) -> int:
    """Resolve the manifest and write the lockfile.

    Pins that stand stay; `--upgrade` and `--upgrade-package` let them go. Nothing is downloaded whole:
    what each wheel installs is known from parts of it.
    """
    from envlock.api import LockRequest

    if check and (upgrade or upgraded or deep):
        raise click.UsageError("`--check` only looks: it takes no --upgrade, --upgrade-package or --deep")
    request = LockRequest(
        project=project,
        output=output,
        variant=variant,
        upgrade=upgrade,
        upgrade_packages=upgraded,
        exclude_newer=_instant(exclude_newer),
        python_exact=python_exact,
        deep=deep,
        cache=cache_directory(os.environ),
    )
    return _check(request, as_json, quiet) if check else _lock(request, as_json, quiet)


def _instant(text: str | None) -> str | None:
    from envlock.manifest.instants import utc_instant

    try:
        return None if text is None else utc_instant(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--exclude-newer") from error


def _check(request: LockRequest, as_json: bool, quiet: bool) -> int:
    from envlock.api import check

    reasons = check(request, environment=os.environ)
    if as_json:
        document = {"schema": "envlock.lock-check/1", "fresh": not reasons, "reasons": list(reasons)}
        click.echo(json.dumps(document, indent=2))
    elif reasons:
        click.echo("\n".join(["stale: the lock is not that of the manifest", *(f"  {r}" for r in reasons)]))
        click.echo("hint: `envlock lock` brings it up to date", err=True)
    elif not quiet:
        click.echo("fresh: the lock is that of the manifest")
    return 1 if reasons else 0


def _lock(request: LockRequest, as_json: bool, quiet: bool) -> int:
    from envlock.api import lock
    from envlock.cli.progress import progress

    with progress(enabled=not (quiet or as_json)) as on_event:
        result = lock(request, environment=os.environ, on_event=on_event)
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    if as_json:
        click.echo(json.dumps(_document(result), indent=2))
    elif not quiet:
        click.echo("\n".join(_summary(result)))
    return 0


def _document(result: LockResult) -> dict[str, object]:
    return {
        "schema": "envlock.lock/1",
        "lockfile": str(result.path),
        "changed": result.changed,
        "distributions": len(result.lock.distributions),
        "runtime": {platform: _runtime(result, platform) for platform in result.lock.platforms},
        "fetched_bytes": result.fetched_bytes,
        "seconds": dict(result.timings),
        "notes": list(result.notes),
    }


def _runtime(result: LockResult, platform: str) -> str:
    from envlock.lock.runtime import runtime_hash

    return runtime_hash(result.lock, platform)


def _summary(result: LockResult) -> Iterator[str]:
    lock = result.lock
    done = "wrote" if result.changed else "unchanged:"
    yield f"{done} {result.path}: {len(lock.distributions)} distributions for {', '.join(lock.platforms)}"
    for platform in lock.platforms:
        wheels = [wheel for _, wheel in lock.on(platform)]
        files, unpacked = sum(w.files for w in wheels), sum(w.unpacked for w in wheels)
        download = sum(w.size for w in wheels)
        yield f"  {platform}  {_stack(lock.stack.get(platform))}"
        yield (
            f"    {files:,} files, {unpacked / 1e9:.2f} GB installed, {download / 1e9:.2f} GB to download; "
            f"{result.fetched_bytes / 1e6:.1f} MB were read to know them"
        )
        yield f"    runtime hash  {_runtime(result, platform)}"
    yield "  " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in result.timings.items())


def _stack(stack: Stack | None) -> str:
    if stack is None or stack.torch is None:
        return "no PyTorch"
    parts = [f"PyTorch {stack.torch}", f"CUDA {stack.cuda}" if stack.cuda != "cpu" else "CPU"]
    for label, value in (("cuDNN", stack.cudnn), ("NCCL", stack.nccl), ("Triton", stack.triton)):
        parts += [f"{label} {value}"] if value else []
    return ", ".join(parts) + (f"; NVIDIA driver {stack.driver} or newer" if stack.driver else "")
