"""`sync --repair`: put back what differs from the lock, and nothing else.

1. bytecode that is not what its source compiles to is removed;
2. a distribution that is missing, or there in another version, is installed anew;
3. of each distribution that differs, every file is compared with the entry list of the lock, and what
   differs is fetched, as a single member of the locked wheel, and written as a new inode;
4. scripts of entry points are written again where they are none;
5. RECORD is written again where it does not describe the files.
What no distribution owns is never removed: it is told.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from envlock.agent import scripts as agent_scripts
from envlock.agent.expect import ExpectedDistribution, ExpectedFixup
from envlock.agent.facts import DistributionFacts
from envlock.agent.hashing import Job, hash_all
from envlock.agent.identity import (
    LIB,
    SCRIPTS,
    Entry,
    entry_point_scripts,
    is_cached_bytecode,
    normalize_wheel_script,
)
from envlock.agent.target import Target
from envlock.errors import HashMismatch
from envlock.install.inode import NotOurs, make_parents, remove, write_new
from envlock.install.interpreter import check_python, open_venv
from envlock.install.members import OpenWheel, WheelReader
from envlock.install.model import Kind, Left, OnRepaired, Repaired, RepairRequest, RepairResult
from envlock.install.record import Installation, record_is_right, record_text
from envlock.install.roots import has_faults, locked_in_site
from envlock.install.scripts import entry_point_script, rewritten
from envlock.install.uv_cache import cache_folder, is_poisoned, unpacked_wheels
from envlock.install.uv_pip import Installer, locations_of, only
from envlock.lock.model import Distribution, Wheel
from envlock.resolve.model import Location
from envlock.resolve.tags import series
from envlock.resolve.wheels.contents import Member
from envlock.resolve.wheels.ranges import open_session
from envlock.resolve.wheels.wheel import WheelSource

EXECUTABLE, PLAIN = 0o755, 0o644


def repair(request: RepairRequest, on_repaired: OnRepaired | None = None) -> RepairResult:
    """Restore what `request.facts` show to differ. The result is for the next `verify` to judge.

    Killed at any point, it can be run again. Raises NoInterpreter, SourceFailed, HashMismatch, DiskFailed.
    """
    request = replace(request, venv=Path(os.path.abspath(request.venv)))  # noqa: PTH100 - links stay
    target = open_venv(request.venv, request.answers)
    check_python(target, request.lock, request.platform, request.venv)
    with closing(open_session(1)) as session:
        reader = WheelReader(session=session, python=series(request.lock.python), cache=request.cache)
        work = _Repair(request=request, target=target, reader=reader, listener=on_repaired)
        work.run()
    return RepairResult(repaired=tuple(work.repaired), left=work.still_left())


class _Repair:
    """One run over one venv; what it did and what it left alone add up."""

    def __init__(
        self, *, request: RepairRequest, target: Target, reader: WheelReader, listener: OnRepaired | None
    ) -> None:
        self.request, self.target, self.reader = request, target, reader
        self.repaired: list[Repaired] = []
        self._blocked: list[Left] = []
        self._owned: set[str] = set()
        self._listener = listener
        self._installed = locked_in_site(request.facts)

    def run(self) -> None:
        self._remove_bytecode()
        gone = [row for row in self._rows() if self._is_gone(*row)]
        damaged = [row for row in self._rows() if row not in gone and self._is_damaged(*row)]
        self._names = tuple(distribution.name for distribution, _ in (*gone, *damaged))
        self._install_anew(gone)
        for distribution, wheel in (*gone, *damaged):
            self._restore(distribution, wheel)

    def told(self, what: Repaired) -> None:
        self.repaired.append(what)
        if self._listener is not None:
            self._listener(what)

    def leave(self, path: Path, reason: str) -> None:
        self._blocked.append(Left(path=self.target.name(str(path)), reason=reason))

    def own(self, installation: Installation) -> None:
        """Say that a distribution has been restored: its files are no strangers any more."""
        keys = [(entry.place, entry.path) for entry in installation.entries]
        keys += [(SCRIPTS, name) for name in installation.scripts]
        self._owned.update(self.target.name(str(installation.absolute(*key))) for key in keys)

    def still_left(self) -> tuple[Left, ...]:
        strangers = (each for each in _left(self.request) if each.path not in self._owned)
        return (*strangers, *self._blocked)

    def source(self, wheel: Wheel) -> WheelSource:
        """Where a wheel is. The first question looks up all that this run may need."""
        url = self._locations[wheel.sha256].url
        return WheelSource(file=wheel.file, url=url, sha256=wheel.sha256, size=wheel.size)

    @cached_property
    def uv_cache(self) -> Path | None:
        return cache_folder(self.request.supply.environment)

    @cached_property
    def _locations(self) -> Mapping[str, Location]:
        lock = only(self.request.lock, self._names)
        return locations_of(lock, self.request.platform, self.request.supply)

    def _rows(self) -> Iterator[tuple[Distribution, Wheel]]:
        return self.request.lock.on(self.request.platform)

    def _is_gone(self, distribution: Distribution, wheel: Wheel) -> bool:
        item = self._installed.get(distribution.name)
        return item is None or item["version"] != distribution.version

    def _is_damaged(self, distribution: Distribution, wheel: Wheel) -> bool:
        item = self._installed[distribution.name]
        return item["digest"] != wheel.digest or has_faults(item)

    def _remove_bytecode(self) -> None:
        for row in self.request.facts["bytecode"]:
            path = self.request.venv / row["file"]
            if not is_cached_bytecode(row["file"]) or not path.is_relative_to(self.request.venv):
                self.leave(path, "is bytecode that differs from its source, and lies outside of the venv")
                continue
            remove(path)
            self.told(Repaired(kind=Kind.BYTECODE, distribution="", path=row["file"]))

    def _install_anew(self, rows: Iterable[tuple[Distribution, Wheel]]) -> None:
        names = [distribution.name for distribution, _ in rows]
        if not names:
            return
        Installer(
            lock=self.request.lock,
            platform=self.request.platform,
            venv=self.request.venv,
            supply=self.request.supply,
            locations=self._locations,
        ).reinstall(names)
        for name in names:
            self._look_for_rest(name)

    def _look_for_rest(self, name: str) -> None:
        """uv removes the other version by its RECORD; one that does not name its own folder leaves it."""
        item = self._installed.get(name)
        if item is not None and Path(item["directory"], item["info"]).exists():
            self.leave(Path(item["directory"], item["info"]), f"is a second {name}")

    def _restore(self, distribution: Distribution, wheel: Wheel) -> None:
        entries = self.reader.entries(wheel, lambda: self.source(wheel))
        item = self._installed.get(distribution.name)
        anew = item is None or item["version"] != distribution.version
        site = self.target.layout.sites[0] if item is None or anew else item["directory"]
        info = next(e.path for e in entries if e.path.endswith(".dist-info/METADATA")).partition("/")[0]
        installation = Installation(
            target=self.target,
            site=site,
            info=info,
            expected=_expected(distribution, wheel),
            name=distribution.name,
            entries=entries,
            scripts={},
        )
        if anew:
            path = self.target.name(f"{site}/{info}")
            self.told(Repaired(kind=Kind.DISTRIBUTION, distribution=distribution.name, path=path))
        _DistributionRepair(self, installation, wheel).run()


class _DistributionRepair:
    """One distribution, file by file."""

    def __init__(self, work: _Repair, installation: Installation, wheel: Wheel) -> None:
        self.work, self.installation, self.wheel = work, installation, wheel
        self.python = str(Path(work.target.layout.scripts, "python"))
        self._done: set[Entry] = set()

    def run(self) -> None:
        wrong = tuple(self._wrong())
        if wrong:
            source = self.work.source(self.wheel)
            self.work.reader.use(source, lambda wheel: self._restore_files(wheel, wrong))
        installation = replace(self.installation, scripts=self._scripts())
        self._restore_scripts(installation)
        self._restore_record(installation)
        self.work.own(installation)

    def _wrong(self) -> Iterator[Entry]:
        """The entries whose file is missing, unreadable or different."""
        paths = {entry: self._path(entry) for entry in self.installation.entries}
        jobs = [self._job(entry, path) for entry, path in paths.items() if path.is_file()]
        found = hash_all(jobs)
        for entry, path in paths.items():
            hashed = found.get((str(path), entry.algorithm))
            if hashed is None or hashed.error or hashed.hex != entry.hex:
                yield entry

    def _job(self, entry: Entry, path: Path) -> Job:
        normalize = self._normalize if entry.place == SCRIPTS else None
        return Job(str(path), path.stat().st_size, entry.algorithm, normalize)

    def _normalize(self, content: bytes) -> bytes:
        return agent_scripts.normalize_script(content, self.work.target.is_prefix_python)

    def _path(self, entry: Entry) -> Path:
        return self.installation.absolute(entry.place, entry.path)

    def _restore_files(self, wheel: OpenWheel, wrong: Iterable[Entry]) -> None:
        """Write the members anew, in the order of the wheel. Where the wheel had to be opened a second
        time, what was written from the first stays."""
        for entry in sorted(wrong, key=lambda entry: _offset(wheel, entry)):
            member = wheel.members.get((entry.place, entry.path))
            if member is None:
                raise _not_the_member(self.wheel, entry)
            if entry not in self._done:
                mode = EXECUTABLE if entry.place == SCRIPTS or _is_executable(member) else PLAIN
                poisoned = self._poisoned(member, entry)
                self._put(Kind.FILE, self._path(entry), self._content(wheel, member, entry), mode, poisoned)
                self._done.add(entry)

    def _content(self, wheel: OpenWheel, member: Member, entry: Entry) -> Iterator[bytes]:
        """The bytes to write. Raises HashMismatch at their end where they are not the entry's."""
        if member.script:
            content = b"".join(wheel.chunks(member))
            if hashlib.sha256(normalize_wheel_script(content)).hexdigest() != entry.hex:
                raise _not_the_member(self.wheel, entry)
            yield rewritten(content, self.python)
            return
        digest = hashlib.new(entry.algorithm)
        for chunk in wheel.chunks(member):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != entry.hex:
            raise _not_the_member(self.wheel, entry)

    def _poisoned(self, member: Member, entry: Entry) -> Path | None:
        """The file of uv's cache that would bring wrong bytes again, where there is one."""
        if self.work.uv_cache is None:
            return None
        info, name = self.installation.info, member.info.filename
        for unpacked in unpacked_wheels(self.work.uv_cache, info):
            if is_poisoned(unpacked, info, name, entry):
                return unpacked / name
        return None

    def _scripts(self) -> Mapping[str, str]:
        """The scripts of the entry points, by the file that is proved by now."""
        path = Path(self.installation.site, self.installation.info, "entry_points.txt")
        has_them = any(e.place == LIB and e.path.endswith("/entry_points.txt") for e in self._infos())
        if not has_them or not path.is_file():
            return {}
        text = path.read_text(encoding="utf-8")
        return entry_point_scripts(text, self.installation.name, self.work.target.interpreter.short)

    def _infos(self) -> Iterator[Entry]:
        return (e for e in self.installation.entries if e.path.startswith(f"{self.installation.info}/"))

    def _restore_scripts(self, installation: Installation) -> None:
        for name, target in installation.scripts.items():
            path = installation.absolute(SCRIPTS, name)
            if self._script_fault(path, target) is not None:
                self._put(Kind.SCRIPT, path, [entry_point_script(self.python, target)], EXECUTABLE)

    def _script_fault(self, path: Path, target: str) -> str | None:
        try:
            content = path.read_bytes()
        except OSError as error:
            return str(error)
        return agent_scripts.check_entry_point_script(
            content, target=target, is_prefix_python=self.work.target.is_prefix_python
        )

    def _restore_record(self, installation: Installation) -> None:
        if not record_is_right(installation):
            path = Path(installation.site, installation.info, "RECORD")
            self._put(Kind.RECORD, path, [record_text(installation).encode()], PLAIN)

    def _put(
        self, kind: Kind, path: Path, chunks: Iterable[bytes], mode: int, poisoned: Path | None = None
    ) -> None:
        try:
            make_parents(self.work.request.venv, path)
            write_new(path, chunks, mode=mode)
        except NotOurs as reason:
            self.work.leave(path, str(reason))
            return
        shown = self.work.target.name(str(path))
        self.work.told(
            Repaired(kind=kind, distribution=self.installation.name, path=shown, poisoned=poisoned)
        )


