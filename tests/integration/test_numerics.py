"""`envlock numerics record` and `verify --level numerics` on real NumPy and torch."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from envlock.api import NumericsRequest, VerifyRequest, record_numerics, verify_numerics
from envlock.api.numerics import Recorded
from envlock.errors import CouldNotTell
from envlock.lock import write_lock
from envlock.observe.zipapp import write_agent
from envlock.report import Report
from envlock.stack.profiles import profile
from tests.support.environments import Subject, lock_of, make_subject, replace_file
from tests.support.real_wheels import download
from tests.support.tools import need
from tests.support.wheels import make_wheel

NUMERIC = ("OMP_", "MKL_", "OPENBLAS_", "ATEN_", "ONEDNN_", "DNNL_", "NPY_", "NVIDIA_", "CUBLAS_", "NVPL_")


def envlock(*words: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "envlock", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def plain_environment() -> dict[str, str]:
    """This environment without what steers numeric libraries: some machines export it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(NUMERIC)}


def request(
    subject: Subject, environment: Mapping[str, str] | None = None, **options: Any
) -> NumericsRequest:
    target = VerifyRequest(
        lock=subject.prefix.parent / "envlock.lock",
        prefix=subject.prefix,
        environment={**plain_environment(), **(environment or {})},
    )
    return NumericsRequest(target=target, **options)


def recorded(folder: Path, wheels: list[Path], **options: Any) -> Subject:
    subject = make_subject(folder, wheels, **options)
    write_lock(folder / "envlock.lock", subject.lock)
    return record(subject)


def record(subject: Subject) -> Subject:
    result = record_numerics(request(subject))
    assert {each.code for each in result.report.findings} <= {"setting-unset"}
    assert result.reference is not None
    assert (result.unstable, result.failed) == ((), {})
    return subject


def moved(report: Report) -> set[str]:
    assert report.numerics is not None
    return {each.name for each in report.numerics.differences}


def causes(report: Report) -> set[str | None]:
    assert report.numerics is not None
    return {each.cause for each in report.numerics.differences}


@pytest.fixture(scope="module")
def numpy(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    folder = tmp_path_factory.mktemp("numpy")
    return recorded(folder, download(folder, "numpy"))


@pytest.mark.slow
def test_the_same_host_gives_the_same_bits(numpy: Subject) -> None:
    for _ in range(5):
        report = verify_numerics(request(numpy))
        assert report.verdict == "match"
        assert (report.level, moved(report)) == ("numerics", set())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "value", "least"),
    [
        ("OPENBLAS_CORETYPE", "Nehalem", {"numpy-matmul-f32"}),
        ("NPY_DISABLE_CPU_FEATURES", "X86_V3 X86_V4", {"numpy-functions"}),
    ],
)
def test_a_knob_moves_numpy_and_is_named(numpy: Subject, variable: str, value: str, least: set[str]) -> None:
    report = verify_numerics(request(numpy, {variable: value}))
    assert report.verdict == "match"
    assert moved(report) >= least
    assert causes(report) == {f"unset {variable}"}
    notes = [each for each in report.findings if each.code == "numerics-knob"]
    assert [note.message.split(" here")[0] for note in notes] == [f"`{variable}` is `{value}`"]


@pytest.mark.slow
def test_a_changed_kernel_is_a_fault_and_no_difference_of_class(numpy: Subject, tmp_path: Path) -> None:
    """One bit of a constant of the FFT, with the bytes not looked at."""
    folder = tmp_path / "faulty"
    shutil.copytree(numpy.prefix.parent, folder, symlinks=True)
    broken = Subject(prefix=folder / "env", lock=numpy.lock, entries={})
    (library,) = broken.site.glob("numpy/fft/_pocketfft_umath*.so")
    content = library.read_bytes()
    sine = struct.pack("<d", 0.9510565162951535)  # sin(72 degrees), of the radix-5 pass
    assert sine in content
    changed = bytes([sine[0] ^ 1]) + sine[1:]
    replace_file(library, content.replace(sine, changed))
    report = verify_numerics(request(broken, bytes_too=False))
    assert report.verdict == "mismatch"
    faults = [each for each in report.findings if each.code == "numerics-fault"]
    assert [each.component for each in faults] == ["numerics:numpy-fft"]
    assert "this host is of the reference's class" in faults[0].message
    found = verify_numerics(request(broken)).findings
    named = [each for each in found if each.code == "file-differs"]
    assert [each.path for each in named] == [str(library.relative_to(broken.prefix))]
    again = [each for each in found if each.code == "numerics-fault"]
    assert (again[0].hint or "").endswith("`envlock sync --repair`, then verify again")


