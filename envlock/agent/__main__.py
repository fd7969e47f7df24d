"""`python envlock-agent.pyz --prefix DIR [--expect FILE]`: one JSON document of facts on stdout."""

import argparse
import json
import os
import sys

from . import expect
from .host import platform_name
from .lockfile import read_expectation
from .prefix import prefix_of_executable
from .survey import CONTENT, LEVELS, Request, survey
from .task import run_task

USAGE, COULD_NOT_TELL = 2, 8


def main() -> None:
    """Parse the command line, observe, print. Exit status 0, 2 (usage) or 8 (nothing to look at)."""
    parser = argparse.ArgumentParser(prog="envlock-agent", description=__doc__)
    parser.add_argument("--prefix", help="the environment (default: that of the running Python)")
    parser.add_argument(
        "--expect", help="an envlock.lock: only what it locks is hashed, and differences are told apart"
    )
    parser.add_argument("--level", choices=LEVELS, default=CONTENT)
    parser.add_argument("--task", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        _run_task(arguments.task)
        return
    prefix = os.path.abspath(arguments.prefix or prefix_of_executable(sys.executable))
    if not os.path.isdir(prefix):
        print("envlock-agent: there is no environment at `%s`" % prefix, file=sys.stderr)
        sys.exit(COULD_NOT_TELL)
    expectation = _expectation(arguments.expect) if arguments.expect else expect.NOTHING
    document = survey(Request(prefix, arguments.level, expectation, dict(os.environ)))
    json.dump(document, sys.stdout, sort_keys=True)
    sys.stdout.write("\n")


def _run_task(path: str) -> None:
    """What `envlock verify --launcher` has a host do: the answer goes to stdout in frames."""
    with open(path, encoding="utf-8") as file:
        order = json.load(file)
    run_task(order, os.environ, lambda line: os.write(sys.stdout.fileno(), line))


def _expectation(path: str) -> expect.Expectation:
    try:
        return read_expectation(path, platform_name())
    except (OSError, ValueError, KeyError, TypeError) as error:
        print("envlock-agent: `%s` cannot be read: %s" % (path, error), file=sys.stderr)
        sys.exit(USAGE)


if __name__ == "__main__":
    main()
