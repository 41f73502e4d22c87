"""Reminders of keys that are overdue for rotation."""

from datetime import timedelta

from structlog.testing import capture_logs

from service.access.principal import Principal
from service.access.rotation import RotationReminder
from service.observability.metrics import Metrics
from tests.clock import START, ManualClock

HALF_A_DAY = 12 * 3600  # the clock starts at noon


def holder(key_id: str = "key_1") -> Principal:
    due = START + timedelta(seconds=1)
    return Principal(key_id=key_id, tenant="acme", scopes=frozenset(), rotation_due_at=due)


def test_key_is_overdue_from_its_moment_on() -> None:
    clock = ManualClock()
    reminder = RotationReminder(clock=clock, metrics=Metrics())
    assert reminder.overdue(holder()) is None
    clock.advance(1)
    assert reminder.overdue(holder()) == START + timedelta(seconds=1)


def test_key_that_need_not_be_rotated_is_never_overdue() -> None:
    plain = Principal(key_id="key_1", tenant="acme", scopes=frozenset())
    assert RotationReminder(clock=ManualClock(), metrics=Metrics()).overdue(plain) is None


def test_each_overdue_key_is_logged_once_a_day_and_counted_each_time() -> None:
    clock, metrics = ManualClock(), Metrics()
    reminder = RotationReminder(clock=clock, metrics=metrics)
    clock.advance(1)
    with capture_logs() as lines:
        for _ in range(3):
            reminder.overdue(holder())
        reminder.overdue(holder("key_2"))
        clock.advance(HALF_A_DAY)
        reminder.overdue(holder())
    assert [(line["event"], line["key_id"]) for line in lines] == [
        ("key_rotation_overdue", "key_1"),
        ("key_rotation_overdue", "key_2"),
        ("key_rotation_overdue", "key_1"),
    ]
    assert b'overdue_key_requests_total{key_id="key_1"} 4.0' in metrics.render()
