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
            same = quote(value) == match.group()
        except (ValueError, SyntaxError):
            return None
        return (value, match.end()) if same else None

    return Style(read, quote)


def _only(style: Style, may_hold: Callable[[str], bool]) -> Style:
    """A style that its maker takes for some values, and another one for the rest."""

    def read(text: str, at: int, after: str) -> Optional[Tuple[str, int]]:
        token = style.read(text, at, after)
        return token if token is not None and may_hold(token[0]) else None

    return Style(read, style.quote)


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


# virtualenv 21.15.10 and later keep bytes that are not ASCII away from what a shell may take together with
# a quote: in their octal numbers from a `printf`, or each byte apart.
_PRINTF = "\"$(unset -f printf 2>/dev/null || :; \\printf '%b' '"
_PRINTED = "')\""
_OCTAL = r"\\0[0-3][0-7][0-7]"


def _octal(codes: bytes) -> str:
    return "".join(f"\\0{code:03o}" for code in codes)


def _from_octal(text: str) -> bytes:
    return bytes(int(number, 8) for number in text.split("\\")[1:])


def _quote_posix_octal(value: str) -> str:
    runs = re.findall(r"([\x00-\x7f]+)|([^\x00-\x7f]+)", value) or [("", "")]
    return "".join(
        _PRINTF + _octal(other.encode()) + _PRINTED if other else shlex.quote(plain) for plain, other in runs
    )


def _unquote_posix_octal(token: str) -> str:
    return "".join(
        _from_octal(part[len(_PRINTF) : -len(_PRINTED)]).decode()
        if part.startswith(_PRINTF)
        else _unquote_posix(part)
        for part in re.findall(_POSIX_OCTAL_PART, token)
    )


def _quote_csh_bytes(value: str) -> str:
    codes = _quote_csh(value).encode("utf-8", "surrogateescape")
    return "".join(chr(code) if code < 128 else f"{chr(0xDC00 + code)}''" for code in codes)


