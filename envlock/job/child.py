"""The process that looks: this interpreter once more, without its start-up code.

What the environment runs when Python starts (`.pth`, sitecustomize) is part of what is judged (IDENTITY 9),
and a program that has loaded torch has threads that do not survive a fork. So the check runs in
`python -I -S -B`, with nothing of the job's variables but what the question tells.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from envlock.agent.interpreter import CLEAN_ENVIRONMENT
from envlock.errors import CouldNotTell
from envlock.job import looking
from envlock.job.answer import answer_of_failure
from envlock.job.question import Question

# After the standard library: nothing that lies beside envlock may take the place of it.
_PROGRAM = "import sys; sys.path += sys.argv[1:]; from {looking} import main; main()"


def answered(question: Question) -> dict[str, Any]:
    """The answer of a clean process; where it ends without one, that as a failure."""
    if not sys.executable:
        return looking.answered(question)  # embedded: there is no interpreter to start
    program = _PROGRAM.format(looking=looking.__name__)
    command = [sys.executable, "-I", "-S", "-B", "-c", program, *_roots()]
    try:
        done = subprocess.run(
            command,
            input=question.to_json().encode(),
            capture_output=True,
            env=CLEAN_ENVIRONMENT,
            check=False,
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError) as error:
        said = str(error) if isinstance(error, OSError) else done.stderr.decode(errors="replace")
        return answer_of_failure(_no_answer([line for line in said.splitlines() if line.strip()]))
    return found


def _no_answer(said: list[str]) -> CouldNotTell:
    return CouldNotTell(
        "the process that looks at the environment ended without a verdict",
        where=sys.executable,
        hint="run `envlock verify --in-job` here, or the agent: it shows what is wrong",
        facts=[("said", line) for line in said[-3:]],
    )


def _roots() -> list[str]:
    """Where the clean process finds this package, and the libraries that it imports."""
    return list(dict.fromkeys(_folders(__name__.partition(".")[0], "packaging", "tomli")))


def _folders(mine: str, *others: str) -> Iterator[str]:
    yield _folder(mine) or ""
    if mine == "envlock":  # the zipapp carries all that it needs
        yield from filter(None, map(_folder, others))


def _folder(package: str) -> str | None:
    found = find_spec(package)
    places = list(found.submodule_search_locations or ()) if found is not None else []
    return os.path.dirname(os.path.abspath(places[0])) if places else None
