"""What commands make of an outcome: their words, their JSON, their exit status. What comes out of the api is
given here; that it comes out is tested with the api."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from envlock.api import EvidenceResult
from envlock.api.bisecting import Found
from envlock.api.building import OciResult
from envlock.api.building_docker import DockerResult
from envlock.api.bundling import BundleResult
from envlock.api.evidence_checking import EvidenceCheck
from envlock.api.locking import LockResult
from envlock.api.manifests import manifest_of
from envlock.api.numerics import Changed, Recorded
from envlock.api.resurrecting import Resurrected
from envlock.api.running import RunOutcome
from envlock.api.standings import Checked as CheckedSources
from envlock.api.syncing import RepairOutcome, SyncOutcome
from envlock.audit.bundle.verify import Problem, Verified
from envlock.audit.evidence.check import Checked
from envlock.audit.evidence.signing import Signer
from envlock.audit.evidence.witnesses import Quorum
from envlock.audit.repository.fixing import Fixed
from envlock.audit.repository.model import Edit
from envlock.cli import cli
from envlock.cli.boundary import run
from envlock.cli.progress import progress
from envlock.doctor.model import Diagnosis
from envlock.install.model import Kind, Left, Repaired, RepairResult, SyncResult
from envlock.lock import read_lock
from envlock.lock.model import BuiltImage, Stack
from envlock.observe.gpu import GpuFacts
from envlock.report import Finding, Report, Severity, Verdict
from envlock.report.model import ProbeDifference
from envlock.resolve.model import Event
from envlock.resolve.standing import Standing, State
from envlock.run.mixture import Change
from envlock.run.steps import Result
from envlock.stack.profiles import Profile, ProfileSetting
from envlock.verify.knobs import Unlocked
from tests.integration.test_doctor import NOTHING
from tests.support.evidence import evidence
from tests.unit.lock.values import reference
from tests.unit.run.test_compare import receipt

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "bert-cu124"
RUNTIME = "rt1:" + "a" * 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    status: int
    out: str
    err: str


Say = Callable[..., Said]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    """Run a command whose work is done already: `say("envlock.api.sync", outcome, "sync", "-v")`."""
    monkeypatch.chdir(tmp_path)

    def call(name: str, outcome: object, *words: str) -> Said:
        monkeypatch.setattr(name, lambda *_arguments, **_options: outcome)
        status = run(cli, list(words))
        out, err = capsys.readouterr()
        return Said(status=status, out=out, err=err)

    return call


def report(verdict: Verdict, *findings: Finding) -> Report:
    return Report(
        verdict=verdict,
        expected=RUNTIME,
        observed=RUNTIME if verdict is Verdict.MATCH else None,
        level="content",
        target="/env",
        findings=findings,
        counts={"files": 2, "bytes": 3000},
        timing={"total_seconds": 0.5},
    )


def finding(number: int) -> Finding:
    return Finding(
        code="file-differs",
        severity=Severity.DIFFERS,
        component="distribution:a",
        message=f"`f{number}` differs",
    )


# -- numerics ------------------------------------------------------------------------------------------


def difference(name: str, **changed: Any) -> ProbeDifference:
    row = ProbeDifference(
        name=name,
        changed_percent=25.0,
        median_ulp=1.0,
        max_relative=1e-7,
        repeats=True,
        cause=None,
        because=None,
        words="25 % of the values, 1 ulp",
    )
    return replace(row, **changed)


def changed(*differences: ProbeDifference, new: str = "2.0") -> Changed:
    return Changed(
        versions={"numpy": ("1.0", new), "torch": (None, None)},
        same_class=True,
        equal=("sort",),
        differences=differences,
        only={"conv": "torch is not there", "relu": "torch is not there", "fft": "it failed"},
        exercises={"matmul": "BLAS", "random-normal": "the stream"},
    )


ONLY = (
    "note: 1 probe ran on one side only, it failed: fft\n"
    "note: 2 probes ran on one side only, torch is not there: conv, relu\n"
)


def test_what_an_upgrade_changes(say: Say, tmp_path: Path) -> None:
    words = ("numerics", "compare", str(tmp_path), str(tmp_path))
    found = changed(difference("matmul"), difference("random-normal"))
    assert say("envlock.api.compare_numerics", found, *words) == Said(
        status=1,
        out="numpy  1.0 -> 2.0\ntorch  none in both\n"
        "differs  matmul (BLAS): 25 % of the values, 1 ulp\n"
        "differs  random-normal (the stream): another stream, 25 % of the values are others\n"
        f"{ONLY}1 of 3 probes (small fixed computations) equal\n"
        "what differs may change a training: with the same seed, expect other numbers after the upgrade\n",
        err="",
    )
    same = say("envlock.api.compare_numerics", changed(difference("matmul"), new="1.0"), *words)
    assert same.out.splitlines()[-1] == (
        "the versions are the same: `envlock verify` of each against its lock tells what changed"
    )
    equal = say("envlock.api.compare_numerics", changed(), *words)
    assert (equal.status, equal.out.splitlines()[-1]) == (
        0,
        "1 of 1 probes (small fixed computations) equal",
    )
    document = json.loads(say("envlock.api.compare_numerics", found, *words, "--json").out)
    assert document["differ"][0] == {
        "name": "matmul",
        "changed_percent": 25.0,
        "median_ulp": 1.0,
        "max_relative": 1e-7,
    }
    assert (document["same_class"], document["equal"], document["versions"]["torch"]) == (
        True,
        ["sort"],
        {"old": None, "new": None},
    )


RECORD = ("numerics", "record", "--prefix", "env")


def recorded(**options: Any) -> Recorded:
    return Recorded(report=report(Verdict.MATCH), reference=reference(), **options)


def test_what_was_recorded(say: Say) -> None:
    found = recorded(
        changed=True,
        unstable=("sort",),
        failed={"conv": "no memory"},
        seconds={"numpy": 1.5},
        slowest={"matmul": 0.25},
    )
    state = (
        "the results of 2 probes (small fixed computations) on this class of host, nc1:0123456789abcdef\n"
        "  aten  AVX2\n  cpu-vendor  GenuineIntel\n  threads  4\n"
    )
    rest = (
        "  next: keep the lockfile with your code; elsewhere, `envlock verify --level numerics`\n"
        "note: `sort` does not repeat on this host and was left out\n"
        "note: `conv` did not run: no memory\n"
    )
    took = "  numpy 1.50 s; of that matmul 0.25 s\n"
    out = f"recorded in envlock.lock: {state}{took}{rest}"
    assert say("envlock.api.record_numerics", found, *RECORD, "-v") == Said(status=0, out=out, err="")
    again = say("envlock.api.record_numerics", recorded(), *RECORD)
    assert again.out.startswith(f"the same as before in envlock.lock: {state}")
    assert say("envlock.api.record_numerics", found, *RECORD, "-q") == Said(status=0, out="", err="")
    document = json.loads(say("envlock.api.record_numerics", found, *RECORD, "--json").out)
    assert (document["class"], document["probes"], document["failed"]) == (
        "nc1:0123456789abcdef",
        2,
        {"conv": "no memory"},
    )


def test_what_was_recorded_under_a_variable(say: Say) -> None:
    rows = (
        Unlocked(variable="OMP_NUM_THREADS", value="2", decides="the order of sums"),
        Unlocked(variable="MKL_CBWR", value="AVX2", decides="the kernels"),
    )
    told = say("envlock.api.record_numerics", recorded(unlocked=rows), *RECORD, "-q")
    assert told.err == (
        "warning: `OMP_NUM_THREADS=2` is set and not locked; it decides the order of sums\n"
        "warning: `MKL_CBWR=AVX2` is set and not locked; it decides the kernels\n"
        "  what was recorded holds only where they are set so. Either unset, and record again;\n"
        '  or, for all hosts to have it, `OMP_NUM_THREADS = "2"`, `MKL_CBWR = "AVX2"` under '
        "`[tool.envlock.settings]`, then\n"
        "  `envlock lock` and `envlock numerics record`\n"
    )
    one = say("envlock.api.record_numerics", recorded(unlocked=rows[:1]), *RECORD, "-q")
    assert "holds only where it is set so" in one.err


@pytest.mark.parametrize(
    ("verdict", "status", "hint"),
    [
        (
            Verdict.MISMATCH,
            1,
            "hint: nothing was recorded: `envlock sync` makes the environment what the lock says\n",
        ),
        (Verdict.INCOMPLETE, 8, "hint: nothing was recorded\n"),
    ],
)
def test_nothing_was_recorded(say: Say, verdict: Verdict, status: int, hint: str) -> None:
    found = Recorded(report=report(verdict, finding(1)), reference=None)
    told = say("envlock.api.record_numerics", found, *RECORD)
    assert (told.status, told.err) == (status, hint)
    assert told.out.startswith("differs: `f1` differs\n")
    document = json.loads(say("envlock.api.record_numerics", found, *RECORD, "--json").out)
    assert (document["class"], document["host"], document["probes"]) == (None, None, 0)


# -- sync ----------------------------------------------------------------------------------------------


def outcome(kind: type[Any], result: object, *findings: Finding, **options: Any) -> Any:
    verdict = Verdict.MISMATCH if findings else Verdict.MATCH
    rest: dict[str, Any] = {"locked_files": 2, "locked_bytes": 3000, "stale": (), "not_run": (), **options}
    return kind(report=report(verdict, *findings), result=result, **rest)


STATE = f"  every byte is what the lock says: 2 files, 3 kB\n  runtime hash  {RUNTIME}\n"


def test_what_a_repair_did(say: Say) -> None:
    poisoned = Path("/cache/archive/a.py")
    result = RepairResult(
        repaired=(
            Repaired(kind=Kind.FILE, distribution="a", path="lib/a.py", poisoned=poisoned),
            Repaired(kind=Kind.BYTECODE, distribution="", path="lib/a.pyc"),
        ),
        left=(Left(path="lib/b.py", reason="is a folder where a file belongs"),),
    )
    said = say("envlock.api.repair", outcome(RepairOutcome, result), "sync", "--repair")
    assert said == Said(
        status=0,
        out="restored lib/a.py (a)\nremoved lib/a.pyc\n"
        "poisoned: /cache/archive/a.py in uv's cache holds the same wrong bytes\n"
        "  hint: `uv cache clean` before the next installation from that cache\n"
        f"left alone: `lib/b.py` is a folder where a file belongs\n{STATE}",
        err="",
    )
    document = json.loads(
        say("envlock.api.repair", outcome(RepairOutcome, result), "sync", "--repair", "--json").out
    )
    assert document["poisoned"] == [str(poisoned)]


def test_what_a_sync_did(say: Say) -> None:
    result = SyncResult(
        venv=Path(".venv"),
        python="3.11.2",
        created=False,
        installed=("a==1",),
        removed=("b==2",),
        differing=(),
    )
    noted = outcome(SyncOutcome, result, not_run=("hook", "other"), stale=("`c` is not locked",))
    assert say("envlock.api.sync", noted, "sync", "-v") == Said(
        status=0,
        out="synced .venv with Python 3.11.2: 1 installed, 1 removed\n"
        f"  installed a==1\n  removed b==2\n{STATE}",
        err="note: scripts that conda would run after linking were not run: hook, other\n"
        "note: the lock is stale: `c` is not locked\n"
        "  hint: `envlock lock` brings it up to date, then `envlock sync` again\n",
    )
    many = outcome(SyncOutcome, result, *map(finding, range(23)))
    hint = "  hint: `envlock sync --repair` puts back what differs; `envlock verify` says all of it"
    few = say("envlock.api.sync", many, "sync", "-q")
    assert (few.status, few.out.splitlines()[-2:]) == (1, ["  … and 3 more (`-v` has them all)", hint])
    assert few.out.count("differs: ") == 20
    assert say("envlock.api.sync", many, "sync", "-v").out.count("differs: ") == 23


# -- bundles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wheels", "packages", "image", "what"),
    [
        (1, 2, True, "1 wheel, 2 conda packages, the base image"),
        (2, 1, False, "2 wheels, 1 conda package"),
        (0, 0, False, "no packages"),
    ],
)
def test_what_is_in_a_bundle(say: Say, wheels: int, packages: int, image: bool, what: str) -> None:
    made = BundleResult(
        output=Path("b.tar"),
        platforms=("linux-64",),
        runtime={"linux-64": RUNTIME},
        files=3,
        size=3000,
        wheels=wheels,
        conda_packages=packages,
        has_image=image,
    )
    out = f"wrote b.tar: {what}, 3 kB\n  linux-64  {RUNTIME}\n"
    assert say("envlock.api.bundle", made, "bundle", "-o", "b.tar") == Said(status=0, out=out, err="")
    document = json.loads(say("envlock.api.bundle", made, "bundle", "-o", "b.tar", "--json").out)
    assert (document["wheels"], document["conda_packages"], document["image"]) == (wheels, packages, image)


def test_what_is_wrong_with_a_bundle(say: Say) -> None:
    problems = tuple(
        Problem(
            code="differs",
            path=f"f{number}",
            message=f"`f{number}` has other bytes",
            expected="1",
            observed="2",
        )
        for number in range(22)
    )
    hint = "  hint: fetch the bundle again, or make it anew: `envlock bundle -o FILE`\n"

    def verified(count: int, *words: str) -> Said:
        found = Verified(
            platforms=("linux-64",),
            runtime={"linux-64": {"wheels": RUNTIME}},
            files=3,
            size=3000,
            has_image=False,
            problems=problems[:count],
        )
        return say("envlock.api.verify_bundle", found, "bundle", "verify", "b.tar", *words)

    assert verified(1) == Said(
        status=1, out=f"mismatch: 1 file\n  differs: `f0` has other bytes\n{hint}", err=""
    )
    many = verified(22)
    assert many.out.startswith("mismatch: 22 files\n")
    assert many.out.endswith(f"  … and 2 more (`-v` has them all)\n{hint}")
    assert verified(22, "-v").out.count("    expected 1, found 2\n") == 22
    assert json.loads(verified(1, "--json").out)["problems"][0]["expected"] == "1"
    sound = f"match: 3 files, 3 kB, each what the lock says\n  linux-64  {RUNTIME}\n"
    assert verified(0) == Said(status=0, out=sound, err="")
    assert verified(0, "-q") == Said(status=0, out="", err="")


def test_what_can_no_longer_be_had(say: Say) -> None:
    def checked(*words: str, gone: int = 0, unasked: int = 0) -> Said:
        states = [State.GONE] * gone + [State.UNASKED] * unasked + [State.THERE]
        rows = [
            Standing(file=f"f{number}", sha256="0", index="default", state=state, reason="why")
            for number, state in enumerate(states)
        ]
        found = CheckedSources(standings=tuple(rows))
        return say("envlock.api.check_sources", found, "bundle", "--check", *words)

    assert checked("-q") == Said(status=0, out="", err="")
    unasked = "1 of 2 files could not be looked for:\n  unasked: f0 on `default`: why\n"
    assert checked("-q", unasked=1) == Said(status=5, out=unasked, err="")
    assert checked(gone=1, unasked=1).out == (
        "1 of 3 files can no longer be had:\n  gone: f0 on `default`: why\n"
        "1 of 3 files could not be looked for:\n  unasked: f1 on `default`: why\n"
        "  hint: a bundle that was made before has them: `envlock sync --bundle FILE`\n"
    )
    many = checked(gone=25)
    assert (many.status, many.out.splitlines()[-2]) == (1, "  … and 5 more (`-v` has them all)")
    assert checked("-v", gone=25).out.count("  gone: ") == 25
    assert json.loads(checked("--json", unasked=1).out)["verdict"] == "unknown"
    assert json.loads(checked("--json").out)["verdict"] == "there"


# -- images, searches, evidence ------------------------------------------------------------------------


def test_what_docker_built(say: Say) -> None:
    made = DockerResult(
        platform="linux-64",
        builder="classic",
        id="sha256:00",
        tags=("team/a:1", "team/a:2"),
        diff_ids=("sha256:1", "sha256:2"),
        size=3000,
        report=report(Verdict.MATCH),
    )
    words = ("build", "docker")
    head = "built team/a:1, team/a:2: 2 layers, 3 kB, linux-64\n  image id  sha256:00\n"
    said = say("envlock.api.building_docker.build_docker", made, *words)
    assert said.out.startswith(f"{head}match: team/a:1 (level content, 2 files, 3 kB, 0.50 s)\n")
    assert say("envlock.api.building_docker.build_docker", made, *words, "-q") == Said(
        status=0, out="", err=""
    )
    document = json.loads(say("envlock.api.building_docker.build_docker", made, *words, "--json").out)
    assert (document["image_id"], document["diff_ids"]) == ("sha256:00", ["sha256:1", "sha256:2"])
    other = replace(made, report=report(Verdict.MISMATCH, finding(1)))
    quiet = say("envlock.api.building_docker.build_docker", other, *words, "-q")
    assert quiet.status == 1
    assert quiet.out.startswith(f"{head}differs: `f1` differs\n")


def test_what_a_search_found(say: Say) -> None:
    rows = tuple(Change(name=name, good="1", bad="2") for name in ("a", "b"))
    found = Found(
        culprits=rows,
        along=(Change(name="c", good=None, bad="1"),),
        good=Result(status=0, output="0" * 64),
        bad=Result(status=1),
        flipped=Result(status=1),
        changes=1,
        steps=2,
        tried=3,
    )
    words = ("bisect", "good.lock", "bad.lock", "--", "true")
    head = (
        "the result flips with 2 changes, only together: a 1 → 2, b 1 → 2\n"
        "  moved with it, since a requirement says so: c absent → 1\n"
    )
    assert say("envlock.api.bisect_locks", found, *words) == Said(
        status=0,
        out=f"{head}  GOOD         exit status 0, output 0000000000000000\n"
        "  with this    exit status 1\n  BAD          exit status 1\n"
        "  1 change between the locks, 3 tries, 2 of them now\n",
        err="",
    )
    one = replace(found, culprits=rows[:1], along=(), changes=2)
    assert say("envlock.api.bisect_locks", one, "bisect", "-q", *words[1:]).out == (
        "the result flips with a 1 → 2\n"
    )
    document = json.loads(say("envlock.api.bisect_locks", found, "bisect", "--json", *words[1:]).out)
    assert document["along"] == [{"name": "c", "good": None, "bad": "1"}]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("SHA256:abc", "  signed        by key SHA256:abc"),
        (None, "  NOT SIGNED    nobody vouches for it: `--key FILE` signs with an SSH key"),
    ],
)
def test_what_evidence_was_written(say: Say, key: str | None, told: str) -> None:
    made = EvidenceResult(folder=Path("out"), evidence=evidence(), files=("a", "b"), key=key)
    words = ("audit", "--lock", "--prefix", "env", "-o", "out")
    said = say("envlock.api.write_evidence", made, *words)
    assert said.out.splitlines()[0] == "wrote out: 2 files, evidence.html is the one to read"
    assert said.out.splitlines()[-1] == told
    assert say("envlock.api.write_evidence", made, *words, "-q").out == ""
    assert json.loads(say("envlock.api.write_evidence", made, *words, "--json").out)["signed_by"] == key


# -- locks, runs, evidence, hosts ----------------------------------------------------------------------


def locked(*stacks: Stack, **changed: Any) -> LockResult:
    """The lock of an example, with these stacks, each on a platform of its own."""
    lock = read_lock(EXAMPLE / "envlock.lock")
    platforms = ("linux-64", "linux-aarch64", "osx-arm64")[: len(stacks)]
    result = LockResult(
        lock=replace(lock, platforms=platforms, stack=dict(zip(platforms, stacks, strict=True))),
        path=Path("envlock.lock"),
        manifest=manifest_of(EXAMPLE, variant=None, environment={}),
        changed=True,
        notes=("a note",),
        timings={"resolve": 1.25},
        fetched_bytes=3000,
    )
    return replace(result, **changed)


def test_what_was_locked(say: Say) -> None:
    full = Stack(torch="2.6.0", cuda="12.4", cudnn="9.1.0", nccl="2.21.5", triton="3.2.0", driver="525.60.13")
    found = locked(full, Stack(torch="2.6.0", cuda="cpu"), Stack())
    said = say("envlock.api.lock", found, "lock", "-v")
    assert (said.status, said.err) == (0, "note: a note\n")
    lines = said.out.splitlines()
    assert [line for line in lines if "PyTorch" in line] == [
        "  linux-64  PyTorch 2.6.0, CUDA 12.4, cuDNN 9.1.0, NCCL 2.21.5, Triton 3.2.0;"
        " NVIDIA driver 525.60.13 or newer",
        "  linux-aarch64  PyTorch 2.6.0, CPU",
        "  osx-arm64  no PyTorch",
    ]
    assert lines[-1] == "  resolve 1.25 s"
    assert say("envlock.api.lock", found, "lock", "-q") == Said(status=0, out="", err="")


def test_what_was_resurrected(say: Say) -> None:
    found = Resurrected(
        manifest=Path("envlock.toml"),
        lock=locked(Stack(torch="2.6.0", cuda="12.4"), Stack(torch="2.6.0", cuda="cpu")),
        day="2025-02-01T00:00:00Z",
        day_from="--date",
        torch="2.6.0",
        python="3.11",
        cuda="12.4",
        read=("requirements.txt",),
        left_out=(),
        notes=("a note",),
    )
    words = ("resurrect", ".", "--date", "2025-02-01")
    said = say("envlock.api.resurrect", found, *words)
    assert (said.status, said.err) == (0, "note: a note\n")
    assert said.out.splitlines()[0] == "as of 2025-02-01T00:00:00Z (--date), from requirements.txt"
    assert said.out.splitlines()[-2:] == [
        "  linux-64: torch 2.6.0, CUDA 12.4",
        "  linux-aarch64: torch 2.6.0, CUDA cpu",
    ]
    assert say("envlock.api.resurrect", found, *words, "-q") == Said(status=0, out="", err="")
    document = json.loads(say("envlock.api.resurrect", found, *words, "--json").out)
    assert (document["schema"], document["torch"], document["cuda"]) == (
        "envlock.resurrect/1",
        "2.6.0",
        "12.4",
    )


RAN = ("run", "--prefix", "env", "--", "true")


def test_what_a_run_left(say: Say) -> None:
    document = receipt()
    document["runtime"]["held"] = False
    row = document["outputs"]["model.npz"]
    document["outputs"] = {"gone": {**row, "sha256": None}, "old": {**row, "written": False}}
    after = report(Verdict.MISMATCH, finding(1))
    found = RunOutcome(
        report=report(Verdict.MATCH), receipt=document, path=Path("r.json"), replaced=True, after=after
    )
    told = (
        "warning: the environment changed while the command ran:\n"
        "  differs: `f1` differs\n"
        "warning: the output `gone` is not there\n"
        "warning: the output `old` was there before, and the command left it alone\n"
    )
    lost = "receipt: r.json, in the place of the one that was there\n"
    assert say("envlock.api.run", found, *RAN) == Said(status=1, out="", err=told + lost)
    assert say("envlock.api.run", found, "run", "-q", *RAN[1:]) == Said(status=1, out="", err=told)


def test_nothing_was_run(say: Say) -> None:
    said = say("envlock.api.run", RunOutcome(report=report(Verdict.MISMATCH, finding(1))), *RAN)
    assert (said.status, said.out) == (1, "")
    assert said.err.splitlines()[-1] == (
        "hint: nothing was run; `envlock sync` makes the environment what the lock says"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("envlock.api.verify_loaded", ["--level", "loaded", "--prefix", "env"]),
        ("envlock.api.verify_running", ["--level", "loaded", "--pid", "1"]),
        ("envlock.api.verify_numerics", ["--level", "numerics", "--emulator", "qemu", "--prefix", "env"]),
    ],
)
def test_ways_to_look(say: Say, name: str, words: list[str]) -> None:
    said = say(name, report(Verdict.MATCH), "verify", *words, "-q")
    assert (said.status, said.err) == (0, "")
    assert say(name, report(Verdict.INCOMPLETE), "verify", *words, "-q").status == 8


def test_what_evidence_was_checked(say: Say) -> None:
    odd = replace(
        finding(1), code="witness-odd", expected="1", observed=None, hint="ask again", message="one is odd"
    )
    differs = replace(finding(2), expected="2", observed="3")
    folder = Checked(place="a", runtime=RUNTIME, files=2, signer=None, findings=(), reports=(), receipts=())
    signed = replace(folder, place="b", signer=Signer(key="SHA256:abc", principal=None))
    found = EvidenceCheck(
        verdict=Verdict.MISMATCH,
        folders=(folder, signed),
        quorum=Quorum(needed=2, counted=1, witnesses=(), findings=()),
        findings=(odd, differs),
    )
    words = ("audit", "verify", "a", "b")
    first = (
        "differs: one is odd\n  expected  1\n  observed  nothing\n  hint: ask again\ndiffers: `f2` differs\n"
    )
    rest = (
        f"a: 2 files, without a signature that holds\n  runtime hash  {RUNTIME}\n"
        f"b: 2 files, signed by nobody that is named, key SHA256:abc\n  runtime hash  {RUNTIME}\n"
        "quorum: 1 of 2 independent signers say the same\nmismatch: the evidence does not hold\n"
    )
    name = "envlock.api.check_evidence"
    assert say(name, found, *words) == Said(status=1, out=first + rest, err="")
    assert say(name, found, *words, "-q") == Said(status=1, out=first, err="")
    assert say(name, found, *words, "-v").out == f"{first}  expected  2\n  observed  3\n{rest}"


def test_what_a_log_tells(say: Say, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("it broke")
    found = (Diagnosis(code="it-broke", message="it broke", hint="mend it"),)
    said = say("envlock.api.doctoring.recognised", found, "doctor", "--log", str(tmp_path / "log"))
    assert said == Said(status=1, out="fault: it broke [it-broke]\n  hint: mend it\n", err="")


def test_what_is_wrong_with_a_host(say: Say) -> None:
    host = replace(NOTHING, gpu=GpuFacts())
    note = Diagnosis(code="odd", message="it is odd", hint="see", seen="a line", is_fault=False)
    said = say("envlock.api.doctoring.doctor", (host, (note,)), "doctor")
    assert said.status == 0
    assert said.out.endswith(
        "note: it is odd [odd]\n  seen: a line\n  hint: see\nok: nothing is wrong here\n"
    )
    fault = replace(note, is_fault=True)
    said = say("envlock.api.doctoring.doctor", (host, (fault,)), "doctor")
    assert said.status == 1
    assert said.out.endswith("fault: it is odd [odd]\n  seen: a line\n  hint: see\n")


def test_what_was_fixed(say: Say, tmp_path: Path) -> None:
    edit = Edit(file="Dockerfile", line=1, old="FROM a", new="FROM b")
    said = say("envlock.api.auditing.fix", Fixed(done=(edit,), kept=("setup.sh",)), "audit", "--fix")
    assert said.err == (
        "fixed Dockerfile:1: `FROM a` is `FROM b`\n"
        "not fixed: setup.sh cannot be written, or has changed meanwhile\n"
    )
    both = say("envlock.api.auditing.fix", None, "audit", "--sarif", "--json")
    assert (both.status, json.loads(both.out)["error"]["message"]) == (
        2,
        "`--sarif` and `--json` are two documents",
    )
    assert say("envlock.api.auditing.rules_page", "the rules\n", "audit", "--rules").out == "the rules\n"


def test_what_an_image_became(say: Say) -> None:
    made = OciResult(
        platform="linux-64",
        built=BuiltImage(format=1, id="sha256:c", diff_ids=(), manifest="sha256:m"),
        layers=2,
        size=3000,
        noted=False,
        not_run=("a", "b"),
    )
    words = ("build", "oci", "-o", "image", "-q")
    assert say("envlock.api.building.build_oci", made, *words) == Said(
        status=0, out="", err="note: scripts that conda would run after linking were not run: a, b\n"
    )
    bundle = BundleResult(
        output=Path("b.tar"),
        platforms=(),
        runtime={},
        files=0,
        size=0,
        wheels=0,
        conda_packages=0,
        has_image=False,
    )
    assert say("envlock.api.bundle", bundle, "bundle", "-o", "b.tar", "-q") == Said(status=0, out="", err="")


def test_what_a_repair_from_a_bundle_did(say: Say) -> None:
    result = RepairResult(repaired=(), left=())
    words = ("sync", "--repair", "--bundle", "b.tar")
    said = say("envlock.api.repair_bundle", outcome(RepairOutcome, result), *words)
    assert (said.status, said.out.splitlines()[0]) == (0, "nothing to restore")


def test_the_settings_of_a_profile(say: Say) -> None:
    found = Profile(
        name="deterministic", says="the same bits", settings=(ProfileSetting(name="A", value="1", why="so"),)
    )
    words = ("numerics", "profile", "deterministic")
    document = json.loads(say("envlock.api.numerics_profile", found, *words, "--json").out)
    assert document == {"schema": "envlock.profile/1", "name": "deterministic", "settings": {"A": "1"}}


def test_progress_is_drawn_on_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn() -> str:
        with progress(enabled=True) as on_event:
            on_event(Event(step="verify", done=1, total=2))
        return capsys.readouterr().err

    assert drawn() == ""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "hashing" in drawn()
