"""The options of `envlock verify` for more than one host, and what they add up to."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from envlock.cli.options import FILE
from envlock.errors import UsageFault

if TYPE_CHECKING:
    from envlock.api import ExpectedHosts

_PYTHON = "python3"


@dataclass(frozen=True, kw_only=True, slots=True)
class FleetChoice:
    """Facts documents, or a launcher, and how many hosts must answer."""

    facts: tuple[Path, ...]
    launcher: str | None
    ray: str | None
    shared: Path | None
    agent_python: str
    timeout_seconds: float
    expected: ExpectedHosts | None

    @property
    def is_one_document(self) -> bool:
        return (
            len(self.facts) == 1
            and self.expected is None
            and not (self.facts[0].is_dir() or self.facts[0].suffix == ".jsonl")
        )


def fleet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, handed over as one `fleet`; None where this host alone is meant."""

    @functools.wraps(command)
    def choosing(
        *,
        facts: tuple[Path, ...],
        more_facts: tuple[Path, ...],
        launcher: str | None,
        ray: str | None,
        shared: Path | None,
        agent_python: str,
        timeout_seconds: float,
        expect_hosts: str | None,
        **options: Any,
    ) -> Any:
        _refuse_more_than_ray(ray, facts, launcher, shared, agent_python)
        _refuse(facts, more_facts, ray if launcher is None else launcher, shared, expect_hosts)
        choice = FleetChoice(
            facts=(*facts, *more_facts),
            launcher=launcher,
            ray=ray,
            shared=shared,
            agent_python=agent_python,
            timeout_seconds=timeout_seconds,
            expected=_expected(expect_hosts) if expect_hosts is not None else None,
        )
        return command(fleet=choice if facts or launcher is not None or ray is not None else None, **options)

    for option in reversed(_OPTIONS):
        choosing = option(choosing)
    return choosing


_OPTIONS = (
    click.option(
        "--facts",
        type=FILE,
        multiple=True,
        metavar="FILE…",
        help="judge what agents printed: files, *.jsonl with a document a line, directories of them",
    ),
    click.argument("more_facts", nargs=-1, type=FILE, metavar=""),
    click.option(
        "--launcher",
        metavar="CMD",
        help='look at every host that an engine reaches: "srun -N 200 --ntasks-per-node=1", "ssh node1", …',
    ),
    click.option("--ray", metavar="ADDRESS", help="look at every node of this Ray cluster (extra `ray`)"),
    click.option(
        "--shared",
        type=FILE,
        metavar="DIR",
        help="with --launcher: hand the agent over in this directory, which every host sees "
        "(default: over standard input)",
    ),
    click.option(
        "--agent-python",
        metavar="EXE",
        default=_PYTHON,
        show_default=True,
        help="with --launcher: the Python that runs the agent on the hosts",
    ),
    click.option(
        "--timeout",
        "timeout_seconds",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        default=600.0,
        show_default=True,
        help="with --launcher or --ray: hosts that have not answered by then are missing",
    ),
    click.option(
        "--expect-hosts",
        metavar="N|NAME,…",
        help="how many hosts must answer, or which: without one the fleet is incomplete",
    ),
)


def _refuse_more_than_ray(
    ray: str | None, facts: tuple[Path, ...], launcher: str | None, shared: Path | None, python: str
) -> None:
    if ray is None:
        return
    if facts or launcher is not None:
        raise UsageFault(
            "`--ray` is a way to get facts of its own", hint="leave `--facts` and `--launcher` out"
        )
    if shared is not None or python != _PYTHON:
        raise UsageFault(
            "`--shared` and `--agent-python` go with `--launcher`",
            hint="leave them out: Ray hands the agent over, and its own Python runs it",
        )


def _refuse(
    facts: tuple[Path, ...],
    more: tuple[Path, ...],
    launcher: str | None,
    shared: Path | None,
    expect_hosts: str | None,
) -> None:
    if more and not facts:  # as click says it of a command that takes none
        raise click.UsageError(
            f"Got unexpected extra argument ({' '.join(map(str, more))})", click.get_current_context()
        )
    if facts and launcher is not None:
        raise UsageFault("`--facts` and `--launcher` are two ways to get facts", hint="leave one out")
    if shared is not None and launcher is None:
        raise UsageFault("`--shared` is where `--launcher` puts the agent", hint="name the launcher too")
    if expect_hosts is not None and not facts and launcher is None:
        raise UsageFault(
            "`--expect-hosts` goes with `--launcher`, `--ray` or `--facts`", hint="name one of them"
        )


def _expected(text: str) -> ExpectedHosts:
    from envlock.api import ExpectedHosts

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if text.strip().isdecimal() and int(text) > 0:
        return ExpectedHosts(count=int(text))
    if not names or any(name.isdecimal() for name in names):
        raise UsageFault(
            f"`--expect-hosts {text}` is no number of hosts and no list of names",
            hint="`--expect-hosts 200`, or `--expect-hosts node1,node2`",
        )
    return ExpectedHosts(names=names)
