"""`lock` on a local index with a miniature of the PyTorch stack: all but the network is real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from envlock import api
from envlock.errors import (
    FileClash,
    GoneFromIndex,
    HashMismatch,
    IndexFailed,
    LockfileInvalid,
    NoSolution,
    NoSuchBuild,
    NoWheel,
    RecordLies,
    UsageFault,
    WrongBuild,
)
from envlock.lock.file import read_lock, write_lock
from envlock.lock.runtime import runtime_hash
from envlock.manifest.platforms import Platform
from envlock.resolve.locate import locate
from envlock.resolve.model import Event
from envlock.stack import default_python
from tests.support.index import LocalIndex, Status
from tests.support.stacks import TorchIndex
from tests.support.wheels import make_wheel, no_hashes, wrong_hash
from tests.unit.lock.values import reference


@pytest.fixture(scope="module")
def stack() -> Iterator[TorchIndex]:
    """The stack, for tests that only read."""
    with TorchIndex() as index:
        yield index


@pytest.fixture
def own() -> Iterator[LocalIndex]:
    """An empty index of the test's own."""
    with LocalIndex() as index:
        yield index


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    root: Path
    sources: dict[str, str]

    def write(self, text: str) -> None:
        sources = "".join(f'{name} = "{url}"\n' for name, url in self.sources.items())
        (self.root / "envlock.toml").write_text(f"{text}\n[sources]\n{sources}")

    def request(self, **options: Any) -> api.LockRequest:
        return api.LockRequest(project=self.root, **options)

    def lock(self, text: str | None = None, **options: Any) -> api.LockResult:
        if text is not None:
            self.write(text)
        return api.lock(self.request(**options), environment=os.environ)

    @property
    def lockfile(self) -> Path:
        return self.root / "envlock.lock"


@pytest.fixture
def project(tmp_path: Path, stack: TorchIndex) -> Project:
    return Project(root=tmp_path, sources={"default": stack.url, "pytorch": stack.pytorch_source})


@pytest.fixture
def small(tmp_path: Path, own: LocalIndex) -> Project:
    return Project(root=tmp_path, sources={"default": own.url})


def pins(result: api.LockResult) -> dict[str, str]:
    return {row.name: row.version for row in result.lock.distributions}


def indexes(result: api.LockResult) -> dict[str, str]:
    return {row.name: row.index for row in result.lock.distributions}


def publish(index: LocalIndex, name: str, version: str, *requires: str, **options: Any) -> None:
    module = name.replace("-", "_")
    files = {f"{module}/__init__.py": f"__version__ = {version!r}\n".encode()}
    tag = options.pop("tag", "py3-none-any")
    index.add(make_wheel(name, version, files=files, requires=requires, tag=tag), **options)


# Which build of torch


def test_the_default_wheel_where_its_cuda_is_the_one_asked_for(project: Project) -> None:
    result = project.lock('requirements = ["torch"]\ncuda = "12.4"\npython = "3.11"')
    assert result.changed
    assert result.path == project.lockfile
    assert pins(result) == {
        "filelock": "3.13.1",
        "nvidia-cuda-runtime-cu12": "12.4.127",
        "nvidia-cudnn-cu12": "9.1.0.70",
        "nvidia-nccl-cu12": "2.21.5",
        "torch": "2.6.0",
        "triton": "3.2.0",
        "typing-extensions": "4.12.2",
    }
    assert set(indexes(result).values()) == {"default"}
    found = result.lock.stack["linux-64"]
    assert (found.torch, found.cuda, found.variant) == ("2.6.0", "12.4", "cu124")
    assert (found.cudnn, found.nccl, found.triton) == ("9.1.0.70", "2.21.5", "3.2.0")
    assert found.driver == "525.60.13"
    assert read_lock(project.lockfile) == result.lock


def test_edges_are_those_of_the_metadata(project: Project) -> None:
    result = project.lock('requirements = ["torch==2.6.0"]\npython = "3.11"')
    requires = {row.name: row.requires for row in result.lock.distributions}
    assert requires["torch"] == (
        "filelock",
        "nvidia-cuda-runtime-cu12",
        "nvidia-cudnn-cu12",
        "nvidia-nccl-cu12",
        "triton",
        "typing-extensions",
    )
    assert requires["filelock"] == ()


