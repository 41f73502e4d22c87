"""Reading what was used."""

import asyncio
from datetime import datetime

from service.core.clock import Clock
from service.core.errors import DeadlineExceeded, InvalidRequest, NotFound, Unavailable
from service.usage.period import period
from service.usage.ports import Ledger, LedgerUnavailable, UsageRecord
from service.usage.reports import (
    MAX_GROUPS,
    Grouping,
    ReportTimeout,
    TooManyGroups,
    UsageReports,
    UsageSummary,
)

_RETRY_AFTER_SECONDS = 5.0


class Reporting:
    """What the endpoints of this room and `ai-service usage` ask for."""

    def __init__(self, ledger: Ledger, reports: UsageReports, *, clock: Clock) -> None:
        self._ledger = ledger
        self._reports = reports
        self._clock = clock

    async def summary(
        self, *, tenant: str, start: datetime | None, end: datetime | None, group_by: str
    ) -> UsageSummary:
        """What a tenant used from `start` (the first of this month) until before `end` (now).

        Raises `InvalidRequest`, `DeadlineExceeded` and `Unavailable`.
        """
        asked = period(start, end, now=self._clock.now())
        try:
            grouping = Grouping.parse(group_by)
        except ValueError as unknown:
            raise InvalidRequest(str(unknown), field="group_by") from unknown
        try:
            groups = await self._reports.sums(tenant=tenant, period=asked, grouping=grouping)
        except TooManyGroups as many:
            raise InvalidRequest(
                f"This makes more than {MAX_GROUPS} groups; choose a shorter time", field="group_by"
            ) from many
        except ReportTimeout as late:
            raise DeadlineExceeded("The report took too long; choose a shorter time") from late
        except LedgerUnavailable as away:
            raise _unavailable() from away
        # In a thread: thousands of groups would keep the event loop waiting.
        return await asyncio.to_thread(UsageSummary.of, groups, grouping=grouping)

    async def find(self, record_id: str, *, tenant: str) -> UsageRecord:
        """One request's record. Raises `NotFound`, for another tenant's too, and `Unavailable`."""
        try:
            record = await self._ledger.find(record_id, tenant=tenant)
        except LedgerUnavailable as away:
            raise _unavailable() from away
        if record is None:
            raise NotFound("There is no such request")
        return record


def _unavailable() -> Unavailable:
    return Unavailable("The ledger cannot be read now", retry_after_seconds=_RETRY_AFTER_SECONDS)
