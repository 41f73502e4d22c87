"""When a failed delivery is tried again."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from service.webhooks.ports import event_types
from service.webhooks.retries import next_attempt, retry_after
from tests.fakes import LongestWaits

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
UNTIL = NOW + timedelta(days=3)


class NoJitter(Random):
    """No chance: every choice from a range is its lower end."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


def attempts_of_a_receiver_that_is_down() -> list[timedelta]:
    """When each attempt after the first one is made."""
    now = NOW
    made: list[timedelta] = []
    while True:
        again = next_attempt(
            attempts=len(made) + 1,
            now=now,
            until=UNTIL,
            retry_after_seconds=0,
            random=NoJitter(),
        )
        if again is None:
            return made
        now = again
        made.append(now - NOW)


def test_waits_grow_and_end_with_the_third_day() -> None:
    hours = timedelta(hours=1)
    minutes = timedelta(minutes=1)
    seconds = timedelta(seconds=1)
    sixth = 5 * seconds + 5 * minutes + 30 * minutes + 17 * hours
    assert attempts_of_a_receiver_that_is_down() == [
        5 * seconds,
        5 * seconds + 5 * minutes,
        5 * seconds + 35 * minutes,
        5 * seconds + 35 * minutes + 2 * hours,
        5 * seconds + 35 * minutes + 7 * hours,
        sixth,
        sixth + 24 * hours,
        sixth + 48 * hours,
        72 * hours,
    ]


def test_jitter_only_lengthens_a_wait_and_by_a_tenth_at_most() -> None:
    again = next_attempt(
        attempts=1, now=NOW, until=UNTIL, retry_after_seconds=0, random=LongestWaits()
    )
    assert again == NOW + timedelta(seconds=5.5)


@pytest.mark.parametrize(("asked", "waited"), [(1, 5), (60, 60)])
def test_retry_after_is_a_floor(asked: float, waited: float) -> None:
    again = next_attempt(
        attempts=1, now=NOW, until=UNTIL, retry_after_seconds=asked, random=NoJitter()
    )
    assert again == NOW + timedelta(seconds=waited)


@pytest.mark.parametrize(
    ("status", "value", "seconds"),
    [
        (429, "120", 120),
        (503, "1.5", 1.5),
        (503, "Mon, 23 Nov 2026 12:01:00 GMT", 60),
        (503, "Mon, 23 Nov 2026 11:00:00 GMT", 0),
        (503, "9999999", 86_400),
        (503, "inf", 0),
        (503, "nan", 0),
        (503, "-5", 0),
        (503, "soon", 0),
        (503, "", 0),
        (500, "120", 0),
    ],
)
def test_retry_after_is_read_in_either_form_where_it_means_something(
    status: int, value: str, seconds: float
) -> None:
    assert retry_after(status, {"retry-after": value}, now=NOW) == seconds


def test_a_pattern_is_for_every_event_of_its_kind_and_no_other() -> None:
    assert event_types(["batch.*", "generation.failed"]) == {
        "batch.completed",
        "batch.failed",
        "batch.cancelled",
        "generation.failed",
    }
