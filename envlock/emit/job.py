"""What the formats of a job share: names, limits, volumes, and the check that goes before the command.

The check is `require()` out of the agent's one file. It compares the environment of the job itself with the
lock, settings included, and where a GPU is asked for it fails unless the driver is there: an engine that
gives none in silence is found out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from envlock.emit.docker import PREFIX
from envlock.emit.model import EmitOptions
from envlock.emit.pins import locked
from envlock.emit.quoting import one_line
from envlock.errors import LockfileInvalid, UsageFault
from envlock.lock.model import Lock
from envlock.lock.runtime import runtime_hash
from envlock.manifest import patterns
from envlock.manifest.tables import Rule

AGENT = "envlock-agent.pyz"
LOCKFILE = "envlock.lock"
# Where a container sees the two: from outside, so that an image cannot vouch for itself.
MOUNT = "/envlock"
PYTHON = f"{PREFIX}/bin/python"
DEFAULT_COMMAND = ("python", "train.py")
_MEBIBYTES = {"MiB": 1, "GiB": 1024}


@dataclass(frozen=True, kw_only=True, slots=True)
class Volume:
    """`source` is a path of the host where it starts with `.` or `/`, else the name of a volume."""

    source: str
    target: str
    read_only: bool

    @property
    def is_path(self) -> bool:
        return self.source.startswith((".", "/"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A job with nothing left open. `memory` in mebibytes; `command` empty: that of the image."""

    name: str
    image: str
    command: tuple[str, ...]
    gpus: int
    cpus: int | None
    memory: int | None
    nodes: int
    seconds: int | None
    volumes: tuple[Volume, ...]
    settings: Mapping[str, str]
    runtime: str
    architecture: str

    @property
    def check(self) -> str:
        """The program that checks; its arguments are the agent and the lockfile."""
        gpu = ", require_gpu=True" if self.gpus else ""
        return (
            "import sys; sys.path.insert(0, sys.argv[1]); from envlock_agent import require; "
            f"require(sys.argv[2]{gpu})"
        )

    @property
    def checked(self) -> tuple[str, ...]:
        """The first words of a container's command: check, then become what follows."""
        check = f'{PYTHON} -I -c "$ENVLOCK_CHECK" {MOUNT}/{AGENT} {MOUNT}/{LOCKFILE}'
        return ("sh", "-c", f'{check} && exec "$@"', "sh")


def job_of(lock: Lock, options: EmitOptions) -> Job:
    """Raises LockfileInvalid, UsageFault for values that could be read as something else."""
    locked(lock, options)
    asked = options.job
    for name in lock.settings:
        _check(name, patterns.SETTING_NAME, LockfileInvalid)
    for rule, text in ((patterns.MEMORY, asked.memory), (patterns.DURATION, asked.time)):
        _check(text, rule, UsageFault)
    return Job(
        name=_name(lock),
        image=_image(lock, options),
        command=tuple(map(one_line, asked.command or options.image.entrypoint or DEFAULT_COMMAND)),
        gpus=_gpus(lock, options),
        cpus=asked.cpus,
        memory=_mebibytes(asked.memory),
        nodes=asked.nodes,
        seconds=_seconds(asked.time),
        volumes=tuple(_volume(source, target) for source, target in sorted(asked.volumes.items())),
        settings={name: one_line(lock.settings[name]) for name in sorted(lock.settings)},
        runtime=runtime_hash(lock, options.platform),
        architecture="arm64" if options.platform.endswith(("aarch64", "arm64")) else "amd64",
    )


def _name(lock: Lock) -> str:
    """The project's name as all of the formats take it: a DNS label."""
    name = (lock.project or "envlock").replace("_", "-").replace(".", "-")
    _check(name, patterns.JOB_NAME, LockfileInvalid)
    return name


def _image(lock: Lock, options: EmitOptions) -> str:
    """The reference that was asked for, else the project's name with the start of the runtime hash."""
    if options.job.image is None:
        return f"{_name(lock)}:{image_tag(lock, options.platform)}"
    _check(options.job.image, patterns.IMAGE_NAME, UsageFault)
    return options.job.image


def image_tag(lock: Lock, platform: str) -> str:
    """A tag that changes when the environment does."""
    form, _, digest = runtime_hash(lock, platform).partition(":")
    return f"{form}-{digest[:12]}"


def _gpus(lock: Lock, options: EmitOptions) -> int:
    stack = lock.stack.get(options.platform)
    has_cuda = stack is not None and stack.cuda not in (None, "cpu")
    return options.job.gpus if options.job.gpus is not None else int(has_cuda)


def _mebibytes(text: str | None) -> int | None:
    return None if text is None else int(text[:-3]) * _MEBIBYTES[text[-3:]]


def _seconds(text: str | None) -> int | None:
    if text is None:
        return None
    hours, minutes, seconds = map(int, text.split(":"))
    return (hours * 60 + minutes) * 60 + seconds


def _volume(source: str, target: str) -> Volume:
    _check(source, patterns.VOLUME_SOURCE, UsageFault)
    _check(target, patterns.VOLUME_TARGET, UsageFault)
    path, _, mode = target.partition(":")
    return Volume(source=source, target=path, read_only=mode == "ro")


def _check(text: str | None, rule: Rule, error: type[LockfileInvalid | UsageFault]) -> None:
    if text is not None and not rule.admits(text):
        raise error(f"{text!a} is not {rule.says}")
