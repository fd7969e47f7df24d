"""Safe changes, made in the files: each on one line, each once, nothing else touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from envlock.audit.repository.model import Edit, Finding

Write = Callable[[Path, bytes], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fixed:
    """`done`: what was changed; `kept`: files that changed meanwhile, or cannot be written."""

    done: tuple[Edit, ...]
    kept: tuple[str, ...]


def fix(root: Path, findings: Iterable[Finding], write: Write) -> Fixed:
    """Make every edit that a finding carries. `write(path, bytes)` replaces a file whole. Run again, it finds
    nothing more to do."""
    by_file: dict[str, list[Edit]] = {}
    for each in findings:
        if each.hit.edit is not None:
            by_file.setdefault(each.hit.edit.file, []).append(each.hit.edit)
    done, kept = list[Edit](), list[str]()
    for file, edits in by_file.items():
        if _fix_file(root / file, edits, write):
            done += edits
        else:
            kept.append(file)
    return Fixed(done=tuple(done), kept=tuple(kept))


def _fix_file(path: Path, edits: list[Edit], write: Write) -> bool:
    """Bytes that are not of the edit stay as they are: line ends, a byte order mark, odd characters."""
    try:
        lines = path.read_bytes().split(b"\n")
        for edit in edits:
            line, old = lines[edit.line - 1], edit.old.encode()
            if line.count(old) != 1:
                return False
            lines[edit.line - 1] = line.replace(old, edit.new.encode())
        write(path, b"\n".join(lines))
    except (OSError, IndexError):
        return False
    return True
