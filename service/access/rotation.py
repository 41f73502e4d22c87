"""Reminding of keys that are overdue for rotation: on each answer, once a day in the log, in a metric."""

from datetime import date, datetime

import structlog

from service.access.principal import Principal
from service.core.clock import Clock
from service.observability.metrics import Metrics

ROTATION_HEADER = "X-Key-Rotation-Due"

_logger = structlog.get_logger(__name__)


class RotationReminder:
    """Reminds of the keys that this process meets."""

    def __init__(self, *, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._logged: dict[str, date] = {}

    def overdue(self, holder: Principal) -> datetime | None:
        """Since when the holder's key is overdue; the log and the metric are told of it."""
        due, now = holder.rotation_due_at, self._clock.now()
        if due is None or now < due:
            return None
        self._metrics.overdue_key(holder.key_id)
        if self._logged.get(holder.key_id) != now.date():
            self._logged[holder.key_id] = now.date()
            _logger.warning(
                "key_rotation_overdue",
                key_id=holder.key_id,
                tenant=holder.tenant,
                due_at=due.isoformat(),
            )
        return due
