"""The all-reduce over ranks, and the probes of GPUs as far as a CPU runs them: on real torch."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.environments import make_subject
from tests.support.real_wheels import cpu_torch

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
import torch
from envlock.agent.numerics import cuda_probes, reduce_probes
from envlock.agent.numerics.probe import Bench
from envlock.agent.numerics.ranks import reduced_by_processes

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
def test_ranks_as_threads_sum_as_ranks_in_processes_do(tmp_path: Path) -> None:
    subject = make_subject(tmp_path, cpu_torch(tmp_path, "2.13.0"))
    done = subprocess.run(
        [subject.prefix / "bin/python", "-c", PROGRAM, ROOT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["repeats"], found["as in processes"]) == (True, True)
    assert found["ran"] == [
        *("tf32-matmul", "exact-matmul", "tf32-conv2d", "exact-conv2d"),
        *("cudnn-benchmark", "cudnn-deterministic"),
    ]
    assert found["flags"] == [False, True]  # as torch has them: each probe puts back what it turned
    assert found["said"].startswith("rank 0 ended with 1: ")
