"""How makers of environments quote a value into an activation script.

A style reads one token at a known place and gives back the value that the shell would see, or None.
Only tokens that its maker would have written are read: the value is quoted again and compared, so a
token that ends early and goes on as code is none. Values that a shell would still evaluate later (the
prompt ends up in PS1, which bash expands) are the caller's to refuse.
"""

import re
import shlex
from typing import Callable, Dict, NamedTuple, Optional, Tuple

Read = Callable[[str, int, str], Optional[Tuple[str, int]]]
Change = Callable[[str], str]

_POSIX = r"'[^']*'(?:\"'\"'[^']*')*"


class Style(NamedTuple):
    """`read(text, at, after)` gives (value, end of the token); `after` is the text that follows it.

    `quote` is what the maker does to the value.
    """

    read: Read
    quote: Change


def _same(text: str) -> str:
    return text


def _raw(forbidden: str, unquote: Change = _same, quote: Change = _same) -> Style:
    """A value pasted between quotes: nothing in it may mean anything to the shell."""
    unsafe = "[" + re.escape(forbidden) + r"\x00-\x1f\x7f]"

    def read(text: str, at: int, after: str) -> Optional[Tuple[str, int]]:
        end = text.find(after, at) if after else -1
        value = unquote(text[at : max(at, end)])
        if end < 0 or re.search(unsafe, value) or quote(value) != text[at:end]:
            return None
        return value, end

    return Style(read, quote)


def _quoted(token: str, unquote: Change, quote: Change) -> Style:
    def read(text: str, at: int, after: str) -> Optional[Tuple[str, int]]:
        match = re.compile(token).match(text, at)  # here, not at import: most are never used
        if match is None or not text.startswith(after, match.end()):
            return None
        try:
            value = unquote(match.group())
        except (ValueError, SyntaxError):
            return None
        return (value, match.end()) if quote(value) == match.group() else None

    return Style(read, quote)


def _unquote_posix(token: str) -> str:
    return token[1:-1].replace("'\"'\"'", "'") if token.startswith("'") else token


def _quote_posix(value: str) -> str:
    return "'" + value.replace("'", "'\"'\"'") + "'"


def _unquote_nu(token: str) -> str:
    marks = token.index("'")
    return token[marks + 1 : -marks]


def _quote_nu(value: str) -> str:
    """Nushell's raw string, with one `#` more than the longest run of them inside."""
    marks = "#" * (1 + max((len(run) for run in re.findall("#+", value)), default=0))
    return f"r{marks}'{value}'{marks}"


# PowerShell takes the curly quotes for straight ones.
_APOSTROPHES = "'\u2018\u2019\u201a\u201b"
_QUOTATION_MARKS = '"\u201c\u201d\u201e'


def _quote_powershell(value: str, marks: str) -> str:
    return "'" + re.sub(f"([{marks}])", r"\1\1", value) + "'"


def _unquote_powershell(token: str) -> str:
    return re.sub(f"([{_APOSTROPHES}])\\1", r"\1", token[1:-1])


def _literal(token: str) -> str:
    import ast

    value = ast.literal_eval(token)
    return value.decode() if isinstance(value, bytes) else str(value)


_ESCAPES = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x22: '\\"', 0x27: "\\'", 0x5C: "\\\\"}


def _quote_bytes(value: str) -> str:
    """Rust's `escape_ascii` between `b"` and `"`."""
    codes = value.encode("utf-8", "surrogateescape")
    return (
        'b"' + "".join(_ESCAPES.get(c) or (chr(c) if 32 <= c < 127 else f"\\x{c:02x}") for c in codes) + '"'
    )


def _quote_csh(value: str) -> str:
    return _quote_posix(value).replace("\\", "'\\\\'").replace("!", "'\\!'")


def _unquote_csh(token: str) -> str:
    return _unquote_posix(token.replace("'\\!'", "!").replace("'\\\\'", "\\"))


def _quote_csh_prompt(value: str) -> str:
    special = {"'": "'\"'\"'", "!": "'\\\\'\\!", "\\": "'\\\\'"}
    return "'" + "".join(special.get(character, character) for character in value) + "'"


