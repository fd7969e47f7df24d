"""Untrusted text in Markdown and in LaTeX: nothing of it is read as markup, and it stays on its line."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~&$])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",  # \textquotedbl is not in the encoding that LaTeX starts with
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "-": "{-}",
}


def one_line(text: str) -> str:
    """Control characters, line ends and turns of writing direction become a space.

    >>> one_line("a\\nb\\x1b[31m\\u202ec")
    'a b [31m c'
    """
    return _CONTROL.sub(" ", text)


def markdown(text: str) -> str:
    r"""
    >>> print(markdown("<b>[x](y)_z_|"))
    \<b\>\[x\](y)\_z\_\|
    """
    return _MARKDOWN.sub(r"\\\1", one_line(text))


def markdown_code(text: str) -> str:
    """A code span; a text with backticks gets a longer fence (CommonMark 6.1). A pipe would end a cell.

    >>> markdown_code("a`b")
    '`` a`b ``'
    """
    plain = one_line(text).replace("|", "¦")
    longest = max((len(run) for run in re.findall("`+", plain)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {plain} {fence}" if longest else f"`{plain}`"


def latex(text: str) -> str:
    r"""Text for LaTeX's text mode. A letter that its first font encoding does not have is named by its
    number: pdflatex would stop there.

    >>> print(latex("100 % of a_b\\input{x} é 語"))
    100 \% of a\_b\textbackslash{}input\{x\} é [U+8A9E]
    """
    return "".join(_LATEX.get(letter) or _known(letter) for letter in one_line(text))


def _known(letter: str) -> str:
    is_known = letter.isascii() or ("À" <= letter <= "ÿ" and letter.isalpha() and letter not in "ÐÞðþ")
    return letter if is_known else f"[U+{ord(letter):04X}]"


def latex_hash(text: str) -> str:
    r"""Typewriter text that may break after every eighth letter, as a hash of 64 digits must.

    >>> print(latex_hash("rt1:0123456789"))
    \texttt{rt1:0123\allowbreak{}456789}
    """
    plain = one_line(text)
    pieces = [latex(plain[start : start + 8]) for start in range(0, len(plain), 8)]
    broken = r"\allowbreak{}".join(pieces)
    return rf"\texttt{{{broken}}}"
