"""What is told where a target cannot be looked at: processes, probes, images, documents."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from envlock.agent import nvml
from envlock.agent.expect import NOTHING, to_json
from envlock.agent.frames import MARK, check_value, frames, hello
from envlock.errors import CouldNotTell, DiskFailed, EnvlockError, HashMismatch, RegistryFailed, ToolMissing
from envlock.observe import document, gpu, image, rooted
from envlock.observe.answers import answers_in_files
from envlock.observe.document import read_facts
from envlock.observe.frames import Gathering, Who
from envlock.observe.loaded import LoadTarget, find_job, observe_job, observe_loaded, parse_loaded
from envlock.observe.local import LocalTarget, observe_local
from envlock.observe.numerics import Ended, NumericsTarget, observe_class, observe_numerics, parse_numerics
from envlock.observe.unpacked import unpack
from envlock.observe.zipapp import agent_bytes
from envlock.resolve.oci.layered import LayeredImage
from envlock.resolve.oci.media import ImageConfig, parse_config
from tests.support.images import File, Files, digest_of, layer

BYTES = "`envlock verify --level content` tells whether the environment is what the lock says"


def refused(call: Callable[[], Any], kind: type[EnvlockError] = CouldNotTell) -> tuple[str, str | None]:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.message, caught.value.hint


def script(path: Path, text: str) -> Path:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


# What a process has loaded


def test_a_process_that_is_not_there() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    told = (f"there is no process {ended.pid}, or it has ended", "`pgrep -af python` lists those that run")
    assert (refused(lambda: find_job(ended.pid)), refused(lambda: observe_job(ended.pid))) == (told, told)


def test_this_process_is_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    job = find_job(os.getpid())
    assert (job.pid, job.python is not None) == (os.getpid(), True)
    assert observe_job(os.getpid())["executable"] == os.path.realpath(sys.executable)
    monkeypatch.setattr("envlock.observe.loaded.same_files", lambda pid: False)
    assert refused(lambda: find_job(os.getpid())) == (
        f"process {os.getpid()} sees other files than this one: it runs in a container",
        "run `envlock verify --level loaded --pid N` in the container",
    )


@pytest.mark.parametrize(
    ("program", "names", "told"),
    [
        ("exit 3\n", ("torch", "numpy"), "while it imported `torch`, `numpy`: exit status 3"),
        ("kill -9 $$\n", (), "while it imported nothing: signal 9"),
        ("echo first >&2; echo last >&2\n", ("a",), "while it imported `a`: last"),
    ],
)
def test_a_python_that_does_not_come_to_its_end(
    tmp_path: Path, program: str, names: tuple[str, ...], told: str
) -> None:
    python = script(tmp_path / "python", program)
    target = LoadTarget(python=python, environment={}, names=names)
    assert refused(lambda: observe_loaded(target)) == (f"`{python}` did not come to its end {told}", BYTES)


def test_a_python_that_cannot_be_started(tmp_path: Path) -> None:
    target = LoadTarget(python=tmp_path / "none", environment={}, names=("a",))
    said = f"[Errno 2] No such file or directory: '{tmp_path}/none'"
    assert refused(lambda: observe_loaded(target))[0] == (
        f"nothing could be imported with `{tmp_path}/none`: {said}"
    )
    probes = NumericsTarget(python=tmp_path / "none", environment={})
    assert refused(lambda: observe_numerics(probes))[0] == (
        f"the probes could not be run with `{tmp_path}/none`: {said}"
    )


@pytest.mark.parametrize(
    ("text", "loaded", "probes"),
    [
        ("[]", "its schema is not `envlock.loaded/1`", "its schema is not `envlock.numerics/1`"),
        ("", "Expecting value: line 1 column 1 (char 0)", "Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_what_is_no_document_of_a_process(text: str, loaded: str, probes: str) -> None:
    assert refused(lambda: parse_loaded(text.encode())) == (
        f"what the process printed is no document of ours: {loaded}",
        None,
    )
    assert refused(lambda: parse_numerics(text.encode())) == (
        f"what the probes printed is no document of theirs: {probes}",
        None,
    )


def test_a_value_that_is_missing_is_named() -> None:
    told = refused(lambda: parse_loaded(b'{"schema": "envlock.loaded/1", "pid": 1.5}'))
    assert told[0] == "what the process printed is no document of ours: `pid` is no int"
    told = refused(lambda: parse_numerics(b'{"schema": "envlock.numerics/1"}'))
    assert told[0] == "what the probes printed is no document of theirs: `class` is missing"


# Probes that end their process

TARGET = NumericsTarget(python=Path("/x/python"), environment={})
EMPTY = {
    "schema": "envlock.numerics/1",
    "class": "nc1:0",
    "host": {"threads": "2"},
    "versions": {},
    "probes": {},
    "failed": {},
    "broken": {},
    "seconds": {},
}


class Runs:
    """In place of a process: how each run ends, and what it was to skip."""

    def __init__(self, *ends: Ended) -> None:
        self.ends, self.skipped, self.named = list(ends), list[tuple[str, ...]](), list[tuple[str, ...]]()

    def __call__(self, target: NumericsTarget, skipped: tuple[str, ...]) -> Ended:
        self.skipped.append(skipped)
        self.named.append(target.probes)
        return self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]


def crash(at: str | None, status: int = -11, said: str = "") -> Ended:
    return Ended(status=status, at=at, said=said)


WHOLE = Ended(status=0, at="class", said="", document=json.dumps(EMPTY).encode())


def test_a_probe_or_an_import_that_ends_the_process_is_named_and_the_others_run() -> None:
    runs = Runs(crash("import torch", 132), crash("fft"), WHOLE)
    found = observe_numerics(TARGET, runs)
    assert (found["broken"], found["failed"], runs.skipped) == (
        {"torch": "it ended the process with exit status 132"},
        {"fft": "it ended the process with signal 11"},
        [(), ("import torch",), ("import torch", "fft")],
    )


@pytest.mark.parametrize(
    ("ends", "runs", "said"),
    [
        ([crash(None, 1, "ImportError: no zipimport")], 1, "ImportError: no zipimport"),
        ([crash("class")], 1, "signal 11"),
        ([crash("fft"), crash("fft", 9)], 2, "exit status 9"),
        ([crash(str(number)) for number in range(9)], 9, "signal 11"),
    ],
)
def test_where_the_probes_do_not_come_to_an_end(ends: list[Ended], runs: int, said: str) -> None:
    made = Runs(*ends)
    told = f"the probes did not come to their end with `/x/python`: {said}"
    assert (refused(lambda: observe_numerics(TARGET, made)), len(made.skipped)) == ((told, BYTES), runs)


def test_the_class_without_a_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(WHOLE)
    monkeypatch.setattr(
        "envlock.observe.numerics.observe_numerics", lambda target: observe_numerics(target, runs)
    )
    assert (observe_class(TARGET), runs.named) == (("nc1:0", {"threads": "2"}), [("class",)])


# Places


def test_where_there_is_no_environment(tmp_path: Path) -> None:
    def look(prefix: Path) -> Callable[[], Any]:
        return lambda: observe_local(LocalTarget(prefix=prefix, level="roots", environment={}))

    hint = "`envlock sync` makes one, `--prefix DIR` names another"
    assert refused(look(tmp_path)) == (f"there is no bin/python and no pyvenv.cfg in `{tmp_path}`", hint)
    assert refused(look(tmp_path / "x")) == (f"there is no environment at `{tmp_path}/x`", hint)


def test_a_way_up_behind_a_link_leads_where_the_link_leads(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "pyvenv.cfg").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")

    def seen(path: str) -> str:
        target = LocalTarget(prefix=tmp_path / path, level="roots", environment={})
        return observe_local(target)["prefix"]

    assert (seen("a/b/.."), seen("link/.."), seen("a")) == (str(tmp_path / "a"),) * 3


# GPUs


def test_the_gpus_are_those_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    device = nvml.Device(
        name="NVIDIA H100",
        uuid="GPU-1",
        capability="9.0",
        multiprocessors=132,
        memory=80 << 30,
        mig=False,
        ecc=True,
        persistence=None,
    )
    answer = nvml.Answer(driver="580.65", cuda="13.0", devices=[device], fault=None, detail=None)
    monkeypatch.setattr(nvml, "ask", lambda: answer)
    found = gpu.gpu_facts()
    assert (found.driver, found.cuda, found.fault, found.gpus) == (
        "580.65",
        "13.0",
        None,
        (gpu.Gpu(**device),),
    )


# Images


def answered(stdout: bytes, stderr: bytes = b"", status: int = 1) -> Callable[[], Any]:
    done = subprocess.CompletedProcess(["python"], status, stdout, stderr)
    return lambda: image._answered(done, "app")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (answered(b"", b"Traceback\nMemoryError\n"), ("MemoryError", None)),
        (answered(b"", status=-9), ("exit status -9", None)),
        (answered(b"{}"), ("exit status 1", None)),
        (
            answered(b'{"refused": "Operation not permitted"}'),
            (
                "this host forbids it (operation not permitted)",
                "run as root, or where user namespaces are allowed",
            ),
        ),
    ],
)
def test_an_image_that_could_not_be_looked_at(call: Callable[[], Any], told: tuple[str, str | None]) -> None:
    assert refused(call) == (f"the image `app` could not be looked at: {told[0]}", told[1])


@pytest.mark.parametrize(
    ("environment", "prefix"),
    [
        ({"VIRTUAL_ENV": "/a", "CONDA_PREFIX": "/b"}, "/a"),
        ({"CONDA_PREFIX": "/b"}, "/b"),
        ({"VIRTUAL_ENV": ""}, "/opt/env"),
    ],
)
def test_the_prefix_that_an_image_is_made_for(environment: Mapping[str, str], prefix: str) -> None:
    assert image.prefix_of(environment) == prefix


def image_of(*layers: bytes, diff_ids: list[str] | None = None) -> LayeredImage:
    ids = [digest_of(each) for each in layers] if diff_ids is None else diff_ids
    text = json.dumps({"rootfs": {"diff_ids": ids}, "config": {}})
    config: ImageConfig = parse_config(text.encode())
    given = tuple((lambda data=each: iter([data])) for each in layers)
    return LayeredImage(name="app", id="sha256:0", config=config, layers=given)


BASE: Files = {
    "etc/": b"",
    "etc/same": b"1",
    "etc/other": b"1",
    "etc/mode": File(content=b"1", mode=0o755),
    "etc/gone": b"1",
    "etc/kind": b"1",
    "opt/": b"",
}
ABOVE: Files = {
    "etc/": b"",
    "etc/same": b"1",
    "etc/other": b"2",
    "etc/mode": File(content=b"1", mode=0o644),
    "etc/.wh.gone": b"",
    "etc/kind": File(link="same"),
    "opt/new": b"1",
    "opt/empty/": b"",
}


def test_what_layers_did_to_a_base(tmp_path: Path) -> None:
    found = unpack(image_of(layer(BASE), layer(ABOVE)), tmp_path, base_layers=1)
    assert found.changed == ("etc/gone", "etc/kind", "etc/mode", "etc/other")
    assert found.added == ("opt/new",)
    assert (found.root / "etc/other").read_bytes() == b"2"
    assert os.readlink(found.root / "etc/kind") == "same"
    assert [(found.root / name).stat().st_mode & 0o777 for name in ("etc/same", "etc/mode")] == [0o644, 0o644]


def test_an_image_whose_layers_are_not_those_of_its_configuration(tmp_path: Path) -> None:
    one, two = layer({"a": b"1"}), layer({"a": b"2"})
    with pytest.raises(HashMismatch) as caught:
        unpack(image_of(one, diff_ids=[digest_of(two)]), tmp_path / "1", base_layers=0)
    assert (caught.value.message, caught.value.facts) == (
        "layer 1 of the image `app` is not what its configuration says",
        (("expected", digest_of(two)), ("found", digest_of(one))),
    )
    several = image_of(one, diff_ids=[digest_of(one), digest_of(two)])
    told = refused(lambda: unpack(several, tmp_path / "2", base_layers=0), RegistryFailed)[0]
    assert "it has another number of layers than of diff ids" in told


def test_a_folder_that_takes_no_image(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    assert refused(lambda: unpack(image_of(), tmp_path, base_layers=0), DiskFailed) == (
        "the image cannot be laid out: file exists",
        "free some space, or let TMPDIR name a folder that has it",
    )


# The interpreter of an image, by its files


def described(tmp_path: Path, **files: str) -> Any:
    """An environment on a Python 3.9 of these files."""
    base = tmp_path / "usr"
    for name, text in {"bin/python3.9": "\x7fELF", **files}.items():
        path = base / name.replace("STDLIB", "lib/python3.9")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
    prefix = tmp_path / "env"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python").symlink_to(base / "bin" / "python3.9")
    (prefix / "pyvenv.cfg").write_text(f"home = {base}/bin\n")
    return rooted.describe(str(prefix))


HEADER = '#define PY_VERSION "3.9.18"\n'


def test_a_version_out_of_the_header_and_the_build(tmp_path: Path) -> None:
    build = "build_time_vars = {'SOABI': 'cpython-39-x86', 'Py_DEBUG': 1, 'Py_GIL_DISABLED': None}\n"
    files = {
        "include/python3.9/patchlevel.h": HEADER,
        "STDLIB/_sysconfigdata__a.py": "no python (",
        "STDLIB/_sysconfigdata__b.py": f"'''of'''\n{build}",
        "STDLIB/mine.py": "",
        "STDLIB/lib-dynload/_built.so": "",
    }
    found = described(tmp_path, **files)
    keys = ("version", "soabi", "debug", "gil_disabled", "cache_tag", "base_prefix")
    assert [found[key] for key in keys] == [
        [3, 9, 18],
        "cpython-39-x86",
        "1",
        "0",
        "cpython-39",
        str(tmp_path / "usr"),
    ]
    assert {"mine", "_built", "sys"} <= set(found["stdlib_names"])
    assert "_sysconfigdata__a" in found["stdlib_names"]
    assert found["sites"] == [str(tmp_path / "env/lib/python3.9/site-packages")]


def test_a_python_that_tells_nothing(tmp_path: Path) -> None:
    """Its configuration is no literal table; two versions in the binary are none."""
    files = {
        "bin/python3.9": "\x003.9.1\0\x003.9.2\0",
        "STDLIB/_sysconfigdata_.py": "build_time_vars = [1]\n",
    }
    found = described(tmp_path, **files)
    assert (found["full_version"], found["soabi"]) == ("3.9.0", "")


def test_a_second_site_directory(tmp_path: Path) -> None:
    (tmp_path / "env/lib64/python3.9/site-packages").mkdir(parents=True)
    sites = [f"{tmp_path}/env/{lib}/python3.9/site-packages" for lib in ("lib", "lib64")]
    assert list(rooted._sites(str(tmp_path / "env"), "3.9", is_venv=True)) == sites
    (tmp_path / "same").mkdir()
    (tmp_path / "same/lib").symlink_to(tmp_path / "env/lib64")
    (tmp_path / "same/lib64").symlink_to(tmp_path / "env/lib64")
    assert list(rooted._sites(str(tmp_path / "same"), "3.9", is_venv=True)) == [
        f"{tmp_path}/same/lib/python3.9/site-packages"
    ]


def test_no_interpreter(tmp_path: Path) -> None:
    assert rooted.describe(str(tmp_path)) is None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to("/bin/sh")
    assert rooted.describe(str(tmp_path)) is None


def test_nothing_of_an_image_is_started() -> None:
    with pytest.raises(PermissionError, match=r"^nothing of an image is started$"):
        rooted._refuse_programs("subprocess.Popen", None)
    rooted._refuse_programs("open", None)


# Documents and frames


def test_documents_in_files_and_what_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envlock.observe.answers.MOST_BYTES", 40)
    (tmp_path / "a.json").write_text('{"host": {"name": "n1"}}')
    (tmp_path / "b.jsonl").write_text('{"host": 1}\n\n{"host": {"name": 2}}\n[]\n' + "x" * 60 + "\n[]\n")
    (tmp_path / "c.json").write_text("9" * 41)
    (tmp_path / "d.json").mkdir()
    found = [(each.host, each.fault) for each in answers_in_files([tmp_path, tmp_path / "none"])]
    larger = "is no facts document: it is larger than any facts document"
    assert found == [
        ("n1", None),
        ("b.jsonl:1", None),
        ("b.jsonl:3", None),
        ("b.jsonl:4", None),
        ("b.jsonl:5", f"`b.jsonl:5` {larger}"),
        ("c.json", f"`c.json` {larger}"),
        ("d.json", f"cannot read `{tmp_path}/d.json`: Is a directory"),
        ("none", f"cannot read `{tmp_path}/none`: No such file or directory"),
    ]
    with pytest.raises(CouldNotTell) as caught:
        list(answers_in_files([tmp_path / "d.json"]))
    assert caught.value.message == f"no facts documents (*.json, *.jsonl) in `{tmp_path}/d.json`"


def test_a_facts_document_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(lambda: read_facts(tmp_path / "none"))[0] == (
        f"cannot read `{tmp_path}/none`: No such file or directory"
    )
    (tmp_path / "big").write_text("[1, 2, 3]")
    monkeypatch.setattr(document, "MOST_BYTES", 5)
    assert refused(lambda: read_facts(tmp_path / "big"))[0] == (
        f"`{tmp_path}/big` is no facts document: it is larger than any facts document"
    )


NONCE = "ab" * 16


def read(lines: list[str]) -> list[dict[str, Any]]:
    gathering = Gathering(NONCE)
    return [answer for line in lines for answer in gathering.read(line)]


def framed(data: bytes) -> list[str]:
    """The lines of an answer whose compressed document is something else."""
    text = base64.b64encode(data).decode()
    return [f"{MARK} {NONCE} {'0' * 16} 0 1 {check_value(NONCE, '0' * 16, 0, 1, text)} {text}"]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (zlib.compress(b"[1]"), "its answer is no JSON object"),
        (zlib.compress(b"{"), "its answer cannot be read: Expecting property name enclosed in double quotes"),
        (
            zlib.compress(b"{}")[:-3],
            "its answer cannot be read: it is larger than any facts document, or ends early",
        ),
        (b"no zlib", "its answer cannot be read: Error -3 while decompressing data"),
    ],
)
def test_an_answer_that_cannot_be_read(data: bytes, fault: str) -> None:
    (answer,) = read(framed(data))
    assert (answer["fault"].partition(": incorrect")[0].partition(": line")[0], answer["who"]) == (
        fault,
        Who(name="?"),
    )


def test_who_a_task_is_need_not_be_told_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames came and the greeting did not; a greeting that is none; more tasks than any engine has."""
    told = {"who": {"name": "n", "rank": "1", "size": "2"}, "facts": {}}
    lines = [line for _, line in frames(NONCE, "0" * 16, told)]
    (answer,) = read(lines)
    assert answer["who"] == Who(name="n", rank="1", size="2")
    greeting = hello(NONCE, "0" * 16, ["no", "table"])  # type: ignore[arg-type]
    (answer,) = read([*greeting, *lines])
    assert answer["who"] == Who(name="?")
    monkeypatch.setattr("envlock.observe.frames.MOST_TASKS", 0)
    assert read(lines) == []


