"""Fresh or stale, and the reasons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from envlock.lock import ImageLock, Lock
from envlock.lock.freshness import stale_because
from envlock.manifest import Manifest
from tests.unit.lock.values import lock, six, with_conda
from tests.unit.manifest.reading import read

TEXT = 'python = "3.11"\nrequirements = ["six>=1.16"]\n'


def locked(manifest: Manifest) -> Lock:
    return replace(lock(six()), manifest=manifest.fingerprint)


def test_fresh(tmp_path: Path) -> None:
    manifest = read(tmp_path, TEXT)
    assert stale_because(locked(manifest), manifest) == ()


def test_an_override_of_the_command_line_is_not_staleness(tmp_path: Path) -> None:
    manifest = read(tmp_path, TEXT)
    other = replace(locked(manifest), exclude_newer="2025-01-01T00:00:00Z", python_exact="3.11.2")
    assert stale_because(other, manifest) == ()


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (TEXT.replace("3.11", "3.12"), ("python is `3.12` in the manifest, `3.11` in the lock",)),
        (f'{TEXT}glibc = "2.17"', ("glibc is `2.17` in the manifest, `2.28` in the lock",)),
        (
            f"{TEXT}exclude-newer = 2025-03-01",
            ("exclude-newer is `2025-03-01T00:00:00Z` in the manifest, not set in the lock",),
        ),
        (
            f'{TEXT}platforms = ["osx-arm64"]\ncuda = "cpu"',
            ("platform linux-64 is locked, and not asked for", "platform osx-arm64 is not locked"),
        ),
        (f'{TEXT}[settings]\nA = "1"', ("setting `A` is `1` in the manifest, not set in the lock",)),
        (
            f'{TEXT}[image]\nbase = "python:3.11"',
            ("the image base is `python:3.11` in the manifest, not set in the lock",),
        ),
        (TEXT.replace("six", "Rich"), ("`Rich>=1.16` is not locked (asked by envlock.toml, requirements)",)),
        (
            TEXT.replace("six>=1.16", "SIX>=1.18"),
            ("`SIX>=1.18` is asked by envlock.toml, requirements, 1.17.0 is locked",),
        ),
        (
            TEXT.replace("]", """, "tomli; python_version < '3.11'"]"""),
            ("the manifest has changed since the lock was made",),
        ),
        (f'{TEXT}cuda = "12.4"', ("the manifest has changed since the lock was made",)),
    ],
)
def test_stale(tmp_path: Path, text: str, reasons: tuple[str, ...]) -> None:
    before = read(tmp_path, TEXT)
    assert stale_because(locked(before), read(tmp_path, text)) == reasons


def test_what_is_no_longer_asked_for(tmp_path: Path) -> None:
    before = read(tmp_path, TEXT)
    old = replace(
        locked(before),
        manifest="1" * 64,
        settings={"A": "1"},
        project="old",
        image=ImageLock(base="python:3.10", digest=None, platforms={}),
    )
    assert stale_because(old, before) == (
        "the project is not set in the manifest, `old` in the lock",
        "the image base is not set in the manifest, `python:3.10` in the lock",
        "setting `A` is not set in the manifest, `1` in the lock",
    )


CONDA = '[conda]\nchannels = ["conda-forge"]\npackages = ["ffmpeg"]\n'


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("", ("conda packages are locked, and not asked for",)),
        (CONDA.replace("ffmpeg", "zlib"), ("the manifest has changed since the lock was made",)),
        (
            CONDA.replace('"conda-forge"', '"mine", "conda-forge"'),
            ("the conda channels are `mine conda-forge` in the manifest, `conda-forge` in the lock",),
        ),
        (
            f'{CONDA}virtual-packages = {{ __cuda = "12.4", __glibc = "2.28", __linux = "5" }}\n',
            ("__cuda is `12.4` in the manifest, `12.9` for linux-64",),
        ),
    ],
)
def test_conda_that_is_stale(tmp_path: Path, text: str, reasons: tuple[str, ...]) -> None:
    before = read(tmp_path, TEXT + CONDA)
    old = with_conda(locked(before), __cuda="12.9", __glibc="2.28")
    assert stale_because(old, before) == ()
    assert stale_because(old, read(tmp_path, TEXT + text)) == reasons


def test_conda_that_is_asked_for_and_not_locked(tmp_path: Path) -> None:
    before = read(tmp_path, TEXT)
    after = read(tmp_path, TEXT + CONDA)
    assert stale_because(locked(before), after) == ("conda packages are not locked, and asked for",)