def test_the_pytorch_index_where_the_default_wheel_has_another_cuda(project: Project) -> None:
    result = project.lock('requirements = ["torch==2.6.0"]\ncuda = "11.8"\npython = "3.11"')
    assert (pins(result)["torch"], indexes(result)["torch"]) == ("2.6.0+cu118", "pytorch")
    assert indexes(result)["triton"] == "pytorch"
    assert indexes(result)["filelock"] == "default"
    assert result.lock.stack["linux-64"].cuda == "11.8"


def test_a_torch_that_another_distribution_needs_comes_from_the_right_index_too(project: Project) -> None:
    result = project.lock('requirements = ["torchvision"]\ncuda = "11.8"\npython = "3.11"')
    assert pins(result)["torchvision"] == "0.21.0+cu118"
    assert pins(result)["torch"] == "2.6.0+cu118"
    assert {indexes(result)[name] for name in ("torch", "torchvision", "triton")} == {"pytorch"}


def test_a_cpu_build_has_no_cuda_in_it(project: Project) -> None:
    result = project.lock('requirements = ["torchvision"]\ncuda = "cpu"\npython = "3.11"')
    assert pins(result)["torch"] == "2.8.0+cpu"
    assert not [name for name in pins(result) if name.startswith("nvidia") or name == "triton"]
    found = result.lock.stack["linux-64"]
    assert (found.cuda, found.variant, found.driver) == ("cpu", "cpu", None)


def test_a_python_that_nobody_named_is_told(small: Project, own: LocalIndex) -> None:
    """It was 3.14 without a word, which many wheels are not made for."""
    publish(own, "plain", "1.0")
    [note] = small.lock('requirements = ["plain"]').notes
    assert note == (
        f"Python {default_python()}: the newest that PyTorch and its release before have wheels for, as "
        'nothing asks for one; `python = "3.11"` in the manifest takes another'
    )


def test_without_torch_cuda_decides_nothing(project: Project) -> None:
    result = project.lock('requirements = ["numpy"]\ncuda = "12.4"\npython = "3.11"')
    assert pins(result) == {"numpy": "2.1.2"}
    assert result.lock.stack == {}
    assert result.notes == ("linux-64: nothing needs torch, so `cuda` decides nothing",)


def test_a_combination_that_was_never_published(project: Project) -> None:
    with pytest.raises(NoSuchBuild) as caught:
        project.lock('requirements = ["torch==2.6.0"]\ncuda = "12.1"\npython = "3.11"')
    assert caught.value.message == "PyTorch 2.6.0 was never built for CUDA 12.1"
    assert caught.value.where == "envlock.toml, cuda"
    assert not project.lockfile.exists()


def test_cuda_asked_for_and_cpu_got(project: Project, stack: TorchIndex) -> None:
    project.sources["pytorch"] = stack.pytorch("cpu").url
    with pytest.raises(WrongBuild) as caught:
        project.lock('requirements = ["torch==2.6.0"]\ncuda = "11.8"\npython = "3.11"')
    error = caught.value
    assert error.message == "CUDA 11.8 is asked for on linux-64, and torch 2.6.0 is a CPU build"
    assert error.facts == (
        ("asked by", 'envlock.toml, cuda = "11.8"'),
        ("came", "torch 2.6.0 (cpu)"),
        ("exists", "2.6.0 with 11.8, 12.4 (default), 12.6, cpu"),
    )
    assert not project.lockfile.exists()


def test_a_default_wheel_without_its_cuda_is_not_taken_for_it(small: Project, own: LocalIndex) -> None:
    """A mirror that has CPU builds under the plain version."""
    publish(own, "torch", "2.6.0", tag="cp311-cp311-linux_x86_64")
    small.sources["pytorch"] = f"{own.root}/whl/{{variant}}"
    with pytest.raises(WrongBuild) as caught:
        small.lock('requirements = ["torch"]\ncuda = "12.4"\npython = "3.11"')
    message = "CUDA 12.4 is asked for on linux-64, and torch 2.6.0 does not tell its CUDA"
    assert caught.value.message == message


