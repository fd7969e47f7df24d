"""`envlock explain`: does a combination exist, will it run; without one, why the lock holds what it holds."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envlock.cli.options import FILE, Talk, at_hand, talk_options
from envlock.cli.places import cache_directory, shown
from envlock.errors import UsageFault

if TYPE_CHECKING:
    from envlock.api import Question

_LOCKFILE = Path("envlock.lock")


@click.command("explain", short_help="does a combination exist, will it run, what is nearest")
@click.argument("requirements", nargs=-1, metavar="[REQUIREMENT]...")
@click.option("--cuda", metavar="V", help="a CUDA toolkit version (12.4), its major (12), or `cpu`")
@click.option("--cudnn", metavar="V", help="a cuDNN version, or the beginning of one")
@click.option("--nccl", metavar="V", help="an NCCL version, or the beginning of one")
@click.option("--python", metavar="V", help="a Python (3.11, 3.13t)")
@click.option("--driver", metavar="V", help="the NVIDIA driver of the host")
@click.option("--gpu", metavar="GPU", help="the GPU of the host: a name (V100) or an architecture (sm_70)")
@click.option("--glibc", metavar="V", help="the glibc of the host (2.17)")
@click.option(
    "--wheels",
    type=FILE,
    metavar="DIR",
    help="read the libraries of the locked wheels in DIR: wheels, an environment, or uv's cache",
)
@click.option("--image", metavar="TAG", help="a tag of pytorch/pytorch, or another image with its tag")
@click.option(
    "--why", multiple=True, metavar="NAME", help="why this distribution is in the lock (repeatable)"
)
@click.option(
    "-l",
    "--lock",
    "lock_path",
    type=FILE,
    metavar="FILE",
    help="the lockfile that is asked about",
)
@talk_options
def command(
    why: tuple[str, ...], lock_path: Path | None, wheels: Path | None, talk: Talk, **words: Any
) -> int:
    """Say whether a combination of PyTorch, CUDA, cuDNN, NCCL, Python and image was published, whether it
    runs with a driver and on a GPU, and which real ones are nearest. Nothing is asked of a network: the
    facts that envlock carries answer, with their sources.

    Without CUDA, the default wheel is judged. `--driver`, `--gpu` and `--glibc` alone ask about
    envlock.lock where there is one, else for what runs there.

    Without any of these, the lock at hand is explained: who owns the bytes, and for each distribution who
    asked for it and what fixed its version. `--why NAME` tells all that is known of one.

    \b
    Examples:
      envlock explain torch==2.6.0 --cuda 12.1
      envlock explain --driver 535.54.03 --gpu V100
      envlock explain --why numpy

    Exit status: 0 it exists (and runs), 1 it does not, 8 the facts cannot tell.
    """
    from envlock.api import Question

    question = Question(**words)
    if question != Question() and why:
        hint = "leave `--why`, or the other options out"
        raise UsageFault("`--why` is about the lock, the rest of it about a combination", hint=hint)
    if question == Question() and wheels is None:
        return _lock(why, at_hand(lock_path or _LOCKFILE), talk)
    return _combination(question, lock_path, wheels, talk)


def _combination(question: Question, lock_path: Path | None, wheels: Path | None, talk: Talk) -> int:
    from envlock.api import explain

    lock = lock_path or (_LOCKFILE if question.is_of_host and os.path.lexists(_LOCKFILE) else None)
    found = explain(question, lock=lock, wheels=wheels)
    if talk.as_json:
        click.echo(json.dumps(found.to_json(), indent=2))
    else:
        from envlock.cli.terminal import painter
        from envlock.report.explanation import ExplanationLook, render

        look = ExplanationLook(
            subject=None if lock is None else shown(lock),
            quiet=talk.quiet,
            verbose=talk.verbose,
            paint=painter(sys.stdout),
        )
        click.echo(render(found, look))
    return found.verdict.exit_status


def _lock(why: tuple[str, ...], lock_path: Path, talk: Talk) -> int:
    from envlock.api import explain_lock
    from envlock.report.lock_explanation import LockLook, document, render

    found = explain_lock(lock_path, names=why, environment=os.environ, cache=cache_directory(os.environ))
    if talk.as_json:
        click.echo(json.dumps(document(found), indent=2))
        return 0
    from envlock.cli.terminal import painter

    look = LockLook(
        lock=shown(lock_path),
        manifest=None if found.manifest is None else shown(found.manifest),
        quiet=talk.quiet,
        verbose=talk.verbose,
        each=bool(why),
        paint=painter(sys.stdout),
    )
    click.echo(render(found, look))
    return 0
