"""A document as lines that survive the standard output of a launcher.

Many processes write to one stream, and engines put names before lines, break long ones and mix the output of
several processes. So a document is sent in pieces of one short line each, and every line says whose piece it
is, which one of how many, and a check value that only who knows the nonce of this run can make:

    ENVLOCK1 NONCE TASK INDEX TOTAL CHECK DATA

Each line is sent twice. What an engine tore in one round is whole in the other, or the piece is missing.
"""

import base64
import hashlib
import json
import zlib
from typing import Any, Dict, Iterator, List

MARK = "ENVLOCK1"
ROUNDS = 2
_PIECE = 720  # characters of data: with what stands before it a line stays below 1,024 bytes


def frames(nonce: str, task: str, document: Dict[str, Any]) -> Iterator[str]:
    """The lines of a document, without line ends. The last round goes backwards: a burst that is torn at
    one place is torn at another then."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    data = base64.b64encode(zlib.compress(text.encode(), 6)).decode()
    pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
    lines = [_line(nonce, task, index, len(pieces), piece) for index, piece in enumerate(pieces)]
    yield from lines
    yield from reversed(lines)


def hello(nonce: str, task: str, who: Dict[str, str]) -> List[str]:
    """The lines that say that a task has begun, before it looks at anything: index and total are 0."""
    data = base64.b64encode(json.dumps(who, sort_keys=True).encode()).decode()
    return [_line(nonce, task, 0, 0, data)] * ROUNDS


def check_value(nonce: str, task: str, index: int, total: int, data: str) -> str:
    text = "%s %s %d %d %s" % (nonce, task, index, total, data)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _line(nonce: str, task: str, index: int, total: int, data: str) -> str:
    check = check_value(nonce, task, index, total, data)
    return "%s %s %s %d %d %s %s" % (MARK, nonce, task, index, total, check, data)
