"""Dates and times as one thing: an instant in UTC, written as RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

_TEXT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)


def utc_instant(value: object) -> str:
    """A TOML date, a TOML time with offset, or text of either, as `2025-03-01T00:00:00Z`.

    A date is the start of that day. Raises ValueError with a message for anything else: a time
    without an offset would mean another instant on another machine.

    >>> utc_instant("2025-03-01"), utc_instant("2025-03-01T02:00:00+02:00")
    ('2025-03-01T00:00:00Z', '2025-03-01T00:00:00Z')
    """
    moment = _parsed(value) if isinstance(value, str) else value
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if not isinstance(moment, datetime):
        raise ValueError("is neither a date nor a time with an offset")
    if moment.tzinfo is None:
        raise ValueError("has no offset, so it means another instant on another machine")
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError as error:
        raise ValueError("is out of range") from error


def _parsed(text: str) -> date | datetime:
    if not _TEXT.fullmatch(text):
        raise ValueError("is neither a date nor a time with an offset")
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise ValueError("is no date of the calendar") from error
