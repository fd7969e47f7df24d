"""A batch script for Slurm: the environment that `envlock sync` made, checked on every node, then the job."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.emit.job import AGENT, LOCKFILE, Job, job_of
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import header
from envlock.emit.quoting import comment, shell
from envlock.errors import UsageFault
from envlock.lock.model import Lock

RENDEZVOUS_PORT = 29500


def render(lock: Lock, options: EmitOptions) -> str:
    job = job_of(lock, options)
    if job.volumes:
        raise UsageFault(
            "a job of Slurm runs on the file systems of its nodes, and `volumes` are asked for",
            hint="leave them out, or emit another format",
        )
    return "".join(f"{line}\n" for line in _lines(lock, options, job))


def _lines(lock: Lock, options: EmitOptions, job: Job) -> Iterator[str]:
    yield "#!/bin/bash"
    yield from (f"#SBATCH --{option}={value}" for option, value in _asked(job))
    # Slurm reads its options up to the first line that is neither comment nor blank.
    yield from map(comment, header(lock, options, "slurm"))
    yield from map(comment, ("", f"envlock sync && envlock agent -o {AGENT} && sbatch job.sh"))
    yield "set -euo pipefail"
    yield 'cd -- "${SLURM_SUBMIT_DIR:-.}"'
    yield from _environment(job)
    yield ""
    yield from map(comment, _why())
    yield f"check={shell(job.check)}"
    yield (
        'srun --label --nodes="${SLURM_JOB_NUM_NODES:-1}" --ntasks="${SLURM_JOB_NUM_NODES:-1}" '
        f'--ntasks-per-node=1 "$VIRTUAL_ENV/bin/python" -I -c "$check" {AGENT} {LOCKFILE}'
    )
    yield ""
    yield f"srun --label {' '.join(shell(word) for word in job.command)}"


def _why() -> Iterator[str]:
    yield "Once on every node: its files, its settings, its driver. The first node that differs is named, and"
    yield "the job does not start."


def _asked(job: Job) -> Iterator[tuple[str, object]]:
    yield "job-name", job.name
    yield "nodes", job.nodes
    yield "ntasks-per-node", 1
    if job.gpus:
        yield "gpus-per-node", job.gpus
    if job.cpus is not None:
        yield "cpus-per-task", job.cpus
    if job.memory is not None:
        yield "mem", f"{job.memory}M"
    if job.seconds is not None:
        hours, rest = divmod(job.seconds, 3600)
        yield "time", f"{hours:02}:{rest // 60:02}:{rest % 60:02}"


def _environment(job: Job) -> Iterator[str]:
    """The settings of the lock, and nothing that another shell left behind."""
    yield 'export VIRTUAL_ENV="$PWD/.venv"'
    yield 'export PATH="$VIRTUAL_ENV/bin:$PATH"'
    yield "unset PYTHONPATH PYTHONHOME LD_PRELOAD"
    # srun does not take this from the batch script of newer Slurms.
    yield 'export SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"'
    yield from (f"export {name}={shell(value)}" for name, value in job.settings.items())
    if job.nodes > 1:
        yield 'MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)'
        yield f"export MASTER_ADDR MASTER_PORT={RENDEZVOUS_PORT}"


EMITTER = Emitter(render=render, file="job.sh")
