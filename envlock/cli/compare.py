"""`envlock compare`: the ways from one lock to an environment, side by side."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envlock.cli.options import FILE, Talk, lock_option, talk_options
from envlock.errors import UsageFault

if TYPE_CHECKING:
    from envlock.api.comparing import Comparison, Route

_ROUTES = ("venv", "conda", "docker", "oci")


@click.command("compare", short_help="conda, Docker, venv and the daemonless image side by side, measured")
@lock_option
@click.option("--plan", is_flag=True, help="from the lock alone: nothing is made, no network")
@click.option("--online", is_flag=True, help="with --plan: ask the registry how large the base image is")
@click.option("--routes", metavar="NAME,…", help="only these of venv, conda, docker, oci")
@click.option("--platform", metavar="NAME", help="which platform to plan, when the lock has several")
@click.option("--python", metavar="EXE|X.Y", help="the interpreter of the virtual environment")
@click.option(
    "--wheelhouse",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="take wheels and conda archives from this folder, no network",
)
@click.option("--scratch", type=FILE, metavar="DIR", help="where to make them  [default: TMPDIR]")
@click.option("--html", type=FILE, metavar="FILE", help="write one HTML page with plots, too")
@talk_options
def command(
    lock_path: Path,
    plan: bool,
    online: bool,
    routes: str | None,
    platform: str | None,
    python: str | None,
    wheelhouse: Path | None,
    scratch: Path | None,
    html: Path | None,
    talk: Talk,
) -> int:
    """Make the environment of the lock by every route, twice; say what each pins, weighs, costs and needs.

    \b
    envlock compare --plan                      from the lock alone
    envlock compare --routes venv,oci           measured: made twice with empty caches, verified, removed
    envlock compare --html compare.html --json

    A route that cannot be made here is said with the reason; the others are measured. What is made lies in a
    private folder that is gone afterwards, also when the command is stopped (^C, SIGTERM). A Docker daemon
    keeps its build cache.

    Exit status 1: an environment that was made is not what the lock says. 8: a route that --routes names
    cannot be made here, or none can.
    """
    from envlock.api.comparing import CompareOrder, compare
    from envlock.cli.progress import progress
    from envlock.cli.stopping import stopping_cleanly

    if online and not plan:
        raise UsageFault(
            "`--online` belongs to `--plan`: measuring asks the registry anyway", hint="leave it out"
        )
    order = CompareOrder(
        lock=lock_path,
        environment=os.environ,
        scratch=scratch or Path(tempfile.gettempdir()),
        routes=_routes(routes),
        plan=plan,
        online=online,
        platform=platform,
        python=python,
        wheelhouse=wheelhouse,
    )
    if html is not None:
        _check_page(html)
    with stopping_cleanly(), progress(enabled=talk.draws) as on_event:
        comparison = compare(order, on_event)
    _tell(comparison, html, talk)
    return _status(comparison, is_named=routes is not None)


def _check_page(html: Path) -> None:
    """Before minutes are spent on what could then not be written."""
    from envlock.api.comparing import needed

    needed("jinja2")
    if html.is_dir() or not html.absolute().parent.is_dir():
        raise UsageFault(f"`--html {html}` cannot be written", hint="name a file in a folder that is there")


def _routes(words: str | None) -> tuple[Route, ...]:
    from envlock.api.comparing import Route

    names = [name.strip() for name in words.split(",")] if words is not None else list(_ROUTES)
    unknown = [name for name in names if name not in _ROUTES]
    if unknown:
        raise UsageFault(f"there is no route `{unknown[0]}`", hint=f"the routes are {', '.join(_ROUTES)}")
    return tuple(Route(name) for name in dict.fromkeys(names))


def _tell(comparison: Comparison, html: Path | None, talk: Talk) -> None:
    from envlock.api.comparing import comparison_document, comparison_page, comparison_text

    if html is not None:
        html.write_bytes(comparison_page(comparison))
    if talk.as_json:
        click.echo(json.dumps(comparison_document(comparison), indent=2))
    elif not talk.quiet:
        click.echo(comparison_text(comparison, is_verbose=talk.verbose))


def _status(comparison: Comparison, *, is_named: bool) -> int:
    """A plan tells; measuring may find a difference, fail, or not be able to look."""
    if comparison.host is None:
        return 0
    made = [
        each.measured.report.verdict.exit_status for each in comparison.routes if each.measured is not None
    ]
    failed = [each.fault.exit_status for each in comparison.routes if each.fault is not None]
    worst = max(made, key=lambda status: (status == 1, status), default=8)
    if worst:
        return worst
    broken = next((status for status in failed if status), 0)
    return broken or (8 if failed and is_named else 0)
