"""What is emitted for jobs, given to parsers and schemas that others wrote."""

from __future__ import annotations

import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envlock.emit import FORMATS
from envlock.emit.job import job_of
from envlock.errors import EnvlockError, LockfileInvalid, UsageFault
from envlock.manifest.model import ImageRequest, JobRequest
from tests.support.tools import need
from tests.unit.emit.locks import cuda_lock, plain_lock
from tests.unit.emit.test_golden import CASES, FULL, NO_VOLUMES, OPTIONS, rendered

yaml: Any = importlib.import_module("yaml")
HOSTILE = 'x "y" $HOME ${HOME} $(id) `id` ${{ github.token }} \\ \' # : - [no] {a: b} é'
HOSTILE_LOCK = replace(plain_lock(), settings={"A": HOSTILE, "B": "no"})
HOSTILE_JOB = replace(OPTIONS, job=JobRequest(command=("echo", HOSTILE, "$$")))


def files(ending: str) -> list[str]:
    return [name for name in CASES if name.endswith(ending)]


@pytest.mark.parametrize("name", [*files("compose.yaml"), *files("github.yml"), *files("gitlab.yml")])
def test_the_schema_of_its_makers_admits_it(name: str, tmp_path: Path) -> None:
    """check-jsonschema carries the schemas of compose, GitHub's workflows and GitLab's CI."""
    schema = {"compose.yaml": "compose-spec", "github.yml": "github-workflows", "gitlab.yml": "gitlab-ci"}
    path = tmp_path / name
    path.write_text(rendered(name))
    which = schema[name.partition(".")[2]]
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{which}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", files("job.yaml"))
def test_kubernetes_admits_the_job(name: str) -> None:
    validate = importlib.import_module("kubernetes_validate")
    document = yaml.safe_load(rendered(name))
    for version in ("1.27", "1.33"):
        validate.validate(document, version, strict=True)


@pytest.mark.parametrize("name", files("job.sh"))
def test_bash_reads_the_batch_script(name: str, tmp_path: Path) -> None:
    (tmp_path / "job.sh").write_text(rendered(name))
    subprocess.run(["bash", "-n", tmp_path / "job.sh"], check=True)


@pytest.mark.parametrize("name", files("job.def"))
def test_a_parser_of_definition_files_reads_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "job.def"
    path.write_text(rendered(name))
    parsers = importlib.import_module("spython.main.parse.parsers")
    recipe = parsers.SingularityParser(str(path)).parse()["spython-base"]
    assert recipe.fromHeader.startswith("docker.io/library/python")
    post = "\n".join(recipe.install)
    subprocess.run(["sh", "-n", "-c", post], check=True)
    assert "--require-hashes" in post


@pytest.mark.parametrize("name", files("devcontainer.json"))
def test_the_devcontainer_is_json_with_comments(name: str) -> None:
    document = devcontainer(rendered(name))
    assert document["remoteUser"] in ("app", "worker")
    assert document["postStartCommand"][:2] == ["/opt/env/bin/python", "-I"]


def devcontainer(text: str) -> Any:
    return json.loads("\n".join(line for line in text.splitlines() if not line.startswith("//")))


def test_compose_means_what_it_says(tmp_path: Path) -> None:
    """`docker compose config`: variables replaced, types checked, no daemon needed."""
    text = FORMATS["compose"].render(HOSTILE_LOCK, HOSTILE_JOB)
    service = composed(text, tmp_path)["services"]["job"]
    assert literal(service["environment"]["A"]) == HOSTILE
    assert service["environment"]["B"] == "no"
    assert [literal(word) for word in service["command"]] == ["echo", HOSTILE, "$$"]
    full = composed(FORMATS["compose"].render(cuda_lock(), FULL), tmp_path)["services"]["job"]
    devices = full["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": 2, "capabilities": ["gpu"]}]
    assert int(full["deploy"]["resources"]["limits"]["memory"]) == 32 << 30


