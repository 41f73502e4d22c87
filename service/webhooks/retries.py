"""When a delivery that has failed is tried again."""

import email.utils
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

RETRIES_END_AFTER = timedelta(days=3)
"""From the first failure on; after it a delivery has failed, and so has an endpoint that took nothing."""

_MINUTE, _HOUR = 60.0, 3600.0
_WAITS_SECONDS = (5.0, 5 * _MINUTE, 30 * _MINUTE, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR)
_LAST_WAIT_SECONDS = 24 * _HOUR
_JITTER = 0.1
_LONGEST_RETRY_AFTER_SECONDS = 24 * _HOUR
_RETRY_AFTER_STATUSES = (429, 503)


def next_attempt(
    *,
    attempts: int,
    now: datetime,
    until: datetime,
    retry_after_seconds: float,
    random: Random,
) -> datetime | None:
    """When to try again after so many attempts, the last of which has just failed; None: never.

    The last try is made at `until`. `retry_after_seconds` is what the receiver asked for, and a floor.
    """
    if now >= until:
        return None
    waits = _WAITS_SECONDS[attempts - 1 : attempts]
    wait = (waits[0] if waits else _LAST_WAIT_SECONDS) * random.uniform(1, 1 + _JITTER)
    planned = min(now + timedelta(seconds=wait), until)
    return max(planned, now + timedelta(seconds=retry_after_seconds))


def retry_after(status: int, headers: Mapping[str, str], *, now: datetime) -> float:
    """The seconds that a receiver asks to be left alone for, a day at most; 0 where it asks for nothing."""
    if status not in _RETRY_AFTER_STATUSES:
        return 0.0
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now)
    if not math.isfinite(seconds):
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_SECONDS)


def _seconds_until(date: str, now: datetime) -> float:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() - now.timestamp()
    except (ValueError, OverflowError):
        return 0.0
