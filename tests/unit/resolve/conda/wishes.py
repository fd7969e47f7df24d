"""Wishes and records as values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from envlock.agent.conda.paths import PathRow
from envlock.manifest.model import CondaRequest
from envlock.manifest.platforms import Platform
from envlock.resolve.conda.model import Archive, CondaWish, Record

VIRTUAL = {"__archspec": "1=x86_64", "__glibc": "2.28", "__linux": "5.10", "__unix": "0"}


def wish(*specs: str, **changed: Any) -> CondaWish:
    base = CondaWish(
        request=CondaRequest(channels=("conda-forge",), packages=specs, virtual_packages={}),
        platform=Platform.LINUX_64,
        specs=specs,
        virtual=VIRTUAL,
        cuda="auto",
        cuda_origin="envlock.toml, cuda",
        where="envlock.toml",
    )
    return replace(base, **changed)


def record(name: str, version: str = "1.0", build: str = "h0_0", **changed: Any) -> Record:
    file = f"{name}-{version}-{build}.conda"
    base = Record(
        name=name,
        version=version,
        build=build,
        build_number=0,
        subdir="linux-64",
        noarch=None,
        channel="conda-forge",
        file=file,
        url=f"file:///channel/linux-64/{file}",
        sha256=file.encode().hex().ljust(64, "0")[:64],
        md5=None,
        size=1,
        timestamp=None,
        depends=(),
        constrains=(),
        site_packages=None,
    )
    return replace(base, **changed)


def archive(*paths: str, sha256: str = "a" * 64, entry_points: tuple[str, ...] = ()) -> Archive:
    rows = tuple(PathRow(path, "hardlink", sha256, None, None) for path in paths)
    return Archive(rows=rows, entry_points=entry_points)
