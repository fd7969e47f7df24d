"""Every file of a conda prefix against the records in conda-meta.

1. the records are read, and each file is placed (`meta`);
2. plain files are hashed, links resolved, files with the prefix in them put back as packaged and hashed;
3. scripts of entry points are held against the templates of installers;
4. everything else in the prefix is foreign, or known to be harmless (`foreign`).
Whether the records are the lock's is for the judging side: it has their paths digests.
"""

import hashlib
import os
import stat
from typing import Dict, List, Mapping, NamedTuple, Optional, Set, Tuple

from .. import facts
from ..contents import Contents
from ..expect import ExpectedConda
from ..hashing import Job, hash_all, without_waiting
from ..identity import is_cached_bytecode
from ..scripts import IsPrefixPython, check_entry_point_script
from .links import Links
from .meta import CondaRecord, PlacedRow, read_records
from .order import linking_order
from .paths import PathRow, paths_digest
from .placeholder import first_guess, is_packaged

_HARDLINK, _SOFTLINK, _DIRECTORY = "hardlink", "softlink", "directory"
_MISSING = "is missing"
_MOST_PLACEHOLDER_BYTES = 1 << 30


class Seen(NamedTuple):
    """What stands where a row has its file: the sha256 as packaged (None: nothing that could be hashed),
    why it is not the package's ("" where it is), and whether it could not be looked at."""

    sha256: Optional[str]
    reason: str = ""
    is_unknown: bool = False


