"""What of a command's words is nobody's business."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

HIDDEN = "…"
_NAME = re.compile(r"(?:token|password|passwd|secret|credential|api[-_]?key|access[-_]key)s?$", re.IGNORECASE)
_PAIR = re.compile(r"(?P<name>[^=\s]+)=(?P<value>.*)", re.DOTALL)
_IN_URL = re.compile(r"(?<=://)[^/\s@]+(?=@)")


def without_secrets(words: Sequence[str]) -> list[str]:
    """The words of a command without what names itself a secret, and without the credentials of URLs.

    >>> without_secrets(["train.py", "--api-key", "k1", "--hub-token=k2", "https://me:k3@host/x", "--seed=1"])
    ['train.py', '--api-key', '…', '--hub-token=…', 'https://…@host/x', '--seed=1']
    """
    return list(_hidden(words))


def _hidden(words: Sequence[str]) -> Iterator[str]:
    follows = False
    for word in words:
        pair = _PAIR.fullmatch(word)
        if follows and not word.startswith("-"):
            yield HIDDEN
        elif pair and _NAME.search(pair["name"]):
            yield f"{pair['name']}={HIDDEN}"
        else:
            yield _IN_URL.sub(HIDDEN, word)
        follows = word.startswith("-") and not pair and bool(_NAME.search(word))