@pytest.mark.slow
def test_another_cpu_is_another_class_and_the_portable_profile_brings_them_together(
    numpy: Subject, tmp_path: Path
) -> None:
    """qemu-user as a second CPU; its float32 `sqrt` and `fma` are exact, and so are ours."""
    need("qemu-x86_64")
    qemu = "qemu-x86_64"
    second = (qemu, "-cpu", "Nehalem")
    report = verify_numerics(request(numpy, emulator=second))
    assert report.numerics is not None
    assert report.numerics.class_name != report.numerics.reference
    assert report.verdict == "match"
    assert {each.code for each in report.findings} == {"numerics-moved"}
    assert "numpy-matmul-f32" in moved(report)
    wheels = sorted((numpy.prefix.parent / "store").glob("*.whl"))
    settings = {each.name: each.value for each in profile("portable").settings}
    portable = recorded(tmp_path, wheels, settings=settings)
    again = verify_numerics(request(portable, emulator=(qemu, "-cpu", "Haswell")))
    assert again.verdict == "match"
    assert moved(again) <= {"numpy-functions", "numpy-normal", "numpy-legacy-normal"}


SEED = "with the same seed, a run here need not repeat one from there to the last digit\n"


@pytest.mark.slow
def test_the_command_line_records_and_judges(numpy: Subject, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    write_lock(folder / "envlock.lock", numpy.lock)
    words = ["--prefix", str(numpy.prefix), "-l", str(folder / "envlock.lock")]
    plain = plain_environment()
    before = envlock("verify", *words, "--level", "numerics", environment=plain)
    assert before.returncode == 8
    assert before.stdout.startswith("unknown: the lock has no numeric reference for linux-64\n")
    done = envlock("numerics", "record", *words, "--json", environment=plain)
    document = json.loads(done.stdout)
    assert (done.returncode, document["changed"], document["failed"]) == (0, True, {})
    assert document["probes"] >= 11
    assert (len(document["slowest"]), document["unlocked"]) == (5, {})
    set_here = {**plain, "OPENBLAS_NUM_THREADS": "1"}
    warned = envlock("numerics", "record", *words, environment=set_here).stderr
    assert warned.startswith(
        "warning: `OPENBLAS_NUM_THREADS=1` is set and not locked; it decides the order of "
    )
    after = envlock("verify", *words, "--level", "numerics", environment=plain)
    assert after.returncode == 0
    count = document["probes"]
    probes = f"{count} of {count} probes (small fixed computations)"
    said = f"numerics  {probes} equal to the reference of this class of host, "
    assert said + document["class"] in after.stdout
    assert SEED not in after.stdout
    elsewhere = {**plain, "OPENBLAS_CORETYPE": "Nehalem"}
    assert SEED in envlock("verify", *words, "--level", "numerics", environment=elsewhere).stdout
    (numpy.site / "extra.pth").write_text("import os\n")
    try:
        refused = envlock("numerics", "record", *words, environment=plain)
    finally:
        (numpy.site / "extra.pth").unlink()
    assert refused.returncode == 1
    assert "nothing was recorded" in refused.stderr


@pytest.fixture(scope="module")
def torch(cpu_torch: Subject) -> Subject:
    return record(cpu_torch)


# What is exact, or drawn without floating point, is the same on every CPU.
NEVER = {"sort", "integers", "checkpoint", "data-order", "random-integers"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "value", "least"),
    [
        ("OMP_NUM_THREADS", "1", {"layer-norm"}),
        ("ATEN_CPU_CAPABILITY", "default", {"random-normal", "softmax", "functions"}),
        ("ONEDNN_MAX_CPU_ISA", "SSE41", {"conv2d"}),
        ("MKL_CBWR", "COMPATIBLE", {"matmul-f32"}),
    ],
)
def test_a_knob_moves_torch_and_is_named(torch: Subject, variable: str, value: str, least: set[str]) -> None:
    report = verify_numerics(request(torch, {variable: value}, bytes_too=False))
    assert report.verdict == "match"
    assert moved(report) >= least
    assert not moved(report) & NEVER
    assert causes(report) == {f"unset {variable}"}


