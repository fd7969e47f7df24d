"""What an image needs besides the wheels: the virtual environment itself, and the user."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from envlock.image.place import PREFIX, USER_ID, Site
from envlock.image.splice import Item
from envlock.image.tar import Entry, Kind
from envlock.image.wheel_items import plain_item
from envlock.resolve.oci.base import Base


def environment_items(base: Base, site: Site, user: str) -> list[Item]:
    """As `python3 -m venv --without-pip` makes it from the base's Python, and a user without a password."""
    items = [*_venv(base, site), *user_items(base, user)]
    return sorted(items, key=lambda item: item.entry.path)


def folder_items(paths: Iterator[str] | list[str], site: Site) -> list[Item]:
    """The folders of the environment that lie on the way to `paths`."""
    folders = {
        parent
        for path in paths
        for parent in _parents(path)
        if parent == site.prefix or parent.startswith(f"{site.prefix}/")
    }
    return [Item(entry=Entry(path=path, kind=Kind.FOLDER, mode=0o755)) for path in sorted(folders)]


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _venv(base: Base, site: Site) -> Iterator[Item]:
    python = base.python or ""
    config = {
        "home": posixpath.dirname(python),
        "include-system-site-packages": "false",
        "version": base.version or "",
        "executable": python,
        "command": f"{python} -m venv --without-pip {PREFIX}",
    }
    text = "".join(f"{key} = {value}\n" for key, value in config.items())
    yield plain_item(f"{site.prefix}/pyvenv.cfg", text.encode(), 0o644)
    yield _link(f"{site.prefix}/bin/python3", python)
    yield _link(f"{site.prefix}/bin/python", "python3")
    yield _link(f"{site.prefix}/bin/python{site.series}", "python3")
    yield _link(f"{site.prefix}/lib64", "lib")


def _link(path: str, target: str) -> Item:
    return Item(entry=Entry(path=path, kind=Kind.LINK, mode=0o777, target=target))


def user_items(base: Base, user: str) -> Iterator[Item]:
    """The user's rows in the base's own files, and a home."""
    row = f"{user}:x:{USER_ID}:{USER_ID}::/home/{user}:/bin/sh"
    yield plain_item("etc/passwd", _with_row(base.passwd, user, row), 0o644)
    yield plain_item("etc/group", _with_row(base.group, user, f"{user}:x:{USER_ID}:"), 0o644)
    home = Entry(path=f"home/{user}", kind=Kind.FOLDER, mode=0o755, owner=USER_ID)
    yield Item(entry=home)


def _with_row(text: str, user: str, row: str) -> bytes:
    kept = [line for line in text.splitlines() if not line.startswith(f"{user}:")]
    return "".join(f"{line}\n" for line in [*kept, row]).encode()
