"""Print the rows of `stack/data/wheel_code.toml` for wheels at hand: read_wheel_code.py WHEEL…"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import parse_wheel_filename

from envlock.resolve.wheels.code import read_wheel
from envlock.stack.code import LibraryCode


def rows(path: Path) -> Iterator[str]:
    """The table of one wheel."""
    libraries, faults = read_wheel(path)
    if faults:
        raise SystemExit("\n".join(faults))
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    yield "[[wheel]]"
    yield f'name = "{parse_wheel_filename(path.name)[0]}"'
    yield f'file = "{path.name}"'
    yield f'sha256 = "{sha256}"'
    yield 'src = ["READ"]'
    yield "library = ["
    yield from (f"    {_library(each)}," for each in libraries)
    yield "]"
    yield ""


def _library(library: LibraryCode) -> str:
    texts = [("path", library.path), ("glibc", library.glibc), ("glibcxx", library.glibcxx)]
    texts += [("level", library.level), ("ptx_isa", library.ptx_isa)]
    pairs = [f'{key} = "{value}"' for key, value in texts if value is not None]
    parts = (f"{{ count = {count}, codes = {list(codes)} }}" for count, codes in library.parts)
    told = [f"parts = [{', '.join(parts)}]".replace("'", '"')] if library.parts else []
    return f"{{ {', '.join([*pairs, *told])} }}"


def main(paths: list[str]) -> None:
    for path in map(Path, paths):
        print("\n".join(rows(path)))


if __name__ == "__main__":
    main(sys.argv[1:])
