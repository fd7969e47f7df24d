"""PyTorch from the real records of conda-forge."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from envlock.errors import NoSolution, WrongBuild
from envlock.resolve.conda.model import CondaWish, Record
from envlock.resolve.conda.resolve import solve_wish
from envlock.resolve.conda.solve import solve
from envlock.resolve.conda.stack import read_stack
from tests.support.conda.forge import forge_records
from tests.unit.resolve.conda.wishes import VIRTUAL, wish


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return {"conda-forge": forge_records(tmp_path_factory.mktemp("forge"))}


def run(
    wish: CondaWish, channels: Mapping[str, str], constraints: tuple[str, ...] = ()
) -> tuple[Record, ...]:
    return solve(wish, channels, constraints=constraints)


def test_pytorch_gpu_with_a_driver_for_12_9(forge: Mapping[str, str]) -> None:
    """What real conda makes of it is in tests/e2e/test_conda_oracle.py: the same 92."""
    records = run(wish("pytorch-gpu", virtual={**VIRTUAL, "__cuda": "12.9"}), forge)
    assert len(records) == 92
    assert sum(record.size for record in records) == 3_681_965_344
    found = read_stack(records, wish().platform)
    assert (found.torch, found.cuda, found.cudnn, found.nccl) == ("2.7.1", "12.9", "9.11.0.98", "2.28.9.1")
    assert {record.channel for record in records} == {"conda-forge"}


def test_without_cuda_the_cause_in_a_sentence(forge: Mapping[str, str]) -> None:
    with pytest.raises(NoSolution) as caught:
        run(wish("pytorch-gpu"), forge)
    assert caught.value.message == (
        "`pytorch-gpu 2.7.1` needs `pytorch 2.7.1`, which needs `__cuda`, "
        "and the manifest gives linux-64 no such virtual package"
    )
    assert caught.value.hint == (
        '`virtual-packages = { __cuda = "12.9" }` of [tool.envlock.conda] says what the hosts can run'
    )
    assert caught.value.exit_status == 4


@pytest.mark.parametrize(
    ("virtual", "given"),
    [
        ({"__glibc": "2.5"}, "and the manifest gives linux-64 __glibc 2.5"),
        ({"__glibc": None}, "and the manifest gives linux-64 no such virtual package"),
    ],
)
def test_a_host_that_is_too_old(forge: Mapping[str, str], virtual: dict[str, str | None], given: str) -> None:
    told = {name: text for name, text in {**VIRTUAL, "__cuda": "12.9", **virtual}.items() if text is not None}
    with pytest.raises(NoSolution) as caught:
        run(wish("pytorch 2.7.1", virtual=told), forge)
    assert caught.value.message == f"`pytorch 2.7.1` needs `__glibc >=2.17,<3.0.a0`, {given}"
    assert caught.value.hint == "`virtual-packages` of [tool.envlock.conda] can give `__glibc`"


def test_cuda_holds_the_solver_to_it(forge: Mapping[str, str]) -> None:
    asked = wish("pytorch", "python 3.12.*", cuda="12.6", virtual={**VIRTUAL, "__cuda": "12.6"})
    found = read_stack(solve_wish(asked, forge, run), asked.platform)
    assert (found.torch, found.cuda) == ("2.6.0", "12.6")
    newest = wish("pytorch", "python 3.14.*", virtual={**VIRTUAL, "__cuda": "12.6"})
    assert read_stack(solve_wish(newest, forge, run), newest.platform).cuda == "cpu"


def test_a_cpu_build_where_cuda_is_asked_for(forge: Mapping[str, str]) -> None:
    """No CUDA build of the records is for Python 3.14."""
    asked = wish("pytorch", "python 3.14.*", cuda="12.9", virtual={**VIRTUAL, "__cuda": "12.9"})
    with pytest.raises(WrongBuild) as caught:
        solve_wish(asked, forge, run)
    assert caught.value.message == (
        "CUDA 12.9 is asked for on linux-64, and pytorch 2.10.0 cpu_mkl_py314_hf472749_104 is a CPU build"
    )


def test_another_cuda_than_the_one_asked_for(forge: Mapping[str, str]) -> None:
    asked = wish("pytorch 2.7.1", cuda="12.6", virtual={**VIRTUAL, "__cuda": "12.9"})
    with pytest.raises(WrongBuild) as caught:
        solve_wish(asked, forge, run)
    assert caught.value.message == (
        "CUDA 12.6 is asked for on linux-64, "
        "and pytorch 2.7.1 cuda129_mkl_py312_hfde4d7d_304 is built for CUDA 12.9"
    )
    assert caught.value.facts == (
        ("asked by", 'envlock.toml, cuda = "12.6"'),
        ("came", "pytorch-2.7.1-cuda129_mkl_py312_hfde4d7d_304.conda of the channel conda-forge"),
    )


def test_a_cpu_build_where_one_is_asked_for(forge: Mapping[str, str]) -> None:
    asked = wish("pytorch", cuda="cpu", virtual={**VIRTUAL, "__cuda": "12.9"})
    assert read_stack(solve_wish(asked, forge, run), asked.platform).cuda == "cpu"


def test_as_if_it_were_that_day(forge: Mapping[str, str]) -> None:
    asked = wish("pytorch", exclude_newer="2025-06-01T00:00:00Z", virtual={**VIRTUAL, "__cuda": "12.9"})
    torch = next(record for record in run(asked, forge) if record.name == "pytorch")
    assert torch.version == "2.6.0"


def test_what_does_not_go_together(forge: Mapping[str, str]) -> None:
    with pytest.raises(NoSolution) as caught:
        run(wish("python 3.12.*", "python 3.13.*"), forge)
    assert caught.value.message == ("`python 3.13.*` and `python 3.12.*` cannot be had together on linux-64")
    with pytest.raises(NoSolution) as caught:
        run(wish("pytorch 2.7.1", virtual={**VIRTUAL, "__cuda": "12.9"}), forge, ("cuda-version 12.6.*",))
    assert caught.value.message == "`pytorch 2.7.1` cannot be had on linux-64 with `cuda-version 12.6.*`"


def test_what_no_channel_has(forge: Mapping[str, str]) -> None:
    with pytest.raises(NoSolution) as caught:
        run(wish("no-such-package"), forge)
    assert caught.value.message == ("the channel `conda-forge` has no `no-such-package` for linux-64")
