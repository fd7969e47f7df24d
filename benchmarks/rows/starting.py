"""Start-up: the least that a command costs, beside the same of its peers."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.desk import Desk
from benchmarks.measure import ENVLOCK
from benchmarks.race import OURS, Entrant, Race


def start_up(desk: Desk) -> Iterator[Race]:
    pip = (sys.executable, "-m", "pip", "--version")
    conda_lock, absent = desk.tool("conda-lock")
    others = [
        Entrant(who="uv", command=(desk.uv, "--version")),
        Entrant(who="pip", command=pip),
        Entrant(who="pip-tools", command=(sys.executable, "-m", "piptools", "compile", "--version")),
        *([Entrant(who="conda-lock", command=(conda_lock, "--version"))] if conda_lock else ()),
    ]
    yield Race(
        row="start-up",
        title="`--version`",
        entrants=(Entrant(who=OURS, command=(ENVLOCK, "--version")), *others),
        absent=absent,
    )
    yield Race(
        row="start-up",
        title="`--help`",
        entrants=(
            Entrant(who=OURS, command=(ENVLOCK, "--help")),
            Entrant(who="uv", command=(desk.uv, "--help")),
            Entrant(who="pip", command=(*pip[:3], "--help")),
        ),
        budget="0.12 s",
    )
    yield Race(
        row="start-up",
        title="`import`",
        entrants=(
            Entrant(who=OURS, command=(sys.executable, "-c", "import envlock")),
            Entrant(who="import requests", command=(sys.executable, "-c", "import requests")),
            Entrant(who="python -c pass", command=(sys.executable, "-c", "pass")),
        ),
    )


ROWS = {"start-up": start_up}
