""".gitlab-ci.yml: the job in the image, the check in front of it, a runner with a GPU by its tag."""

from __future__ import annotations

from envlock.emit.job import AGENT, LOCKFILE, PYTHON, Job, job_of
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import header
from envlock.emit.quoting import comment, shell
from envlock.emit.yaml_tree import tree
from envlock.lock.model import Lock


def render(lock: Lock, options: EmitOptions) -> str:
    job = job_of(lock, options)
    usage = ("", f"envlock agent -o {AGENT}; commit it beside {LOCKFILE}")
    lines = [*map(comment, (*header(lock, options, "gitlab-ci"), *usage)), *tree(_document(job))]
    return "".join(f"{line}\n" for line in lines)


def _document(job: Job) -> dict[str, object]:
    limit = {"timeout": f"{job.seconds} seconds"} if job.seconds is not None else {}
    return {
        "job": {
            "image": {"name": job.image, "entrypoint": [""]},
            **({"tags": ["gpu"]} if job.gpus else {}),
            **limit,
            # Else the runner replaces `$NAME` in them.
            "variables": {name: {"value": value, "expand": False} for name, value in job.settings.items()},
            "before_script": [f"{PYTHON} -I -c {shell(job.check)} {AGENT} {LOCKFILE}"],
            "script": [" ".join(shell(word) for word in job.command)],
        }
    }


EMITTER = Emitter(render=render, file=".gitlab-ci.yml")
