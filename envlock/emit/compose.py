"""compose.yaml for `docker compose`: the image, a GPU by reservation, limits, volumes, the check in front."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.emit.job import AGENT, LOCKFILE, MOUNT, Job, Volume, job_of
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import header
from envlock.emit.quoting import comment
from envlock.emit.yaml_tree import tree
from envlock.lock.model import Lock

SERVICE = "job"


def render(lock: Lock, options: EmitOptions) -> str:
    job = job_of(lock, options)
    usage = (
        "",
        f"envlock emit docker -o Dockerfile && envlock agent -o {AGENT}",
        f"docker compose build && docker compose run --rm {SERVICE}",
    )
    lines = [*map(comment, (*header(lock, options, "compose"), *usage)), *tree(_document(job))]
    return "".join(f"{line}\n" for line in lines)


def _document(job: Job) -> dict[str, object]:
    named = [volume.source for volume in job.volumes if not volume.is_path]
    document: dict[str, object] = {"name": job.name, "services": {SERVICE: _service(job)}}
    return document | ({"volumes": {name: {} for name in named}} if named else {})


def _service(job: Job) -> dict[str, object]:
    environment = {"ENVLOCK_CHECK": job.check, **job.settings}
    return {
        "image": job.image,
        "build": {"context": ".", "dockerfile": "Dockerfile"},
        "platform": f"linux/{job.architecture}",
        "init": True,
        "entrypoint": [_literal(word) for word in job.checked],
        "command": [_literal(word) for word in job.command],
        "environment": {name: _literal(value) for name, value in environment.items()},
        "volumes": [*_mounts(job)],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        # Workers of a data loader hand tensors over in shared memory; Docker's default is 64 MiB of it.
        "shm_size": f"{job.memory or 8192}m",
        **_resources(job),
    }


def _literal(text: str) -> str:
    """Compose replaces `$NAME` in every value; two dollars are one."""
    return text.replace("$", "$$")


def _mounts(job: Job) -> Iterator[dict[str, object]]:
    for file in (LOCKFILE, AGENT):
        yield {"type": "bind", "source": f"./{file}", "target": f"{MOUNT}/{file}", "read_only": True}
    yield from map(_mount, job.volumes)


def _mount(volume: Volume) -> dict[str, object]:
    kind = "bind" if volume.is_path else "volume"
    return {"type": kind, "source": volume.source, "target": volume.target, "read_only": volume.read_only}


def _resources(job: Job) -> dict[str, object]:
    limits: dict[str, object] = {}
    if job.cpus is not None:
        limits["cpus"] = str(job.cpus)
    if job.memory is not None:
        limits["memory"] = f"{job.memory}m"
    gpu = {"driver": "nvidia", "count": job.gpus, "capabilities": ["gpu"]}
    resources: dict[str, object] = {"limits": limits} if limits else {}
    if job.gpus:
        resources["reservations"] = {"devices": [gpu]}
    return {"deploy": {"resources": resources}} if resources else {}


EMITTER = Emitter(render=render, file="compose.yaml")
