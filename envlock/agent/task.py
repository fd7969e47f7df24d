"""One task of a fleet: say that it has begun, observe the environment of this host, say what was seen."""

import binascii
import os
import time
from typing import Any, Callable, Dict, Mapping

from . import expect
from .frames import frames, hello
from .host import platform_name
from .places import environment_at_hand
from .survey import LEVELS, Request, survey

SCHEMA = "envlock.task/1"

# Where engines say which task this is, and of how many: Slurm (srun, "OUTPUT ENVIRONMENT VARIABLES"),
# Open MPI (mpirun, "Exported environment variables"), PMI of MPICH and Intel MPI.
_RANKS = ("SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
_SIZES = ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")


class NothingHere(Exception):
    """There is no environment to look at on this host, or its platform is not locked."""


def run_task(order: Mapping[str, Any], environment: Mapping[str, str], write: Callable[[bytes], Any]) -> None:
    """Do what `order` says (see `order_of`). Every failure is told on the same way as facts are.

    `write` gets whole lines.
    """
    nonce, task = str(order["nonce"]), binascii.hexlify(os.urandom(8)).decode()
    who = who_is_this(environment)
    for line in hello(nonce, task, who):
        write((line + "\n").encode())
    try:
        answer: Dict[str, Any] = {"who": who, "facts": observed(order, environment)}
    except NothingHere as error:
        answer = {"who": who, "fault": str(error)}
    except Exception as error:  # told where the judging happens: here nobody reads a traceback
        answer = {"who": who, "fault": "%s: %s" % (type(error).__name__, error)}
    for pause, line in frames(nonce, task, answer):
        time.sleep(pause)
        write((line + "\n").encode())


def who_is_this(environment: Mapping[str, str]) -> Dict[str, str]:
    """The name of this host, and what the engine says of this task: `rank` and `size`, else ""."""
    return {
        "name": os.uname().nodename,
        "rank": _first(environment, _RANKS),
        "size": _first(environment, _SIZES),
    }


def observed(order: Mapping[str, Any], environment: Mapping[str, str]) -> Any:
    """The facts of the environment that is meant on this host."""
    if order.get("schema") != SCHEMA or order["level"] not in LEVELS:
        raise NothingHere("this agent is not of the envlock that asked")
    prefix = _prefix(order.get("prefix"), environment)
    platform = platform_name()
    expected = order["expectations"].get(platform)
    if expected is None:
        locked = ", ".join(sorted(order["expectations"]))
        raise NothingHere(
            "this host is %s, and the lock has %s" % (platform or "of no known platform", locked)
        )
    return survey(Request(prefix, order["level"], expect.from_json(expected), dict(environment)))


def _prefix(named: Any, environment: Mapping[str, str]) -> str:
    if named is None:
        found = environment_at_hand(environment)
        if found is None:
            raise NothingHere(
                "no VIRTUAL_ENV, no CONDA_PREFIX, no ./.venv: `--prefix DIR` names the environment"
            )
        named = found[0]
    prefix = os.path.abspath(str(named))
    if not os.path.isdir(prefix):
        raise NothingHere("there is no environment at `%s`" % prefix)
    return prefix


def _first(environment: Mapping[str, str], names: "tuple[str, ...]") -> str:
    return next((environment[name] for name in names if environment.get(name, "").isdigit()), "")
