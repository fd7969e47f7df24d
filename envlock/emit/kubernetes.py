"""A Kubernetes Job: GPUs by the device plugin's resource, limits, volumes, the check in each pod."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.emit.docker import USER_ID
from envlock.emit.job import AGENT, LOCKFILE, MOUNT, Job, Volume, job_of
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import header
from envlock.emit.quoting import comment
from envlock.emit.yaml_tree import tree
from envlock.errors import UsageFault
from envlock.lock.model import Lock
from envlock.manifest.patterns import JOB_NAME

_CHECK = "envlock"


def render(lock: Lock, options: EmitOptions) -> str:
    job = job_of(lock, options)
    files = f"--from-file={LOCKFILE} --from-file={AGENT}"
    usage = (
        "",
        f"envlock agent -o {AGENT}",
        f"kubectl create configmap {_config(job)} {files}",
        "kubectl apply -f job.yaml",
    )
    lines = [*map(comment, (*header(lock, options, "kubernetes"), *usage)), *tree(_document(job))]
    return "".join(f"{line}\n" for line in lines)


def _config(job: Job) -> str:
    return f"{job.name}-{_CHECK}"


def _document(job: Job) -> dict[str, object]:
    several = {"completions": job.nodes, "parallelism": job.nodes, "completionMode": "Indexed"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job.name,
            "labels": {"app.kubernetes.io/name": job.name},
            "annotations": {"envlock/runtime": job.runtime},
        },
        "spec": {
            # What differs from the lock does not become right by being tried again.
            "backoffLimit": 0,
            **({"activeDeadlineSeconds": job.seconds} if job.seconds is not None else {}),
            **(several if job.nodes > 1 else {}),
            "template": {"metadata": {"labels": {"app.kubernetes.io/name": job.name}}, "spec": _pod(job)},
        },
    }


def _pod(job: Job) -> dict[str, object]:
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "nodeSelector": {"kubernetes.io/os": "linux", "kubernetes.io/arch": job.architecture},
        "securityContext": {"runAsNonRoot": True, "runAsUser": USER_ID, "fsGroup": USER_ID},
        **({"affinity": _one_per_node(job)} if job.nodes > 1 else {}),
        "containers": [_container(job)],
        "volumes": [*_volumes(job)],
    }


def _one_per_node(job: Job) -> dict[str, object]:
    own = {"labelSelector": {"matchLabels": {"app.kubernetes.io/name": job.name}}}
    rule = [{**own, "topologyKey": "kubernetes.io/hostname"}]
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": rule}}


def _container(job: Job) -> dict[str, object]:
    environment = {"ENVLOCK_CHECK": job.check, **job.settings}
    return {
        "name": "job",
        "image": job.image,
        "command": [_literal(word) for word in job.checked],
        "args": [_literal(word) for word in job.command],
        "env": [{"name": name, "value": _literal(value)} for name, value in environment.items()],
        "resources": _resources(job),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [*_mounts(job)],
    }


def _literal(text: str) -> str:
    """Kubernetes replaces `$(NAME)` in commands and variables; two dollars are one."""
    return text.replace("$", "$$")


def _resources(job: Job) -> dict[str, object]:
    """GPUs are a limit, which is their request too, and whole ones."""
    common: dict[str, object] = {"cpu": str(job.cpus)} if job.cpus is not None else {}
    if job.memory is not None:
        common["memory"] = f"{job.memory}Mi"
    limits = {**common, **({"nvidia.com/gpu": job.gpus} if job.gpus else {})}
    return {"requests": common, "limits": limits} if common else ({"limits": limits} if limits else {})


def _mounts(job: Job) -> Iterator[dict[str, object]]:
    yield {"name": _CHECK, "mountPath": MOUNT, "readOnly": True}
    yield {"name": "shared-memory", "mountPath": "/dev/shm"}  # noqa: S108  (inside of the container)
    for number, volume in enumerate(job.volumes):
        yield {"name": f"volume-{number}", "mountPath": volume.target, "readOnly": volume.read_only}


def _volumes(job: Job) -> Iterator[dict[str, object]]:
    yield {"name": _CHECK, "configMap": {"name": _config(job)}}
    yield {"name": "shared-memory", "emptyDir": {"medium": "Memory"}}
    for number, volume in enumerate(job.volumes):
        yield {"name": f"volume-{number}", **_source(volume)}


def _source(volume: Volume) -> dict[str, object]:
    if volume.source.startswith("/"):
        return {"hostPath": {"path": volume.source, "type": "Directory"}}
    if volume.is_path:
        raise UsageFault(
            f"the volume `{volume.source}` is a path relative to here, which no node of a cluster has",
            hint="name a PersistentVolumeClaim, or an absolute path of the nodes",
        )
    if not JOB_NAME.admits(volume.source):
        raise UsageFault(f"{volume.source!a} is not {JOB_NAME.says}")
    return {"persistentVolumeClaim": {"claimName": volume.source, "readOnly": volume.read_only}}


EMITTER = Emitter(render=render, file="job.yaml")
