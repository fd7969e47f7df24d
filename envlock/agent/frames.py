"""A document as lines that survive the standard output of a launcher.

Many processes write to one stream, and engines put names before lines, break long ones and mix the output of
several processes. So a document is sent in pieces of one short line each, and every line says whose piece it
is, which one of how many, and a check value that only who knows the nonce of this run can make:

    ENVLOCK1 NONCE TASK INDEX TOTAL CHECK DATA

Each line is sent in three rounds, the first in a burst, the later ones line by line with pauses: engines tear
lines where several tasks write at one moment. What was torn in one round is whole in another, or the piece is
missing.
"""

import base64
import hashlib
import json
import zlib
from typing import Any, Dict, Iterator, List, Tuple

MARK = "ENVLOCK1"
# Seconds before each line of a round, and at most for the whole of it. Of 1,152 lines of mpirun 5 to 7 % were
# torn in a burst, and 1.4 % with a millisecond between them (Open MPI 4.1.4, 16 tasks on 2 cores).
PAUSES = (0.0, 0.001, 0.005)
_LONGEST_ROUND = 2.0
_PIECE = 720  # characters of data: with what stands before it a line stays below 1,024 bytes


def frames(nonce: str, task: str, document: Dict[str, Any]) -> Iterator[Tuple[float, str]]:
    """The lines of a document, without line ends, each with the seconds to wait before it.

    The second round goes backwards, the third starts in the middle: lines that are torn together, being
    neighbours in one round, are far from each other in another.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    data = base64.b64encode(zlib.compress(text.encode(), 6)).decode()
    pieces = [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
    lines = [_line(nonce, task, index, len(pieces), piece) for index, piece in enumerate(pieces)]
    middle = len(lines) // 2
    for pause, turn in zip(PAUSES, (lines, lines[::-1], lines[middle:] + lines[:middle])):
        for line in turn:
            # Not evenly: tasks that begin together would go on tearing each other's lines.
            yield min(pause, _LONGEST_ROUND / len(lines)) * (0.5 + zlib.crc32(line.encode()) / 2**32), line


def hello(nonce: str, task: str, who: Dict[str, str]) -> List[str]:
    """The lines that say that a task has begun, before it looks at anything: index and total are 0."""
    data = base64.b64encode(json.dumps(who, sort_keys=True).encode()).decode()
    return [_line(nonce, task, 0, 0, data)] * 2


def check_value(nonce: str, task: str, index: int, total: int, data: str) -> str:
    text = "%s %s %d %d %s" % (nonce, task, index, total, data)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _line(nonce: str, task: str, index: int, total: int, data: str) -> str:
    check = check_value(nonce, task, index, total, data)
    return "%s %s %s %d %d %s %s" % (MARK, nonce, task, index, total, check, data)
