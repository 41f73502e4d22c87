"""The time that a report is of."""

import re
from datetime import UTC, datetime

from msgspec import Struct

from service.core.errors import InvalidRequest

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# RFC 3339, which is stricter than what `fromisoformat` takes.
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})")


class Period(Struct, frozen=True, kw_only=True):
    """From `start` up to, but not including, `end`."""

    start: datetime
    end: datetime


def parse_moment(text: str) -> datetime:
    """An RFC 3339 time, or a date (its first moment, in UTC). Raises `ValueError` with a word for people."""
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("Use an RFC 3339 time or a date: 2026-11-23T10:00:00Z, 2026-11-23")


def period(start: datetime | None, end: datetime | None, *, now: datetime) -> Period:
    """The period asked for; by default from the first of this month (UTC) to `now`.

    Raises `InvalidRequest` for one that is empty or runs backwards.
    """
    found = Period(
        start=start or now.replace(day=1, hour=0, minute=0, second=0, microsecond=0),
        end=end or now,
    )
    if found.start >= found.end and (start is not None or end is not None):
        if end is None:
            raise InvalidRequest("This must be in the past, or 'to' be later", field="from")
        raise InvalidRequest("This must be later than 'from'; it is not included", field="to")
    return found
