"""A minimal Debian 12 that debootstrap makes: apt, Python, pip and NumPy from Debian.

Made once a day and machine, as an archive below `~/.cache/envlock-tests`; needs root.
"""

from __future__ import annotations

import datetime
import fcntl
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from tests.support.images import image
from tests.support.tools import need

PYTHON = "3.11"
_DEVICES = {"null": 3, "zero": 5, "random": 8, "urandom": 9}
_PACKAGES = "python3,python3-pip,python3-numpy"


def debian_system(root: Path) -> Path:
    """Lay the system out below `root`, a folder that is not there yet."""
    root.mkdir()
    subprocess.run(["tar", "-xf", _archive(), "-C", root], check=True)
    for name, minor in _DEVICES.items():
        os.mknod(root / "dev" / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        (root / "dev" / name).chmod(0o666)
    return root


def debian_image(folder: Path) -> Path:
    """The system as an OCI layout of one layer (tag `base`)."""
    return image([_archive().read_bytes()], folder=folder, level=1)


def newest(package: str) -> str:
    """The version of a package that this Debian's own archive has today."""
    command = ["tar", "-xOf", str(_archive()), "--wildcards", "./var/lib/apt/lists/*_Packages"]
    packages = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(rf"^Package: {package}\n(?:.+\n)*?Version: (.+)$", packages, re.MULTILINE)
    assert found is not None, package
    return found[1]


def _archive() -> Path:
    need("debootstrap", root=True)
    store = Path.home() / ".cache" / "envlock-tests"
    store.mkdir(parents=True, exist_ok=True)
    path = store / f"debian-12-{datetime.datetime.now(datetime.UTC):%Y-%m-%d}.tar"
    with (store / "debian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            for old in store.glob("debian-12-*.tar"):
                old.unlink()
            _make(path)
    return path


def _make(path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="envlock-debian-") as folder:
        root, new = Path(folder) / "root", path.with_suffix(".new")
        command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(root)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        shutil.rmtree(root / "var/cache/apt/archives")
        words = ["--sort=name", "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./dev/*"]
        subprocess.run(["tar", "-cf", new, *words, "-C", root, "."], check=True)
        new.replace(path)
