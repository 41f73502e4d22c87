"""Everything that can go wrong on a vendor's side, and the failure that it is to the port."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from service.core.messages import StreamEvent
from service.inference.ports import CompletionCall, FailureKind, Provider, ProviderFailure
from tests.integration.provider_calls import (
    KEY,
    StoppedClock,
    embedding_call,
    events_of,
    make_call,
    opened,
    raw_server,
    read_request,
    text_of,
    user,
)
from tests.simulator import (
    Behaviour,
    Cut,
    Hangup,
    InBandError,
    Malformed,
    Simulator,
    SplitBytes,
    Stall,
    Status,
    Words,
    bad_key,
    bad_request,
    out_of_quota,
    overloaded,
    rate_limited,
    server_error,
    spend_limit,
    unavailable,
    unknown_model,
)

How = Literal["plain", "streamed"]

both = pytest.mark.parametrize("provider", ["anthropic", "openai"], indirect=True)
either_way = pytest.mark.parametrize("how", ["plain", "streamed"])


@pytest.fixture
async def provider(request: pytest.FixtureRequest, simulator: Simulator) -> AsyncIterator[Provider]:
    async with opened(request.param, simulator) as provider:
        yield provider


async def failure_of(
    provider: Provider, how: How, call: CompletionCall | None = None
) -> ProviderFailure:
    """The failure that the call ends in; a success fails the test."""
    call = call or make_call(_dialect(provider))
    answer = provider.complete(call) if how == "plain" else events_of(provider, call)
    with pytest.raises(ProviderFailure) as failure:
        await answer
    return failure.value


def _dialect(provider: Provider) -> str:
    return "anthropic" if provider.name == "anthropic" else "openai"


STATUSES: list[tuple[Behaviour, FailureKind]] = [
    (rate_limited(), FailureKind.RATE_LIMITED),
    (Status(429, error_code="ramp_limit_exceeded"), FailureKind.RATE_LIMITED),
    (spend_limit(), FailureKind.MISCONFIGURED),
    (out_of_quota(), FailureKind.MISCONFIGURED),
    (Status(429, error_code="billing_hard_limit_reached"), FailureKind.MISCONFIGURED),
    (
        Status(400, message="Your credit balance is too low to access the API."),
        FailureKind.MISCONFIGURED,
    ),
    (
        Status(400, message="You have reached your specified API usage limits."),
        FailureKind.MISCONFIGURED,
    ),
    (Status(402, error_type="billing_error"), FailureKind.MISCONFIGURED),
    (server_error(), FailureKind.OVERLOADED),
    (Status(502, body="<html>Bad gateway</html>"), FailureKind.OVERLOADED),
    (unavailable(), FailureKind.OVERLOADED),
    (Status(504), FailureKind.OVERLOADED),
    (overloaded(), FailureKind.OVERLOADED),
    (Status(408), FailureKind.OVERLOADED),
    (Status(409), FailureKind.OVERLOADED),
    (bad_key(), FailureKind.MISCONFIGURED),
    (Status(403), FailureKind.MISCONFIGURED),
    (unknown_model(), FailureKind.MISCONFIGURED),
    (Status(405, body=""), FailureKind.MISCONFIGURED),
    (Status(418, body="[" * 50_000), FailureKind.MISCONFIGURED),
    (bad_request(), FailureKind.REJECTED),
    (Status(413), FailureKind.REJECTED),
    (Status(422, body='{"detail": "max_tokens is too large"}'), FailureKind.REJECTED),
]


@both
@either_way
@pytest.mark.parametrize(("status", "kind"), STATUSES)
async def test_status_decides_the_kind_of_failure(
    provider: Provider, simulator: Simulator, how: How, status: Behaviour, kind: FailureKind
) -> None:
    simulator.script(status, on=provider.name)
    failure = await failure_of(provider, how)
    assert failure.kind is kind
    assert failure.reason
    assert failure.retry_after_seconds is None
    assert len(simulator.calls) == 1


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "-5"}, 0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0),
    ],
)
@pytest.mark.parametrize("code", [429, 503, 529])
async def test_retry_after_is_read_in_each_of_its_forms(
    name: str, simulator: Simulator, code: int, headers: dict[str, str], seconds: float
) -> None:
    noon = StoppedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))
    simulator.script(Status(code, headers=headers), on=name)
    async with opened(name, simulator, clock=noon) as provider:
        assert (await failure_of(provider, "plain")).retry_after_seconds == seconds


@both
@pytest.mark.parametrize("value", ["soon", "nan", "inf", "1e999", "", "Mon, 99 Foo 2026 25:61:61"])
async def test_retry_after_that_says_nothing_is_none(
    provider: Provider, simulator: Simulator, value: str
) -> None:
    simulator.script(Status(429, headers={"retry-after": value}), on=provider.name)
    failure = await failure_of(provider, "plain")
    assert failure.kind is FailureKind.RATE_LIMITED
    assert failure.retry_after_seconds is None


@both
async def test_wait_that_no_waiting_cures_is_not_told(
    provider: Provider, simulator: Simulator
) -> None:
    for status in (out_of_quota(), spend_limit(), bad_request()):
        simulator.script(Status(**_fields(status), headers={"retry-after": "5"}), on=provider.name)
        assert (await failure_of(provider, "plain")).retry_after_seconds is None


@both
async def test_rejection_gives_the_vendors_words_without_its_secrets(
    provider: Provider, simulator: Simulator
) -> None:
    message = (
        f"prompt is too long (request_id: req_011CSHoEeqs5C35K2UUqR7Fy) for {KEY} of "
        "org-AbCdEf123456, see https://user:pass@example.com/docs?api_key=abc " + "\n\x00 x" * 400
    )
    simulator.script(bad_request(message), on=provider.name)
    failure = await failure_of(provider, "plain")
    assert failure.reason.startswith("prompt is too long")
    assert "https://example.com/docs" in failure.reason
    for secret in ("req_011", KEY, "org-AbC", "user:pass", "=abc", "\n", "\x00"):
        assert secret not in failure.reason
    assert len(failure.reason) == 500


@both
@either_way
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Hangup("close"), FailureKind.UNREACHABLE),
        (Hangup("reset"), FailureKind.UNREACHABLE),
        (Cut(how="clean", after_words=2, reply=Words(5)), FailureKind.MALFORMED),
        (Cut(how="close", after_words=2, reply=Words(5)), FailureKind.MALFORMED),
        (Cut(how="reset", after_words=2, reply=Words(5)), FailureKind.MALFORMED),
        *(
            (Malformed(kind, after_words=2, reply=Words(5)), FailureKind.MALFORMED)
            for kind in ("json", "not_an_object", "wrong_shape", "utf8", "sse", "html", "empty")
        ),
    ],
)
async def test_broken_answer_is_never_a_success(
    provider: Provider, simulator: Simulator, how: How, reply: Behaviour, kind: FailureKind
) -> None:
    simulator.script(reply, on=provider.name)
    assert (await failure_of(provider, how)).kind is kind


@both
async def test_stream_cut_just_before_its_terminal_marker_is_no_success(
    provider: Provider, simulator: Simulator
) -> None:
    for how in ("clean", "close", "reset"):
        simulator.script(Cut(after_events=999, how=how, reply=Words(3)), on=provider.name)
        assert (await failure_of(provider, "streamed")).kind is FailureKind.MALFORMED


@both
@either_way
@pytest.mark.parametrize(
    ("error_type", "error_code", "kind"),
    [
        ("overloaded_error", None, FailureKind.OVERLOADED),
        ("api_error", None, FailureKind.OVERLOADED),
        ("server_error", None, FailureKind.OVERLOADED),
        ("rate_limit_error", None, FailureKind.RATE_LIMITED),
        ("requests", "rate_limit_exceeded", FailureKind.RATE_LIMITED),
        ("insufficient_quota", "insufficient_quota", FailureKind.MISCONFIGURED),
        ("rate_limit_error", "enforced_spend_limit_reached", FailureKind.MISCONFIGURED),
        ("authentication_error", None, FailureKind.MISCONFIGURED),
        ("invalid_request_error", None, FailureKind.REJECTED),
        ("something_new", None, FailureKind.OVERLOADED),
        ("BadRequestError", "400", FailureKind.REJECTED),
    ],
)
async def test_error_in_band_goes_by_the_same_table(
    provider: Provider,
    simulator: Simulator,
    how: How,
    error_type: str,
    error_code: str | None,
    kind: FailureKind,
) -> None:
    error = InBandError(
        after_words=2, error_type=error_type, error_code=error_code, message=f"No, {KEY}!"
    )
    simulator.script(error, on=provider.name)
    failure = await failure_of(provider, how)
    assert failure.kind is kind
    assert failure.reason == "No, [key]!"


@both
@pytest.mark.parametrize(
    "fault",
    [
        InBandError(after_words=2, reply=Words(5)),
        Malformed("json", after_words=2, reply=Words(5)),
        Cut(after_words=2, how="close", reply=Words(5)),
    ],
)
async def test_words_that_came_before_a_failure_are_delivered(
    provider: Provider, simulator: Simulator, fault: Behaviour
) -> None:
    simulator.script(fault, on=provider.name)
    delivered: list[StreamEvent] = []

    async def read() -> None:
        async for events in provider.stream(make_call(provider.name)):
            delivered.extend(events)

    with pytest.raises(ProviderFailure):
        await read()
    assert text_of(delivered) == "w0 w1"


@both
async def test_answer_in_the_smallest_pieces_is_the_same_answer(
    provider: Provider, simulator: Simulator
) -> None:
    call = make_call(provider.name, user("naïve 日本 🙂"))
    whole = await events_of(provider, call)
    for pieces in (SplitBytes(1), SplitBytes(3, crlf=True)):
        simulator.script(pieces, pieces, on=provider.name)
        assert text_of(await events_of(provider, call)) == text_of(whole)
        assert (await provider.complete(call)).text == text_of(whole)


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@either_way
async def test_refused_connection_is_unreachable(name: str, how: How) -> None:
    with Simulator() as gone:
        pass
    async with opened(name, gone) as provider:
        assert (await failure_of(provider, how)).kind is FailureKind.UNREACHABLE


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_server_without_tls_where_tls_is_meant_is_unreachable(
    name: str, simulator: Simulator
) -> None:
    async with opened(
        name, simulator, base_url=simulator.url.replace("http:", "https:")
    ) as provider:
        assert (await failure_of(provider, "plain")).kind is FailureKind.UNREACHABLE


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_server_that_does_not_speak_http_is_malformed(
    name: str, simulator: Simulator
) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        await writer.drain()
        writer.close()

    async with (
        raw_server(babble) as base_url,
        opened(name, simulator, base_url=base_url) as provider,
    ):
        assert (await failure_of(provider, "plain")).kind is FailureKind.MALFORMED


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@either_way
async def test_host_that_does_not_answer_is_a_connect_timeout(
    name: str, how: How, simulator: Simulator
) -> None:
    with _full_listener() as port:
        settings: dict[str, Any] = {
            "base_url": f"http://127.0.0.1:{port}",
            "connect_timeout_seconds": 0.2,
        }
        async with opened(name, simulator, **settings) as provider, asyncio.timeout(2):
            assert (await failure_of(provider, how)).kind is FailureKind.CONNECT_TIMEOUT


@both
async def test_redirect_is_not_followed(provider: Provider, simulator: Simulator) -> None:
    elsewhere = f"{simulator.url}/at/elsewhere/v1/messages"
    for code in (301, 302, 307, 308):
        simulator.script(Status(code, headers={"location": elsewhere}, body=""), on=provider.name)
        assert (await failure_of(provider, "plain")).kind is FailureKind.MISCONFIGURED
    assert simulator.calls_to("elsewhere") == []


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@either_way
async def test_answer_over_its_bound_is_malformed_and_not_read_on(
    name: str, how: How, simulator: Simulator
) -> None:
    async with opened(name, simulator, max_response_bytes=100_000) as provider:
        simulator.script(Words(20_000), on=name)
        failure = await failure_of(provider, how)
        assert failure.kind is FailureKind.MALFORMED
        assert "100000 bytes" in failure.reason
        assert (await provider.complete(make_call(name))).text


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_error_with_an_endless_body_is_still_told_by_its_status(
    name: str, simulator: Simulator
) -> None:
    async def go_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 503 Unavailable\r\ntransfer-encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
                await writer.drain()
        writer.close()

    async with (
        raw_server(go_on) as base_url,
        opened(name, simulator, base_url=base_url) as provider,
        asyncio.timeout(2),
    ):
        assert (await failure_of(provider, "plain")).kind is FailureKind.OVERLOADED


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_error_whose_body_breaks_off_is_still_told_by_its_status(
    name: str, simulator: Simulator
) -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 429 Slow Down\r\ncontent-length: 1000\r\nretry-after: 3\r\n\r\n{")
        writer.close()

    async with (
        raw_server(break_off) as base_url,
        opened(name, simulator, base_url=base_url) as provider,
    ):
        failure = await failure_of(provider, "plain")
    assert (failure.kind, failure.retry_after_seconds) == (FailureKind.RATE_LIMITED, 3)


@both
async def test_error_that_claims_to_be_compressed_is_not_unpacked(
    provider: Provider, simulator: Simulator
) -> None:
    simulator.script(
        Status(400, message="too long", headers={"content-encoding": "gzip"}), on=provider.name
    )
    failure = await failure_of(provider, "plain")
    assert (failure.kind, failure.reason) == (FailureKind.REJECTED, "too long")


@both
async def test_silence_leaves_the_deadline_to_the_caller(
    provider: Provider, simulator: Simulator
) -> None:
    simulator.script(Stall(after_words=1, reply=Words(5)), on=provider.name)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await events_of(provider, make_call(provider.name))
    await simulator.wait_for(lambda _: simulator.calls[0].client_left_at)


@pytest.mark.parametrize("provider", ["openai"], indirect=True)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (rate_limited(seconds=3), FailureKind.RATE_LIMITED),
        (Malformed("json"), FailureKind.MALFORMED),
        (Malformed("wrong_shape"), FailureKind.MALFORMED),
        (Malformed("not_an_object"), FailureKind.MALFORMED),
        (Malformed("empty"), FailureKind.MALFORMED),
        (Cut(how="reset"), FailureKind.MALFORMED),
        (Hangup(), FailureKind.UNREACHABLE),
    ],
)
async def test_embeddings_fail_by_the_same_table(
    provider: Provider, simulator: Simulator, fault: Behaviour, kind: FailureKind
) -> None:
    simulator.script(fault, on="openai")
    with pytest.raises(ProviderFailure) as failure:
        await provider.embed(embedding_call("a", "b"))
    assert failure.value.kind is kind


@both
async def test_neither_keys_nor_content_are_logged_or_chained_to_a_failure(
    provider: Provider, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "canary-7f3a"
    call = make_call(provider.name, user(canary))
    await provider.complete(call)
    await events_of(provider, call)
    simulator.script(bad_request(f"{canary} {KEY}"), Hangup(), on=provider.name)
    for _ in range(2):
        failure = await failure_of(provider, "plain", call)
        assert failure.__suppress_context__
        assert failure.__cause__ is None
        assert KEY not in str(failure)
    assert canary not in caplog.text
    assert KEY not in caplog.text


def _fields(status: Behaviour) -> dict[str, Any]:
    assert isinstance(status, Status)
    return {
        "code": status.code,
        "error_type": status.error_type,
        "error_code": status.error_code,
        "message": status.message,
    }


class _full_listener:  # noqa: N801 - used as a function
    """A port whose host lets connections wait for ever: its backlog is full."""

    def __enter__(self) -> int:
        self._sockets = [socket.socket()]
        listener = self._sockets[0]
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
            self._sockets.append(waiting)
        return port

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            each.close()