RANKS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import torch
from envlock_agent.numerics import cuda_probes, reduce_probes
from envlock_agent.numerics.probe import Bench
from envlock_agent.numerics.ranks import reduced_by_processes

bench = Bench(torch, None)
first, again = (reduce_probes.all_reduce(bench) for _ in range(2))
(processes,) = reduced_by_processes(torch, 3, "gloo")
ran = [each.name for each in cuda_probes.PROBES.all if each.name != "cublas-streams" and each.run(bench)]
torch.backends.cudnn.benchmark = False
try:
    reduced_by_processes(torch, 1, "nosuch")
    said = ""
except RuntimeError as error:
    said = str(error)
print(json.dumps({
    "repeats": all(map(torch.equal, first, again)),
    "as in processes": torch.equal(first[1], processes),
    "ran": ran,
    "flags": [torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32],
    "said": said,
}))
"""


@pytest.mark.slow
def test_ranks_as_threads_sum_as_ranks_in_processes_do(torch: Subject, tmp_path: Path) -> None:
    """And the probes of GPUs run on a CPU as far as it goes."""
    write_agent(tmp_path / "agent.pyz")
    words = [str(torch.prefix / "bin/python"), "-c", RANKS, str(tmp_path / "agent.pyz")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["repeats"], found["as in processes"]) == (True, True)
    assert found["ran"] == [
        *("tf32-matmul", "exact-matmul", "tf32-conv2d", "exact-conv2d"),
        *("cudnn-benchmark", "cudnn-deterministic"),
    ]
    assert found["flags"] == [False, True]  # as torch has them: each probe puts back what it turned
    assert found["said"].startswith("rank 0 ended with 1: ")


def test_the_profiles_are_printed_for_a_manifest(tmp_path: Path) -> None:
    done = envlock("numerics", "profile", "portable")
    assert done.returncode == 0
    assert 'ATEN_CPU_CAPABILITY = "avx2"  # PyTorch' in done.stdout
    assert done.stdout.splitlines()[1] == (
        "# for pyproject.toml (the table is [settings] in envlock.toml); after it: `envlock lock`"
    )
    manifest = tmp_path / "envlock.toml"
    manifest.write_text(
        'requirements = ["numpy"]\n' + done.stdout.replace("[tool.envlock.settings]", "[settings]")
    )
    from envlock.manifest import read_manifest

    read = read_manifest(tmp_path, environment={}, default_python="3.11", variant=None)
    assert read.settings["NPY_DISABLE_CPU_FEATURES"] == "X86_V4 AVX512_ICL AVX512_SPR"


def test_the_names_that_numpy_had_before() -> None:
    old = {each.name: each.value for each in profile("portable", "2.3.5").settings}
    assert old["NPY_DISABLE_CPU_FEATURES"].split()[0] == "AVX512F"


def test_the_names_are_for_the_numpy_of_the_lock_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of another version would do nothing, without a word."""
    old = lock_of([make_wheel("numpy", "2.3.5", files={"numpy/__init__.py": b""})], tmp_path / "wheels")
    write_lock(tmp_path / "envlock.lock", old)
    monkeypatch.chdir(tmp_path)
    done = envlock("numerics", "profile", "portable")
    assert 'NPY_DISABLE_CPU_FEATURES = "AVX512F ' in done.stdout


