"""Which files the system's own package database owns with the checksum it recorded (IDENTITY 6)."""

import hashlib
import os
import subprocess
from typing import Dict, Iterable, List, Set

DPKG = "/var/lib/dpkg"
_CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


def owned_by_system(paths: Iterable[str], root: str = "/") -> Set[str]:
    """Those of `paths` that a dpkg or rpm package owns and that still have the recorded bytes."""
    wanted = {os.path.realpath(path): path for path in paths}
    if not wanted:
        return set()
    if os.path.isdir(root.rstrip("/") + DPKG + "/info"):
        return _dpkg(wanted, root.rstrip("/"))
    return _rpm(wanted, root)


def _dpkg(wanted: Dict[str, str], root: str) -> Set[str]:
    found = set()
    for line in _dpkg_lines(root + DPKG):
        checksum, _, relative = line.partition("  ")
        path = wanted.get(f"{root}/{relative.strip().lstrip('/')}")
        if path is not None and _md5(path) == checksum.strip():
            found.add(path)
    return found


def _dpkg_lines(database: str) -> Iterable[str]:
    """Rows `md5  path` of every installed package, its configuration files included."""
    info = os.path.join(database, "info")
    for name in sorted(os.listdir(info)):
        if name.endswith(".md5sums"):
            with open(os.path.join(info, name), encoding="utf-8", errors="replace") as lines:
                yield from lines
    try:
        with open(os.path.join(database, "status"), encoding="utf-8", errors="replace") as lines:
            yield from _conffiles(lines)
    except OSError:
        return


def _conffiles(lines: Iterable[str]) -> Iterable[str]:
    inside = False
    for line in lines:
        if not line.startswith(" "):
            inside = line.startswith("Conffiles:")
        elif inside:
            parts = line.split()
            if len(parts) >= 2:
                yield f"{parts[1]}  {parts[0]}"


def _md5(path: str) -> str:
    # The database's own algorithm; it guards against accidents, which is what a note is for.
    digest = hashlib.md5()  # noqa: S324
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def _rpm(wanted: Dict[str, str], root: str) -> Set[str]:
    """Ask rpm for the owner of each path, then what its verification finds changed."""
    paths = sorted(wanted)
    owned = [path for path, owner in zip(paths, _rpm_owners(paths, root)) if owner]
    if not owned:
        return set()
    changed = {
        line.split(None, 2)[-1] for line in _run(["rpm", "--root", root, "-V", "--nodeps", "-f", *owned])
    }
    return {wanted[path] for path in owned if path not in changed}


def _rpm_owners(paths: List[str], root: str) -> List[bool]:
    lines = _run(["rpm", "--root", root, "-qf", "--qf", "%{NAME}\n", *paths])
    if len(lines) != len(paths):
        return [False] * len(paths)
    return [" " not in line for line in lines]


def _run(command: List[str]) -> List[str]:
    try:
        done = subprocess.run(command, capture_output=True, timeout=120, env=_CLEAN, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]
