"""A definition file for Apptainer: the locked wheels on the locked base, without a Docker daemon."""

from __future__ import annotations

from collections.abc import Iterator

from envlock.emit.docker import PREFIX, base_reference, install_commands
from envlock.emit.job import AGENT, LOCKFILE, PYTHON, Job, job_of
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import folder, header, pins
from envlock.emit.quoting import comment, shell
from envlock.lock.model import Lock


def render(lock: Lock, options: EmitOptions) -> str:
    return "".join(f"{line}\n" for line in _lines(lock, options, job_of(lock, options)))


def _lines(lock: Lock, options: EmitOptions, job: Job) -> Iterator[str]:
    yield "Bootstrap: docker"
    yield f"From: {base_reference(lock, options.platform)}"
    yield ""
    yield from map(comment, (*header(lock, options, "apptainer"), *_usage(job)))
    if options.wheelhouse is not None:
        yield from ("", "%files", f"    {shell(folder(options.wheelhouse))} /wheelhouse")
    yield from ("", "%post", *_indented(_post(lock, options)))
    yield from ("", "%environment", *_indented(_environment(job)))
    yield from ("", "%labels", f"    envlock.manifest {lock.manifest}", f"    envlock.runtime {job.runtime}")
    yield from ("", "%runscript", *_indented(_run(job)))


def _usage(job: Job) -> Iterator[str]:
    nv = " --nv" if job.gpus else ""
    words = " ".join(shell(word) for word in job.command)
    yield from ("", f"envlock agent -o {AGENT} && apptainer build job.sif job.def")
    yield f"apptainer run{nv} job.sif {words}    (where {LOCKFILE} and {AGENT} are)"


def _run(job: Job) -> Iterator[str]:
    """The check reads both files from the folder of the caller, which Apptainer mounts."""
    yield f"check={shell(job.check)}"
    yield f'{PYTHON} -I -c "$check" {AGENT} {LOCKFILE} && exec "$@"'


def _post(lock: Lock, options: EmitOptions) -> Iterator[str]:
    yield "set -eu"
    yield "export PYTHONDONTWRITEBYTECODE=1"
    yield ": > /requirements.txt"
    yield from (f"echo {shell(pin)} >> /requirements.txt" for pin in pins(lock, options))
    yield from install_commands(lock, options)
    yield "rm -rf /requirements.txt /wheelhouse"


def _environment(job: Job) -> Iterator[str]:
    yield f"export VIRTUAL_ENV={PREFIX}"
    yield f'export PATH="{PREFIX}/bin:$PATH"'
    yield from (f"export {name}={shell(value)}" for name, value in job.settings.items())


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


EMITTER = Emitter(render=render, file="job.def")
