"""The numeric probes inside of a container, by docker or podman: of an image, or of one that runs.

As `container` does it: the agent and what it is to do go in by the standard input of the container's own
Python, and one JSON document comes out. The probes are a process of that Python's, under the environment
that is named, so that one that crashes can be told.
"""

from __future__ import annotations

import json
from typing import Any

from envlock.observe.container import ContainerTarget, Inside, no_answer, start_python
from envlock.observe.numerics import Ended, NumericsTarget, Runner, choice_text, script_text
from envlock.observe.zipapp import agent_bytes

_AGENT = "envlock-agent.pyz"
# argv: size of the agent, where files may lie ("": where the container can be written).
_START = """\
import json, os, subprocess, sys, tempfile
size, place = sys.argv[1:3]
memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
def text(path):
    return open(path).read() if os.path.exists(path) else None
with tempfile.TemporaryDirectory(prefix="envlock-", dir=place or memory) as folder:
    output = folder + "/numerics.json"
    with open(folder + "/envlock-agent.pyz", "wb") as file:
        file.write(sys.stdin.buffer.read(int(size)))
    order = json.loads(sys.stdin.buffer.read())
    with open(folder + "/run.py", "w") as file:
        file.write(order["script"])
    environment = {"HOME": os.environ.get("HOME", "/"), "TMPDIR": folder}
    environment.update(order["environment"])
    done = subprocess.run([sys.executable, "-B", folder + "/run.py", output, order["choice"]], cwd=folder,
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    answer = {"status": done.returncode, "said": said, "at": text(output + ".at"), "document": text(output)}
print(json.dumps(answer))
"""


def runner_inside(target: ContainerTarget, inside: Inside) -> Runner:
    """What runs the probes of a NumericsTarget in that container; its `python` is not looked at."""

    def run(numerics: NumericsTarget, skipped: tuple[str, ...]) -> Ended:
        agent = agent_bytes()
        order = {
            "script": script_text(_AGENT),
            "choice": choice_text(numerics, skipped),
            "environment": dict(numerics.environment),
        }
        program = (_START, str(len(agent)), inside.place)
        done = start_python(target, inside, program, agent + json.dumps(order).encode())
        try:
            return _ended(json.loads(done.stdout))
        except (ValueError, KeyError, TypeError) as error:
            raise no_answer(target, "the probes could not be run in", done) from error

    return run


def _ended(answer: dict[str, Any]) -> Ended:
    return Ended(
        status=int(answer["status"]),
        at=answer["at"],
        said="".join(answer["said"]),
        document=(answer["document"] or "").encode(),
    )
