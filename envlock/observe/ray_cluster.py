"""Run the agent on every node of a Ray cluster. Ray is an extra: imported when it is asked for."""

from __future__ import annotations

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from envlock.errors import CouldNotTell, ToolMissing
from envlock.observe.answers import Answer
from envlock.observe.frames import Gathering, printable
from envlock.observe.zipapp import agent_bytes

_Node = Mapping[str, Any]
# common.proto, NodeDeathInfo.Reason: EXPECTED_TERMINATION (`ray stop`), AUTOSCALER_DRAIN_IDLE.
_LEFT = (1, 4)


@dataclass(frozen=True, kw_only=True, slots=True)
class RayCluster:
    """`address` as `ray.init` takes it: `auto`, `HOST:PORT`, `ray://HOST:PORT`. `order` as launcher.py
    writes it."""

    address: str
    order: Mapping[str, Any]
    timeout_seconds: float

    def answers(self) -> Iterator[Answer]:
        """A task on each node, whatever else runs there, and an answer for each; a node that Ray lost is one
        without facts. Raises ToolMissing without Ray, CouldNotTell without a cluster."""
        ray = _ray()
        with contextlib.redirect_stdout(sys.stderr):  # Ray's threads print there what happens in the cluster
            yield from self._connected(ray)

    def _connected(self, ray: Any) -> Iterator[Answer]:
        try:
            ray.init(address=self.address, log_to_driver=False, configure_logging=False)
        except Exception as error:  # Ray has no common base for what `init` raises
            raise CouldNotTell(
                f"there is no Ray cluster at `{self.address}`: {_words(error)}",
                hint="`ray status --address ADDRESS` tells what is there",
            ) from error
        try:
            yield from self._gathered(ray)
        finally:
            ray.shutdown()

    def _gathered(self, ray: Any) -> Iterator[Answer]:
        alive, lost = _told_apart(ray.nodes())
        names = _names([*alive, *lost])
        for node in lost:
            yield Answer(host=names[node["NodeID"]], fault="Ray lists this node as dead")
        tasks = {node["NodeID"]: self._start(ray, node) for node in alive}
        ray.wait(list(tasks.values()), num_returns=len(tasks), timeout=self.timeout_seconds)
        for node, task in tasks.items():
            yield self._answer(ray, names[node], task)

    def _start(self, ray: Any, node: _Node) -> Any:
        strategies: Any = import_module("ray.util.scheduling_strategies")
        here = strategies.NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
        # num_cpus 0: a node that is full of work is looked at too.
        remote = ray.remote(num_cpus=0, max_retries=0, scheduling_strategy=here)(_looker())
        return remote.remote(agent_bytes(), json.dumps(self.order))

    def _answer(self, ray: Any, host: str, task: Any) -> Answer:
        try:
            text = str(ray.get(task, timeout=0.1))
        except Exception as error:  # of the task, of the node, or the time that is up
            return Answer(host=host, fault=f"no answer: {type(error).__name__}: {_words(error)}")
        gathering = Gathering(str(self.order["nonce"]))
        for answer in (each for line in text.splitlines() for each in gathering.read(line)):
            fault = answer.get("fault")
            said = printable(str(fault)) if fault is not None else None
            return Answer(host=host, document=answer.get("facts"), fault=said)
        return Answer(host=host, fault="what it answered is no document of the agent")


def _looker() -> Callable[[bytes, str], str]:
    """The function that runs on a node. It is made here, so that Ray sends its code: envlock is not there."""

    def look(agent: bytes, order: str) -> str:
        import subprocess
        import sys
        import tempfile
        from pathlib import Path

        with tempfile.TemporaryDirectory(prefix="envlock-") as folder:
            pyz, ordered = Path(folder, "agent.pyz"), Path(folder, "order.json")
            pyz.write_bytes(agent)
            ordered.write_text(order)
            words = [sys.executable, "-IB", str(pyz), "--task", str(ordered)]
            done = subprocess.run(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True)
            return done.stdout.decode("ascii")

    return look


def _ray() -> Any:
    try:
        return import_module("ray")
    except ImportError as error:
        raise ToolMissing(
            "`--ray` needs Ray, which is not installed", hint="`pip install 'torch-envlock[ray]'`"
        ) from error


def _told_apart(nodes: Sequence[_Node]) -> tuple[list[_Node], list[_Node]]:
    """The living, and those that the cluster lost: not what left it in order, nor what came back."""
    alive = [node for node in nodes if node["Alive"]]
    back = {node["NodeManagerAddress"] for node in alive}
    dead = (node for node in nodes if not node["Alive"])
    return alive, [
        node
        for node in dead
        if node.get("DeathReason") not in _LEFT and node["NodeManagerAddress"] not in back
    ]


def _names(nodes: Sequence[_Node]) -> Mapping[str, str]:
    """NodeID -> host name. Several nodes of one host are told apart by the beginning of their id."""
    hosts = {node["NodeID"]: str(node.get("NodeManagerHostname") or "?") for node in nodes}
    several = {host for host, count in Counter(hosts.values()).items() if count > 1}
    return {
        name: printable(f"{host}:{name[:8]}" if host in several else host) for name, host in hosts.items()
    }


def _words(error: Exception) -> str:
    return printable(" ".join(str(error).split()) or type(error).__name__)
