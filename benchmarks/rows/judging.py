"""What has no peer: a plan of all routes, and the audit of a repository of many files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.desk import Desk
from benchmarks.measure import ENVLOCK, ROOT
from benchmarks.race import OURS, Entrant, Race
from benchmarks.subjects import bert

MODULES = 300
MODULE = '''\
"""Train part {number}."""

import random

import numpy as np
import torch

torch.manual_seed(0)


class Part{number}(torch.nn.Module):
    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.first = torch.nn.Linear(width, width)
        self.last = torch.nn.Linear(width, 2)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.first(rows)))


def order(rows: list[int]) -> list[int]:
    generator = np.random.default_rng(0)
    generator.shuffle(rows)
    return sorted(set(rows), key=lambda _: random.random())
'''


def compare_plan(desk: Desk) -> Iterator[Race]:
    with desk.folder("compare") as work:
        subject = bert(work)
        command = (ENVLOCK, "compare", "--plan", "-q", "-l", str(subject.lockfile))
        ours = Entrant(who=OURS, command=command)
        yield Race(row="compare-plan", title="`compare --plan`", amount=subject.told, entrants=(ours,))


def audit(desk: Desk) -> Iterator[Race]:
    with desk.folder("audit") as work:
        repository = _repository(work)
        ours = Entrant(who=OURS, command=(ENVLOCK, "audit", "-q", str(repository)), statuses=(1,))
        amount = f"{MODULES} modules of Python, a Dockerfile, requirements"
        yield Race(row="audit", title="`audit` of a repository", amount=amount, entrants=(ours,))


def _repository(work: Path) -> Path:
    source = work / "repository" / "parts"
    source.mkdir(parents=True)
    for number in range(MODULES):
        (source / f"part{number}.py").write_text(MODULE.replace("{number}", str(number)))
    above = source.parent
    (above / "requirements.txt").write_text("torch\nnumpy>=1.26\ntransformers==4.49.0\n")
    (above / "Dockerfile").write_text(
        "FROM python:3.11\nCOPY . /app\nRUN pip install -r /app/requirements.txt\n"
    )
    (above / "README.md").write_text((ROOT / "README.md").read_text())
    return above


ROWS = {"compare-plan": compare_plan, "audit": audit}
