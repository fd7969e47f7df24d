"""The error for a combination that was never published, whole."""

from __future__ import annotations

import pytest

from envlock import stack
from envlock.errors import NoSuchBuild
from envlock.manifest.platforms import Platform


def told(error: NoSuchBuild) -> tuple[str, dict[str, str], str | None]:
    return error.message, dict(error.facts), error.hint


def test_pytorch_2_6_with_cuda_12_1() -> None:
    error = stack.no_such_build("2.6.0", "12.1", where="pyproject.toml, tool.envlock.cuda")
    assert (error.code, error.exit_status) == ("no-such-build", 4)
    assert error.where == "pyproject.toml, tool.envlock.cuda"
    assert error.message == "PyTorch 2.6.0 was never built for CUDA 12.1"
    assert error.facts == (
        ("asked by", 'pyproject.toml, tool.envlock.cuda = "12.1"'),
        ("exists", "2.6.0 with 11.8, 12.4 (default), 12.6, cpu · CUDA 12.1 with 2.1.0 to 2.5.1"),
    )
    assert error.hint == '`cuda = "12.4"` runs on every driver that 12.1 runs on (525.60.13 or newer)'


def test_a_place_is_named_only_where_there_is_one() -> None:
    error = stack.no_such_build("2.6.0", "12.1")
    assert error.where is None
    assert [label for label, _ in error.facts] == ["exists"]


def test_pytorch_2_9_with_cuda_11_8_needs_a_newer_driver() -> None:
    assert told(stack.no_such_build("2.9.0", "11.8")) == (
        "PyTorch 2.9.0 was never built for CUDA 11.8",
        {
            "exists": "2.9.0 with 12.6, 12.8 (default), 12.9 (not advertised), 13.0, cpu"
            " · CUDA 11.8 with 2.0.0 to 2.7.1"
        },
        '`cuda = "12.8"` needs a newer driver than 11.8 (525.60.13 or newer);'
        " the last PyTorch for CUDA 11.8 is 2.7.1",
    )


def test_an_older_major_runs_on_the_drivers_of_a_newer_one() -> None:
    assert told(stack.no_such_build("2.0.1", "12.4")) == (
        "PyTorch 2.0.1 was never built for CUDA 12.4",
        {"exists": "2.0.1 with 11.7 (default), 11.8, cpu · CUDA 12.4 with 2.4.0 to 2.6.0"},
        '`cuda = "11.7"` runs on every driver that 12.4 runs on (450.80.02 or newer)',
    )


def test_a_gap_in_the_releases_of_a_cuda_is_a_gap_in_the_text() -> None:
    assert told(stack.no_such_build("2.7.0", "12.9"))[1] == {
        "exists": "2.7.0 with 11.8, 12.6 (default), 12.8, cpu"
        " · CUDA 12.9 with 2.8.0 to 2.11.0, 2.12.1 to 2.13.0"
    }


def test_a_cuda_that_no_pytorch_was_built_for() -> None:
    assert told(stack.no_such_build("2.6.0", "12.7")) == (
        "PyTorch 2.6.0 was never built for CUDA 12.7",
        {"exists": "2.6.0 with 11.8, 12.4 (default), 12.6, cpu · CUDA 12.7 with no PyTorch"},
        '`cuda = "12.4"` runs on every driver that 12.7 runs on (525.60.13 or newer)',
    )


def test_a_release_that_is_known_in_part_is_not_said_to_lack_a_build() -> None:
    assert told(stack.no_such_build("2.15.0", "12.6")) == (
        "PyTorch 2.15.0 is not known to be built for CUDA 12.6",
        {"exists": "2.15.0 with 13.2 (default) · CUDA 12.6 with 2.6.0 to 2.14.1"},
        '`cuda = "13.2"` needs a newer driver than 12.6 (580 or newer);'
        " the last PyTorch for CUDA 12.6 is 2.14.1",
    )


def test_a_release_that_is_not_known() -> None:
    assert told(stack.no_such_build("2.99.0", "12.6")) == (
        "PyTorch 2.99.0 is not known to be built for CUDA 12.6",
        {"exists": "CUDA 12.6 with 2.6.0 to 2.14.1"},
        "the newest PyTorch known for CUDA 12.6 is 2.14.1",
    )


def test_neither_release_nor_cuda_is_known() -> None:
    assert told(stack.no_such_build("2.99.0", "12.7")) == (
        "PyTorch 2.99.0 is not known to be built for CUDA 12.7",
        {"exists": "CUDA 12.7 with no PyTorch"},
        None,
    )


def test_no_cpu_build_is_known() -> None:
    assert told(stack.no_such_build("2.15.0", "cpu")) == (
        "PyTorch 2.15.0 is not known to be built without CUDA",
        {"exists": "2.15.0 with 13.2 (default)"},
        "the newest PyTorch known without CUDA is 2.14.0",
    )


def test_the_hint_speaks_of_the_drivers_of_the_platform() -> None:
    error = stack.no_such_build("2.6.0", "12.1", platform=Platform.WIN_64)
    assert error.hint == '`cuda = "12.4"` runs on every driver that 12.1 runs on (528.33 or newer)'


@pytest.mark.parametrize(
    ("torch", "cuda", "nearest"),
    [
        ("2.6.0", "12.1", "12.4"),  # the default
        ("2.6.0", "12.8", "12.4"),
        ("2.6.0", "11.7", "11.8"),  # one driver runs both
        ("2.6.0", "13.0", "12.4"),  # the older major runs on the newer's drivers
        ("2.12.0", "12.8", "12.6"),
        ("2.10.0", "11.8", "12.8"),  # nothing of the same drivers: the default
        ("2.15.0", "cpu", None),
        ("2.99.0", "12.4", None),
    ],
)
def test_the_nearest_cuda(torch: str, cuda: str, nearest: str | None) -> None:
    assert stack.nearest_cuda(torch, cuda) == nearest
