"""`tomli` as far as a lockfile needs it: `loads`, and an error that says where."""

import re
from typing import Any, Dict

from ..lockfile import parse

_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")


class TOMLDecodeError(ValueError):
    """`msg` without the place; `lineno` and `colno` count from 1."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        place = _PLACE.search(text)
        self.msg = text[: place.start()] if place else text
        self.lineno = int(place[1]) if place else 1
        self.colno = int(place[2]) if place else 1


def loads(text: str) -> Dict[str, Any]:
    try:
        return parse(text)
    except ValueError as error:
        raise TOMLDecodeError(str(error)) from error
