"""Values of a lock in other languages: YAML, TOML, Dockerfile, shell, comments.

A lockfile is untrusted input. What cannot stand on one line is refused; everything else is quoted so that
it means itself and nothing more.
"""

from __future__ import annotations

import json
import re
import shlex

from envlock.errors import LockfileInvalid

# Control characters, and what YAML or a terminal takes for the end of a line.
_NOT_ONE_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_YAML_UNPRINTABLE = re.compile("[\ufeff\ufffe\uffff]")


def one_line(text: str) -> str:
    """`text`, or LockfileInvalid where it holds control characters."""
    if _NOT_ONE_LINE.search(text):
        raise LockfileInvalid(
            f"a value holds control characters: {text!a}",
            hint="lock again with `envlock lock`; nothing that envlock writes holds such a value",
        )
    return text


def comment(text: str) -> str:
    r"""A comment line of TOML, YAML, requirements files and Dockerfiles.

    >>> comment("made by envlock")
    '# made by envlock'
    """
    return f"# {one_line(text)}" if text else "#"


def toml(text: str) -> str:
    r"""A basic string, which takes JSON's escapes.

    >>> print(toml('a "b"'))
    "a \"b\""
    """
    return json.dumps(one_line(text), ensure_ascii=False)


def yaml(text: str) -> str:
    r"""A double-quoted scalar, so that `0`, `no` and `: #` stay text.

    >>> print(yaml("no"))
    "no"
    """
    quoted = json.dumps(one_line(text), ensure_ascii=False)
    return _YAML_UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", quoted)


def dockerfile(text: str) -> str:
    r"""A double-quoted word of ENV and LABEL, in which the builder replaces no `$NAME`.

    >>> print(dockerfile('$HOME "x" \\'))
    "\$HOME \"x\" \\"
    """
    return '"' + re.sub(r'(["\\$])', r"\\\1", one_line(text)) + '"'


def shell(text: str) -> str:
    """A word of a POSIX shell."""
    return shlex.quote(one_line(text))