def test_the_python_of_debian_has_the_folders_of_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """`/usr/local` has one only where pip was used."""
    monkeypatch.setattr(Path, "is_dir", lambda path: path.name == "dist-packages")
    debian = ["/usr/local/lib/python3.11/dist-packages", "/usr/lib/python3/dist-packages"]
    assert list(rooted._sites("/usr", "3.11", is_venv=False)) == debian
    assert list(rooted._sites("/opt", "3.11", is_venv=False)) == ["/opt/lib/python3.11/site-packages"]


def test_a_build_that_says_nothing_of_itself(tmp_path: Path) -> None:
    """One table is empty, the other is no literal."""
    files = {"STDLIB/_sysconfigdata__a.py": "'of'\n", "STDLIB/_sysconfigdata__b.py": "a = b\n"}
    found = described(tmp_path, **files)
    assert (found["soabi"], found["abiflags"], found["debug"]) == ("", "", "0")


def test_a_root_is_entered_and_answered_for(tmp_path: Path) -> None:
    """Its first C library is none of GNU's. Without root that takes a namespace, which a host may forbid."""
    root = tmp_path / "root"
    for name, content in {"lib": b"musl", "lib/x": b"\0GNU C Library (x) version 2.36\0"}.items():
        (root / name).mkdir(parents=True)
        (root / name / "libc.so.6").write_bytes(content)
    request = {"root": str(root), "prefix": "/env", "platform": "linux-64", "environment": {}}
    request["expectation"] = to_json(NOTHING)
    words = [sys.executable, "-B", "-m", "envlock.observe.rooted"]
    done = subprocess.run(words, input=json.dumps(request).encode(), capture_output=True, check=True)
    found = json.loads(done.stdout)
    if os.geteuid() == 0 or "refused" not in found:
        assert found["facts"]["host"] == {"platform": "linux-64", "name": "", "libc": "glibc 2.36"}
    request["root"] = f"{tmp_path}/none"
    done = subprocess.run(words, input=json.dumps(request).encode(), capture_output=True, check=True)
    told = {"No such file or directory", *({} if os.geteuid() == 0 else {found.get("refused")})}
    assert json.loads(done.stdout)["refused"] in told


def test_without_nvidias_bindings_no_agent_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert refused(agent_bytes, ToolMissing) == (
        "nvidia-ml-py is not installed, and the agent carries it",
        "install envlock anew",
    )