def _unquote_csh_bytes(token: str) -> str:
    apart = re.sub("([\udc80-\udcff])''", r"\1", token)
    return _unquote_csh(apart.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"))


_CSH_COMMAND = "\"`$_virtualenv_printf '%b' '"
_CSH_PRINTED = "'`\"' '"


def _needs_command(value: str) -> bool:
    """Does a prompt hold bytes after which a stateful encoding may swallow the quote?"""
    return re.search(b"\x88[\xa3\xa5\xa7]", value.encode("utf-8", "surrogateescape")) is not None


def _is_literal(value: str) -> bool:
    return not _needs_command(value)


def _csh_command(shown: str) -> str:
    return _CSH_COMMAND + _octal(f"({shown})".encode("utf-8", "surrogateescape")) + _CSH_PRINTED


def _shown_by(token: str) -> str:
    codes = _from_octal(token[len(_CSH_COMMAND) : -len(_CSH_PRINTED)])
    return codes.decode("utf-8", "surrogateescape")[1:-1]


def _quote_csh_command(value: str) -> str:
    return _csh_command(value.replace("!", "\\!"))


def _unquote_csh_command(token: str) -> str:
    return _shown_by(token).replace("\\!", "!")


def _quote_tcsh_command(value: str) -> str:
    return _csh_command(re.sub(r"([\\^!])", r"\\\1", value).replace("%", "%%"))


def _unquote_tcsh_command(token: str) -> str:
    return re.sub(r"\\([\\^!])", r"\1", _shown_by(token)).replace("%%", "%")


_XONSH_CHARACTERS = "''.join(__import__('builtins').map(__import__('builtins').chr, "
_XONSH_BYTES = "__import__('builtins').bytes.fromhex('"


def _quote_xonsh(value: str) -> str:
    if re.search(r"[^ -~]|['\\+~%]", value):
        return f"{_XONSH_CHARACTERS}{tuple(map(ord, value))}))"
    return ascii(value)


def _unquote_xonsh(token: str) -> str:
    if token.startswith(_XONSH_CHARACTERS):
        return "".join(chr(int(number)) for number in re.findall("[0-9]+", token))
    return _literal(token)


def _quote_xonsh_path(value: str) -> str:
    codes = value.encode("utf-8", "surrogateescape")
    return _quote_xonsh(value) if len(codes) == len(value) else f"{_XONSH_BYTES}{codes.hex()}')"


def _unquote_xonsh_path(token: str) -> str:
    if token.startswith(_XONSH_BYTES):
        return bytes.fromhex(token[len(_XONSH_BYTES) : -2]).decode()
    return _unquote_xonsh(token)


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
_WORD = r"(?a:[\w@%+=:,./-]+)"
_POSIX_OCTAL_PART = f"{_WORD}|{_POSIX}|{re.escape(_PRINTF)}(?:{_OCTAL})+{re.escape(_PRINTED)}"
_CSH_BYTES_PART = r"[^'!\\\n\x80-\U0010ffff]|[\udc80-\udcff]''|'\"'\"'|'\\!'|'\\\\'"
_CSH_COMMAND_TOKEN = f"{re.escape(_CSH_COMMAND)}(?:{_OCTAL})+{re.escape(_CSH_PRINTED)}"
_XONSH = f"{re.escape(_XONSH_CHARACTERS)}\\([0-9]{{1,7}}(?:, [0-9]{{1,7}})*,?\\)\\)\\)|'[^'\\\\\n]*'"
_XONSH_PATH = f"{re.escape(_XONSH_BYTES)}(?:[0-9a-f][0-9a-f])+'\\)|{_XONSH}"
_PYTHON = r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\""

_CSH_PROMPT = _quoted(f"'(?:{_PROMPT_PART})*'", _unquote_csh_prompt, _quote_csh_prompt)
_TCSH_PROMPT = _quoted(f"'(?:{_PROMPT_PART})*'", _unquote_tcsh_prompt, _quote_tcsh_prompt)

# The order decides which name a maker's token gets when several would fit.
STYLES: Dict[str, Style] = {
    "posix-word": _quoted(f"{_WORD}|{_POSIX}", _unquote_posix, shlex.quote),
    "posix": _quoted(_POSIX, _unquote_posix, _quote_posix),
    "posix-octal": _quoted(f"(?:{_POSIX_OCTAL_PART})+", _unquote_posix_octal, _quote_posix_octal),
    # Debian's venv quotes the parentheses of the prompt with it.
    "posix-parentheses": _quoted(
        r"'\(" + _POSIX[1:],
        lambda token: _unquote_posix(token)[1:-2],
        lambda value: _quote_posix(f"({value}) "),
    ),
    "csh": _quoted(f"'(?:{_CSH_PART})*'", _unquote_csh, _quote_csh),
    "csh-bytes": _quoted(f"'(?:{_CSH_BYTES_PART})*'", _unquote_csh_bytes, _quote_csh_bytes),
    "csh-prompt": _CSH_PROMPT,
    "csh-prompt-literal": _only(_CSH_PROMPT, _is_literal),
    "csh-prompt-command": _only(
        _quoted(_CSH_COMMAND_TOKEN, _unquote_csh_command, _quote_csh_command), _needs_command
    ),
    "tcsh-prompt": _TCSH_PROMPT,
    "tcsh-prompt-literal": _only(_TCSH_PROMPT, _is_literal),
    "tcsh-prompt-command": _only(
        _quoted(_CSH_COMMAND_TOKEN, _unquote_tcsh_command, _quote_tcsh_command), _needs_command
    ),
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
    "xonsh": _quoted(_XONSH, _unquote_xonsh, _quote_xonsh),
    "xonsh-path": _quoted(_XONSH_PATH, _unquote_xonsh_path, _quote_xonsh_path),
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