def test_an_environment_without_python_has_no_numbers(tmp_path: Path) -> None:
    from envlock.observe.numerics import NumericsTarget, observe_numerics

    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no such thing' >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(CouldNotTell) as failed:
        observe_numerics(NumericsTarget(python=broken, environment={"PATH": os.defpath}))
    assert failed.value.message == (f"the probes did not come to their end with `{broken}`: no such thing")
    assert failed.value.hint == (
        "`envlock verify --level content` tells whether the environment is what the lock says"
    )


def test_a_probe_that_ends_the_process_is_named(tmp_path: Path) -> None:
    """A stand-in for an interpreter: it dies on one probe and finishes when that is skipped."""
    from envlock.observe.numerics import NumericsTarget, observe_numerics

    stand_in = tmp_path / "python"
    stand_in.write_text(
        "#!/bin/sh\n"
        'case "$4" in\n'
        '*conv2d*) echo \'{"schema": "envlock.numerics/1", "class": "nc1:0", "host": {}, "versions": {}, '
        '"probes": {}, "failed": {}, "broken": {}, "seconds": {}}\' > "$3" ;;\n'
        '*) printf conv2d > "$3.at"; kill -SEGV $$ ;;\n'
        "esac\n"
    )
    stand_in.chmod(0o755)
    found = observe_numerics(NumericsTarget(python=stand_in, environment={"PATH": os.defpath}))
    assert found["failed"] == {"conv2d": "it ended the process with signal 11"}
    assert subprocess.run([stand_in], check=False).returncode != 0


NOTHING = "neither NumPy nor torch is in {}, and envlock computes with nothing else"


def test_an_environment_with_nothing_to_compute_proves_nothing(tmp_path: Path) -> None:
    """It was recorded as 0 probes, and 0 of 0 were a match."""
    subject = make_subject(tmp_path, [make_wheel("demo", "1.0", files={"demo.py": b"x = 1\n"})])
    lock = tmp_path / "envlock.lock"
    write_lock(lock, subject.lock)
    content = lock.read_bytes()
    with pytest.raises(CouldNotTell) as refused:
        record_numerics(request(subject))
    assert refused.value.message == NOTHING.format(f"`{subject.prefix}`") + ": nothing was recorded"
    assert lock.read_bytes() == content
    report = verify_numerics(request(subject))
    assert report.verdict == "incomplete"
    assert [(each.code, each.message) for each in report.findings] == [
        ("numerics-not-run", NOTHING.format("this environment"))
    ]


def test_environments_without_a_probe_in_common_are_not_equal(tmp_path: Path) -> None:
    prefix = make_subject(tmp_path, [make_wheel("demo", "1.0", files={"demo.py": b"x = 1\n"})]).prefix
    done = envlock("numerics", "compare", str(prefix), str(prefix))
    assert done.returncode == 8
    assert f"no probe ran in both `{prefix}` and `{prefix}`" in done.stderr
    there = envlock("numerics", "compare", str(tmp_path), str(prefix))
    assert there.returncode == 8
    assert "name the environment itself, the directory with `bin/python`" in there.stderr


def torch_that(tmp_path: Path, program: str) -> tuple[Subject, list[str]]:
    """An environment with a torch that runs `program` when it is imported, and the words that name it."""
    wheel = make_wheel("torch", "1.0", files={"torch/__init__.py": program.encode()})
    subject = make_subject(tmp_path, [wheel])
    lock = tmp_path / "envlock.lock"
    write_lock(lock, subject.lock)
    return subject, ["--prefix", str(subject.prefix), "-l", str(lock)]


SAYS = (
    "`python -c 'import torch'` in the environment says all of it; where the bytes are as locked, a library "
)
SAYS += "of the system is missing, or a variable is set that it does not bear"


