"""A lock with conda packages, as it is told: the command cannot be asked for one without a channel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement

from envlock.api import LockExplanation
from envlock.lock import Lock
from envlock.lock.needs import Asking
from envlock.lock.why import explain_platform
from envlock.manifest.model import Asked
from envlock.report.lock_explanation import LockLook, document, render
from tests.unit.lock.values import conda_package, lock, six, widgets, with_conda

LOOK = LockLook(lock="envlock.lock", manifest=None)


def explanation(locked: Lock) -> LockExplanation:
    asking = Asking(conda=("ffmpeg >=6",))
    return LockExplanation(
        path=Path("envlock.lock"),
        lock=locked,
        manifest=None,
        without=None,
        platforms=tuple(explain_platform(locked, platform, asking) for platform in locked.platforms),
    )


def with_ffmpeg(locked: Lock) -> Lock:
    return with_conda(
        locked,
        conda_package("ffmpeg", size=9000, depends=("x264 >=1!164,<1!165",)),
        conda_package("x264", size=5000),
    )


def test_conda_packages_stand_below_the_distributions() -> None:
    found = explanation(with_ffmpeg(lock(six(), widgets())))
    assert render(found, LOOK) == (
        "envlock.lock: 2 distributions and 2 conda packages for Python 3.11\n"
        "\n"
        "who owns the bytes (linux-64: 22.1 kB to download, 73.8 kB installed):\n"
        "                      all it needs     download  installed"
        "  nothing else needs  download  installed\n"
        "  jupyterlab-widgets  2 distributions  22.1 kB   73.8 kB    2 distributions     22.1 kB   73.8 kB\n"
        "\n"
        "why each is here, and what fixed its version (linux-64):\n"
        "  six                 1.17.0  36.9 kB  for jupyterlab-widgets  not known\n"
        "  jupyterlab-widgets  3.0.13  36.9 kB  needed by nothing else  not known\n"
        "\n"
        "who owns the bytes (conda, linux-64: 14 kB to download):\n"
        "          all it needs  download  installed  nothing else needs  download  installed\n"
        "  ffmpeg  2 packages    14 kB                2 packages          14 kB\n"
        "\n"
        "why each is here, and what fixed its version (conda, linux-64):\n"
        "  ffmpeg  1.0 h0_0  9 kB  asked for   the newest that fitted\n"
        "  x264    1.0 h0_0  5 kB  for ffmpeg  the newest that ffmpeg (>=1!164,<1!165) admits\n"
        "\n"
        "note: what 1 distribution requires of others is not at hand, and what an extra needs counts for all:"
        " `envlock lock` reads it"
    )


def test_a_root_that_another_needs_owns_nothing_alone() -> None:
    asked = tuple(
        Asked(requirement=Requirement(name), origin="envlock.toml") for name in ("six", "jupyterlab-widgets")
    )
    locked = lock(six(), widgets())
    found = replace(
        explanation(locked),
        platforms=(explain_platform(locked, "linux-64", Asking(requirements=asked)),),
    )
    assert render(found, replace(LOOK, quiet=True)) == (
        "envlock.lock: 2 distributions for Python 3.11\n"
        "\n"
        "who owns the bytes (linux-64: 22.1 kB to download, 73.8 kB installed):\n"
        "                      all it needs     download  installed"
        "  nothing else needs  download  installed\n"
        "  jupyterlab-widgets  2 distributions  22.1 kB   73.8 kB    1 distribution      11.1 kB   36.9 kB\n"
        "  six                 1 distribution   11.1 kB   36.9 kB    nothing\n"
        "  shared by several                                         1 distribution      11.1 kB   36.9 kB"
    )


def test_conda_packages_alone() -> None:
    found = explanation(with_ffmpeg(lock()))
    assert render(found, replace(LOOK, each=True)) == (
        "ffmpeg 1.0 h0_0: 9 kB to download\n"
        "  from      conda-forge\n"
        "  asked by  conda.packages: >=6\n"
        "  version   the newest that fitted\n"
        "\n"
        "x264 1.0 h0_0: 5 kB to download\n"
        "  way       ffmpeg → x264\n"
        "  from      conda-forge\n"
        "  asked by  ffmpeg: >=1!164,<1!165\n"
        "  version   the newest that ffmpeg (>=1!164,<1!165) admits\n"
        "  roots     ffmpeg: it goes with it"
    )


def test_the_document_has_both() -> None:
    [platform] = document(explanation(with_ffmpeg(lock(six()))))["platforms"]
    conda = platform.pop("conda")
    assert list(conda) == [key for key in platform if key != "platform"]
    assert conda["whole"] == {"distributions": 2, "download": 14000, "installed": None}
    assert [row["name"] for row in conda["distributions"]] == ["ffmpeg", "x264"]
    assert [row["name"] for row in platform["distributions"]] == ["six"]
