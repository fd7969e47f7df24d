"""`StrEnum` (Python 3.11) on Python 3.8."""

from enum import Enum

__all__ = ["Enum", "StrEnum"]


class StrEnum(str, Enum):
    """Text with names; `str` and `format` give the text."""

    __str__ = str.__str__

    def __format__(self, form: str) -> str:
        return str.__format__(self, form)
