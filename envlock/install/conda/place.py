"""Staged packages moved into a prefix: only what differs, always as new inodes, each record last.

What a package had and has no more goes while its old record still says so; then that record goes, and the
new one comes last. Whoever stops here leaves a prefix that `verify` calls a mismatch and that the next `sync`
completes, with no file that nobody knows of.
"""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from envlock.agent.conda.meta import CondaRecord, read_records
from envlock.install.inode import NotOurs, disk_failed, make_parents, remove
from envlock.install.model import Kind, Left, Repaired
from envlock.lock.model import CondaPackage


class Placing:
    """One run over one prefix. `staged` has the packages that are to be there."""

    def __init__(self, prefix: Path, staged: Path) -> None:
        self.prefix, self.staged = prefix, staged
        self.placed: list[Repaired] = []
        self.left: list[Left] = []
        self._new = {record.name: record for record in read_records(str(staged), {}).found}
        self._old = read_records(str(prefix), {}).found

    def place(self, packages: Iterable[CondaPackage]) -> None:
        """Put these packages there, and nothing of what they had before and have no more."""
        for package in packages:
            self._place(self._new[package.name])

    def discard(self, names: Set[str]) -> None:
        """Remove packages, and every file that none of the others has."""
        for record in [record for record in self._old if record.name in names]:
            self._drop(record, kept=self._files_of_others(record))
            self._forget(record)

    def _place(self, record: CondaRecord) -> None:
        old = [each for each in self._old if each.name == record.name]
        is_anew = not any(self._is_same_record(each, record) for each in old)
        files = _files(record)
        changed = [file for file in files if not _is_same(self.staged / file, self.prefix / file)]
        for each in old:
            self._drop(each, kept=self._files_of_others(each) | set(files))
        if is_anew or changed:
            for each in old:
                self._forget(each)
        for file in changed:
            self._move(file, record)
        self._move_record(record, tell=is_anew)

    def _is_same_record(self, old: CondaRecord, new: CondaRecord) -> bool:
        return old._replace(file="", depends=()) == new._replace(file="", depends=())

    def _files_of_others(self, record: CondaRecord) -> set[str]:
        others = [each for each in self._old if each.name != record.name and each.name not in self._new]
        others += [each for name, each in self._new.items() if name != record.name]
        return {file for each in others for file in _files(each)}

    def _move(self, file: str, record: CondaRecord) -> None:
        target = self.prefix / file
        try:
            make_parents(self.prefix, target)
            if target.is_dir() and not target.is_symlink():
                raise NotOurs("is a folder where a file belongs")
            (self.staged / file).replace(target)
        except NotOurs as reason:
            self.left.append(Left(path=file, reason=str(reason)))
            return
        except OSError as error:
            raise disk_failed(target, error) from error
        self._drop_bytecode(target)
        kind = Kind.SCRIPT if file in record.scripts else Kind.FILE
        self.placed.append(Repaired(kind=kind, distribution=record.name, path=file))

    def _move_record(self, record: CondaRecord, *, tell: bool) -> None:
        target = self.prefix / record.file
        if not target.exists():
            (self.prefix / "conda-meta").mkdir(exist_ok=True)
            (self.staged / record.file).replace(target)
            if tell:
                self.placed.append(Repaired(kind=Kind.RECORD, distribution=record.name, path=record.file))

    def _forget(self, record: CondaRecord) -> None:
        remove(self.prefix / record.file)

    def _drop(self, record: CondaRecord, *, kept: Set[str]) -> None:
        for file in _files(record):
            path = self.prefix / file
            if file in kept or not (path.is_symlink() or path.is_file()):
                continue
            remove(path)
            self._drop_bytecode(path)
            _prune(path.parent, self.prefix)

    def _drop_bytecode(self, path: Path) -> None:
        """What Python compiled of a module that is another one now, or none."""
        if path.suffix == ".py":
            for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
                remove(compiled)


def files_of_packages(prefix: Path) -> Set[Path]:
    """Every file that the records of a prefix name."""
    return {prefix / file for record in read_records(str(prefix), {}).found for file in _files(record)}


def _files(record: CondaRecord) -> list[str]:
    return [*(placed.file for placed in record.paths), *record.scripts]


def _is_same(staged: Path, there: Path) -> bool:
    """The same link, or the same bytes and the same right to be started."""
    if staged.is_symlink() or there.is_symlink():
        links = staged.is_symlink() and there.is_symlink()
        return links and staged.readlink() == there.readlink()
    if not there.is_file():
        return False
    mine, its = staged.stat().st_mode & 0o111, there.stat().st_mode & 0o111
    return mine == its and filecmp.cmp(staged, there, shallow=False)


def _prune(folder: Path, prefix: Path) -> None:
    """Remove folders that became empty, bytecode of nothing included."""
    while folder != prefix and not any(_contents(folder)):
        shutil.rmtree(folder, ignore_errors=True)
        folder = folder.parent


def _contents(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.name != "__pycache__") if folder.is_dir() else iter(())
