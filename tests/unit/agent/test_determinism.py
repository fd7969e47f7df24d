"""`deterministic(seed)`: in processes of their own, since it changes the whole process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envlock import Deterministic, deterministic
from envlock.observe.zipapp import agent_bytes
from tests.support.environments import Subject, make_subject
from tests.support.real_wheels import download

MEASURED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def run(program: str, *, python: str = sys.executable, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**MEASURED, **variables}
    return subprocess.run(
        [python, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=300
    )


PLAIN = "from envlock import deterministic; import random; print(deterministic(7).missing, random.random())"


def test_random_is_seeded_and_nothing_is_missing_with_the_hash_seed() -> None:
    first, second = (run(PLAIN, PYTHONHASHSEED="0") for _ in range(2))
    assert (first.stderr, first.stdout) == ("", second.stdout)
    assert first.stdout.startswith("() 0.32383276483316237")


@pytest.mark.parametrize("value", ["", "random"])
def test_what_had_to_be_set_before_start_is_told(value: str) -> None:
    variables = {"PYTHONHASHSEED": value} if value else {}
    late = f"import os; os.environ['PYTHONHASHSEED'] = '0'; {PLAIN}"
    was = f"`{value}`" if value else "not set"
    assert (
        f"RuntimeWarning: PYTHONHASHSEED was {was} when Python started: the order of sets of text changes "
        'from run to run; set it before (PYTHONHASHSEED = "0" in the settings of the lock, `envlock run` '
        "applies it)"
    ) in run(late, **variables).stderr


NUMPY = "class random: seed = staticmethod(lambda seed: print('numpy', seed))\n"
TORCH = """
from types import SimpleNamespace
version = SimpleNamespace(cuda="12.4")
backends = SimpleNamespace(cudnn=SimpleNamespace(), cuda=SimpleNamespace(matmul=SimpleNamespace()))
def manual_seed(seed): print("torch", seed)
def use_deterministic_algorithms(flag): print("algorithms", flag)
def initial_seed(): return 2**32 + 11
class Generator:
    def manual_seed(self, seed): print("generator", seed)
"""


def test_every_library_that_is_there_is_seeded(tmp_path: Path) -> None:
    """A worker takes the seed that torch gave it, as far as NumPy takes it."""
    (tmp_path / "torch.py").write_text(TORCH)
    program = "from envlock import deterministic\nprint(deterministic(7).missing)\nprint(torch.backends)\n"
    program = f"import torch\n{program}from envlock.agent.determinism import seed_worker\nseed_worker(0)\n"
    known = {"PYTHONPATH": str(tmp_path), "PYTHONHASHSEED": "0", "CUBLAS_WORKSPACE_CONFIG": ":16:8"}
    seeded = "torch 7\nalgorithms True\ngenerator 7\n()\n"
    backends = (
        "namespace(cudnn=namespace(benchmark=False, deterministic=True, allow_tf32=False), "
        "cuda=namespace(matmul=namespace(allow_tf32=False)))\n"
    )
    done = run(program, **known)
    assert (done.stderr, done.stdout) == ("", seeded + backends)
    (tmp_path / "numpy.py").write_text(NUMPY)
    assert run(program, **known).stdout == f"numpy 7\n{seeded}{backends}numpy 11\n"
    late = run(program, PYTHONPATH=str(tmp_path), PYTHONHASHSEED="0", CUBLAS_WORKSPACE_CONFIG=":8:8").stderr
    assert (
        "RuntimeWarning: CUBLAS_WORKSPACE_CONFIG was not `:4096:8` or `:16:8` when Python started: matrix "
        "products on a GPU fail or do not repeat; set it before, as PYTHONHASHSEED"
    ) in late


def test_a_library_that_lacks_one_of_its_own_is_no_missing_library(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("import no_such_part\n")
    done = run(PLAIN, PYTHONPATH=str(tmp_path), PYTHONHASHSEED="0")
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'no_such_part'"


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_numpy_would_not_take(seed: int) -> None:
    with pytest.raises(ValueError, match=rf"^a seed is from 0 to 2\*\*32 - 1, and {seed} is not$"):
        deterministic(seed)


def test_the_zipapp_offers_it(tmp_path: Path) -> None:
    agent = tmp_path / "agent.pyz"
    agent.write_bytes(agent_bytes())
    program = (
        f"import sys; sys.path.insert(0, {str(agent)!r}); from envlock_agent import deterministic\n"
        "import envlock_agent; first = deterministic(1); assert envlock_agent.deterministic(1) == first\n"
        "print(first.seed, first.missing)"
    )
    assert run(program, PYTHONHASHSEED="0").stdout == "1 ()\n"


def test_it_is_offered_by_name() -> None:
    assert Deterministic.__module__ == "envlock.agent.determinism"


LOADER = """
import sys; sys.path.insert(0, sys.argv[1])
import json, random, numpy, torch
from envlock_agent import deterministic

class Noisy(torch.utils.data.Dataset):
    def __len__(self): return 8
    def __getitem__(self, place): return random.random() + numpy.random.rand() + torch.rand(1).item()

if __name__ == "__main__":
    fixed = deterministic(5)
    load = lambda **more: torch.utils.data.DataLoader(
        Noisy(), shuffle=True, generator=fixed.generator, worker_init_fn=fixed.worker_init_fn, **more)
    print(json.dumps({
        "workers": [batch.item() for batch in load(num_workers=2)],
        "spawned": [batch.item() for batch in load(num_workers=2, multiprocessing_context="spawn")],
        "drawn": [random.random(), numpy.random.rand(), torch.rand(1).item()],
        "algorithms": torch.are_deterministic_algorithms_enabled(),
        "tf32": [torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32],
        "cudnn": [torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic],
        "missing": fixed.missing,
    }))
"""


@pytest.mark.slow
def test_torch_and_the_workers_of_a_loader_repeat(cpu_torch: Subject, tmp_path: Path) -> None:
    agent, script = tmp_path / "agent.pyz", tmp_path / "load.py"
    agent.write_bytes(agent_bytes())
    script.write_text(LOADER)
    words = [str(cpu_torch.python), str(script), str(agent)]
    runs = [
        subprocess.run(words, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False)
        for _ in range(2)
    ]
    assert [each.stderr for each in runs] == ["", ""]
    first, second = (json.loads(each.stdout) for each in runs)
    assert first == second
    assert len(set(first["workers"] + first["spawned"])) == 16
    assert (first["algorithms"], first["tf32"], first["cudnn"]) == (True, [False, False], [False, True])
    assert first["missing"] == []


@pytest.mark.slow
def test_numpy_alone_is_seeded(tmp_path: Path) -> None:
    subject = make_subject(tmp_path, download(tmp_path, "numpy"))
    agent = tmp_path / "agent.pyz"
    agent.write_bytes(agent_bytes())
    program = (
        f"import sys; sys.path.insert(0, {str(agent)!r}); from envlock_agent import deterministic\n"
        "import numpy; print(deterministic(3).generator, numpy.random.rand())"
    )
    done = run(program, python=str(subject.python), PYTHONHASHSEED="0")
    assert (done.stdout, done.stderr) == ("None 0.5507979025745755\n", "")