def test_a_torch_that_does_not_load_is_named_with_its_last_words(tmp_path: Path) -> None:
    """Any error but ImportError ended the whole level, and ImportError was taken for no torch at all."""
    _, words = torch_that(tmp_path, "raise OSError('libc10.so: cannot open shared object file')\n")
    told = (
        "unknown: `torch` is installed and cannot be imported, so nothing was computed with it: OSError: "
        f"libc10.so: cannot open shared object file\n  hint: {SAYS}\n"
    )
    done = envlock("verify", *words, "--level", "numerics", environment=plain_environment())
    assert done.returncode == 8
    assert done.stdout.startswith(told)
    content = (tmp_path / "envlock.lock").read_bytes()
    refused = envlock("numerics", "record", *words, environment=plain_environment())
    assert refused.returncode == 8
    assert refused.stdout.startswith(told)
    assert refused.stderr == "hint: nothing was recorded\n"
    assert (tmp_path / "envlock.lock").read_bytes() == content


def test_a_torch_that_ends_the_process_when_it_is_imported(tmp_path: Path) -> None:
    _, words = torch_that(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    done = envlock("verify", *words, "--level", "numerics", environment=plain_environment())
    assert done.returncode == 8
    assert "so nothing was computed with it: it ended the process with signal 4\n" in done.stdout


def test_what_is_set_and_not_locked_is_warned_of(tmp_path: Path) -> None:
    from envlock.cli.numerics import _warned
    from envlock.verify.knobs import unlocked

    environment = {"OPENBLAS_CORETYPE": "Haswell", "OMP_NUM_THREADS": "2", "MKL_CBWR": "", "HOME": "/root"}
    found = unlocked(environment, {"OMP_NUM_THREADS": "4"})
    report = verify_numerics(request(torch_that(tmp_path, "")[0]))
    assert list(_warned(Recorded(report=report, reference=None, unlocked=found))) == [
        "warning: `OPENBLAS_CORETYPE=Haswell` is set and not locked; it decides the CPU kernels of OpenBLAS",
        "  what was recorded holds only where it is set so. Either unset, and record again;",
        '  or, for all hosts to have it, `OPENBLAS_CORETYPE = "Haswell"` under `[tool.envlock.settings]`, '
        "then",
        "  `envlock lock` and `envlock numerics record`",
    ]


EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "mnist-receipt"
OUTPUTS = [word for name in ("w1.npy", "w2.npy", "result.json") for word in ("--output", name)]


def trained(torch: Subject, folder: Path, *more: str) -> Path:
    """The torch variant of the example in a folder of its own, run; its receipt."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".venv", "*.npy", "*.json"))
    where = ["--prefix", str(torch.prefix), "-l", str(torch.prefix.parent / "envlock.lock"), *OUTPUTS]
    words = [sys.executable, "-m", "envlock", "run", *where, "--", "python", "train_torch.py", *more]
    environment = {**plain_environment(), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[1]) > 0.8
    return folder / "envlock-receipt.json"


@pytest.mark.slow
def test_the_example_with_torch_is_equal_in_two_folders_and_differs_by_its_seed(
    torch: Subject, tmp_path: Path
) -> None:
    first, second = trained(torch, tmp_path / "one"), trained(torch, tmp_path / "two")
    same = envlock("receipt", "compare", str(first), str(second))
    assert (same.returncode, same.stdout) == (
        0,
        "equal: 3 outputs, and all that decided them\n"
        "note: the commit is not in both receipts and was not compared\n",
    )
    other = envlock("receipt", "compare", str(first), str(trained(torch, tmp_path / "three", "--seed", "1")))
    assert other.returncode == 1
    assert other.stdout.startswith(
        "differs first: command, words\n  A  python train_torch.py\n  B  python train_torch.py --seed 1\n"
        "  and 3 more differences, which it may have caused (`-v` has all)\n"
    )