def _quote_tcsh_prompt(value: str) -> str:
    special = {"'": "'\"'\"'", "!": "'\\\\'\\!", "\\": "'\\\\\\\\'", "%": "%%", "^": "'\\\\^'"}
    return "'" + "".join(special.get(character, character) for character in value) + "'"


def _unquote_csh_prompt(token: str) -> str:
    return token[1:-1].replace("'\"'\"'", "'").replace("'\\\\'\\!", "!").replace("'\\\\'", "\\")


def _unquote_tcsh_prompt(token: str) -> str:
    text = token[1:-1].replace("'\"'\"'", "'").replace("'\\\\'\\!", "!").replace("'\\\\\\\\'", "\\")
    return text.replace("'\\\\^'", "^").replace("%%", "%")


def _quote_fish(value: str) -> str:
    return "'" + re.sub(r"([\\'])", r"'\\\1'", value) + "'"


def _unquote_fish(token: str) -> str:
    return token[1:-1].replace("'\\''", "'").replace("'\\\\'", "\\")


def _quote_fish_inside(value: str) -> str:
    return "'" + re.sub(r"([\\'])", r"\\\1", value) + "'"


def _unquote_fish_inside(token: str) -> str:
    return re.sub(r"\\([\\'])", r"\1", token[1:-1])


_CSH_PART = r"[^'!\\\n]|'\"'\"'|'\\!'|'\\\\'"
_PROMPT_PART = r"[^'!\\\n]|'\"'\"'|'\\\\'\\!|'\\\\(?:\\\\)?'|'\\\\\^'"
_PYTHON = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""

# The order decides which name a maker's token gets when several would fit.
STYLES: Dict[str, Style] = {
    "posix-word": _quoted(rf"(?a:[\w@%+=:,./-]+)|{_POSIX}", _unquote_posix, shlex.quote),
    "posix": _quoted(_POSIX, _unquote_posix, _quote_posix),
    # Debian's venv quotes the parentheses of the prompt with it.
    "posix-parentheses": _quoted(
        r"'\(" + _POSIX[1:],
        lambda token: _unquote_posix(token)[1:-2],
        lambda value: _quote_posix(f"({value}) "),
    ),
    "csh": _quoted(f"'(?:{_CSH_PART})*'", _unquote_csh, _quote_csh),
    "csh-prompt": _quoted(f"'(?:{_PROMPT_PART})*'", _unquote_csh_prompt, _quote_csh_prompt),
    "tcsh-prompt": _quoted(f"'(?:{_PROMPT_PART})*'", _unquote_tcsh_prompt, _quote_tcsh_prompt),
    "fish": _quoted(r"'(?:[^'\\\n]|'\\['\\]')*'", _unquote_fish, _quote_fish),
    "fish-inside": _quoted(r"'(?:[^'\\\n]|\\['\\])*'", _unquote_fish_inside, _quote_fish_inside),
    "nu": _quoted(r"r(#+)'(?:(?!'\1).)*'\1", _unquote_nu, _quote_nu),
    "powershell": _quoted(
        f"'(?:[^{_APOSTROPHES}]|([{_APOSTROPHES}])\\1)*'",
        _unquote_powershell,
        lambda value: _quote_powershell(value, _APOSTROPHES),
    ),
    "python": _quoted(_PYTHON, _literal, repr),
    "python-ascii": _quoted(_PYTHON, _literal, ascii),
    "bytes": _quoted(r'b"(?:[^"\\\n]|\\.)*"', _literal, _quote_bytes),
    "version": _quoted(r"(?a:\d+\.\d+t?)", _same, _same),
    "in-double-quotes": _raw('"$`\\' + _QUOTATION_MARKS[1:]),
    "in-single-quotes": _raw("'\\" + _APOSTROPHES[1:]),
    # uv 0.6 and its like escape for a POSIX shell inside the double quotes of a batch file.
    "in-double-quotes-posix": _raw(
        '"$`\\' + _QUOTATION_MARKS[1:],
        lambda token: token.replace("'\"'\"'", "'"),
        lambda value: value.replace("'", "'\"'\"'"),
    ),
}