def test_platforms_each_take_their_own(project: Project) -> None:
    result = project.lock(
        'requirements = ["torch==2.6.0"]\npython = "3.11"\ncuda = { linux-64 = "11.8", win-64 = "11.8" }\n'
        'platforms = ["linux-64", "linux-aarch64", "osx-arm64", "win-64"]'
    )
    torch = {
        (row.version, row.index): {wheel.file: wheel.platforms for wheel in row.wheels}
        for row in result.lock.distributions
        if row.name == "torch"
    }
    assert torch == {
        ("2.6.0", "default"): {
            "torch-2.6.0-cp311-cp311-manylinux_2_28_aarch64.whl": ("linux-aarch64",),
            "torch-2.6.0-cp311-none-macosx_11_0_arm64.whl": ("osx-arm64",),
        },
        ("2.6.0+cu118", "pytorch"): {
            "torch-2.6.0+cu118-cp311-cp311-manylinux_2_28_x86_64.whl": ("linux-64",),
            "torch-2.6.0+cu118-cp311-cp311-win_amd64.whl": ("win-64",),
        },
    }
    filelock = next(row for row in result.lock.distributions if row.name == "filelock")
    assert filelock.wheels[0].platforms == ("linux-64", "linux-aarch64", "osx-arm64", "win-64")
    variants = {platform: found.variant for platform, found in result.lock.stack.items()}
    assert variants == {"linux-64": "cu118", "linux-aarch64": "cpu", "osx-arm64": "cpu", "win-64": "cu118"}
    assert read_lock(project.lockfile) == result.lock


# Time


def test_time_travel(project: Project) -> None:
    result = project.lock('requirements = ["torch"]\npython = "3.11"\nexclude-newer = 2025-03-01')
    assert pins(result)["torch"] == "2.6.0"
    assert result.lock.exclude_newer == "2025-03-01T00:00:00Z"
    assert result.lock.python_exact == "3.11.11"


def test_the_date_of_the_command_line_goes_before_the_manifests(project: Project) -> None:
    result = project.lock('requirements = ["torch"]\npython = "3.11"', exclude_newer="2025-03-01T00:00:00Z")
    assert pins(result)["torch"] == "2.6.0"
    assert result.lock.exclude_newer == "2025-03-01T00:00:00Z"


def test_an_index_without_upload_times_is_exempt_held_and_told(project: Project) -> None:
    result = project.lock(
        'requirements = ["torch>=2.5"]\npython = "3.11"\ncuda = "11.8"\nexclude-newer = 2025-03-01'
    )
    assert pins(result)["torch"] == "2.6.0+cu118"
    assert result.notes == (
        "linux-64: no upload times for `torch`, `triton`, so `exclude-newer` passes them; "
        "torch is held at 2.6.0, the newest of that day",
    )


# Pins that stand


def test_pins_that_stand_stay(small: Project, own: LocalIndex) -> None:
    publish(own, "base", "1.0")
    publish(own, "other", "1.0")
    first = small.lock('requirements = ["base"]\npython = "3.11"')
    publish(own, "base", "1.1")
    publish(own, "other", "1.1")
    second = small.lock('requirements = ["base", "other"]\npython = "3.11"')
    assert pins(first) == {"base": "1.0"}
    assert pins(second) == {"base": "1.0", "other": "1.1"}


def test_a_numeric_reference_of_other_bytes_is_told(small: Project, own: LocalIndex) -> None:
    """And one of the same bytes stays."""
    publish(own, "base", "1.0")
    text = 'requirements = ["base"]\npython = "3.11"'
    made = small.lock(text).lock
    kept = reference(runtime=runtime_hash(made, "linux-64"))
    write_lock(small.lockfile, replace(made, numerics=(kept,)))
    same = small.lock()
    assert (same.lock.numerics, same.notes) == ((kept,), ())
    publish(own, "base", "1.1")
    other = small.lock(upgrade=True)
    assert other.lock.numerics == ()
    assert other.notes == (
        "the numeric reference of class nc1:0123456789abcdef was of another runtime hash and is gone; "
        "`envlock numerics record` makes it anew",
    )


