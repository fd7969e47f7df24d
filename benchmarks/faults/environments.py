"""Real environments of greenlet, MarkupSafe and friends, each with its lock, and copies of them for one case.

The conda prefix has NumPy, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from uv import find_uv_bin

from benchmarks.faults.projects import Project, plain_variables, served, write_project
from benchmarks.faults.scene import Scene
from tests.support.conda import build_channel
from tests.support.conda.locks import archive_of, conda_subject, install, solve
from tests.support.elf import make_elf
from tests.support.environments import Subject, entry_lists, lock_of
from tests.support.real_wheels import download
from tests.support.wheels import Wheel, make_wheel

SETTINGS = {"PYTHONHASHSEED": "0", "ATEN_CPU_CAPABILITY": "avx512"}
PINS = ("greenlet==3.1.1", "six==1.17.0", "attrs==25.1.0", "markupsafe==3.0.2", "click==8.1.8")
CONDA_SPECS = ("python", "numpy", "attrs", "pip", "prefix-notes", "cuda-version")


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """An environment as it was made, kept beside the place that its files name."""

    name: str
    subject: Subject
    kept: Path
    spare: dict[str, Path]
    project: Project

    def scene(self, seed: str) -> Scene:
        """The environment anew at its place; no inode is shared with the one that is kept."""
        outside = self.kept.parent / "outside"
        shutil.rmtree(outside, ignore_errors=True)
        outside.mkdir()
        shutil.rmtree(self.subject.prefix, ignore_errors=True)
        command = ["cp", "-a", "--reflink=auto", str(self.kept), str(self.subject.prefix)]
        subprocess.run(command, check=True)
        return Scene(
            subject=replace(self.subject, environment={}), rng=Random(seed), outside=outside, spare=self.spare
        )


def cuda_demo(variant: str) -> Wheel:
    """A package with a CUDA variant in its version: the real ones have gigabytes."""
    text = f"BUILD = {variant!r}\n".encode()
    files = {"cudademo/__init__.py": text, "cudademo/lib.so": make_elf() + text}
    return make_wheel("cudademo", f"1.0+{variant}", files=files)


def materials(folder: Path) -> None:
    """Fetch the wheels of the environments, and the parts of other ones that are put in their place."""
    download(folder / "locked", *PINS)
    spare = folder / "spare"
    [older] = download(folder / "older", "six==1.16.0")
    with zipfile.ZipFile(older) as archive:
        archive.extract("six.py", spare)
    with zipfile.ZipFile(cuda_demo("cu121").write(folder / "other-build")) as archive:
        archive.extractall(spare / "cuda")


def gathered(folder: Path) -> tuple[list[Wheel | Path], dict[str, Path]]:
    """What `materials` fetched: wheels, and spare parts by name."""
    spare = folder / "spare"
    wheels: list[Wheel | Path] = [*sorted((folder / "locked/store").glob("*.whl")), cuda_demo("cu124")]
    return wheels, {"six-1.16.0": spare / "six.py", "cudademo-1.0+cu121": spare / "cuda"}


def with_uv(folder: Path, wheels: Sequence[Wheel | Path], spare: dict[str, Path]) -> Template:
    """By uv, from an index. `--seed` puts pip in, too, which is not locked: `pip-sync` needs one."""
    prefix = folder / "env"
    _uv("venv", "--seed", "--python", sys.executable, str(prefix))
    seeds = ("packaging", "setuptools", "wheel")
    _uv("pip", "uninstall", "--python", str(prefix / "bin/python"), *seeds)
    into = ("--python", str(prefix / "bin/python"), "--compile-bytecode", "--link-mode=copy", "--no-deps")
    with served(wheels) as index:
        project = write_project(folder / "project", wheels, index)
        wanted = ("--require-hashes", "--default-index", index, "-r", str(project.requirements))
        _uv("pip", "install", *into, *wanted)
    return _kept("venv by uv", _subject(prefix, wheels, folder), spare, project)


def with_pip(folder: Path, wheels: Sequence[Wheel | Path], spare: dict[str, Path]) -> Template:
    prefix = folder / "env"
    subprocess.run([sys.executable, "-m", "venv", str(prefix)], check=True)
    pip = [str(prefix / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    with served(wheels) as index:
        project = write_project(folder / "project", wheels, index)
        wanted = ["--require-hashes", "--index-url", index, "-r", str(project.requirements)]
        subprocess.run([*pip, "--no-deps", *wanted], check=True, env=plain_variables(project.folder))
    return _kept("venv by pip", _subject(prefix, wheels, folder), spare, project)


def _uv(*arguments: str) -> None:
    variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run([find_uv_bin(), *arguments, "--quiet"], check=True, env=variables)


def _subject(prefix: Path, wheels: Sequence[Wheel | Path], folder: Path) -> Subject:
    lock = lock_of(wheels, folder / "wheels", settings=SETTINGS)
    return Subject(prefix=prefix, lock=lock, entries=entry_lists(wheels, folder / "wheels"))


def with_rattler(folder: Path) -> Template:
    channel = build_channel(folder / "channel")
    records = solve([channel.url], *CONDA_SPECS)
    install(records, folder / "env", folder / "rattler")
    made = conda_subject(folder / "env", folder / "wheels", [archive_of(each) for each in records])
    subject = replace(made, lock=replace(made.lock, settings=SETTINGS))
    infos = subject.site.glob("*.dist-info")
    pins = sorted("==".join(info.name.removesuffix(".dist-info").split("-")) for info in infos)
    wheels = download(folder / "same", *pins)
    with served(wheels) as index:
        project = write_project(folder / "project", wheels, index)
    return _kept("conda prefix", subject, {}, project)


def _kept(name: str, subject: Subject, spare: dict[str, Path], project: Project) -> Template:
    """Move the environment aside; what rattler shared with its cache by hard links is copied."""
    kept = subject.prefix.with_name("kept")
    subprocess.run(["cp", "-a", "--reflink=auto", str(subject.prefix), str(kept)], check=True)
    return Template(name=name, subject=subject, kept=kept, spare=spare, project=project)