def _left(request: RepairRequest) -> Iterator[Left]:
    """What the facts show and a repair does not touch."""
    facts = request.facts
    for path, reason in facts["python_faults"]:
        yield Left(path=path, reason=f"{reason}; remove `{request.venv}` and run `envlock sync` again")
    for item in facts["foreign"]:
        yield Left(path=item["file"], reason=f"belongs to no installed distribution ({item['kind']})")
    first = locked_in_site(facts)
    for other in facts["distributions"]:
        if other["name"] in first and other is not first[other["name"]] and other["role"] == "site":
            yield Left(path=_info_path(other, request.venv), reason=f"is a second {other['name']}")
        for path in other["present"]:
            yield Left(path=path, reason="is listed by the wheel, which does not have it")


def _info_path(item: DistributionFacts, venv: Path) -> str:
    path = f"{item['directory']}/{item['info']}"
    return path.removeprefix(f"{venv}/")


def _expected(distribution: Distribution, wheel: Wheel) -> ExpectedDistribution:
    fixups = tuple(ExpectedFixup(fixup.place, fixup.path, fixup.sha256) for fixup in wheel.fixups)
    return ExpectedDistribution(distribution.version, wheel.digest, fixups)


def _offset(wheel: OpenWheel, entry: Entry) -> int:
    member = wheel.members.get((entry.place, entry.path))
    return -1 if member is None else member.info.header_offset


def _is_executable(member: Member) -> bool:
    return bool(member.info.external_attr >> 16 & 0o111)


def _not_the_member(wheel: Wheel, entry: Entry) -> HashMismatch:
    return HashMismatch(
        f"`{entry.path}` in `{wheel.file}` on its index is not the file that was locked",
        hint="the index, or a mirror before it, is at fault: name another one in `sources`",
        facts=[("locked", f"{entry.algorithm} {entry.hex}")],
    )
