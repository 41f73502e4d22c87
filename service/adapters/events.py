"""Events of the usage room, as log lines and metrics."""

import structlog

from service.observability.metrics import Metrics
from service.usage.ports import ThresholdReached

_logger = structlog.get_logger(__name__)


class LoggedUsageEvents:
    """The UsageEvents port."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def threshold_reached(self, event: ThresholdReached) -> None:
        """Tell it in the log and count it."""
        _logger.warning(
            "usage.threshold_reached",
            tenant=event.tenant,
            owner=event.owner,
            period=event.period,
            percent=event.percent,
            limit_usd=float(event.limit_usd),
            spent_usd=float(event.spent_usd),
        )
        self._metrics.threshold_reached(event.percent)
