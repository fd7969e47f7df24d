"""Wheels as test input: honest ones, and ones whose RECORD is spoilt in a chosen way.

    make_wheel(name, version, *, files, requires=(), requires_python=None, tag="py3-none-any",
               entry_points=None, record=honest, record_newline="\n", extra=(), executable=(),
               compression=ZIP_DEFLATED) -> Wheel

`files` maps member names to bytes; `{data}` and `{info}` in a name stand for the `.data` and
`.dist-info` folders. `extra` are further (name, bytes) members that RECORD does not list: duplicates and
unsafe names come in this way. `executable` names members that get mode 755.

`record` is a function over RECORD's rows: `honest`, `no_hashes`, `without(path…)`, `unhashed(path…)`,
`wrong_size(path…)`, `wrong_hash(path…)`, `rehashed(algorithm, path…)` (sha512, md5, …),
`leading_slash(path…)`, `backslashed(path…)`, `duplicated(path…)`, `ghost(path…)` (rows without a
member); `spoilt(a, b)` applies several. Paths may use `{data}` and `{info}` too.

`Wheel.with_bytes(old, new)` edits the raw file (for names that zipfile refuses to write, NUL among them).
"""

from __future__ import annotations

import base64
import hashlib
import io
import warnings
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.tags import parse_tag

Rows = tuple["Row", ...]
Spoiler = Callable[[Rows], Rows]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row of RECORD to be, with the member's bytes at hand."""

    path: str
    content: bytes
    hash: str
    size: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    name: str
    version: str
    filename: str
    content: bytes
    metadata: bytes
    requires_python: str | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def size(self) -> int:
        return len(self.content)

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        path.write_bytes(self.content)
        return path

    def with_bytes(self, old: bytes, new: bytes) -> Wheel:
        """Replace raw bytes of the file everywhere; both must be of one length and be there."""
        assert len(old) == len(new)
        assert old in self.content
        return replace(self, content=self.content.replace(old, new))


def honest(rows: Rows) -> Rows:
    return rows


def make_wheel(
    name: str,
    version: str,
    *,
    files: Mapping[str, bytes],
    requires: Sequence[str] = (),
    requires_python: str | None = None,
    tag: str = "py3-none-any",
    entry_points: str | None = None,
    record: Spoiler = honest,
    record_newline: str = "\n",
    extra: Sequence[tuple[str, bytes]] = (),
    executable: Collection[str] = (),
    compression: int = zipfile.ZIP_DEFLATED,
) -> Wheel:
    """Build a wheel. The same arguments give the same bytes."""
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = _metadata(name, version, requires, requires_python)
    members = [(_named(path, stem), content) for path, content in files.items()]
    members += [(f"{stem}.dist-info/METADATA", metadata), (f"{stem}.dist-info/WHEEL", _wheel(tag))]
    if entry_points is not None:
        members.append((f"{stem}.dist-info/entry_points.txt", entry_points.encode()))
    members += [(_named(path, stem), content) for path, content in extra]
    listed = members[: len(members) - len(extra)]
    members.append((f"{stem}.dist-info/RECORD", _record(listed, stem, record, record_newline)))
    return Wheel(
        name=name,
        version=version,
        filename=f"{stem}-{tag}.whl",
        content=_zip(members, {_named(path, stem) for path in executable}, compression),
        metadata=metadata,
        requires_python=requires_python,
    )


def no_hashes(rows: Rows) -> Rows:
    return tuple(replace(row, hash="", size="") for row in rows)


def without(*paths: str) -> Spoiler:
    return lambda rows: tuple(row for row in rows if row.path not in paths)


def unhashed(*paths: str) -> Spoiler:
    return _each(paths, lambda row: (replace(row, hash=""),))


def wrong_size(*paths: str) -> Spoiler:
    return _each(paths, lambda row: (replace(row, size=str(len(row.content) + 1)),))


def wrong_hash(*paths: str) -> Spoiler:
    """A lie with the right size: the hash of other bytes."""
    return _each(paths, lambda row: (replace(row, hash=_hash("sha256", row.content + b"?")),))


def rehashed(algorithm: str, *paths: str) -> Spoiler:
    return _each(paths, lambda row: (replace(row, hash=_hash(algorithm, row.content)),))


def leading_slash(*paths: str) -> Spoiler:
    return _each(paths, lambda row: (replace(row, path="/" + row.path),))


def backslashed(*paths: str) -> Spoiler:
    return _each(paths, lambda row: (replace(row, path=row.path.replace("/", "\\")),))


def duplicated(*paths: str) -> Spoiler:
    """Two rows for one file, the first without a hash (selenium 4.1.0 has such rows)."""
    return _each(paths, lambda row: (replace(row, hash="", size=""), row))


def ghost(*paths: str) -> Spoiler:
    """Rows for members that are not there."""
    rows = tuple(Row(path=path, content=b"ghost", hash=_hash("sha256", b"ghost"), size="5") for path in paths)
    return lambda known: known + rows


def spoilt(*spoilers: Spoiler) -> Spoiler:
    def apply(rows: Rows) -> Rows:
        for spoiler in spoilers:
            rows = spoiler(rows)
        return rows

    return apply


def _each(paths: Collection[str], change: Callable[[Row], Rows]) -> Spoiler:
    """Change the rows of `paths` (all rows when none is named)."""
    return lambda rows: tuple(
        new for row in rows for new in (change(row) if not paths or row.path in paths else (row,))
    )


def _named(path: str, stem: str) -> str:
    return path.replace("{data}", f"{stem}.data").replace("{info}", f"{stem}.dist-info")


def _hash(algorithm: str, content: bytes) -> str:
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _record(members: Sequence[tuple[str, bytes]], stem: str, spoil: Spoiler, newline: str) -> bytes:
    own = Row(path=f"{stem}.dist-info/RECORD", content=b"", hash="", size="")
    folders = {f"{stem}.data": "{data}", f"{stem}.dist-info": "{info}"}
    rows = tuple(
        Row(
            path=_symbolic(path, folders),
            content=content,
            hash=_hash("sha256", content),
            size=str(len(content)),
        )
        for path, content in members
    )
    lines = [f"{_quoted(_named(row.path, stem))},{row.hash},{row.size}" for row in (*spoil(rows), own)]
    return "".join(line + newline for line in lines).encode()


def _symbolic(path: str, folders: Mapping[str, str]) -> str:
    head, slash, rest = path.partition("/")
    return folders.get(head, head) + slash + rest


def _quoted(path: str) -> str:
    return f'"{path}"' if "," in path else path


def _metadata(name: str, version: str, requires: Sequence[str], requires_python: str | None) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return ("\n".join(lines) + "\n").encode()


def _wheel(tag: str) -> bytes:
    lines = ["Wheel-Version: 1.0", "Generator: envlock-tests", "Root-Is-Purelib: " + _purelib(tag)]
    lines += sorted(f"Tag: {one}" for one in parse_tag(tag))
    return ("\n".join(lines) + "\n").encode()


def _purelib(tag: str) -> str:
    return "true" if tag.endswith("-any") else "false"


def _zip(members: Sequence[tuple[str, bytes]], executable: Collection[str], compression: int) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore", UserWarning)  # duplicate names are made on purpose
        for path, content in members:
            archive.writestr(_info(path, path in executable, compression), content)
    return buffer.getvalue()


def _info(path: str, executable: bool, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, date_time=(2020, 2, 2, 0, 0, 0))
    info.compress_type = compression
    info.create_system = 3  # Unix: modes count, on every machine that runs the tests
    info.external_attr = (0o100755 if executable else 0o100644) << 16
    return info
