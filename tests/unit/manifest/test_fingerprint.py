"""What makes a lock stale, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from envlock.manifest import read_manifest
from tests.unit.manifest.reading import read, write

TEXT = """
python = "3.11"
platforms = ["linux-64", "linux-aarch64"]
requirements = ["Torch == 2.6.0", "six[b,a]>=1,<2"]
requirements-files = ["r.txt"]
[settings]
A = "1"
[conda]
channels = ["one", "two"]
[variants.cpu]
"""
FILE = "idna # a comment\nrich\n-c pins.txt\n"
FILES = {"envlock.toml": TEXT, "r.txt": FILE, "pins.txt": "attrs<25\n"}


def fingerprint(folder: Path, changes: tuple[str, str, str] | None = None, variant: str | None = None) -> str:
    name, old, new = changes or ("r.txt", "", "")
    assert old in FILES[name]
    write(folder, {**FILES, name: FILES[name].replace(old, new, 1)})
    return read_manifest(folder, variant=variant).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        ("envlock.toml", '["linux-64", "linux-aarch64"]', '["linux-aarch64", "linux-64"]'),
        ("envlock.toml", '["Torch == 2.6.0", "six[b,a]>=1,<2"]', '["six[a,B]<2,>=1", "torch==2.6.0"] # why'),
        ("envlock.toml", "[settings]", "[sources]\npytorch = 'https://h.example/x'\n[settings]"),
        ("envlock.toml", 'python = "3.11"', "python = '''3.11'''\nglibc = '2.28'\ncuda = 'auto'"),
        ("r.txt", "idna # a comment\nrich\n", "\n# other\nrich\nidna\n"),
        ("r.txt", "rich\n", "-r more.txt\n"),
    ],
)
def test_what_does_not_count(tmp_path: Path, change: tuple[str, str, str]) -> None:
    (tmp_path / "more.txt").write_text("rich")
    assert fingerprint(tmp_path, change) == fingerprint(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        ("envlock.toml", '"3.11"', '"3.11.7"'),
        ("envlock.toml", '"linux-64", ', ""),
        ("envlock.toml", "2.6.0", "2.6.1"),
        ("envlock.toml", 'A = "1"', 'A = "2"'),
        ("envlock.toml", '["one", "two"]', '["two", "one"]'),
        ("envlock.toml", "[settings]", 'allow-sdist = ["x"]\n[settings]'),
        ("envlock.toml", "[settings]", 'cuda = "12.4"\n[settings]'),
        ("envlock.toml", "[settings]", 'glibc = "2.17"\n[settings]'),
        ("envlock.toml", "[settings]", "exclude-newer = 2025-03-01\n[settings]"),
        ("envlock.toml", "[settings]", "[index-of]\nsix = 'company'\n[settings]"),
        ("envlock.toml", "[settings]", "[image]\nuser = 'x'\n[settings]"),
        ("r.txt", "rich", "rich; python_version > '3.8'"),
        ("r.txt", "rich", f"rich --hash=sha256:{'0' * 64}"),
        ("pins.txt", "<25", "<24"),
    ],
)
def test_what_counts(tmp_path: Path, change: tuple[str, str, str]) -> None:
    assert fingerprint(tmp_path, change) != fingerprint(tmp_path)


def test_the_variant_counts(tmp_path: Path) -> None:
    assert fingerprint(tmp_path, variant="cpu") != fingerprint(tmp_path)


def test_the_folder_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")


def test_it_stays_what_it_is(tmp_path: Path) -> None:
    """A change of form would make every lock stale: it needs another `form`, and a changelog entry."""
    manifest = read(tmp_path, 'requirements = ["torch==2.6.0"]\npython = "3.11"')
    assert manifest.fingerprint == "844f59529e61154c9562a83ad3a14cb6567e6e0721b2198457cb0fd39713eb7c"
