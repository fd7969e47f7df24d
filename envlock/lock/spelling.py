"""One way to write each value of the lockfile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

# What a TOML basic string must escape, in the spellings that JSON has too: the agent reads it as such.
_ESCAPES = {
    **{code: f"\\u{code:04x}" for code in (*range(0x20), 0x7F)},
    ord('"'): '\\"',
    ord("\\"): "\\\\",
    ord("\n"): "\\n",
    ord("\t"): "\\t",
    ord("\r"): "\\r",
}


def texts(*rows: tuple[str, str | None]) -> Iterator[str]:
    yield from (f"{key} = {text(value)}" for key, value in rows if value is not None)


def array(values: Iterable[str]) -> str:
    return f"[{', '.join(map(text, values))}]"


def text(value: str) -> str:
    return f'"{value.translate(_ESCAPES)}"'