class CondaPass:
    """One pass over one prefix. `plan` before the hashing of `contents`, `describe` after it."""

    def __init__(
        self, contents: Contents, prefix: str, expected: Mapping[str, ExpectedConda], *, hashes: bool
    ) -> None:
        self.contents = contents
        self.prefix = prefix
        self.expected = expected
        self.hashes = hashes
        records = read_records(prefix, {name: one.paths for name, one in expected.items()})
        self.records = records.found
        self.problems = records.problems
        self.unreadable: List[List[str]] = []
        self.owners: Dict[str, List[Tuple[CondaRecord, PlacedRow]]] = {}
        for record in self.records:
            for placed in record.paths:
                self.owners.setdefault(placed.file, []).append((record, placed))
        self.owned = self._owned()
        self._links = Links(prefix, self.owners, {name: one.links for name, one in expected.items()})
        self._seen: Dict[Tuple[str, PathRow], Seen] = {}

    def _owned(self) -> Set[str]:
        """Absolute paths of all files that a package has, and of the scripts written for them."""
        files = set(self.owners)
        files.update(file for record in self.records for file in record.scripts)
        return {"%s/%s" % (self.prefix, file) for file in files}

    @property
    def sources(self) -> Set[str]:
        """Absolute paths of the modules: what bytecode is held against."""
        return {"%s/%s" % (self.prefix, file) for file in self.owners if file.endswith(".py")}

    @property
    def packaged_bytecode(self) -> Set[str]:
        """Bytecode that is a file of its package like any other."""
        return {"%s/%s" % (self.prefix, file) for file in self.owners if file.endswith(".pyc")}

    def plan(self) -> int:
        """Have every plain file hashed; the bytes that this means."""
        planned = 0
        for file, owners in self.owners.items():
            path = "%s/%s" % (self.prefix, file)
            if self.hashes and any(_is_plain(placed.row) for _, placed in owners):
                self.contents.plan(path)
                row = self.contents.row(path)
                planned += row.size if row is not None else 0
        return planned

    def watch(self) -> None:
        """Keep the rows of what this pass looks at without hashing it."""
        self.contents.watch("%s/conda-meta" % self.prefix)
        for record in self.records:
            self.contents.watch("%s/%s" % (self.prefix, record.file))
        for file, _ in self.problems:
            self.contents.watch("%s/%s" % (self.prefix, file))

    def describe(self, is_prefix_python: IsPrefixPython) -> facts.CondaFacts:
        """What differs, package by package. The foreign files are added by who walks the prefix."""
        clobbers = self._clobbers() if self.hashes else {}
        return facts.CondaFacts(
            packages=[self._package(record, clobbers, is_prefix_python) for record in self.records],
            problems=[list(problem) for problem in self.problems],
            clobbers=[clobbers[file] for file in sorted(clobbers)],
            extra=[],
            extra_count=0,
        )

    def _package(
        self, record: CondaRecord, clobbers: Mapping[str, facts.ClobberFacts], is_python: IsPrefixPython
    ) -> facts.CondaPackageFacts:
        changed, digest = self._files(record, clobbers) if self.hashes else ([], record.digest)
        return facts.CondaPackageFacts(
            name=record.name,
            version=record.version,
            build=record.build,
            build_number=record.build_number,
            subdir=record.subdir,
            archive=record.archive,
            sha256=record.sha256,
            md5=record.md5,
            record=record.file,
            claimed=record.digest,
            digest=digest,
            changed=changed,
            scripts=self._scripts(record, is_python),
            problems=self._record_problems(record),
        )

    # -- files ---------------------------------------------------------------------------------

    def _files(
        self, record: CondaRecord, clobbers: Mapping[str, facts.ClobberFacts]
    ) -> Tuple[List[facts.CondaFileFacts], Optional[str]]:
        """What differs, and the paths digest of what is there (None where something could not be read)."""
        changed: List[facts.CondaFileFacts] = []
        rows: List[PathRow] = []
        complete = True
        for placed in record.paths:
            clobber = clobbers.get(placed.file)
            if clobber is not None and clobber["due"] != record.name:
                rows.append(placed.row)  # another package has this path, and is judged for it
                continue
            seen = self._look(placed)
            if not seen.reason or (seen.reason == _MISSING and self._is_made_again(placed)):
                rows.append(placed.row)
            elif seen.is_unknown:
                complete = False
                self.unreadable.append([placed.file, seen.reason])
            else:
                changed.append(_changed(placed, seen))
                rows += [placed.row._replace(sha256=seen.sha256)] if seen.sha256 is not None else []
        return changed, paths_digest(rows) if complete else None

    def _is_made_again(self, placed: PlacedRow) -> bool:
        """Bytecode whose source is a package's own file: Python compiles it, and it is looked at itself."""
        folder, _, name = placed.file.rpartition("/__pycache__/")
        return is_cached_bytecode(placed.file) and "%s/%s.py" % (folder, name.split(".")[0]) in self.owners

    def _look(self, placed: PlacedRow) -> Seen:
        """What stands in the place of one row."""
        key = (placed.file, placed.row)
        if key not in self._seen:
            self._seen[key] = self._look_anew(placed)
        return self._seen[key]

    def _look_anew(self, placed: PlacedRow) -> Seen:
        path = "%s/%s" % (self.prefix, placed.file)
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            self.contents.watch(path)
            return Seen(None, _MISSING)
        except OSError as error:
            return Seen(None, error.strerror or str(error), is_unknown=True)
        if placed.row.path_type == _SOFTLINK:
            self.contents.watch(path)
            return Seen(None, self._links.fault(placed))
        if placed.row.path_type == _DIRECTORY:
            return Seen(None, "" if stat.S_ISDIR(mode) else "is no folder")
        if stat.S_ISLNK(mode):
            return Seen(None, "is a link to `%s` where a file belongs" % os.readlink(path))
        if not stat.S_ISREG(mode):
            return Seen(None, "is no file")
        if placed.row.sha256 is None:
            return Seen(None, "its package has no hash for it", is_unknown=True)
        return self._plain(placed, path) if _is_plain(placed.row) else self._with_prefix(placed, path)

    def _plain(self, placed: PlacedRow, path: str) -> Seen:
        found = self.contents.hashes.get((path, "sha256"))
        if found is None:  # another package's file stands where this one would be
            found = hash_all([Job(path, 0)], 1)[path, "sha256"]
        if found.error:
            return Seen(None, found.error, is_unknown=True)
        return Seen(found.hex, "" if found.hex == placed.row.sha256 else "differs")

    def _with_prefix(self, placed: PlacedRow, path: str) -> Seen:
        self.contents.watch(path)
        try:
            if os.path.getsize(path) > _MOST_PLACEHOLDER_BYTES:
                return Seen(None, "is too large to put its prefix back", is_unknown=True)
            with open(path, "rb") as file:
                content = file.read()
        except OSError as error:
            return Seen(None, error.strerror or str(error), is_unknown=True)
        sha256, placeholder = placed.row.sha256 or "", placed.row.prefix_placeholder or ""
        mode = placed.row.file_mode or "text"
        if is_packaged(content, sha256, placeholder, mode, self._prefixes()):
            return Seen(sha256)
        guess = first_guess(content, placeholder, mode, self.prefix)
        return Seen(hashlib.sha256(guess).hexdigest(), "differs")

    def _prefixes(self) -> List[str]:
        """The prefix by the names that it may have been installed under."""
        return sorted({self.prefix, os.path.realpath(self.prefix)}, key=lambda name: name != self.prefix)

    # -- clobbers ------------------------------------------------------------------------------

    def _clobbers(self) -> Dict[str, facts.ClobberFacts]:
        order = linking_order({record.name: self._depends(record) for record in self.records})
        place = {name: at for at, name in enumerate(order)}
        found = {}
        for file, owners in self._contested().items():
            names = sorted({record.name for record, _ in owners})
            holders = [record.name for record, placed in owners if not self._look(placed).reason]
            due = max(names, key=lambda name: place.get(name, -1))
            holder = due if due in holders else next(iter(holders), None)
            found[file] = facts.ClobberFacts(file=file, packages=names, due=due, found=holder)
        return found

    def _contested(self) -> Dict[str, List[Tuple[CondaRecord, PlacedRow]]]:
        """Paths that more than one package has, with different content. rattler keeps what was pushed aside
        below `__clobbers__`, and its record says where the file belongs."""
        belongs: Dict[str, List[Tuple[CondaRecord, PlacedRow]]] = {}
        for file, owners in self.owners.items():
            for record, placed in owners:
                at = _belongs(record, placed)
                home = file if at is None else at
                belongs.setdefault(home, []).append((record, placed._replace(file=home)))
        return {
            file: owners
            for file, owners in belongs.items()
            if len(owners) > 1 and len({_content(placed.row) for _, placed in owners}) > 1
        }

    def _depends(self, record: CondaRecord) -> Tuple[str, ...]:
        expected = self.expected.get(record.name)
        return expected.depends if expected is not None else record.depends

    # -- scripts -------------------------------------------------------------------------------

    def _scripts(self, record: CondaRecord, is_python: IsPrefixPython) -> List[facts.ScriptFacts]:
        """The scripts of the locked entry points; what the record has besides is nobody's."""
        expected = self.expected.get(record.name)
        targets = entry_points(expected.entry_points) if expected is not None else {}
        judged = [
            facts.ScriptFacts(
                name=name, file="bin/%s" % name, reason=self._script_fault(name, target, is_python)
            )
            for name, target in sorted(targets.items())
        ]
        files = set() if expected is None else {"bin/%s" % name for name in targets}
        strange = [file for file in record.scripts if expected is not None and file not in files]
        return judged + [
            facts.ScriptFacts(
                name=os.path.basename(file), file=file, reason="is no entry point of the package"
            )
            for file in strange
        ]

    def _script_fault(self, name: str, target: str, is_python: IsPrefixPython) -> str:
        path = "%s/bin/%s" % (self.prefix, name)
        self.contents.watch(path)
        if os.path.islink(path):
            return "is a link where a script belongs"
        try:
            with open(path, "rb", opener=without_waiting) as file:
                content = file.read(1 << 20)
        except FileNotFoundError:
            return "is missing"
        except OSError as error:
            return "cannot be read: %s" % error.strerror
        return check_entry_point_script(content, target=target, is_prefix_python=is_python) or ""

    def _record_problems(self, record: CondaRecord) -> List[str]:
        due = "conda-meta/%s-%s-%s.json" % (record.name, record.version, record.build)
        return [] if record.file == due else ["should be `%s` by what is in it" % due]


def entry_points(lines: Tuple[str, ...]) -> Dict[str, str]:
    """`name = module:attr` as name -> target; extras are nothing that a script could call.

    >>> entry_points(("pip = pip._internal.cli.main:main", "x=y:z [extra]"))
    {'pip': 'pip._internal.cli.main:main', 'x': 'y:z'}
    """
    pairs = [line.partition("=") for line in lines]
    return {name.strip(): target.partition("[")[0].strip() for name, _, target in pairs}


def _is_plain(row: PathRow) -> bool:
    return row.path_type == _HARDLINK and row.prefix_placeholder is None and row.sha256 is not None


def _belongs(record: CondaRecord, placed: PlacedRow) -> Optional[str]:
    start = "__clobbers__/%s/" % record.name
    return placed.file[len(start) :] if placed.file.startswith(start) else None


def _content(row: PathRow) -> Tuple[Optional[str], ...]:
    return (row.path_type, row.sha256, row.prefix_placeholder, row.file_mode)


def _changed(placed: PlacedRow, seen: Seen) -> facts.CondaFileFacts:
    return facts.CondaFileFacts(
        path=placed.row.path,
        file=placed.file,
        expected=placed.row.sha256,
        observed=seen.sha256,
        reason=seen.reason,
    )
