"""setuptools: what setup.cfg says without running anything. setup.py is a program, and is not run."""

from __future__ import annotations

from configparser import ConfigParser, Error
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envlock.manifest.documents import read_text
from envlock.manifest.init.model import Asking, Place, PythonSaid
from envlock.manifest.init.requirements import read_requirements
from envlock.manifest.init.rows import requirement_row
from envlock.manifest.requirements_file import shown_path
from envlock.manifest.tables import code, shown


def read_setup_cfg(path: Path, place: Place, asking: Asking) -> None:
    """Add `install_requires` and `python_requires` of `[options]`."""
    name = shown_path(path, place.root)
    asking.read.append(name)
    options = _options(path, name, asking)
    _add_python(options.get("python_requires", ""), f"{name}, options.python_requires", asking)
    where = f"{name}, options.install_requires"
    listed = options.get("install_requires", "")
    if listed.strip().startswith("file:"):
        _add_files(listed.strip().removeprefix("file:"), where, path, place, asking)
        return
    rows = (requirement_row(text, where) for text in _lines(listed))
    asking.add_unless_asked(rows)


def tell_setup_py(root: Path, asking: Asking) -> None:
    """Say that setup.py is not run, where nothing else says what the project needs."""
    if (root / "setup.py").is_file() and not (asking.project or asking.requirements):
        asking.note("setup.py", "not run, so what its `install_requires` asks for is not known here")


def _options(path: Path, name: str, asking: Asking) -> dict[str, str]:
    text = read_text(path, name, asking.faults)
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(text or "", source=name)
    except Error as error:
        asking.faults.add(name, f"cannot be read: {str(error).splitlines()[0]}")
        return {}
    return dict(parser["options"]) if parser.has_section("options") else {}


def _lines(text: str) -> list[str]:
    """setuptools: one a line, or separated by `;` on one line, where a marker needs a line of its own."""
    parts = (part.strip() for part in (text.splitlines() if "\n" in text else text.split(";")))
    return [part for part in parts if part and not part.startswith("#")]


def _add_python(text: str, where: str, asking: Asking) -> None:
    if not text.strip():
        return
    try:
        allows = (SpecifierSet(text.strip()),)
    except InvalidSpecifier:
        asking.note(where, f"not carried over: {shown(text.strip())} is not a version specifier")
    else:
        asking.pythons.append(PythonSaid(text=text.strip(), where=where, allows=allows))


def _add_files(names: str, where: str, path: Path, place: Place, asking: Asking) -> None:
    for each in names.replace("\n", ",").split(","):
        found = path.parent / each.strip()
        if each.strip() and found.is_file():
            read_requirements(found, place, asking)
        elif each.strip():
            asking.note(where, f"there is no file {code(each.strip())}")