def test_pins_of_a_named_index_stay_too(project: Project) -> None:
    project.lock('requirements = ["torch<2.7"]\ncuda = "12.6"\npython = "3.11"')
    result = project.lock('requirements = ["torch"]\ncuda = "12.6"\npython = "3.11"')
    assert pins(result)["torch"] == "2.6.0+cu126"
    assert pins(project.lock(upgrade=True))["torch"] == "2.8.0+cu126"


def test_upgrade_lets_all_pins_go_and_upgrade_package_one(small: Project, own: LocalIndex) -> None:
    for name in ("one", "two"):
        publish(own, name, "1.0")
    small.lock('requirements = ["one", "two"]\npython = "3.11"')
    for name in ("one", "two"):
        publish(own, name, "1.1")
    assert not small.lock().changed
    assert pins(small.lock(upgrade_packages=("One",))) == {"one": "1.1", "two": "1.0"}
    assert pins(small.lock(upgrade=True)) == {"one": "1.1", "two": "1.1"}


def test_a_pin_that_no_longer_fits_moves(small: Project, own: LocalIndex) -> None:
    publish(own, "base", "1.0")
    small.lock('requirements = ["base"]\npython = "3.11"')
    publish(own, "base", "2.0")
    assert pins(small.lock('requirements = ["base>=2"]\npython = "3.11"')) == {"base": "2.0"}


def test_the_exact_python_stays_until_it_no_longer_fits(small: Project, own: LocalIndex) -> None:
    publish(own, "base", "1.0")
    text = 'requirements = ["base"]\npython = "3.11"'
    assert small.lock(text, python_exact="3.11.7").lock.python_exact == "3.11.7"
    assert small.lock(text, upgrade=True).lock.python_exact == "3.11.7"
    assert small.lock(text.replace("3.11", "3.12")).lock.python_exact.startswith("3.12.")
    assert small.lock(text.replace("3.11", "3.11.4")).lock.python_exact == "3.11.4"


def test_an_exact_python_of_another_series_is_refused(small: Project, own: LocalIndex) -> None:
    publish(own, "base", "1.0")
    with pytest.raises(UsageFault) as caught:
        small.lock('requirements = ["base"]\npython = "3.11"', python_exact="3.12.1")
    assert caught.value.message == "Python 3.12.1 is not a 3.11, which the manifest asks for"
    assert caught.value.hint == 'ask for a patch of 3.11, or set `python = "3.12.1"` in the manifest'


def test_a_broken_lockfile_is_not_replaced(small: Project, own: LocalIndex) -> None:
    publish(own, "base", "1.0")
    small.lockfile.write_text("version = 1\n<<<<<<< ours\n")
    with pytest.raises(LockfileInvalid) as caught:
        small.lock('requirements = ["base"]\npython = "3.11"')
    hint = "restore `envlock.lock` from version control, or remove it to lock from scratch"
    assert caught.value.hint == hint
    assert small.lockfile.read_text() == "version = 1\n<<<<<<< ours\n"


# Named indexes


def test_a_distribution_of_a_named_index_comes_from_nowhere_else(small: Project, own: LocalIndex) -> None:
    """Dependency confusion: the default index has a newer `lib`, and `lib` is not even asked for directly."""
    company = own.named("company")
    publish(own, "app", "1.0", "lib")
    publish(own, "lib", "9.9", "old")
    publish(own, "old", "1.0")
    company.add(make_wheel("lib", "1.0", files={"lib/__init__.py": b""}))
    company.add(make_wheel("old", "1.0", files={"old/__init__.py": b""}))
    small.sources["company"] = company.url
    result = small.lock(
        'requirements = ["app"]\npython = "3.11"\n[index-of]\nlib = "company"\nold = "company"'
    )
    assert pins(result) == {"app": "1.0", "lib": "1.0"}
    assert indexes(result) == {"app": "default", "lib": "company"}


def test_a_dependency_that_only_a_named_index_has(small: Project, own: LocalIndex) -> None:
    company = own.named("company")
    publish(own, "app", "1.0", "our-private-lib")
    company.add(make_wheel("our-private-lib", "1.0", files={"our_private_lib.py": b""}))
    small.sources["company"] = company.url
    result = small.lock('requirements = ["app"]\npython = "3.11"\n[index-of]\nour-private-lib = "company"')
    assert indexes(result) == {"app": "default", "our-private-lib": "company"}


