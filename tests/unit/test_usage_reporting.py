"""How a report that cannot be given is answered."""

import pytest

from service.core.errors import DeadlineExceeded, InvalidRequest, ServiceError, Unavailable
from service.usage.period import Period
from service.usage.ports import LedgerUnavailable
from service.usage.reports import Grouping, GroupSums, ReportTimeout, TooManyGroups, UsageReports
from service.usage.usecases import Reporting
from tests.clock import ManualClock
from tests.fakes import FakeLedger


class BrokenReports:
    """Reports that always end in one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def sums(self, *, tenant: str, period: Period, grouping: Grouping) -> list[GroupSums]:
        raise self._error


_: type[UsageReports] = BrokenReports


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (LedgerUnavailable("away"), Unavailable),
        (ReportTimeout(), DeadlineExceeded),
        (TooManyGroups(), InvalidRequest),
    ],
)
async def test_what_stops_a_report_is_told_as_an_error_of_the_service(
    error: Exception, told: type[ServiceError]
) -> None:
    reporting = Reporting(FakeLedger(), BrokenReports(error), clock=ManualClock())
    with pytest.raises(told) as raised:
        await reporting.summary(tenant="acme", start=None, end=None, group_by="tag:user")
    assert raised.value.details().get("field") == ("group_by" if told is InvalidRequest else None)
