"""uv's installer on a private pylock.toml: exactly the locked wheels, from where they were located."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from envlock.errors import DiskFailed, EnvlockError, GoneFromIndex, HashMismatch, IndexFailed
from envlock.install.model import Supply
from envlock.lock.model import Lock
from envlock.manifest.platforms import Platform
from envlock.resolve.model import Location
from envlock.resolve.uv import Outcome, explanation, failure, run_uv, workspace

_DISK = re.compile(
    r"No space left on device|Disk quota exceeded|Read-only file system|Permission denied|File too large"
)
_HASH = re.compile(r"(?:Hash|Size|Content-Length) mismatch")
_BROKEN_OFF = re.compile(r"error decoding response body|error reading a body|end of file before message")
_OWN_SHELF = "https://envlock.invalid/simple"  # asked for nothing
_CHANGE = re.compile(r"^ ([-+~]) (\S+==\S+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What uv did, as `name==version`; what it exchanged under one version counts as installed."""

    installed: tuple[str, ...]
    removed: tuple[str, ...]


def locations_of(lock: Lock, platform: Platform, supply: Supply) -> Mapping[str, Location]:
    """Where each wheel is, by sha256. Raises GoneFromIndex, SourceFailed."""
    if supply.wheelhouse is None:
        from envlock.resolve.locate import locate

        return locate(lock, platform, supply.sources, supply.environment)
    return _in_wheelhouse(lock, platform, supply.wheelhouse.absolute())


def _in_wheelhouse(lock: Lock, platform: Platform, house: Path) -> Mapping[str, Location]:
    rows = tuple(lock.on(platform))
    absent = [wheel.file for _, wheel in rows if not (house / wheel.file).is_file()]
    if absent:
        more = f" ({len(absent)} wheels are missing)" if len(absent) > 1 else ""
        raise GoneFromIndex(
            f"`{absent[0]}` is not in the wheelhouse `{house}`{more}",
            hint="put the locked wheels there: `pip download --no-deps -r requirements.txt`, with what"
            " `envlock emit requirements` writes",
            facts=[("missing", file) for file in absent],
        )
    return {
        wheel.sha256: Location(url=(house / wheel.file).as_uri(), index=distribution.index)
        for distribution, wheel in rows
    }


def only(lock: Lock, names: Iterable[str]) -> Lock:
    """The lock with these distributions and no others."""
    wanted = frozenset(names)
    return replace(lock, distributions=tuple(each for each in lock.distributions if each.name in wanted))


@dataclass(frozen=True, kw_only=True, slots=True)
class Installer:
    """uv for one venv; `locations` has every wheel that is asked for, by sha256."""

    lock: Lock
    platform: Platform
    venv: Path
    supply: Supply
    locations: Mapping[str, Location]
    link_mode: str | None = None

    @property
    def has_conda(self) -> bool:
        return not (self.venv / "pyvenv.cfg").exists()

    def sync(self, reinstall: Iterable[str]) -> Changes:
        """Install what is locked and remove what is not."""
        return self._run("sync", self.lock, tuple(reinstall))

    def install(self, reinstall: Iterable[str]) -> Changes:
        """Install what is locked and leave alone what is not."""
        return self._run("install", self.lock, tuple(reinstall))

    def reinstall(self, names: Iterable[str]) -> Changes:
        """Install these distributions anew, whatever is there."""
        wanted = tuple(names)
        return self._run("install", only(self.lock, wanted), wanted)

    def uninstall(self, names: Iterable[str]) -> Changes:
        return self._uv(("pip", "uninstall", *self._python(), *names))

    def _run(self, action: str, lock: Lock, reinstall: tuple[str, ...]) -> Changes:
        from envlock.emit.model import EmitOptions
        from envlock.emit.pylock import render_private

        shelves = {each: _shelf(found) for each, found in self.locations.items() if _is_remote(found)}
        words = [word for name in reinstall for word in ("--reinstall-package", name)]
        words += [word for url in sorted(set(shelves.values())) for word in ("--index", url)]
        with workspace() as folder:
            pylock = folder / "pylock.toml"
            urls = {sha256: location.url for sha256, location in self.locations.items()}
            options = EmitOptions(platform=self.platform, locations=urls)
            pylock.write_text(render_private(lock, options, shelves), encoding="utf-8")
            file = (str(pylock),) if action == "sync" else ("--no-deps", "-r", str(pylock))
            mode = ("--link-mode", self.link_mode) if self.link_mode else ()
            return self._uv(("pip", action, *self._python(), *mode, *words, *file), folder)

    def _uv(self, arguments: tuple[str, ...], folder: Path | None = None) -> Changes:
        if folder is None:
            with workspace() as own:
                return self._uv(arguments, own)
        outcome = run_uv(arguments, directory=folder, environment=self.supply.environment)
        if outcome.status != 0:
            raise install_failure(outcome, self.venv)
        changes = _CHANGE.findall(outcome.stderr)
        return Changes(
            installed=tuple(what for sign, what in changes if sign in "+~"),
            removed=tuple(what for sign, what in changes if sign == "-"),
        )

    def _python(self) -> tuple[str, ...]:
        """A conda prefix may be marked as managed by others (PEP 668): conda's part of it is left alone."""
        managed = ("--break-system-packages",) if self.has_conda else ()
        return ("--python", str(self.venv / "bin" / "python"), *managed)


def _is_remote(location: Location) -> bool:
    return not location.url.startswith("file:")


def _shelf(location: Location) -> str:
    """The index under which uv's cache keeps a wheel. One that uv is told of is looked for there by its
    hash; else it asks the server whether the file is still the same, and many answer with the file.

    Only what certainly is of an index goes where others look for files of that index.
    """
    from envlock.emit.pylock import public

    return _OWN_SHELF if location.index_url is None else public(location.index_url)


def install_failure(outcome: Outcome, venv: Path) -> EnvlockError:
    """What a failed installation means, by uv's own words."""
    message, causes, _ = explanation(outcome.stderr)
    facts = [("cause", cause) for cause in causes]
    if _HASH.search(outcome.stderr):
        return HashMismatch(
            f"a wheel is not the file that was locked: {message}",
            hint="run the command again; if it stays so, the index or a mirror before it is at fault",
            facts=facts,
        )
    if failed := disk_failure(outcome, venv):
        return failed
    if _BROKEN_OFF.search(outcome.stderr):
        return IndexFailed(
            f"an index failed: {message}", hint="check the network, then try again", facts=facts
        )
    return failure(outcome, where=None)


def disk_failure(outcome: Outcome, venv: Path) -> DiskFailed | None:
    """The failure where the disk is to blame, else None."""
    found = _DISK.search(outcome.stderr)
    if found is None:
        return None
    reason = found.group()[:1].lower() + found.group()[1:]
    return DiskFailed(
        f"cannot write `{venv}`: {reason}",
        hint="free some space or make the directory writable, then run the command again",
        facts=[("uv says", text) for text in explanation(outcome.stderr)[1]],
    )
