"""Published wheels as conda packages: with files in place, or noarch with entry points in link.json."""

from __future__ import annotations

import configparser
import os
import shutil
from pathlib import Path

from envlock.agent.identity import normalized_name
from tests.support.conda.package import PLACEHOLDER, CondaPackage, File
from tests.support.conda.platform import PY, SERIES, SITE
from tests.support.environments import uv, uv_online


def wheel_package(name: str, version: str, scratch: Path, *, depends: tuple[str, ...] = ()) -> CondaPackage:
    """The wheel of `name` for the running Python, fetched by uv from the package index."""
    unpacked = scratch / name
    uv_online("pip", "install", "--no-deps", "--no-compile", "--target", unpacked, f"{name}=={version}")
    return _packaged(name, version, unpacked, depends)


def package_of(wheel: Path, scratch: Path, *, depends: tuple[str, ...] = ()) -> CondaPackage:
    """A wheel that is at hand, under its own name; the local part of its version is left out."""
    name, version = wheel.name.split("-")[:2]
    name = normalized_name(name)
    unpacked = scratch / name
    options = ("--no-deps", "--no-index", "--no-compile", "--link-mode", "copy")
    uv("pip", "install", *options, "--target", unpacked, wheel)
    return _packaged(name, version.partition("+")[0], unpacked, depends)


def _packaged(name: str, version: str, unpacked: Path, depends: tuple[str, ...]) -> CondaPackage:
    shutil.rmtree(unpacked / "bin", ignore_errors=True)
    info = next(unpacked.glob("*.dist-info"))
    (info / "INSTALLER").write_text("conda")
    (unpacked / ".lock").unlink(missing_ok=True)
    record = info / "RECORD"
    rows = record.read_text().splitlines(keepends=True)
    record.write_text(
        "".join(row for row in rows if not row.startswith(("bin/", "../", str(info.name) + "/INST")))
    )
    pure = "Root-Is-Purelib: true" in (info / "WHEEL").read_text()
    commands = _commands(info)
    if pure:
        return CondaPackage(
            name=name,
            version=version,
            build="pyhd8ed1ab_0",
            depends=("python >=3.9", *depends),
            noarch="python",
            entry_points=tuple(f"{command} = {target}" for command, target in commands.items()),
            files=_files(unpacked, "site-packages"),
        )
    scripts = tuple(_script(command, target) for command, target in commands.items())
    return CondaPackage(
        name=name,
        version=version,
        build=f"{PY}h0_0",
        depends=(f"python {SERIES}.*", *depends),
        files=(*_files(unpacked, SITE), *scripts),
    )


def _files(root: Path, below: str) -> tuple[File, ...]:
    return tuple(
        File(
            path=f"{below}/{path.relative_to(root).as_posix()}",
            content=path.read_bytes(),
            executable=os.access(path, os.X_OK),
        )
        for path in sorted(root.rglob("*"))
        if path.is_file()
    )


def _commands(info: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(info / "entry_points.txt")
    return dict(parser["console_scripts"]) if "console_scripts" in parser else {}


def _script(command: str, target: str) -> File:
    """As conda-build leaves the scripts that pip made: the placeholder stands in the shebang."""
    module, _, attribute = target.partition(":")
    text = (
        f"#!{PLACEHOLDER}/bin/python{SERIES}\n"
        f"import sys\nfrom {module} import {attribute}\n"
        f"if __name__ == '__main__':\n    sys.exit({attribute}())\n"
    )
    return File(path=f"bin/{command}", content=text.encode(), executable=True, mode="text")
