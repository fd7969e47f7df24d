"""The tables `image` and `job`: what is built around an environment, and how it is to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from envlock.manifest import patterns
from envlock.manifest.model import ImageRequest, JobRequest
from envlock.manifest.tables import Table, code, shown

_IMAGE_KEYS = ("base", "user", "apt", "code", "entrypoint", "jupyter", "ssh")
_JOB_KEYS = ("image", "command", "gpus", "cpus", "memory", "nodes", "time", "volumes")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageChoices:
    base: str | None = None
    user: str | None = None
    apt: tuple[str, ...] | None = None
    code: str | None = None
    entrypoint: tuple[str, ...] | None = None
    jupyter: bool | None = None
    ssh: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobChoices:
    image: str | None = None
    command: tuple[str, ...] | None = None
    gpus: int | None = None
    cpus: int | None = None
    memory: str | None = None
    nodes: int | None = None
    time: str | None = None
    volumes: Mapping[str, str] | None = None


def read_image(table: Table, key: str) -> ImageChoices | None:
    image = table.table(key)
    if image is None:
        return None
    image.only(_IMAGE_KEYS)
    user = image.text("user", patterns.USER_NAME)
    if user == "root":
        hint = "leave `user` out: the default is `app`"
        image.fault("user", "`root` cannot be the user of the image", hint)
    return ImageChoices(
        base=image.text("base", patterns.IMAGE_BASE),
        user=user,
        apt=_apt(image),
        code=image.text("code", patterns.CODE_FOLDER),
        entrypoint=image.texts("entrypoint", patterns.ARGUMENT),
        jupyter=_flag(image, "jupyter"),
        ssh=_flag(image, "ssh"),
    )


def _apt(image: Table) -> tuple[str, ...] | None:
    """Packages with their versions; one without is told how to find its own."""
    rows = image.texts("apt", patterns.ANY_TEXT)
    for number, row in enumerate(rows or ()):
        if patterns.APT_PIN.admits(row):
            continue
        named = patterns.APT_NAME.admits(row)
        hint = f"`apt-cache policy {row}` on the base says which version there is" if named else None
        image.fault(f"apt[{number}]", f"{shown(row)} is not {patterns.APT_PIN.says}", hint)
    return rows


def read_job(table: Table, key: str) -> JobChoices | None:
    job = table.table(key)
    if job is None:
        return None
    job.only(_JOB_KEYS)
    return JobChoices(
        image=job.text("image", patterns.IMAGE_NAME),
        command=job.texts("command", patterns.ARGUMENT),
        gpus=job.integer("gpus"),
        cpus=_at_least_one(job, "cpus"),
        memory=job.text("memory", patterns.MEMORY),
        nodes=_at_least_one(job, "nodes"),
        time=job.text("time", patterns.DURATION),
        volumes=job.named_texts("volumes", patterns.VOLUME_SOURCE, patterns.VOLUME_TARGET),
    )


def _flag(table: Table, key: str) -> bool | None:
    return table.flag(key) if key in table.data else None


def _at_least_one(table: Table, key: str) -> int | None:
    number = table.integer(key)
    if number == 0:
        table.fault(key, f"{code(key)} must be at least 1")
    return number


def image_request(choices: ImageChoices | None) -> ImageRequest | None:
    if choices is None:
        return None
    return ImageRequest(
        base=choices.base,
        user=choices.user or "app",
        apt=choices.apt or (),
        code=choices.code,
        entrypoint=choices.entrypoint or (),
        jupyter=choices.jupyter or False,
        ssh=choices.ssh or False,
    )


def job_request(choices: JobChoices | None) -> JobRequest:
    if choices is None:
        return JobRequest()
    return JobRequest(
        image=choices.image,
        command=choices.command or (),
        gpus=choices.gpus,
        cpus=choices.cpus,
        memory=choices.memory,
        nodes=choices.nodes or 1,
        time=choices.time,
        volumes=choices.volumes or {},
    )
