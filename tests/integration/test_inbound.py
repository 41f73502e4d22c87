"""Providers' events over a real database, in a time that the test moves."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.migrate import migrate
from service.usage.ports import Intent, ProviderReport
from service.webhooks.inbound_events import InboundEvent
from service.webhooks.inbound_ports import ProviderBatchEvents
from service.webhooks.inbound_usecases import Inbound, InboundUpkeep
from tests.clock import START, ManualClock
from tests.contracts.databases import SqliteDatabase
from tests.contracts.requests import make_intent
from tests.contracts.time import until

DAY_SECONDS = 24 * 3600


class NotedBatches:
    """ProviderBatchEvents that remember what they were told."""

    def __init__(self) -> None:
        self.notified: list[str] = []

    def notify(self, provider_batch_id: str) -> None:
        self.notified.append(provider_batch_id)


_: type[ProviderBatchEvents] = NotedBatches


class Desk:
    """Where events arrive, and what became of them."""

    def __init__(self, storage: Storage, *, keeps_content: bool = False) -> None:
        self.clock = ManualClock()
        self.batches = NotedBatches()
        self._storage = storage
        self._inbound = Inbound(
            storage.inbound_events,
            batches=self.batches,
            keeps_content=keeps_content,
            clock=self.clock,
        )
        self.upkeep = InboundUpkeep(
            storage.inbound_events, clock=self.clock, content_retention_days=30
        )

    async def request(self) -> Intent:
        """A request that is made now."""
        intent = make_intent(created_at=self.clock.now())
        await self._storage.ledger.open(intent)
        return intent

    async def receive(self, type_: str, data: dict[str, Any], **more: Any) -> None:
        values = {"happened_at": None, "id": None, "signed_id": None, "body": b"a body"}
        await self._inbound.receive(InboundEvent(type=type_, data=data, **(values | more)))

    async def report_on(self, intent: Intent) -> ProviderReport | None:
        record = await self._storage.ledger.find(intent.id, tenant=intent.tenant)
        assert record is not None
        return record.provider_report


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'ai-service.db'}"
    await migrate(url)
    async with open_storage(url, clock=ManualClock()) as storage:
        yield storage


@pytest.fixture
def desk(storage: Storage) -> Desk:
    return Desk(storage)


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled", "expired"])
async def test_who_waits_for_a_providers_batch_is_told_once(desk: Desk, end: str) -> None:
    for _ in range(2):
        await desk.receive(f"batch.{end}", {"id": "batch_1"}, signed_id="wh_1")
    await desk.receive("response.completed", {"id": "resp_1"}, signed_id="wh_2")
    assert desk.batches.notified == ["batch_1"]


async def test_a_senders_clock_that_is_ahead_silences_nothing(desk: Desk) -> None:
    intent = await desk.request()
    data = {"request_id": intent.id}
    tomorrow = START + timedelta(days=1)
    await desk.receive("generation.failed", data, happened_at=tomorrow, id="a")
    desk.clock.advance(60)
    await desk.receive("generation.completed", data, id="b")
    report = await desk.report_on(intent)
    assert report is not None
    assert (report.type, report.reported_at) == ("generation.completed", desk.clock.now())


async def test_what_was_signed_without_a_time_has_no_second_effect_however_late_it_comes_again(
    desk: Desk,
) -> None:
    intent = await desk.request()
    data = {"request_id": intent.id}
    first = {"body": b"first"}
    desk.clock.advance(6 * DAY_SECONDS)
    await desk.receive("generation.completed", data, **first)
    await desk.receive("generation.failed", data, body=b"second")
    for _ in range(20):
        await desk.upkeep.sweep()
        await desk.receive("generation.completed", data, **first)
        report = await desk.report_on(intent)
        assert report is not None
        assert report.type == "generation.failed"
        desk.clock.advance(DAY_SECONDS / 2)


async def test_events_are_forgotten_after_eight_days(desk: Desk) -> None:
    for days, notified in ((0, 1), (7.9, 1), (0.2, 2)):
        desk.clock.advance(days * DAY_SECONDS)
        await desk.upkeep.sweep()
        await desk.receive("batch.completed", {"id": "batch_1"}, signed_id="wh_1")
        assert len(desk.batches.notified) == notified


async def test_content_is_kept_for_its_days(storage: Storage) -> None:
    desk = Desk(storage, keeps_content=True)
    intent = await desk.request()
    await desk.receive("generation.completed", {"request_id": intent.id})
    for days, content in ((0, "a body"), (29.9, "a body"), (0.2, None)):
        desk.clock.advance(days * DAY_SECONDS)
        await desk.upkeep.sweep()
        report = await desk.report_on(intent)
        assert report is not None
        assert report.content == content


async def test_sweeping_goes_on_by_itself_after_the_store_was_away(
    desk: Desk, tmp_path: Path
) -> None:
    await desk.receive("batch.completed", {"id": "batch_1"}, signed_id="wh_1")
    desk.clock.advance(9 * DAY_SECONDS)
    async with SqliteDatabase(tmp_path / "ai-service.db").away():
        await desk.upkeep.sweep()
    await desk.upkeep.start()

    async def is_forgotten() -> bool:
        await desk.receive("batch.completed", {"id": "batch_1"}, signed_id="wh_1")
        return len(desk.batches.notified) == 2

    await until(is_forgotten)
    await desk.upkeep.aclose()


async def test_the_operator_hears_of_what_concerns_no_tenant(desk: Desk) -> None:
    with capture_logs() as logs:
        await desk.receive("new.kind", {"text": "a secret"}, id="a")
        await desk.receive("usage.threshold_reached", {"percent": 80, "tenant": "acme"}, id="b")
        await desk.receive("generation.completed", {"request_id": "req_unknown"}, id="c")
        await desk.receive("new.kind", {}, id="a")
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("unknown_webhook_event", "info"),
        ("provider_usage_threshold_reached", "warning"),
        ("webhook_event_without_effect", "info"),
    ]
    assert logs[1]["figures"] == {"percent": 80}
    assert "secret" not in str(logs)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ({"type": "overloaded_error", "message": "You asked: why"}, "overloaded_error"),
        ({"type": None, "code": "rate_limit"}, "rate_limit"),
        ({"type": "You asked: why", "code": "rate_limit"}, "rate_limit"),
        ("overloaded", "overloaded"),
        ("You asked: why", None),
        ("sk-ais-0123456789abcdefghij", None),
        ({"type": "x" * 65}, None),
        ([], None),
        (None, None),
    ],
)
async def test_of_an_error_its_name_is_kept(desk: Desk, error: object, name: str | None) -> None:
    intent = await desk.request()
    await desk.receive("generation.failed", {"request_id": intent.id, "error": error})
    report = await desk.report_on(intent)
    assert report is not None
    assert report.error_type == name


async def test_of_the_figures_the_first_are_kept_and_none_that_json_cannot_carry(
    desk: Desk,
) -> None:
    intent = await desk.request()
    figures = {"huge": 10**400, "flag": True, "sk-ais-0123456789abcdefghij": 1}
    many = {f"n{n}": n for n in range(100)}
    await desk.receive("generation.completed", {"request_id": intent.id} | figures | many)
    report = await desk.report_on(intent)
    assert report is not None
    assert report.figures == {f"n{n}": n for n in range(16)}
