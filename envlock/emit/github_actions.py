"""A workflow of GitHub Actions: the lock is fresh, the environment is made and proved, then the job runs."""

from __future__ import annotations

from collections.abc import Mapping

from envlock.emit.job import Job, job_of
from envlock.emit.model import EmitOptions, Emitter
from envlock.emit.pins import header
from envlock.emit.quoting import comment, shell
from envlock.emit.yaml_tree import tree
from envlock.lock.model import Lock

_MINUTES = 60


def render(lock: Lock, options: EmitOptions) -> str:
    job = job_of(lock, options)
    usage = ("", "this file goes to .github/workflows/envlock.yml")
    lines = [*map(comment, (*header(lock, options, "github-actions"), *usage)), *tree(_document(lock, job))]
    return "".join(f"{line}\n" for line in lines)


def _document(lock: Lock, job: Job) -> dict[str, object]:
    return {
        "name": "envlock",
        "on": {"push": {}, "pull_request": {}},
        "permissions": {"contents": "read"},
        "jobs": {"job": _job(lock, job)},
    }


def _job(lock: Lock, job: Job) -> dict[str, object]:
    limit = {"timeout-minutes": -(-job.seconds // 60)} if job.seconds is not None else {}
    return {
        # Hosted runners have no GPU: the labels are those that a runner of one's own gets.
        "runs-on": ["self-hosted", "linux", "gpu"] if job.gpus else _hosted(job),
        **limit,
        "env": {name: _literal(value) for name, value in job.settings.items()},
        "steps": [
            {"uses": "actions/checkout@v4"},
            {"uses": "actions/setup-python@v5", "with": {"python-version": lock.python}},
            _step("Install envlock apart from what it makes", _INSTALL),
            _step("The lock is that of the manifest", '"$RUNNER_TEMP/envlock/bin/envlock" lock --check'),
            _step("Make the environment", '"$RUNNER_TEMP/envlock/bin/envlock" sync'),
            _step("Prove it, in the job's own settings", _verify(job)),
            _step("Run", f'export PATH="$PWD/.venv/bin:$PATH" && {_command(job)}'),
        ],
    }


_INSTALL = 'python -m venv "$RUNNER_TEMP/envlock" && "$RUNNER_TEMP/envlock/bin/pip" install torch-envlock'


def _hosted(job: Job) -> str:
    return "ubuntu-24.04-arm" if job.architecture == "arm64" else "ubuntu-24.04"


def _verify(job: Job) -> str:
    gpu = " --require-gpu" if job.gpus else ""
    return f'"$RUNNER_TEMP/envlock/bin/envlock" verify --prefix .venv --level content --in-job{gpu}'


def _step(name: str, run: str) -> Mapping[str, object]:
    return {"name": name, "run": run}


def _command(job: Job) -> str:
    return _literal(" ".join(shell(word) for word in job.command))


def _literal(text: str) -> str:
    """The runner replaces `${{ … }}` in every value: what would start one becomes a text that is one."""
    return text.replace("${{", "${{ '${{' }}")


EMITTER = Emitter(render=render, file="envlock.yml")
