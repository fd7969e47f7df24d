"""The database that dpkg keeps of its packages, for images that are laid out from the packages themselves."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.support.images import LEFT_OUT, Files

_INFO = "var/lib/dpkg/info"


def database(packages: Iterable[Path]) -> Files:
    """Each package as installed, with the checksums that it brought, less what the image leaves out."""
    files: dict[str, bytes] = {f"{_INFO}/format": b"1\n"}
    entries = []
    for package in packages:
        control = _member(package, "control")
        fields = dict(line.split(": ", 1) for line in control.splitlines() if not line.startswith(" "))
        same = fields.get("Multi-Arch") == "same"
        name = f"{fields['Package']}:{fields['Architecture']}" if same else fields["Package"]
        rows = list(_rows(_member(package, "md5sums")))
        files[f"{_INFO}/{name}.list"] = "".join(f"/{path}\n" for _, path in rows).encode()
        files[f"{_INFO}/{name}.md5sums"] = "".join(f"{md5}  {path}\n" for md5, path in rows).encode()
        entries.append(control.replace("\n", "\nStatus: install ok installed\n", 1))
    return {**files, "var/lib/dpkg/status": "\n".join(entries).encode(), "var/lib/dpkg/available": b""}


def owned(packages: Iterable[Path]) -> list[str]:
    """The files of packages, relative to the root, as they lie in a system with merged /usr."""
    rows = (row for package in packages for row in _rows(_member(package, "md5sums")))
    return sorted(path if path.startswith(("usr/", "etc/", "var/")) else f"usr/{path}" for _, path in rows)


def _rows(md5sums: str) -> Iterator[tuple[str, str]]:
    for line in md5sums.splitlines():
        md5, _, path = line.partition("  ")
        if not path.startswith(LEFT_OUT):
            yield md5, path


def _member(package: Path, name: str) -> str:
    command = ["dpkg-deb", "--info", str(package), name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
