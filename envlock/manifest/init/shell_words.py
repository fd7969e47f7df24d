"""Shell lines -> the commands in them, as words. Nothing is expanded, and nothing is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

_ENDS = re.compile(r"[();|&]+")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_SHELLS = ("sh", "bash", "zsh", "dash")
_BEFORE = ("sudo", "exec", "time", "command", "then", "do", "else", "{", "!", "env", "nohup")


def commands(text: str) -> Iterator[tuple[str, ...]]:
    """The commands of a line or a script. What cannot be read as shell words gives none.

    >>> list(commands("set -e && A=1 pip install 'torch>=2' ; bash -c 'pip install x'"))
    [('set', '-e'), ('pip', 'install', 'torch>=2'), ('pip', 'install', 'x')]
    """
    lexer = shlex.shlex(text.replace("\n", " ; "), posix=True, punctuation_chars="();|&")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in lexer:
            if _ENDS.fullmatch(word):
                yield from _command(words)
                words = []
            else:
                words.append(word)
    except ValueError:  # a quote that is not closed
        return
    yield from _command(words)


def _command(words: list[str]) -> Iterator[tuple[str, ...]]:
    while words and (words[0] in _BEFORE or _ASSIGNMENT.fullmatch(words[0])):
        words = words[1:]
    if not words:
        return
    script = _script(words)
    if script is None:
        yield tuple(words)
    else:
        yield from commands(script)


def _script(words: list[str]) -> str | None:
    """What `bash -lc TEXT` runs."""
    if program(words[0]) not in _SHELLS:
        return None
    for place, word in enumerate(words[1:-1], start=1):
        if word.startswith("-") and not word.startswith("--") and word.endswith("c"):
            return words[place + 1]
    return None


def program(word: str) -> str:
    """`pip` of `/opt/conda/bin/pip`."""
    return word.rpartition("/")[2]
