"""What is tried again, when, and what never is."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from ai_service_sdk import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    ConflictError,
    RateLimitError,
    ServerError,
    ServiceUnavailableError,
)
from ai_service_sdk._retries import seconds_before_retry
from ai_service_sdk.errors import AIServiceError

from tests.running import ADMIN_KEY, RunningService
from tests.sdks.python.callers import AsyncCaller, Caller, SyncCaller
from tests.sdks.python.wire import Reply, WireServer, error
from tests.simulator import Simulator, Stall

Kind = type[SyncCaller] | type[AsyncCaller]
AT_ONCE = {"retry_after": "0"}


def delay(
    failure: AIServiceError, retries_made: int = 0, *, repeatable: bool = True
) -> float | None:
    return seconds_before_retry(
        failure, retries_made=retries_made, max_retries=9, may_be_repeated=repeatable
    )


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_transient_failure_is_tried_again_under_one_idempotency_key(
    wired: Caller, wire: WireServer, status: int
) -> None:
    wire.replies = [error(status, "x", **AT_ONCE), error(status, "x", **AT_ONCE), Reply()]
    assert (await wired.call("generate", "Hello")).text == "Hello"
    first, *others = wire.received
    assert len(others) == 2
    assert first.headers["idempotency-key"]
    for other in others:
        assert other.headers == first.headers
        assert other.body == first.body


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 409, 413, 415])
async def test_a_final_failure_is_not_tried_again(
    wired: Caller, wire: WireServer, status: int
) -> None:
    wire.replies = [error(status, "x", **AT_ONCE), Reply()]
    with pytest.raises(APIError) as caught:
        await wired.call("generate", "Hello")
    assert caught.value.status == status
    assert len(wire.received) == 1


async def test_a_lost_connection_is_tried_again(wired: Caller, wire: WireServer) -> None:
    wire.replies = [Reply(hangs_up=True), Reply(is_cut=True), Reply()]
    assert (await wired.call("generate", "Hello")).text == "Hello"


async def test_two_retries_are_made_unless_told_otherwise(
    wired: Caller, wire: WireServer, kind: Kind
) -> None:
    wire.replies = [error(500, "server_error", **AT_ONCE)]
    with pytest.raises(ServerError):
        await wired.call("generate", "Hello")
    assert len(wire.received) == 3
    with pytest.raises(ServerError):
        await wired.call("generate", "Hello", max_retries=4)
    assert len(wire.received) == 8
    async with kind("sk-ais-x", wire.url, max_retries=0) as sdk:
        with pytest.raises(ServerError):
            await sdk.call("generate", "Hello")
    assert len(wire.received) == 9
    assert "idempotency-key" not in wire.received[-1].headers


async def test_what_must_not_be_done_twice_is_not_tried_again(
    wired: Caller, wire: WireServer
) -> None:
    wire.replies = [error(500, "server_error", **AT_ONCE)]
    with pytest.raises(ServerError):
        await wired.call("create_key", "a", scopes=["generate"])
    wire.replies = [Reply(hangs_up=True)]
    with pytest.raises(APIConnectionError):
        await wired.call("create_key", "a", scopes=["generate"])
    assert len(wire.received) == 2


async def test_what_was_refused_undone_is_tried_again(wired: Caller, wire: WireServer) -> None:
    wire.replies = [error(503, "service_unavailable", **AT_ONCE), Reply(pieces=(b'{"id": "k"}',))]
    assert (await wired.call("create_key", "a", scopes=["generate"])).id == "k"


async def test_each_attempt_is_signed_anew(kind: Kind, wire: WireServer) -> None:
    wire.replies = [error(500, "server_error", **AT_ONCE), Reply()]
    async with kind("sk-ais-x", wire.url, sign_requests=True) as sdk:
        await sdk.call("generate", "Hello")
    first, second = (request.headers for request in wire.received)
    assert first["x-timestamp"] != second["x-timestamp"]
    assert first["x-signature"] != second["x-signature"]


async def test_a_timeout_of_one_call_is_its_own(
    kind: Kind, service: RunningService, simulator: Simulator
) -> None:
    simulator.always(Stall(before_headers=True), on="anthropic")
    async with kind(ADMIN_KEY, service.url, max_retries=0) as sdk:
        with pytest.raises(APITimeoutError):
            await sdk.call("generate", "Hello", timeout=0.2)
        with pytest.raises(APITimeoutError):
            await sdk.final("stream_generate", "Hello", timeout=0.2)
    await simulator.wait_for(lambda s: all(call.client_left_at for call in s.calls))


def test_the_delay_doubles_up_to_a_limit_with_jitter() -> None:
    failure = APIConnectionError("no")
    for retries_made, longest in enumerate((0.5, 1, 2, 4, 8, 8)):
        delays = {delay(failure, retries_made) for _ in range(50)}
        assert all(seconds and longest * 0.75 <= seconds <= longest for seconds in delays)
        assert len(delays) > 1


def test_after_the_last_retry_there_is_none() -> None:
    assert delay(APIConnectionError("no"), retries_made=9) is None


def test_retry_after_is_kept_to_and_never_cut_short() -> None:
    assert delay(RateLimitError("no", status=429, retry_after=17)) == 17
    assert delay(RateLimitError("no", status=429, retry_after=61)) is None


@pytest.mark.parametrize(
    ("failure", "once", "again"),
    [
        (ConflictError("", status=409), False, False),
        (ServerError("", status=504), True, False),
        (RateLimitError("", status=429), True, True),
        (ServiceUnavailableError("", status=503), True, True),
        (APITimeoutError(""), True, False),
        (AIServiceError(""), False, False),
    ],
)
def test_only_what_was_surely_not_done_is_repeated_if_it_must_not_be(
    failure: AIServiceError, *, once: bool, again: bool
) -> None:
    assert (delay(failure) is not None) is once
    assert (delay(failure, repeatable=False) is not None) is again


async def test_a_service_that_was_never_reached_is_tried_again_whatever_is_asked(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "ai_service_sdk"):
        async with kind("sk-ais-x", "http://127.0.0.1:1", max_retries=1) as sdk:
            with pytest.raises(APIConnectionError) as caught:
                await sdk.call("create_key", "a", scopes=["generate"])
    assert not caught.value.may_have_arrived
    assert [record.getMessage().count("again in") for record in caplog.records] == [1]


def in_an_hour() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        (lambda: {"retry_after": "70"}, 70, 70),
        (lambda: {"retry_after_ms": "70500", "retry_after": "9"}, 70.5, 70.5),
        (lambda: {"retry_after": in_an_hour()}, 3500, 3600),
        (lambda: {"retry_after": "Mon, 01 Jan 2024 00:00:00 GMT"}, 0, 0),
    ],
    ids=["seconds", "milliseconds", "a date", "a date that is past"],
)
async def test_retry_after_is_read_in_all_its_forms(
    wired: Caller,
    wire: WireServer,
    headers: Callable[[], dict[str, str]],
    least: float,
    most: float,
) -> None:
    wire.replies = [error(429, "rate_limit_error", **headers())]
    with pytest.raises(RateLimitError) as caught:
        await wired.call("generate", "Hello", max_retries=0)
    assert caught.value.retry_after is not None
    assert least <= caught.value.retry_after <= most


@pytest.mark.parametrize("header", ["soon", "-1", "nan", "1e999"])
async def test_a_retry_after_that_says_nothing_is_none(
    wired: Caller, wire: WireServer, header: str
) -> None:
    wire.replies = [error(429, "rate_limit_error", retry_after=header)]
    with pytest.raises(RateLimitError) as caught:
        await wired.call("generate", "Hello", max_retries=0)
    assert caught.value.retry_after is None


async def test_a_proxy_s_page_is_an_error_of_its_status(wired: Caller, wire: WireServer) -> None:
    wire.replies = [Reply(502, (b"<html>Bad gateway</html>",))]
    with pytest.raises(ServerError) as caught:
        await wired.call("generate", "Hello", max_retries=0)
    assert (caught.value.status, caught.value.type) == (502, "")
    assert caught.value.body == "<html>Bad gateway</html>"


@pytest.mark.parametrize("level", ["debug", "info"])
def test_the_log_tells_of_attempts_and_never_of_the_key(
    level: str,
    wire: WireServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AI_SERVICE_LOG", level)
    logger = logging.getLogger("ai_service_sdk")
    wire.replies = [error(500, "server_error", **AT_ONCE), Reply()]
    try:
        with SyncCaller("sk-ais-secret", wire.url, sign_requests=True).sdk as sdk:
            sdk.generate("private words")
    finally:
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
    told = capsys.readouterr().err
    assert "POST /api/v1/generate: 500" in told
    assert "again in 0.00 s" in told
    assert "POST /api/v1/generate: 200" in told
    assert ("user-agent" in told) is (level == "debug")
    for secret in ("secret", "private", wire.received[0].headers["x-signature"]):
        assert secret not in told
