"""The command line on local-index projects: outputs and errors whole, every exit status, real processes
where a process is what is tested."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from envlock import __version__, api
from envlock.cli import COMMANDS, cli
from envlock.cli.boundary import run
from envlock.emit import FORMATS
from envlock.lock.file import read_lock
from envlock.lock.runtime import runtime_hash
from tests.support.environments import SERIES, flip_byte, replace_file
from tests.support.index import Delay, LocalIndex, Status
from tests.support.unmeasured import unmeasured
from tests.support.wheels import Wheel, make_wheel

ROOT = Path(__file__).resolve().parents[2]
ENVLOCK = (sys.executable, "-m", "envlock")
MODULE = f".venv/lib/python{SERIES}/site-packages/demo/__init__.py"
IN_PREFIX = MODULE.removeprefix(".venv/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        assert self.err == ""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        document = self.document
        assert list(document) == ["error"]
        return document["error"]


Envlock = Callable[..., Ran]


def steady(text: str) -> str:
    """Without how long things took."""
    return re.sub(r"\d+\.\d\d s", "0.00 s", text)


def demo(version: str = "1.0") -> Wheel:
    return make_wheel(
        "demo",
        version,
        files={"demo/__init__.py": f"VERSION = {version!r}\n".encode(), "demo/data.bin": bytes(3000)},
        entry_points="[console_scripts]\ndemo = demo:main\n",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A folder with a manifest, and where its names point."""

    root: Path
    index: LocalIndex

    def write(self, text: str = "", *, requirements: str = '"demo"', settings: str = 'DEMO = "1"') -> None:
        head = text or f'python = "{SERIES}"'
        (self.root / "envlock.toml").write_text(
            f"{head}\nrequirements = [{requirements}]\n"
            f'[settings]\n{settings}\n[sources]\ndefault = "{self.index.url}"\n'
        )

    def lock(self) -> None:
        request = api.LockRequest(project=self.root, cache=self.cache)
        api.lock(request, environment=os.environ)

    @property
    def cache(self) -> Path:
        return self.root.parent / "cache"

    @property
    def hash(self) -> str:
        return runtime_hash(read_lock(self.root / "envlock.lock"), "linux-64")


@pytest.fixture(scope="module")
def index() -> Iterator[LocalIndex]:
    with LocalIndex() as started:
        started.add(demo())
        started.add(make_wheel("other", "2.0", files={"other.py": b""}))
        yield started


@pytest.fixture
def project(tmp_path: Path, index: LocalIndex) -> Project:
    """A manifest, and nothing made from it."""
    root = tmp_path / "project"
    root.mkdir()
    made = Project(root=root, index=index)
    made.write()
    return made


@pytest.fixture
def locked(project: Project) -> Project:
    project.lock()
    return project


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, index: LocalIndex) -> Project:
    """A project with a lock and its environment. Whoever changes them puts them back."""
    root = tmp_path_factory.mktemp("shared") / "project"
    root.mkdir()
    made = Project(root=root, index=index)
    made.write()
    made.lock()
    order = api.SyncOrder(
        lock=root / "envlock.lock",
        venv=root / ".venv",
        environment=os.environ,
        cache=made.cache,
        python=sys.executable,
    )
    assert api.sync(order).faults == ()
    return made