def test_a_name_that_points_nowhere(small: Project, own: LocalIndex) -> None:
    publish(own, "lib", "1.0")
    with pytest.raises(UsageFault) as caught:
        small.lock('requirements = ["lib"]\npython = "3.11"\n[index-of]\nlib = "company"')
    assert caught.value.message == "index `company` points nowhere from here"
    hint = "give `company` a URL in [tool.envlock.sources], or set ENVLOCK_SOURCE_COMPANY"
    assert caught.value.hint == hint


def test_the_default_index_is_the_installers(
    tmp_path: Path, own: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(own, "base", "1.0")
    (tmp_path / "config" / "uv").mkdir(parents=True)
    text = f'resolution = "lowest"\n[[index]]\nurl = "{own.url}"\ndefault = true\n'
    (tmp_path / "config" / "uv" / "uv.toml").write_text(text)
    publish(own, "base", "1.1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    project = Project(root=tmp_path, sources={})
    assert pins(project.lock('requirements = ["base"]\npython = "3.11"')) == {"base": "1.1"}


# What cannot be had


@pytest.mark.parametrize("columns", ["40", "200"])
def test_no_set_of_versions(
    small: Project, own: LocalIndex, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uv wraps its explanation to the width of the terminal; ours reads the same on all."""
    monkeypatch.setenv("COLUMNS", columns)
    publish(own, "app", "1.0", "lib>=2")
    publish(own, "lib", "2.0")
    with pytest.raises(NoSolution) as caught:
        small.lock('requirements = ["app", "lib<2"]\npython = "3.11"')
    error = caught.value
    assert type(error) is NoSolution
    assert error.message == "no set of versions satisfies the manifest"
    assert error.where == "envlock.toml"
    assert error.facts == (
        (
            "because",
            "all versions of app depend on lib>=2 and the manifest asks for app, "
            "so the manifest asks for lib>=2",
        ),
        ("because", "the manifest asks for lib<2, so the manifest cannot be satisfied"),
        ("asked by", "envlock.toml, requirements: app"),
        ("asked by", "envlock.toml, requirements: lib<2"),
    )


def test_no_wheel_for_this_python(small: Project, own: LocalIndex) -> None:
    publish(own, "lib", "1.0", tag="cp312-cp312-manylinux_2_28_x86_64")
    with pytest.raises(NoWheel) as caught:
        small.lock('requirements = ["lib==1.0"]\npython = "3.11"')
    error = caught.value
    assert error.message == "`lib` 1.0 has no wheel for linux-64 with Python 3.11, glibc 2.28"
    assert error.hint == '`python = "3.12"` in the manifest: `lib` has wheels for it'
    says = "You require CPython 3.11 (`cp311`), but we only found wheels for `lib` (v1.0) with the following "
    assert ("uv says", f"{says}Python implementation tag: `cp312`") in error.facts
    assert ("asked by", "envlock.toml, requirements: lib==1.0") in error.facts


def test_the_python_of_a_bare_requirements_file_is_said_elsewhere(small: Project, own: LocalIndex) -> None:
    publish(own, "lib", "1.0", tag="cp39-cp39-manylinux_2_28_x86_64")
    (small.root / "requirements.txt").write_text("lib==1.0\n")
    environment = {**os.environ, "ENVLOCK_SOURCE_DEFAULT": own.url}
    with pytest.raises(NoWheel) as caught:
        api.lock(small.request(), environment=environment)
    assert caught.value.hint == (
        '`lib` has wheels for Python 3.9: write an envlock.toml with `python = "3.9"` '
        'and `requirements-files = ["requirements.txt"]`'
    )


def test_where_none_is_asked_for_the_python_is_one_that_torch_is_built_for(project: Project) -> None:
    assert project.lock('requirements = ["torch==2.6.0"]').lock.python == "3.13"
    assert project.lock('requirements = ["torch==2.6.0"]\npython = "3.12"').lock.python == "3.12"


def test_a_package_to_upgrade_must_be_locked_or_asked_for(small: Project, own: LocalIndex) -> None:
    publish(own, "lib", "1.0")
    publish(own, "other", "1.0")
    small.lock('requirements = ["lib"]\npython = "3.11"')
    for name, hint in (("libb", "did you mean `lib`?"), ("zzz", "`--upgrade` lets every pin go")):
        with pytest.raises(
            UsageFault, match=f"^`--upgrade-package {name}`: no `{name}` is locked$"
        ) as caught:
            small.lock(upgrade_packages=(name,))
        assert caught.value.hint == hint
    more = 'requirements = ["lib", "Other"]\npython = "3.11"'
    assert pins(small.lock(more, upgrade_packages=("OTHER",))) == {"lib": "1.0", "other": "1.0"}


def test_a_directory_is_no_lockfile(small: Project, own: LocalIndex) -> None:
    small.write('requirements = ["lib"]\npython = "3.11"')
    with pytest.raises(UsageFault) as caught:
        small.lock(output=small.root)
    assert caught.value.hint == f"name a file: `-o {small.lockfile}`"


def test_no_wheel_for_this_glibc(small: Project, own: LocalIndex) -> None:
    publish(own, "lib", "1.0", tag="cp311-cp311-manylinux_2_34_x86_64")
    with pytest.raises(NoWheel) as caught:
        small.lock('requirements = ["lib"]\npython = "3.11"')
    assert caught.value.message == "`lib` 1.0 has no wheel for linux-64 with Python 3.11, glibc 2.28"
    assert pins(small.lock('requirements = ["lib"]\npython = "3.11"\nglibc = "2.35"')) == {"lib": "1.0"}


@pytest.mark.slow
def test_a_source_distribution_is_refused(tmp_path: Path) -> None:
    """On the installer's own index: deepspeed has never had a wheel."""
    project = Project(root=tmp_path, sources={})
    with pytest.raises(NoWheel) as caught:
        project.lock('requirements = ["deepspeed==0.16.0"]\npython = "3.11"')
    assert caught.value.message == "`deepspeed` 0.16.0 has no wheel for linux-64 with Python 3.11, glibc 2.28"
    assert ("exists", "no wheel that fits, and a source distribution") in caught.value.facts
    with pytest.raises(NoWheel) as caught:
        project.lock('requirements = ["deepspeed==0.16.0"]\npython = "3.11"\nallow-sdist = ["deepspeed"]')
    assert caught.value.hint == (
        "`allow-sdist` builds nothing yet: build a wheel of `deepspeed` and name its index in `index-of`"
    )


@pytest.mark.slow
def test_the_real_stack_of_bert(tmp_path: Path) -> None:
    """torch 2.6.0 with CUDA 12.4, transformers and datasets, from the installer's own index."""
    result = Project(root=tmp_path, sources={}).lock(
        'requirements = ["torch==2.6.0", "transformers==4.49.0", "datasets"]\n'
        'python = "3.11"\ncuda = "12.4"\nexclude-newer = 2025-03-01'
    )
    found = result.lock.stack["linux-64"]
    assert (found.torch, found.cuda, found.variant) == ("2.6.0", "12.4", "cu124")
    assert (found.cudnn, found.nccl, found.triton) == ("9.1.0.70", "2.21.5", "3.2.0")
    assert found.driver == "525.60.13"
    assert pins(result)["transformers"] == "4.49.0"
    assert result.fetched_bytes < 8_000_000


def test_hashes_of_the_manifest_restrict_the_wheel(tmp_path: Path, small: Project, own: LocalIndex) -> None:
    compiled = make_wheel("lib", "1.0", files={"lib.py": b"a"}, tag="cp311-cp311-manylinux_2_17_x86_64")
    pure = make_wheel("lib", "1.0", files={"lib.py": b"b"})
    for wheel in (compiled, pure):
        own.add(wheel)
    requirements = tmp_path / "requirements.txt"
    text = 'requirements-files = ["requirements.txt"]\npython = "3.11"'
    requirements.write_text(f"lib==1.0 --hash=sha256:{pure.sha256}\n")
    result = small.lock(text)
    assert result.lock.distributions[0].wheels[0].sha256 == pure.sha256
    requirements.write_text(f"lib==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(NoWheel) as caught:
        small.lock(text)
    assert caught.value.message == "no wheel of `lib` 1.0 has a hash that the manifest gives"
    assert caught.value.facts == (("exists", "cp311-cp311-manylinux_2_17_x86_64, py3-none-any"),)


def test_two_distributions_that_own_one_path(small: Project, own: LocalIndex) -> None:
    for name, content in (("first", b"1"), ("second", b"2")):
        own.add(make_wheel(name, "1.0", files={"shared/tool.py": content, "shared/__init__.py": b""}))
    with pytest.raises(FileClash) as caught:
        small.lock('requirements = ["first", "second"]\npython = "3.11"')
    message = "`first` and `second` both install `lib/shared/tool.py`, with different bytes"
    assert caught.value.message == message
    assert not small.lockfile.exists()


# Indexes that misbehave


def test_an_index_that_fails(small: Project, own: LocalIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(own, "lib", "1.0")
    small.lock('requirements = ["lib"]\npython = "3.11"')
    before = small.lockfile.read_bytes()
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    own.fault("/simple/other/", Status(code=500))
    with pytest.raises(IndexFailed) as caught:
        small.lock('requirements = ["lib", "other"]\npython = "3.11"')
    assert caught.value.exit_status == 5
    assert caught.value.message.startswith("an index failed: Failed to fetch: ")
    assert small.lockfile.read_bytes() == before


def test_an_index_without_hashes(small: Project, own: LocalIndex) -> None:
    wheel = make_wheel("lib", "1.0", files={"lib.py": b""})
    own.add(wheel, sha256=None)
    result = small.lock('requirements = ["lib"]\npython = "3.11"')
    assert result.lock.distributions[0].wheels[0].sha256 == wheel.sha256


def test_a_wheel_that_is_not_the_listed_one(small: Project, own: LocalIndex) -> None:
    own.add(make_wheel("lib", "1.0", files={"lib.py": b""}), sha256="0" * 64)
    with pytest.raises(
        HashMismatch, match=r"^`lib-1\.0-py3-none-any\.whl` is not the file that its index lists$"
    ):
        small.lock('requirements = ["lib"]\npython = "3.11"', deep=True)


def test_deep_proves_what_record_says(small: Project, own: LocalIndex) -> None:
    text = 'requirements = ["lib"]\npython = "3.11"'
    big = os.urandom(300_000)
    own.add(make_wheel("lib", "1.0", files={"lib.py": b"1", "lib.bin": big}, record=wrong_hash("lib.py")))
    assert small.lock(text).changed
    with pytest.raises(RecordLies):
        small.lock(text, deep=True)


def test_deep_and_shallow_give_the_same_lock(small: Project, own: LocalIndex) -> None:
    text = 'requirements = ["lib"]\npython = "3.11"'
    own.add(make_wheel("lib", "1.0", files={"lib.py": b"1", "lib.bin": os.urandom(300_000)}))
    shallow = small.lock(text)
    assert not small.lock(text, deep=True).changed
    assert shallow.fetched_bytes < 200_000


def test_a_record_without_hashes_is_mended_in_the_lock(small: Project, own: LocalIndex) -> None:
    own.add(make_wheel("lib", "1.0", files={"lib.py": b"1"}, record=no_hashes))
    result = small.lock('requirements = ["lib"]\npython = "3.11"')
    assert "lib.py" in [fixup.path for fixup in result.lock.distributions[0].wheels[0].fixups]


# Freshness, places, sameness


def test_check_is_offline(small: Project, own: LocalIndex) -> None:
    publish(own, "lib", "1.0")
    small.lock('requirements = ["lib"]\npython = "3.11"')
    own.forget()
    assert api.check(small.request(), environment=os.environ) == ()
    small.write('requirements = ["lib>=2"]\npython = "3.11"')
    assert api.check(small.request(), environment=os.environ) == (
        "`lib>=2` is asked by envlock.toml, requirements, 1.0 is locked",
    )
    assert own.log == ()


def test_locate_finds_each_wheel_on_its_named_index(project: Project, stack: TorchIndex) -> None:
    result = project.lock('requirements = ["torch==2.6.0"]\ncuda = "11.8"\npython = "3.11"')
    found = locate(result.lock, Platform.LINUX_64, project.sources, os.environ)
    by_name = {row.name: found[wheel.sha256] for row, wheel in result.lock.on("linux-64")}
    assert by_name.keys() == pins(result).keys()
    assert by_name["torch"].index == "pytorch"
    assert by_name["torch"].url.startswith(f"{stack.root}/files/whl/cu118/torch-2.6.0%2Bcu118-cp311")
    assert by_name["filelock"].url.startswith(f"{stack.root}/files/simple/filelock-3.13.1")


def test_a_file_that_is_gone(small: Project, own: LocalIndex) -> None:
    for name in ("one", "two"):
        publish(own, name, "1.0")
    result = small.lock('requirements = ["one", "two"]\npython = "3.11"')
    own.remove("two-1.0-py3-none-any.whl")
    with pytest.raises(GoneFromIndex) as caught:
        locate(result.lock, Platform.LINUX_64, small.sources, os.environ)
    error = caught.value
    assert error.message == "`two-1.0-py3-none-any.whl` of `two` 1.0 is no longer on index `default`"
    sha256 = result.lock.distributions[1].wheels[0].sha256
    assert error.facts == (("gone", f"two-1.0-py3-none-any.whl on `default`, sha256 {sha256}"),)
    assert error.hint == (
        "point `default` at an index that still has it (`sources`), or lock again with "
        "`envlock lock --upgrade-package two`"
    )


def test_a_file_that_was_replaced_is_gone(small: Project, own: LocalIndex) -> None:
    publish(own, "one", "1.0")
    result = small.lock('requirements = ["one"]\npython = "3.11"')
    own.add(make_wheel("one", "1.0", files={"one.py": b"other bytes"}))
    with pytest.raises(GoneFromIndex):
        locate(result.lock, Platform.LINUX_64, small.sources, {**os.environ, "UV_NO_CACHE": "1"})


def test_events_tell_how_far_it_is(small: Project, own: LocalIndex) -> None:
    for name in ("one", "two"):
        publish(own, name, "1.0")
    small.write('requirements = ["one", "two"]\npython = "3.11"')
    events: list[Event] = []
    api.lock(small.request(), environment=os.environ, on_event=events.append)
    assert events == [
        Event(step="resolve"),
        Event(step="identify", total=2),
        Event(step="identify", done=1, total=2),
        Event(step="identify", done=2, total=2),
    ]


def test_the_same_bytes_on_every_machine(project: Project, tmp_path: Path, stack: TorchIndex) -> None:
    """Other folder, umask, time zone, locale, hash seed, Python on PATH, active environment."""
    project.lock('requirements = ["torch==2.6.0", "torchvision"]\ncuda = "11.8"\npython = "3.11"')
    text = project.lockfile.read_text()
    assert not re.search(r"https?:|file:|127\.0\.0\.1|/tmp|/home|/root|localhost", text)
    elsewhere = tmp_path / "another" / "folder"
    elsewhere.mkdir(parents=True)
    (elsewhere / "envlock.toml").write_text((project.root / "envlock.toml").read_text())
    wrong = tmp_path / "bin"
    wrong.mkdir()
    for name in ("python", "python3", "python3.11"):
        (wrong / name).write_text("#!/bin/sh\nexit 1\n")
        (wrong / name).chmod(0o755)
    script = (
        "import os, pathlib; os.umask(0o077); from envlock import api; "
        "api.lock(api.LockRequest(project=pathlib.Path('.')), environment=os.environ)"
    )
    changed = {
        **os.environ,
        "PATH": f"{wrong}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONHASHSEED": "7",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "CONDA_PREFIX": str(wrong),
        "UV_RESOLUTION": "lowest",
        "UV_PYTHON": "3.8",
    }
    subprocess.run([sys.executable, "-c", script], cwd=elsewhere, env=changed, check=True)
    assert (elsewhere / "envlock.lock").read_bytes() == project.lockfile.read_bytes()
