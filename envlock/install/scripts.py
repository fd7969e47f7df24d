"""Scripts as uv writes them: the first line, and the text of an entry point."""

from __future__ import annotations

from envlock.agent.data.script_templates import TEMPLATES

# What the kernel reads of a first line (Linux before 5.1; macOS has 512); uv's own limit.
_LONGEST_SHEBANG_BYTES = 127
_TEMPLATE = next(text for maker, text in TEMPLATES if maker.startswith("uv 0.5"))


def shebang(python: str) -> str:
    r"""The start of a script for `python`; a trampoline where a first line cannot hold the path.

    >>> shebang("/env/bin/python")
    '#!/env/bin/python\n'
    >>> print(shebang("/my env/bin/python"), end="")
    #!/bin/sh
    '''exec' '/my env/bin/python' "$0" "$@"
    ' '''
    """
    line = f"#!{python}\n"
    if " " in python or len(line.encode()) > _LONGEST_SHEBANG_BYTES:
        quoted = python.replace("'", "'\"'\"'")
        return f"#!/bin/sh\n'''exec' '{quoted}' \"$0\" \"$@\"\n' '''\n"
    return line


def entry_point_script(python: str, target: str) -> bytes:
    """The script that calls `target` (`module:attr`)."""
    module, _, func = target.partition(":")
    text = _TEMPLATE.format(module=module, import_name=func.partition(".")[0], func=func)
    return (shebang(python) + text).encode()


def rewritten(content: bytes, python: str) -> bytes:
    """A member of `.data/scripts` as it is installed: `#!python` becomes the environment's."""
    if not content.startswith(b"#!python"):
        return content
    return shebang(python).encode() + content.partition(b"\n")[2]
