"""What this host is, and what of a route's needs it has."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from envlock.audit.compare.model import Host, Need, Route
from envlock.errors import EnvlockError
from envlock.image.docker import connect
from envlock.lock.model import Lock


def host_now() -> Host:
    """This host, its load and the date, to stand beside what is measured."""
    return Host(
        cpu=_field("/proc/cpuinfo", "model name") or platform.machine(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory=int((_field("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) * 1024,
        kernel=platform.release(),
        load=round(os.getloadavg()[0], 1),
        date=datetime.now(UTC).date().isoformat(),
    )


def _field(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return None
    rows = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in rows if key.strip() == name), None)


def needs_of(lock: Lock, platform_: str, route: Route, environment: Mapping[str, str]) -> tuple[Need, ...]:
    """What a route needs of the host that makes it and of the one that runs it, looked for on this one."""
    return tuple(_needs(lock, platform_, route, environment))


def _needs(lock: Lock, platform_: str, route: Route, environment: Mapping[str, str]) -> Iterator[Need]:
    match route:
        case Route.VENV:
            yield _python(lock.python, environment)
        case Route.CONDA if not any(lock.conda_on(platform_)):
            yield _tool("conda, mamba or micromamba", ("conda", "mamba", "micromamba"), environment)
        case Route.CONDA:
            yield Need(
                what="nothing: no root, no daemon, no conda", here=True, seen="py-rattler is in envlock"
            )
        case Route.DOCKER:
            yield daemon(environment)
            yield Need(
                what="root, or membership in the group `docker`, which is as much",
                here=os.geteuid() == 0 or os.access("/var/run/docker.sock", os.W_OK),
                seen=f"user {os.geteuid()}",
            )
        case _:  # Route.OCI
            yield Need(
                what="nothing to make it: no root, no daemon", here=True, seen="envlock writes the image"
            )
            yield _tool("an engine to run it", ("docker", "podman", "apptainer", "nerdctl"), environment)
            yield _user_namespaces()
    if route in (Route.DOCKER, Route.OCI) and _needs_gpu(lock, platform_):
        yield _tool("NVIDIA's container toolkit", ("nvidia-ctk", "nvidia-container-cli"), environment)
    if _needs_gpu(lock, platform_):
        module = Path("/proc/driver/nvidia/version")
        yield Need(
            what="an NVIDIA driver", here=module.exists(), seen=str(module) if module.exists() else "none"
        )


def _needs_gpu(lock: Lock, platform_: str) -> bool:
    stack = lock.stack.get(platform_)
    return stack is not None and stack.driver is not None


def daemon(environment: Mapping[str, str]) -> Need:
    """Does a Docker daemon answer? It is asked by a ping, nothing else."""
    what = "a Docker daemon"
    if shutil.which("docker", path=environment.get("PATH")) is None:
        return Need(what=what, here=False, seen="no `docker` command")
    try:
        connect(environment).close()
    except EnvlockError as error:
        return Need(what=what, here=False, seen=error.message)
    return Need(what=what, here=True, seen=environment.get("DOCKER_HOST") or "it answers")


def _tool(what: str, names: tuple[str, ...], environment: Mapping[str, str]) -> Need:
    found = [name for name in names if shutil.which(name, path=environment.get("PATH"))]
    return Need(what=what, here=bool(found), seen=", ".join(found) or "none")


def _python(python: str, environment: Mapping[str, str]) -> Need:
    """uv looks further than PATH, so one that is not there may still be found."""
    series = ".".join(python.split(".")[:2])
    found = shutil.which(f"python{series}", path=environment.get("PATH"))
    here = True if found or platform.python_version().startswith(f"{series}.") else None
    return Need(
        what=f"a Python {python}", here=here, seen=found or ("envlock's own" if here else "not on PATH")
    )


def _user_namespaces() -> Need:
    """Rootless engines need them; a host may forbid them to users."""
    try:
        most = int(Path("/proc/sys/user/max_user_namespaces").read_text())
        switch = Path("/proc/sys/kernel/unprivileged_userns_clone")
        allowed = most > 0 and (not switch.exists() or switch.read_text().strip() == "1")
    except (OSError, ValueError):
        return Need(
            what="user namespaces, for engines without root", here=None, seen="the kernel does not say"
        )
    seen = f"max_user_namespaces {most}"
    return Need(what="user namespaces, for engines without root", here=allowed, seen=seen)
