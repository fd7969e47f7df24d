"""Versions (PEP 440) and names of wheels, as far as a lockfile needs them.

The tests hold it against the `packaging` library, which has left Python 3.8 and 3.9 behind.
"""

import re
from functools import total_ordering
from typing import Any, FrozenSet, Optional, Tuple

from ..identity import normalized_name

_VERSION = re.compile(
    r"v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*)"
    r"(?:[-_.]?(?P<pre>a|b|c|rc|alpha|beta|pre|preview)[-_.]?(?P<pre_n>[0-9]*))?"
    r"(?:-(?P<post_short>[0-9]+)|(?P<post>[-_.]?(?:post|rev|r)[-_.]?(?P<post_n>[0-9]*)))?"
    r"(?P<dev>[-_.]?dev[-_.]?(?P<dev_n>[0-9]*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.IGNORECASE | re.ASCII,
)
_PHASES = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
# Where a part is absent: dev releases come first, then a, b, rc, the release, its post releases.
_LOWEST, _HIGHEST = (-1,), (2,)


class InvalidVersion(ValueError):
    pass


class InvalidWheelFilename(ValueError):
    pass


@total_ordering
class Version:
    """Compares as PEP 440 says."""

    def __init__(self, text: str) -> None:
        match = _VERSION.fullmatch(text.strip())
        if match is None:
            raise InvalidVersion(f"Invalid version: {text!r}")
        self.epoch = int(match["epoch"] or 0)
        self.release = tuple(int(part) for part in match["release"].split("."))
        phase = match["pre"] and match["pre"].lower()
        self.pre = (_PHASES.get(phase, phase), int(match["pre_n"] or 0)) if phase else None
        post = match["post_short"] or (match["post_n"] or "0" if match["post"] else None)
        self.post = None if post is None else int(post)
        self.dev = int(match["dev_n"] or 0) if match["dev"] else None
        self.local = re.sub(r"[-_]", ".", match["local"].lower()) if match["local"] else None
        self._key = self._sort_key()

    @property
    def public(self) -> str:
        """Without the local part."""
        text = f"{self.epoch}!" if self.epoch else ""
        text += ".".join(map(str, self.release))
        text += f"{self.pre[0]}{self.pre[1]}" if self.pre else ""
        text += f".post{self.post}" if self.post is not None else ""
        return text + (f".dev{self.dev}" if self.dev is not None else "")

    def __str__(self) -> str:
        local = ".".join(str(int(part)) if part.isdigit() else part for part in (self.local or "").split("."))
        return f"{self.public}+{local}" if self.local else self.public

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Version) and self._key == other._key

    def __lt__(self, other: "Version") -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def _sort_key(self) -> Tuple[Any, ...]:
        release = self.release
        while len(release) > 1 and release[-1] == 0:
            release = release[:-1]
        if self.pre is not None:
            pre: Tuple[Any, ...] = (1, *self.pre)
        else:
            pre = _LOWEST if self.post is None and self.dev is not None else _HIGHEST
        post = (-1,) if self.post is None else (0, self.post)
        dev = (1,) if self.dev is None else (0, self.dev)
        return self.epoch, release, pre, post, dev, _local_key(self.local)


def _local_key(local: Optional[str]) -> Tuple[Any, ...]:
    """Numbers come after words, and everything after no local part."""
    if local is None:
        return ()
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in local.split("."))


def parse_wheel_filename(file: str) -> Tuple[str, Version, Tuple[Any, ...], FrozenSet[str]]:
    """Name, version, build tag and tags. Raises InvalidWheelFilename."""
    parts = file[: -len(".whl")].split("-") if file.endswith(".whl") else []
    if len(parts) not in (5, 6):
        raise InvalidWheelFilename(f"Invalid wheel filename (wrong number of parts): {file!r}")
    if "__" in parts[0] or not re.fullmatch(r"[\w.]+", parts[0], re.UNICODE):
        raise InvalidWheelFilename(f"Invalid project name: {file!r}")
    build = re.fullmatch(r"(\d+)(.*)", parts[2], re.ASCII) if len(parts) == 6 else None
    if len(parts) == 6 and build is None:
        raise InvalidWheelFilename(f"Invalid build number: {parts[2]} in {file!r}")
    try:
        version = Version(parts[1])
    except InvalidVersion as error:
        raise InvalidWheelFilename(f"Invalid wheel filename (invalid version): {file!r}") from error
    tags = [part.split(".") for part in parts[-3:]]
    if not all(map(all, tags)) or not all(each.isidentifier() for each in tags[0]):
        raise InvalidWheelFilename(f"Invalid wheel filename (invalid tag component): {file!r}")
    return normalized_name(parts[0]), version, build.groups() if build else (), frozenset(parts[-3:])
