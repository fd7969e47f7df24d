"""devcontainer.json: an editor in the image, with the locked settings and the check when it starts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from envlock.emit.job import AGENT, LOCKFILE, MOUNT, PYTHON, Job, Volume, job_of
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import header
from envlock.errors import UsageFault
from envlock.lock.model import Lock

# `${localEnv:HOME}` and its like are replaced in every value, and nothing makes them plain.
_VARIABLE = re.compile(r"\$\{[A-Za-z]")


def render(lock: Lock, options: EmitOptions) -> str:
    """JSON with comments, as the specification of development containers has it."""
    job = job_of(lock, options)
    usage = ("", f"envlock agent -o {AGENT}; this file goes to .devcontainer/devcontainer.json")
    lines = [f"// {line}".rstrip() for line in (*header(lock, options, "devcontainer"), *usage)]
    document = json.dumps(_document(job, options), indent=2, ensure_ascii=False)
    _refuse_variables(job)
    return "".join(f"{line}\n" for line in (*lines, document))


def _refuse_variables(job: Job) -> None:
    for name, value in job.settings.items():
        if _VARIABLE.search(value):
            raise UsageFault(f"devcontainer.json would replace a variable in the setting {name}={value!a}")


def _document(job: Job, options: EmitOptions) -> dict[str, object]:
    return {
        "name": job.name,
        "image": job.image,
        "remoteUser": options.image.user,
        "init": True,
        "hostRequirements": _requirements(job),
        "containerEnv": dict(job.settings),
        "mounts": [*_mounts(job)],
        "postStartCommand": [PYTHON, "-I", "-c", job.check, f"{MOUNT}/{AGENT}", f"{MOUNT}/{LOCKFILE}"],
        "customizations": {"vscode": {"settings": {"python.defaultInterpreterPath": PYTHON}}},
    }


def _requirements(job: Job) -> dict[str, object]:
    """With `gpu` the tools pass `--gpus all` where the host can, and warn where it cannot."""
    found: dict[str, object] = {"gpu": True} if job.gpus else {}
    if job.cpus is not None:
        found["cpus"] = job.cpus
    if job.memory is not None:
        found["memory"] = f"{job.memory}mb"
    return found


def _mounts(job: Job) -> Iterator[str]:
    """As `docker run --mount` takes them; no value can hold a comma."""
    for file in (LOCKFILE, AGENT):
        source = f"${{localWorkspaceFolder}}/{file}"
        yield f"type=bind,source={source},target={MOUNT}/{file},readonly"
    yield from map(_mount, job.volumes)


def _mount(volume: Volume) -> str:
    kind = "bind" if volume.is_path else "volume"
    local = volume.source.startswith(".")
    source = f"${{localWorkspaceFolder}}/{volume.source.removeprefix('./')}" if local else volume.source
    return f"type={kind},source={source},target={volume.target}" + (",readonly" if volume.read_only else "")


EMITTER = Emitter(render=render, file="devcontainer.json")