@pytest.fixture
def synced(shared: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The shared project as the working directory, with its cache."""
    monkeypatch.chdir(shared.root)
    monkeypatch.setenv("ENVLOCK_CACHE_DIR", str(shared.cache))
    for name in _watched():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DEMO", "1")
    return shared


def _watched() -> tuple[str, ...]:
    from envlock.agent.environment import WATCHED

    return tuple(WATCHED)


@pytest.fixture
def envlock(capsys: pytest.CaptureFixture[str]) -> Envlock:
    """Run the command in this process, through its one boundary."""

    def call(*words: str) -> Ran:
        status = run(cli, list(words))
        out, err = capsys.readouterr()
        return Ran(status=status, out=out, err=err)

    return call


@pytest.fixture
def here(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(project.root)
    return project


def process(*words: str, cwd: Path, env: Mapping[str, str] | None = None) -> Ran:
    """Run the command as a process of its own."""
    done = subprocess.run(
        [*ENVLOCK, *words], cwd=cwd, env=dict(env or os.environ), capture_output=True, text=True, check=False
    )
    return Ran(status=done.returncode, out=done.stdout, err=done.stderr)


# Help


def _commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command


def test_help_lists_the_commands(envlock: Envlock) -> None:
    ran = envlock("--help")
    assert (ran.status, ran.err) == (0, "")
    assert re.findall(r"^  ([a-z]+)  +\S", ran.out.partition("Commands:")[2], re.MULTILINE) == list(COMMANDS)
    assert envlock("-h") == ran


def test_the_help_of_each_command_lists_its_options_and_says_what_they_do(envlock: Envlock) -> None:
    for name, command in _commands():
        ran = envlock(name, "--help")
        assert (ran.status, ran.err) == (0, "")
        for option in command.params:
            if not isinstance(option, click.Option):
                continue
            assert all(re.search(rf"(?m)^  .*{re.escape(word)}\b", ran.out) for word in option.opts), option
            assert option.help, f"{name} {option.name}"
            assert not option.help.endswith("."), option.help


def test_what_a_command_says_of_itself_is_what_the_list_says() -> None:
    assert {name: command.short_help for name, command in _commands()} == COMMANDS


def test_the_version() -> None:
    ran = process("--version", cwd=ROOT)
    assert (ran.status, ran.out, ran.err) == (0, f"envlock, version {__version__}\n", "")


def test_without_a_command_it_is_the_help(envlock: Envlock) -> None:
    ran = envlock()
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == envlock("--help").out


# Usage


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("lok", "there is no command `lok`", "did you mean `lock`? `envlock --help` lists the commands"),
        ("zzz", "there is no command `zzz`", "`envlock --help` lists the commands"),
        (
            "verify --levl content",
            "there is no option `--levl`",
            "did you mean `--level`? `envlock verify --help` lists the options",
        ),
        (
            "verify --level contents",
            "`--level`: `contents` is not one of `roots`, `warm`, `content`, `loaded`, `numerics`",
            "did you mean `content`? `envlock verify --help` lists the options",
        ),
        (
            "emit",
            f"FORMAT is missing: {', '.join(FORMATS)}",
            "`envlock emit --help` lists the options",
        ),
        (
            "emit pylok",
            f"FORMAT: `pylok` is not one of {', '.join(f'`{name}`' for name in FORMATS)}",
            "did you mean `pylock`? `envlock emit --help` lists the options",
        ),
        ("lock -o", "option `-o` requires an argument", "`envlock lock --help` lists the options"),
        ("lock envlock.toml", "unexpected argument `envlock.toml`", "`-p envlock.toml` names it"),
        ("verify envlock.toml", "unexpected argument `envlock.toml`", "`-l envlock.toml` names it"),
        ("sync nothing", "unexpected argument `nothing`", "`envlock sync --help` lists the options"),
        ("verify -q -v", "`--quiet` and `--verbose` contradict each other", "leave one out"),
        (
            "verify --prefix a --python b",
            "`--prefix` and `--python` name the same thing twice",
            "leave one out",
        ),
        (
            "verify --facts a --prefix b",
            "`--facts` is judged as it is: it takes no `--prefix` and no `--python`",
            "leave one out",
        ),
        (
            "lock --check --upgrade",
            "`--check` only looks: it takes no `--upgrade`, `--upgrade-package` or `--deep`",
            "leave one out",
        ),
        (
            "lock --exclude-newer soon",
            "`--exclude-newer`: `soon` is neither a date nor a time with an offset",
            "write it like `--exclude-newer 2025-03-01`",
        ),
        (
            "sync --repair --python 3.12",
            "`--repair` keeps the environment: it takes no `--python` and no `--link-mode`",
            "leave one out",
        ),
        (
            "sync --wheelhouse nowhere",
            "`--wheelhouse`: directory `nowhere` does not exist",
            "`envlock sync --help` lists the options",
        ),
        (
            "sync --conda env --python 3.12",
            "`--conda` takes no `--venv` and no `--python`: a conda prefix has its own",
            "leave one out",
        ),
        (
            "lock --from uv.lock --upgrade",
            "`--from` takes pins as they are: no `--upgrade`, `--upgrade-package`, `--exclude-newer` or "
            "`--engine`",
            "lock anew with the tool that made the file, then adopt it",
        ),
        ("verify --image a --container b", "`--image` and `--container` are two targets", "leave one out"),
        ("verify --facts a --image b", "`--facts` and `--image` are two targets", "leave one out"),
        (
            "verify --launcher ssh --container b",
            "`--launcher` and `--container` are two targets",
            "leave one out",
        ),
        ("verify --inside docker", "`--inside` looks at an image", "name it: `--image NAME`"),
        (
            "verify --image a --level loaded",
            "`--level loaded` looks at a process of this host",
            "leave one out",
        ),
        (
            "verify --container a --python b",
            "`--container` takes no `--python`",
            "`--prefix DIR` names the environment inside",
        ),
        (
            "verify --pid 1 --facts a",
            "`--pid` names a target: it takes no `--image`, `--container`, `--facts` or `--launcher`",
            "leave one out",
        ),
        (
            "verify --pid 1",
            "`--pid` looks at what is loaded",
            "`envlock verify --level loaded --pid N`",
        ),
        (
            "verify --emulator qemu",
            "`--emulator` is for the numeric probes of an environment at hand",
            "`envlock verify --level numerics --emulator CMD`",
        ),
        (
            "verify --emulator qemu --level numerics --image a",
            "`--emulator` is for the numeric probes of an environment at hand",
            "`envlock verify --level numerics --emulator CMD`",
        ),
        (
            "numerics record --emulator '",
            "`--emulator` cannot be read as a command: no closing quotation",
            '`--emulator "qemu-x86_64 -cpu Haswell"`',
        ),
        (
            "verify --launcher ssh --level numerics",
            "`--level numerics` is for the environment at hand",
            "`--level content` reads every byte on every host",
        ),
        (
            "verify --launcher ssh --python b",
            "`--launcher` takes no `--python`",
            "`--prefix DIR` names the environment on the hosts",
        ),
        (
            "verify --launcher ssh more",
            "unexpected argument `more`",
            "`envlock verify --help` lists the options",
        ),
        ("build oci -o a --push b", "`-o` and `--push` are two ways to go", "leave one out"),
        (
            "build docker --online --wheelhouse .",
            "`--online` and `--wheelhouse` are two ways to go",
            "leave one out",
        ),
        (
            "bundle --check --sbom",
            "`--check` writes nothing: it takes `-l` and `--no-image` alone",
            "leave the rest out",
        ),
        (
            "bundle --sbom install a",
            "options go after `envlock bundle install`",
            "`envlock bundle install --help` lists them",
        ),
        (
            "compare --online",
            "`--online` belongs to `--plan`: measuring asks the registry anyway",
            "leave it out",
        ),
        (
            "compare --html nowhere/a.html",
            "`--html nowhere/a.html` cannot be written",
            "name a file in a folder that is there",
        ),
        ("compare --html .", "`--html .` cannot be written", "name a file in a folder that is there"),
        ("receipt compare one", "B is missing", "`envlock receipt compare --help` lists the options"),
        (
            "numerics profile fast",
            "NAME: `fast` is not one of `deterministic`, `portable`",
            "`envlock numerics profile --help` lists the options",
        ),
    ],
)
def test_usage(here: Project, envlock: Envlock, words: str, message: str, hint: str) -> None:
    expected = f"error: {message} [usage]\n\nhint: {hint}\n"
    assert envlock(*words.split()) == Ran(status=2, out="", err=expected)
    if words == "lock -o":  # with `-o --json` there is a file of that name
        return
    as_json = envlock(*words.split(), "--json")
    if words.startswith("emit"):  # it prints a file: no JSON to ask for, and errors are JSON all the same
        message, hint = "there is no option `--json`", "`envlock emit --help` lists the options"
    assert as_json.status == 2
    assert as_json.error == {"code": "usage", "message": message, "where": None, "hint": hint, "facts": {}}


# lock


def test_lock(here: Project, envlock: Envlock) -> None:
    ran = envlock("lock")
    assert (ran.status, ran.err) == (0, "")
    wheel = read_lock(here.root / "envlock.lock").distributions[0].wheels[0]
    sizes = f"{wheel.unpacked / 1e3:.3g} kB installed, {wheel.size / 1e3:.3g} kB to download"
    rest = f"  linux-64  no PyTorch\n    {wheel.files} files, {sizes}"
    where = f"envlock.lock: 1 distribution for Python {SERIES} on linux-64\n"
    found = re.fullmatch(
        re.escape(f"wrote {where}{rest}") + r"; (\S+ kB) were read to know them\n(.*\n)", ran.out
    )
    assert found is not None, ran.out
    assert found[2] == f"    runtime hash  {here.hash}\n"
    again = f"unchanged: {where}{rest}\n{found[2]}"
    assert envlock("lock") == Ran(status=0, out=again, err="")
    assert envlock("lock", "-q") == Ran(status=0, out="", err="")
    verbose = f"{again}  manifest envlock.toml\n  resolve 0.00 s, identify 0.00 s\n"
    assert steady(envlock("lock", "-v").out) == verbose


def test_lock_as_json(here: Project, envlock: Envlock) -> None:
    here.write(f'python = "{SERIES}"\ncuda = "cpu"')
    document = envlock("lock", "--json").document
    assert document.pop("fetched_bytes") > 0
    assert set(document.pop("seconds")) == {"resolve", "identify"}
    assert document == {
        "schema": "envlock.lock/1",
        "lockfile": str(here.root / "envlock.lock"),
        "changed": True,
        "distributions": 1,
        "runtime": {"linux-64": here.hash},
        "conda_packages": 0,
        "conda_runtime": {"linux-64": None},
        "notes": ["linux-64: nothing needs torch, so `cuda` decides nothing"],
    }
    assert envlock("lock").err == "note: linux-64: nothing needs torch, so `cuda` decides nothing\n"
    assert envlock("lock", "-q").err == ""


def test_check_is_offline_and_tells_why(locked: Project, envlock: Envlock, monkeypatch: Any) -> None:
    monkeypatch.chdir(locked.root)
    locked.index.forget()
    fresh = Ran(status=0, out="fresh: the lock is that of the manifest\n", err="")
    assert envlock("lock", "--check") == fresh
    assert envlock("lock", "--check", "-q") == Ran(status=0, out="", err="")
    assert envlock("lock", "--check", "--json").document == {
        "schema": "envlock.lock-check/1",
        "fresh": True,
        "reasons": [],
    }
    locked.write(requirements='"demo", "other"')
    reason = "`other` is not locked (asked by envlock.toml, requirements)"
    stale = f"stale: the lock is not that of the manifest\n  {reason}\n"
    hint = "hint: `envlock lock` brings it up to date\n"
    assert envlock("lock", "--check") == Ran(status=1, out=stale, err=hint)
    as_json = envlock("lock", "--check", "--json")
    assert as_json.status == 1
    assert as_json.document == {"schema": "envlock.lock-check/1", "fresh": False, "reasons": [reason]}
    assert locked.index.log == ()


def test_a_project_is_named_from_anywhere(project: Project, envlock: Envlock, monkeypatch: Any) -> None:
    monkeypatch.chdir("/")
    ran = envlock("lock", "-p", str(project.root), "-o", str(project.root / "my.lock"))
    assert ran.out.startswith(f"wrote {str(project.root)[1:]}/my.lock: 1 distribution for Python {SERIES}")
    monkeypatch.chdir(project.root / "..")
    assert envlock("lock", "-p", "project").out.startswith("wrote project/envlock.lock: ")


# Each exit status but 0 and 1


def test_2_a_package_to_upgrade_that_nobody_locked(locked: Project, envlock: Envlock) -> None:
    assert envlock("lock", "-p", str(locked.root), "--upgrade-package", "dmo") == Ran(
        status=2,
        out="",
        err="error: `--upgrade-package dmo`: no `dmo` is locked [usage]\n\nhint: did you mean `demo`?\n",
    )


def test_3_every_fault_of_a_manifest(here: Project, envlock: Envlock) -> None:
    (here.root / "envlock.toml").write_text('requirments = ["six"]\npython = 3.11\n')
    ran = envlock("lock")
    assert ran == Ran(
        status=3,
        out="",
        err="error: `envlock.toml` has 2 faults [manifest-invalid]\n"
        "  envlock.toml, requirments: unknown key `requirments`\n"
        "    did you mean `requirements`?\n"
        "  envlock.toml, python: `python` must be a string, found the number 3.11\n"
        '    quote it: `"3.11"`\n',
    )
    error = envlock("lock", "--json").error
    assert (error["code"], error["where"]) == ("manifest-invalid", "envlock.toml")
    assert [fault["hint"] for fault in error["faults"]] == [
        "did you mean `requirements`?",
        'quote it: `"3.11"`',
    ]


def test_3_no_lockfile(here: Project, envlock: Envlock) -> None:
    missing = "error: there is no lockfile [lockfile-invalid]\n  where  envlock.lock\n\nhint: "
    for words in (["sync"], ["emit", "conda"], ["env"], ["lock", "--check"]):
        ran = envlock(*words)
        assert ran.status == 3
        assert ran.err.endswith("hint: `envlock lock` makes it\n")
    (here.root / "train.py.envlock.lock").write_text("")
    hint = "`-l train.py.envlock.lock` names one that is here, `envlock lock` makes this one\n"
    assert envlock("env") == Ran(status=3, out="", err=missing + hint)


def test_4_no_solution(here: Project, envlock: Envlock) -> None:
    here.write(requirements='"demo>1", "demo<1"')
    ran = envlock("lock")
    assert (ran.status, ran.out) == (4, "")
    assert ran.err == (
        "error: no set of versions satisfies the manifest [no-solution]\n"
        "  because   the manifest asks for demo>1 and demo<1, so the manifest cannot be satisfied\n"
        "  asked by  envlock.toml, requirements: demo>1\n"
        "  asked by  envlock.toml, requirements: demo<1\n"
        "\n"
        "hint: loosen one of the requirements named above\n"
    )
    facts = envlock("lock", "--json").error["facts"]
    assert facts["asked by"] == "envlock.toml, requirements: demo>1\nenvlock.toml, requirements: demo<1"
    assert not (here.root / "envlock.lock").exists()


def test_5_an_index_that_fails(here: Project, envlock: Envlock) -> None:
    here.index.fault("*/demo-*.whl", Status(code=404))
    try:
        ran = envlock("lock")
    finally:
        here.index.heal()
    assert (ran.status, ran.out) == (5, "")
    assert ran.err.startswith("error: ")
    assert "[index-failed]" in ran.err.splitlines()[0] or "[gone-from-index]" in ran.err.splitlines()[0]


def test_6_no_uv(here: Project, envlock: Envlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(here.root))
    expected = "error: `uv` is not here [tool-missing]\n\nhint: run `pip install uv`\n"
    assert envlock("lock") == Ran(status=6, out="", err=expected)


def test_6_a_directory_that_cannot_be_written(here: Project, envlock: Envlock) -> None:
    readonly = "/sys" if os.geteuid() == 0 else str(here.root / "ro")  # root may write almost anywhere
    Path(readonly).mkdir(mode=0o555, exist_ok=True)
    ran = envlock("lock", "-o", f"{readonly}/envlock.lock")
    assert (ran.status, ran.out) == (6, "")
    first, rest = ran.err.split("\n", 1)
    reasons = "(permission denied|operation not permitted|read-only file system)"
    assert re.fullmatch(rf"error: the lockfile cannot be written: {reasons} \[disk-failed\]", first)
    assert rest == (
        f"  where  {readonly}/envlock.lock\n"
        "\n"
        "hint: make the folder writable, or name another file: `envlock lock -o FILE`\n"
    )


def test_6_an_output_that_cannot_be_written(locked: Project, envlock: Envlock, monkeypatch: Any) -> None:
    monkeypatch.chdir(locked.root)
    (locked.root / "file").write_text("")
    assert envlock("emit", "conda", "-o", "file/x.yml") == Ran(
        status=6,
        out="",
        err="error: the file cannot be written: file exists [disk-failed]\n"
        "  where  file/x.yml\n\nhint: `-o FILE` names another\n",
    )
    assert envlock("agent", "-o", "nowhere/x.pyz").status == 6


def test_emit_makes_the_folder_that_the_tool_wants(
    locked: Project, envlock: Envlock, monkeypatch: Any
) -> None:
    monkeypatch.chdir(locked.root)
    assert envlock("emit", "github-actions", "-o", ".github/workflows/envlock.yml").status == 0
    assert (locked.root / ".github/workflows/envlock.yml").read_text().startswith("#")


def test_6_a_full_disk_is_no_bug(locked: Project) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*ENVLOCK, "env"], cwd=locked.root, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    expected = "error: no space left on device [disk-failed]\n\nhint: free some space, or write elsewhere\n"
    assert (done.returncode, done.stderr) == (6, expected)


def test_8_nothing_to_look_at(locked: Project, envlock: Envlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(locked.root)
    nothing = (
        "error: there is no environment to look at: no VIRTUAL_ENV, no CONDA_PREFIX, no ./.venv"
        " [could-not-tell]\n\nhint: `envlock sync` makes one, `--prefix DIR` names one\n"
    )
    assert envlock("verify") == envlock("observe") == Ran(status=8, out="", err=nothing)
    for words, message in (
        (["--prefix", "nowhere"], "there is no environment at `nowhere`"),
        (["--prefix", "."], "there is no bin/python and no pyvenv.cfg in `.`"),
        (["--python", "nowhere"], "there is no interpreter at `nowhere`"),
    ):
        for command in ("verify", "observe"):
            ran = envlock(command, *words)
            assert (ran.status, ran.out) == (8, "")
            assert ran.err.startswith(f"error: {message} [could-not-tell]\n\nhint: ")
    gone = "error: there is no environment at `.venv` to repair [could-not-tell]\n\n"
    assert envlock("sync", "--repair").err == f"{gone}hint: `envlock sync` makes it\n"


def test_8_a_platform_that_is_not_locked(synced: Project, tmp_path: Path, envlock: Envlock) -> None:
    elsewhere = Project(root=tmp_path, index=synced.index)
    elsewhere.write(f'python = "{SERIES}"\nplatforms = ["osx-arm64"]')
    elsewhere.lock()
    expected = (
        "error: this host is linux-64, and the lock has osx-arm64 [could-not-tell]\n\n"
        'hint: add "linux-64" to `platforms` in the manifest and run `envlock lock`\n'
    )
    for words in (["verify", "--prefix", ".venv"], ["sync"], ["sync", "--repair"]):
        ran = envlock(*words, "-l", str(tmp_path / "envlock.lock"))
        assert ran == Ran(status=8, out="", err=expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "`facts.json` is no facts document: its schema is not `envlock.facts/1`"),
        ('{"schema": "envlock.facts/1"}', "`facts.json` is no facts document: `level` is missing"),
        ("no JSON", "`facts.json` is no facts document: Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_8_facts_that_are_none(
    locked: Project, envlock: Envlock, monkeypatch: Any, content: str, message: str
) -> None:
    monkeypatch.chdir(locked.root)
    (locked.root / "facts.json").write_text(content)
    hint = "`python envlock-agent.pyz --prefix DIR --expect envlock.lock > facts.json` writes one"
    expected = f"error: {message} [could-not-tell]\n  where  facts.json\n\nhint: {hint}\n"
    assert envlock("verify", "--facts", "facts.json") == Ran(status=8, out="", err=expected)
    error = envlock("verify", "--facts", "facts.json", "--json").error
    assert (error["message"], error["where"], error["hint"]) == (message, "facts.json", hint)


@click.command()
@click.option("--json", "as_json", is_flag=True)
def broken(as_json: bool) -> None:
    raise LookupError("nobody thought of it")


def test_70_a_bug_says_so_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(broken, []) == 70
    out, err = capsys.readouterr()
    message = "this is a bug in envlock: LookupError: nobody thought of it"
    hint = "please report it with the traceback: https://github.com/torch-envlock/torch-envlock/issues"
    assert out == ""
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith(f"LookupError: nobody thought of it\nerror: {message} [bug]\n\nhint: {hint}\n")
    assert run(broken, ["--json"]) == 70
    document: dict[str, Any] = {"code": "bug", "message": message, "where": None, "hint": hint, "facts": {}}
    assert json.loads(capsys.readouterr().out) == {"error": document}


def test_130_stopped_at_the_keyboard(locked: Project) -> None:
    """Ctrl-C reaches the whole foreground group: envlock, and uv that waits on a silent index."""
    locked.index.fault("/simple/*", Delay(seconds=60))
    try:
        child = subprocess.Popen(
            [*ENVLOCK, "lock", "--upgrade"],
            cwd=locked.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        _wait_for_a_child_of(child.pid)
        os.killpg(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=40)
    finally:
        locked.index.heal()
    assert (child.returncode, out, err.strip()) == (130, "", "stopped")


def _wait_for_a_child_of(pid: int) -> None:
    """Until uv has been started."""
    threads = Path(f"/proc/{pid}/task")
    for _ in range(500):
        if any(Path(thread, "children").read_text() for thread in threads.iterdir()):
            time.sleep(0.2)
            return
        time.sleep(0.02)
    raise AssertionError("uv was never started")


def test_141_a_reader_that_goes_away(synced: Project) -> None:
    """`envlock observe | head -1` is neither a difference nor a bug."""
    child = subprocess.Popen([*ENVLOCK, "observe", "-q"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert (child.stderr.read(), child.wait(timeout=10)) == (b"", 141)
    child.stderr.close()


NATIVE = str(ROOT / "examples" / "conda-native" / "envlock.lock")


@pytest.mark.parametrize(
    ("words", "status", "lines"),
    [
        (
            "resurrect folder --date 2015-01-01",
            4,
            [
                "error: no Python that can be locked was out on 2015-01-01 [no-solution]",
                "hint: 3.8 is the oldest: 2019-10-14",
            ],
        ),
        (
            f"bisect {NATIVE} {NATIVE} -- true",
            2,
            [
                "error: a lock with conda packages cannot be bisected: the search makes virtual environments "
                "[usage]",
                f"  where  {NATIVE}",
                "hint: `envlock diff` says what differs between the two",
            ],
        ),
        (
            "bundle -l -odd.lock -o b.tar",
            2,
            [
                "error: a lockfile in a bundle cannot be called `-odd.lock` [usage]",
                "hint: rename it",
            ],
        ),
        (
            f"compare --plan -l {NATIVE} --platform win-64",
            2,
            ["error: the lock has no platform `win-64`, it has linux-64 [usage]"],
        ),
        (
            f"bundle -o b.tar -l {NATIVE} --platform win-64",
            2,
            ["error: the lock has no platform `win-64`, it has linux-64 [usage]"],
        ),
        (
            f"emit docker -l {NATIVE} --platform win-64",
            2,
            ["error: the lock has no platform `win-64`, it has linux-64 [usage]"],
        ),
        (
            f"build oci -o x -l {NATIVE} --platform win-64",
            2,
            ["error: the lock has no platform `win-64` that an image can be of, it has linux-64 [usage]"],
        ),
        (
            "lock --from nowhere.lock",
            3,
            [
                "error: `nowhere.lock` has 1 fault [foreign-lock-invalid]",
                "  nowhere.lock: there is no such file",
            ],
        ),
        (
            "lock -o folder",
            2,
            ["error: `folder` is a directory [usage]", "hint: name a file: `-o folder/envlock.lock`"],
        ),
        (
            "diff none.lock none.lock",
            3,
            [
                "error: there is no lockfile [lockfile-invalid]",
                "  where  none.lock",
                "hint: `envlock lock` makes it",
            ],
        ),
        (
            "audit none",
            2,
            [
                "error: there is no such file or directory [usage]",
                "  where  none",
                "hint: name a folder, or a file",
            ],
        ),
        (
            "doctor --log none.txt",
            8,
            [
                "error: `none.txt` cannot be read: no such file or directory [could-not-tell]",
                "  where  none.txt",
            ],
        ),
    ],
)
def test_an_input_that_is_not_there_or_not_for_it(
    here: Project, envlock: Envlock, words: str, status: int, lines: list[str]
) -> None:
    (here.root / "folder").mkdir()
    (here.root / "folder" / "requirements.txt").write_text("demo\n")
    shutil.copy(NATIVE, here.root / "-odd.lock")
    ran = envlock(*words.split())
    assert (ran.status, ran.out) == (status, "")
    assert [line for line in ran.err.splitlines() if line] == lines


# emit


OF_CONDA = ("conda-explicit", "conda-explicit-md5", "conda-lock", "pixi")


@pytest.mark.parametrize("name", OF_CONDA)
def test_a_format_of_conda_needs_conda_packages(synced: Project, envlock: Envlock, name: str) -> None:
    said = envlock("emit", name)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("error: the lock takes nothing from conda on linux-64 [usage]\n")


def test_emit_goes_to_stdout_or_to_a_file(synced: Project, envlock: Envlock, tmp_path: Path) -> None:
    for name in sorted({*FORMATS} - {*OF_CONDA}):
        printed = envlock("emit", name)
        assert (printed.status, printed.err) == (0, "")
        assert f" runtime hash {synced.hash}\n" in printed.out
        file = tmp_path / ("pylock.toml" if name == "pylock" else name)
        assert envlock("emit", name, "-o", str(file)) == Ran(status=0, out="", err=f"wrote {file}\n")
        assert file.read_text() == printed.out
        assert envlock("emit", name, "-q", "-o", str(file)).err == ""


def test_the_platform_to_emit_is_named_where_there_are_several(project: Project, envlock: Envlock) -> None:
    project.write(f'python = "{SERIES}"\nplatforms = ["linux-64", "osx-arm64"]')
    project.lock()
    lock = ("-l", str(project.root / "envlock.lock"))
    several = "error: the lock has several platforms: linux-64, osx-arm64 [usage]\n\n"
    expected = f"{several}hint: `--platform NAME` chooses one\n"
    assert envlock("emit", "requirements", *lock) == Ran(status=2, out="", err=expected)
    assert "# platform osx-arm64" in envlock("emit", "requirements", "--platform", "osx-arm64", *lock).out


# sync


def test_sync_makes_repairs_and_says_what_is_stale(here: Project, envlock: Envlock, monkeypatch: Any) -> None:
    monkeypatch.setenv("UV_LINK_MODE", "copy")
    here.lock()
    wheel = read_lock(here.root / "envlock.lock").distributions[0].wheels[0]
    state = (
        f"  every byte is what the lock says: {wheel.files} files, {wheel.unpacked / 1e3:.3g} kB\n"
        f"  runtime hash  {here.hash}\n"
    )
    full = ".".join(map(str, sys.version_info[:3]))
    made = f"made .venv with Python {full}: 1 installed\n"
    assert envlock("sync", "--python", sys.executable) == Ran(status=0, out=made + state, err="")
    again = f"synced .venv with Python {full}: nothing to install or remove\n"
    assert envlock("sync") == Ran(status=0, out=again + state, err="")
    assert envlock("sync", "-q") == Ran(status=0, out="", err="")
    document = envlock("sync", "--json").document
    assert list(document) == ["schema", "installed", "removed", "verify"]
    assert (document["schema"], document["verify"]["verdict"]) == ("envlock.sync/1", "match")
    _repairs(here, envlock, state)
    here.write(requirements='"demo", "other"')
    stale = "note: the lock is stale: `other` is not locked (asked by envlock.toml, requirements)\n"
    hint = "  hint: `envlock lock` brings it up to date, then `envlock sync` again\n"
    assert envlock("sync") == Ran(status=0, out=again + state, err=stale + hint)


def _repairs(project: Project, envlock: Envlock, state: str) -> None:
    nothing = f"nothing to restore\n{state}"
    assert envlock("sync", "--repair") == Ran(status=0, out=nothing, err="")
    flip_byte(project.root / MODULE)
    restored = f"restored {IN_PREFIX} (demo)\n{state}"
    assert envlock("sync", "--repair") == Ran(status=0, out=restored, err="")
    flip_byte(project.root / MODULE)
    document = envlock("sync", "--repair", "--json").document
    assert list(document) == ["schema", "repaired", "poisoned", "verify"]
    assert document["repaired"] == [{"kind": "file", "distribution": "demo", "path": IN_PREFIX}]


def test_sync_that_leaves_something_foreign_ends_with_1(synced: Project, envlock: Envlock) -> None:
    stray = synced.root / MODULE.replace("demo/__init__", "stray")
    stray.write_text("")
    try:
        ran = envlock("sync")
    finally:
        stray.unlink()
    assert ran.status == 1
    assert ran.out.splitlines()[-1] == (
        "  hint: `envlock sync --repair` puts back what differs; `envlock verify` says all of it"
    )
    assert "stray.py`" in ran.out


# verify


def _match(project: Project) -> tuple[str, str]:
    return (
        r"match: \.venv \(level (warm|content), [\d,]+ files, \S+ [kMG]B, 0\.00 s\)\n",
        re.escape(f"  runtime hash  {project.hash}\n"),
    )


def test_verify(synced: Project, envlock: Envlock) -> None:
    first, second = _match(synced)
    ran = envlock("verify")
    assert (ran.status, ran.err) == (0, "verifying .venv (in this directory)\n")
    assert re.fullmatch(first + second, steady(ran.out))
    quiet = envlock("verify", "-q")
    assert quiet.err == ""
    assert re.fullmatch(first, steady(quiet.out))
    verbose = envlock("verify", "-v", "--level", "content")
    assert re.fullmatch(first + second + r"  (\w+ 0\.00 s, )+total 0\.00 s\n", steady(verbose.out))


def test_verify_as_json(synced: Project, envlock: Envlock) -> None:
    document = envlock("verify", "--json").document
    assert document.pop("timing")["total_seconds"] >= 0
    assert document.pop("counts")["files"] > 0
    assert document.pop("level") in ("warm", "content")
    assert document == {
        "schema": "envlock.verify/1",
        "verdict": "match",
        "runtime_hash": {"expected": synced.hash, "observed": synced.hash},
        "target": str(synced.root / ".venv"),
        "findings": [],
    }


def test_a_mismatch_names_the_file(synced: Project, envlock: Envlock) -> None:
    before = (synced.root / MODULE).read_bytes()
    flip_byte(synced.root / MODULE, at=0)
    try:
        ran, as_json = envlock("verify"), envlock("verify", "--json")
        roots = envlock("verify", "--level", "roots", "-q")
    finally:
        replace_file(synced.root / MODULE, before)
    message = f"`{IN_PREFIX}` is not the file of demo 1.0"
    observed = as_json.document["runtime_hash"]["observed"]
    assert (ran.status, as_json.status, roots.status) == (1, 1, 0)
    assert re.fullmatch(
        re.escape(f"differs: {message}\n  hint: `envlock sync --repair` restores it\n\n")
        + r"mismatch: \.venv, 1 finding \(level (warm|content), [\d,]+ files, \S+ [kMG]B, 0\.00 s\)\n"
        + re.escape(f"  expected  {synced.hash}\n  observed  {observed}\n"),
        steady(ran.out),
    )
    finding = as_json.document["findings"][0]
    assert (finding["code"], finding["path"], finding["message"]) == ("file-differs", IN_PREFIX, message)
    assert envlock("verify", "-q").status == 0


def test_settings_of_the_shell(synced: Project, envlock: Envlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMO")
    assert envlock("verify").out.startswith("note: `DEMO` is not set here; the lock has `1`\nmatch: .venv (")
    assert envlock("verify", "--in-job").status == 1
    monkeypatch.setenv("DEMO", "2")
    assert envlock("verify").out.startswith("differs: `DEMO` is `2`, the lock has `1`\n")
    assert envlock("verify").status == 1


def test_an_environment_reached_by_another_path(synced: Project, envlock: Envlock, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(synced.root / ".venv")
    ways = (".venv/", "../project/.venv", f"{synced.root}/x/../.venv", str(tmp_path / "link"))
    (synced.root / "x").mkdir(exist_ok=True)
    for way in ways:
        assert envlock("verify", "--prefix", way, "-q").status == 0, way
    assert envlock("verify", "--python", ".venv/bin/python", "-q").status == 0


def test_which_environment_is_looked_at(
    synced: Project, envlock: Envlock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(synced.root / ".venv")
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "link"))
    same = f"verifying {tmp_path}/link (CONDA_PREFIX)\n"
    assert envlock("verify").err == same
    other = tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    (other / "bin" / "python").symlink_to("nowhere")
    monkeypatch.setenv("VIRTUAL_ENV", str(other))
    ran = envlock("verify")
    assert ran.status == 1
    assert ran.err == (
        f"verifying {other} (VIRTUAL_ENV); `--prefix .venv` looks at the one in this directory\n"
        "hint: this was VIRTUAL_ENV; `envlock verify --prefix .venv` looks at ./.venv\n"
    )
    assert envlock("verify", "--prefix", ".venv").err == ""
    monkeypatch.setenv("VIRTUAL_ENV", "")
    assert envlock("verify").err == same
    monkeypatch.setenv("CONDA_PREFIX", "")
    assert envlock("verify").err == "verifying .venv (in this directory)\n"


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    synced: Project, envlock: Envlock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ENVLOCK_CACHE_DIR", str(tmp_path / "file"))
    for words in (["lock", "-q"], ["sync", "-q"], ["verify", "-q"], ["verify", "-q"]):
        ran = envlock(*words)
        assert (ran.status, ran.err) == (0, "")
    assert "(level content, " in ran.out


def test_without_a_home_nothing_is_left_behind(synced: Project, tmp_path: Path) -> None:
    ran = process("verify", "-q", cwd=synced.root, env={"TMPDIR": str(tmp_path), "DEMO": "1"})
    assert (ran.status, ran.err) == (0, "")
    assert list(tmp_path.iterdir()) == []


# observe, agent, env


def test_facts_of_this_host_are_judged_elsewhere(synced: Project, envlock: Envlock, tmp_path: Path) -> None:
    ran = envlock("observe", "--expect", "envlock.lock")
    assert (ran.status, ran.err) == (0, "observing .venv (in this directory)\n")
    assert json.loads(ran.out)["schema"] == "envlock.facts/1"
    assert envlock("observe", "--json").err == envlock("observe", "-q").err == ""
    (tmp_path / "facts.json").write_text(ran.out)
    judged = envlock("verify", "--facts", str(tmp_path / "facts.json"))
    assert (judged.status, judged.err) == (0, "")
    assert judged.out.startswith(f"match: {synced.root}/.venv (level content, ")
    (tmp_path / "facts.json").write_text(envlock("observe", "-q").out)
    without = envlock("verify", "--facts", str(tmp_path / "facts.json"))
    assert without.out.startswith("note: `DEMO` is not set here; the lock has `1`\nmatch: ")


def oldest_python() -> str:
    """The oldest Python that the agent is for and that is here."""
    from uv import find_uv_bin

    command = [find_uv_bin(), "python", "list", "--only-installed", "--output-format", "json"]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    found = {
        tuple(row["version_parts"].values()): row["path"]
        for row in listed
        if row["implementation"] == "cpython" and row["version_parts"]["minor"] >= 8
    }
    for root in (Path.home() / ".pyenv" / "versions").glob("3.*"):
        parts = tuple(int(part) for part in root.name.split(".") if part.isdigit())
        if len(parts) == 3 and parts >= (3, 8, 0) and (root / "bin" / "python3").exists():
            found[parts] = str(root / "bin" / "python3")
    return str(found[min(found)]) if found else sys.executable


def test_the_agent_is_reproducible_and_runs_under_an_old_python(
    synced: Project, envlock: Envlock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = tmp_path / "agent.pyz"
    size = r"wrote \S+/agent\.pyz \(\d+(\.\d)? kB\)\n"
    assert re.fullmatch(size, envlock("agent", "-o", str(agent)).err)
    first = agent.read_bytes()
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    old = os.umask(0o077)
    try:
        assert envlock("agent", "-q", "-o", str(agent)) == Ran(status=0, out="", err="")
    finally:
        os.umask(old)
    assert agent.read_bytes() == first
    assert os.access(agent, os.X_OK)
    assert not [name for name in zipfile.ZipFile(agent).namelist() if name.endswith(".pyc")]
    command = [oldest_python(), "-I", str(agent), "--prefix", ".venv", "--expect", "envlock.lock"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "facts.json").write_text(done.stdout)
    judged = envlock("verify", "--facts", str(tmp_path / "facts.json"), "-q")
    assert (judged.status, judged.err) == (0, "")


def test_env_is_what_a_shell_reads(locked: Project, envlock: Envlock) -> None:
    nasty = "a 'b' \"c\" $HOME `id` \\ ;"
    locked.write(settings=f"DEMO = {json.dumps(nasty)}\nA_FIRST = '1'")
    locked.lock()
    lock = ("-l", str(locked.root / "envlock.lock"))
    ran = envlock("env", *lock)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("export A_FIRST=1\nexport DEMO=")
    script = f'{ran.out}printf %s "$DEMO"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == nasty
    assert envlock("env", "--json", *lock).document == {
        "schema": "envlock.env/1",
        "settings": {"A_FIRST": "1", "DEMO": nasty},
    }


def test_env_in_the_words_of_other_shells(locked: Project, envlock: Envlock) -> None:
    nasty = "a 'b' \"c\" $HOME `id` \\ \u2019;"
    locked.write(settings=f"DEMO = {json.dumps(nasty)}")
    locked.lock()
    lock = ("-l", str(locked.root / "envlock.lock"))
    fish = envlock("env", "--shell", "fish", *lock).out
    assert fish == "set -gx DEMO 'a \\'b\\' \"c\" $HOME `id` \\\\ \u2019;'\n"
    powershell = envlock("env", "--shell", "powershell", *lock).out
    assert powershell == "$Env:DEMO = 'a ''b'' \"c\" $HOME `id` \\ \u2019\u2019;'\n"
    for shell in ("fish", "zsh", "bash", "dash"):
        if shutil.which(shell):
            words = ("--shell", "fish") if shell == "fish" else ()
            script = envlock("env", *words, *lock).out + 'printf %s "$DEMO"'
            done = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=True)
            assert done.stdout == nasty, shell


# Terminals, shells, and what is imported


def on_a_terminal(words: list[str], cwd: Path, env: Mapping[str, str]) -> str:
    master, slave = pty.openpty()
    child = subprocess.Popen([*ENVLOCK, *words], cwd=cwd, env=dict(env), stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""
    while select.select([master], [], [], 10)[0]:
        try:
            seen += os.read(master, 4096)
        except OSError:  # the other end is closed
            break
    os.close(master)
    child.wait(timeout=10)
    return seen.decode()


def test_colour_is_for_terminals_that_want_it(synced: Project) -> None:
    env = {**os.environ, "TERM": "xterm"}
    env.pop("NO_COLOR", None)
    assert "\x1b[32m\x1b[1mmatch:\x1b[0m .venv" in on_a_terminal(["verify"], synced.root, env)
    assert "\x1b[31m\x1b[1merror:\x1b[0m there is" in on_a_terminal(["lok"], synced.root, env)
    for change in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_a_terminal(["verify"], synced.root, {**env, **change})
    assert "\x1b" not in process("verify", cwd=synced.root, env=env).out


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("envlock ver", ["verify"]),
        ("envlock verify --lev", ["--level"]),
        ("envlock verify --level ", ["roots", "warm", "content", "loaded", "numerics"]),
        ("envlock emit ", [*FORMATS]),
    ],
)
def test_completion(capsys: Any, monkeypatch: Any, typed: str, completed: list[str]) -> None:
    monkeypatch.setenv("_ENVLOCK_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split(" ")) - 1))
    assert run(cli, None) == 0
    assert capsys.readouterr().out.split() == [f"plain,{word}" for word in completed]


HEAVY = ("requests", "rich", "packaging.requirements", "envlock.resolve.remote", "uv")


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (["--help"], (*HEAVY, "tomli", "packaging", "json.decoder", "envlock.lock", "envlock.agent")),
        (["verify", "-q"], HEAVY),
        (["lock", "--check", "-q"], tuple(name for name in HEAVY if name != "packaging.requirements")),
        (["sync", "-q"], ("requests", "rich", "envlock.audit", "envlock.install.conda", "envlock.image")),
    ],
)
def test_light_commands_import_little(synced: Project, words: list[str], without: tuple[str, ...]) -> None:
    script = (
        "import sys; from envlock.cli import cli; from envlock.cli.boundary import run\n"
        f"status = run(cli, {words!r})\n"
        f"sys.exit(status or ', '.join(name for name in {without!r} if name in sys.modules) or 0)"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=unmeasured())
    assert (done.returncode, done.stderr) == (0, "")


def test_a_variant_is_named_wherever_a_lock_is(here: Project, envlock: Envlock) -> None:
    here.write(
        settings='DEMO = "1"\n[variants.cpu]\nplatforms = ["linux-64"]\n[variants.cpu.settings]\nDEMO = "2"'
    )
    assert envlock("lock", "-q", "--variant", "cpu").status == 0
    assert envlock("env", "--variant", "cpu").out == envlock("env", "-l", "envlock.cpu.lock").out
    assert "DEMO=2" in envlock("env", "--variant", "cpu").out
    twice = envlock("env", "--variant", "cpu", "-l", "envlock.cpu.lock")
    assert (twice.status, twice.err.splitlines()[0]) == (
        2,
        "error: `--lock` and `--variant` name the same thing twice [usage]",
    )
    odd = envlock("env", "--variant", "../x")
    assert (odd.status, odd.err) == (
        2,
        "error: `--variant ../x` is not a variant name like `cpu` (`a-z`, `0-9`, `_`, `-`) [usage]\n",
    )