def composed(text: str, folder: Path) -> Any:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    ):
        reason = "the `docker` command has no compose"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    (folder / "compose.yaml").write_text(text)
    command = ["docker", "compose", "-f", str(folder / "compose.yaml"), "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def literal(text: str) -> str:
    """`config` prints a file of compose again, with its dollars doubled."""
    return text.replace("$$", "$")


def test_kubernetes_replaces_nothing() -> None:
    pod = yaml.safe_load(FORMATS["kubernetes"].render(HOSTILE_LOCK, HOSTILE_JOB))["spec"]["template"]["spec"]
    container = pod["containers"][0]
    values = {row["name"]: expanded(row["value"]) for row in container["env"]}
    assert (values["A"], values["B"]) == (HOSTILE, "no")
    assert [expanded(word) for word in container["args"]] == ["echo", HOSTILE, "$$"]
    assert expanded(container["command"][2]).endswith('/envlock/envlock.lock && exec "$@"')


def expanded(text: str) -> str:
    """As Kubernetes does it: `$$` is a dollar, `$(NAME)` a variable, any other dollar itself."""
    assert not re.search(r"(?<!\$)(?:\$\$)*\$\([A-Za-z_]", text)
    return text.replace("$$", "$")


def test_the_settings_of_a_batch_script_are_text(tmp_path: Path) -> None:
    text = FORMATS["slurm"].render(HOSTILE_LOCK, HOSTILE_JOB)
    exports = "\n".join(line for line in text.splitlines() if re.match("export [AB]=", line))
    shown = subprocess.run(
        ["bash", "-c", f'{exports}\nprintf "%s\\n%s" "$A" "$B"'], capture_output=True, text=True, check=True
    )
    assert shown.stdout == f"{HOSTILE}\nno"
    assert shlex.split(text.splitlines()[-1]) == ["srun", "--label", "echo", HOSTILE, "$$"]


def test_the_settings_of_a_workflow_start_no_expression() -> None:
    job = yaml.safe_load(FORMATS["github-actions"].render(HOSTILE_LOCK, HOSTILE_JOB))["jobs"]["job"]
    assert job["env"]["A"].replace("${{ '${{' }}", "${{") == HOSTILE
    for text in (job["env"]["A"], job["steps"][-1]["run"]):
        assert re.findall(r"\$\{\{(.*?)\}\}", text) == [" '${{' "]


def test_the_variables_of_gitlab_are_not_expanded() -> None:
    job = yaml.safe_load(FORMATS["gitlab-ci"].render(HOSTILE_LOCK, HOSTILE_JOB))["job"]
    assert job["variables"] == {
        "A": {"value": HOSTILE, "expand": False},
        "B": {"value": "no", "expand": False},
    }
    assert shlex.split(job["script"][0]) == ["echo", HOSTILE, "$$"]


def test_a_devcontainer_would_replace_variables_so_they_are_refused() -> None:
    with pytest.raises(UsageFault) as caught:
        FORMATS["devcontainer"].render(HOSTILE_LOCK, HOSTILE_JOB)
    assert caught.value.message.startswith("devcontainer.json would replace a variable in the setting A=")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": "a b"}, "'a b' is not an image reference"),
        ({"memory": "9"}, "'9' is not a size like `32GiB` or `512MiB`"),
        ({"time": "1:2"}, "'1:2' is not hours, minutes and seconds like `24:00:00`"),
        ({"volumes": {"../x": "/data"}}, "'../x' is not a path like `./data` or `/srv/data`"),
        ({"volumes": {"data": "/a,readonly=0"}}, "'/a,readonly=0' is not a path in the container like"),
        ({"command": ("a\nb",)}, "a value holds control characters: 'a\\nb'"),
    ],
)
def test_values_that_could_be_read_as_something_else_are_refused(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(EnvlockError) as caught:
        job_of(plain_lock(), replace(OPTIONS, job=JobRequest(**change)))
    assert caught.value.message.startswith(message.replace("an image reference", "the name of an image"))


def test_volumes_that_an_engine_has_not_are_refused() -> None:
    relative = replace(OPTIONS, job=JobRequest(volumes={"./data": "/data"}))
    for format, message in (
        ("slurm", "a job of Slurm runs on the file systems of its nodes, and `volumes` are asked for"),
        (
            "kubernetes",
            "the volume `./data` is a path relative to here, which no node of a cluster has",
        ),
    ):
        with pytest.raises(UsageFault) as caught:
            FORMATS[format].render(plain_lock(), relative)
        assert caught.value.message == message
    named = replace(OPTIONS, job=JobRequest(volumes={"Data_set": "/data"}))
    with pytest.raises(UsageFault) as caught:
        FORMATS["kubernetes"].render(plain_lock(), named)
    assert caught.value.message == "'Data_set' is not a name of `a-z`, `0-9` and `-` of at most 53 characters"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (ImageRequest(apt=("git",)), "'git' is not a Debian package with its version"),
        (ImageRequest(apt=("git=1;id",)), "'git=1;id' is not a Debian package with its version"),
        (ImageRequest(code="../x"), "'../x' is not a folder below the manifest"),
        (ImageRequest(entrypoint=("a\nRUN id",)), "'a\\nRUN id' is not one line of text"),
        (ImageRequest(jupyter=True), "the image is to run Jupyter, and `jupyterlab` is not locked"),
    ],
)
def test_what_an_image_cannot_have_is_refused(image: ImageRequest, message: str) -> None:
    with pytest.raises(UsageFault) as caught:
        FORMATS["docker"].render(plain_lock(), replace(OPTIONS, image=image))
    assert caught.value.message.startswith(message)


def test_a_setting_whose_name_is_code_starts_no_job() -> None:
    lock = replace(plain_lock(), settings={"A=1 B": "x"})
    with pytest.raises(LockfileInvalid) as caught:
        job_of(lock, NO_VOLUMES)
    assert caught.value.message == "'A=1 B' is not the name of an environment variable"


@pytest.mark.slow
def test_slurm_admits_the_batch_script(tmp_path: Path) -> None:
    """`sbatch` refuses an option that it does not know before it asks a controller."""
    need("sbatch")
    path = tmp_path / "job.sh"
    for text, expected in (
        (rendered("full.job.sh"), ""),
        (rendered("full.job.sh").replace("--gpus-per-node", "--gpuz-per-node"), "unrecognized option"),
    ):
        path.write_text(text)
        command = ["sbatch", "--test-only", str(path)]
        environment = {**os.environ, "SLURM_CONF": _conf(tmp_path)}
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert ("unrecognized option" in done.stderr) is bool(expected), done.stderr


def _conf(folder: Path) -> str:
    (folder / "slurm.conf").write_text(
        "ClusterName=test\nSlurmctldHost=localhost(127.0.0.1)\nAuthType=auth/none\n"
        "NodeName=localhost CPUs=2\nPartitionName=all Nodes=localhost Default=YES\nMessageTimeout=2\n"
    )
    return str(folder / "slurm.conf")
