"""How each behaviour goes over the wire."""

import asyncio
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from tests.simulator.answers import Ask, compose
from tests.simulator.behaviours import (
    Behaviour,
    Cut,
    Hangup,
    InBandError,
    Malformed,
    Reply,
    SlowBytes,
    SplitBytes,
    Stall,
    Status,
    Words,
)
from tests.simulator.exchange import Exchange, Header
from tests.simulator.wire import Events, Wire

JSON: Header = (b"content-type", b"application/json")
_SSE: Header = (b"content-type", b"text/event-stream; charset=utf-8")
_NO_CACHE: Header = (b"cache-control", b"no-cache")
_HTML: Header = (b"content-type", b"text/html")

BATCH_BYTES = 32 * 1024
"""Events without a pause between them leave in writes of about this size."""

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>\n"
_BROKEN_DATA = {
    "json": b'{"type":"content_block_delta","choices":[{"index":0,"del',
    "not_an_object": b'["not", "an", "object"]',
    "wrong_shape": b'{"unexpected":true}',
    "utf8": b'{"type":"content_block_delta","text":"\xff\xfe\xc3"}',
}
_NO_EVENT = b"\x00\x01 no colon here\nevent\ndata\ndata: not json at all\nretry: soon\n\n"


@dataclass(slots=True)
class CallInHand:
    """One call with what its request said."""

    exchange: Exchange
    wire: Wire
    request: dict[str, Any]
    ask: Ask
    number: int

    def head(self, *kind: Header) -> list[Header]:
        return [*kind, *self.wire.headers(self.number)]

    def plain(self, reply: Reply | Words | None) -> bytes:
        return self.wire.plain(compose(self.ask, reply), self.request)

    def events(self, reply: Reply | Words | None) -> Events:
        answer = compose(self.ask, reply)
        answer.with_usage = answer.with_usage and self.ask.wants_usage
        return self.wire.events(answer)

    async def start_stream(self) -> None:
        await self.exchange.start(200, self.head(_SSE, _NO_CACHE))


async def play(behaviour: Behaviour | None, call: CallInHand) -> None:
    """Answer the call as told; None is the default answer."""
    match behaviour:
        case None | Reply() | Words():
            await _reply(behaviour, call)
        case Status():
            await _status(behaviour, call)
        case Hangup():
            await call.exchange.hang_up(behaviour.how)
        case SlowBytes() | SplitBytes():
            await _in_pieces(behaviour, call)
        case Malformed(kind="html" | "empty"):
            await _no_answer(behaviour, call)
        case Stall(before_headers=True):
            call.exchange.watch()
            await call.exchange.silence()
            await _reply(behaviour.reply, call)
        case _ if call.ask.stream:
            await _broken_stream(behaviour, call)
        case _:
            await _broken_plain(behaviour, call)


async def _reply(reply: Reply | Words | None, call: CallInHand) -> None:
    if reply is not None and reply.delay_seconds:
        call.exchange.watch()
        await call.exchange.pause(reply.delay_seconds)
    if not call.ask.stream:
        await call.exchange.answer(200, call.head(JSON), call.plain(reply))
        return
    events = call.events(reply)
    await call.start_stream()
    if reply is not None and reply.interval_seconds:
        call.exchange.watch()
        await _paced(events.frames, events, call.exchange, reply.interval_seconds)
        await call.exchange.end()
    else:
        await _at_once(events.frames, call.exchange)


async def _at_once(frames: list[bytes], exchange: Exchange) -> None:
    """Everything in as few writes as flow control allows; a small answer is one write."""
    size, first = 0, 0
    for at, frame in enumerate(frames):
        size += len(frame)
        if size >= BATCH_BYTES and at + 1 < len(frames):
            exchange.watch()
            await exchange.write(b"".join(frames[first : at + 1]), events=at + 1 - first)
            size, first = 0, at + 1
    await exchange.write(b"".join(frames[first:]), events=len(frames) - first, last=True)


async def _paced(
    frames: list[bytes], events: Events, exchange: Exchange, interval_seconds: float
) -> None:
    """The first delta at once with what goes before it, then one at each interval, and with the
    last one what comes after it. `frames` is how much of the stream is to be sent."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    last = len(events.frames) - events.tail
    first = 0
    for at in range(events.lead + 1, last):
        if at >= len(frames):
            break
        await exchange.write(b"".join(frames[first:at]), events=at - first)
        first = at
        due += interval_seconds
        await exchange.pause_until(due)
    await exchange.write(b"".join(frames[first:]), events=len(frames) - first)


async def _status(status: Status, call: CallInHand) -> None:
    exchange = call.exchange
    if status.delay_seconds:
        exchange.watch()
        await exchange.pause(status.delay_seconds)
    headers = {"content-type": "application/json", **status.headers}
    body = call.wire.error(status, call.number) if status.body is None else status.body.encode()
    extra = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await exchange.answer(status.code, call.head(*extra), body)


async def _no_answer(malformed: Malformed, call: CallInHand) -> None:
    if malformed.kind == "html":
        await call.exchange.answer(200, [_HTML], _PAGE)
    elif call.ask.stream:
        await call.start_stream()
        await call.exchange.end()
    else:
        await call.exchange.answer(200, call.head(JSON), b"")


async def _broken_stream(
    behaviour: Stall | Cut | Malformed | InBandError, call: CallInHand
) -> None:
    exchange, reply = call.exchange, behaviour.reply
    events = call.events(reply)
    frames = events.frames
    place = _place(behaviour, events)
    exchange.watch()
    await call.start_stream()
    if place:
        interval = 0.0 if reply is None else reply.interval_seconds
        await _paced(frames[:place], events, exchange, interval)
    rest = frames[place:]
    match behaviour:
        case Stall():
            await exchange.silence(
                keep_alive=call.wire.keep_alive, every_seconds=behaviour.keep_alive_seconds
            )
            await _at_once(rest, exchange)
        case Cut(how="clean"):
            await exchange.end(finished=False)
        case Cut():
            await exchange.hang_up("reset" if behaviour.how == "reset" else "close")
        case Malformed():
            data = _BROKEN_DATA.get(behaviour.kind)
            broken = _NO_EVENT if data is None else call.wire.frame(data)
            await _at_once([broken, *rest], exchange)
        case InBandError(error_type=kind, message=message, error_code=code):
            await exchange.write(call.wire.error_event(kind, message, code), events=1, last=True)


def _place(behaviour: Stall | Cut | Malformed | InBandError, events: Events) -> int:
    """How many events go out before the fault: never the terminal marker."""
    place = behaviour.after_events
    if behaviour.after_words is not None:
        place = events.lead + behaviour.after_words
    return min(place, len(events.frames) - 1)


async def _broken_plain(behaviour: Stall | Cut | Malformed | InBandError, call: CallInHand) -> None:
    exchange = call.exchange
    body = call.plain(behaviour.reply)
    half = len(body) // 2
    match behaviour:
        case InBandError(error_type=kind, message=message, error_code=code):
            error = Status(500, error_type=kind, message=message, error_code=code)
            await exchange.answer(200, call.head(JSON), call.wire.error(error, call.number))
        case Malformed():
            data = body[:half] if behaviour.kind == "json" else _BROKEN_DATA.get(behaviour.kind)
            await exchange.answer(200, call.head(JSON), _NO_EVENT if data is None else data)
        case Cut(how="clean"):
            await exchange.start(200, call.head(JSON))
            await exchange.write(body[:half])
            await exchange.end(finished=False)
        case Cut():
            await exchange.start(200, [*call.head(JSON), _length(body)])
            await exchange.write(body[:half])
            await exchange.hang_up("reset" if behaviour.how == "reset" else "close")
        case Stall():
            exchange.watch()
            await exchange.start(200, [*call.head(JSON), _length(body)])
            await exchange.write(body[:half])
            await exchange.silence()
            await exchange.write(body[half:], last=True)


async def _in_pieces(behaviour: SlowBytes | SplitBytes, call: CallInHand) -> None:
    exchange = call.exchange
    exchange.watch()
    if call.ask.stream:
        frames = call.events(behaviour.reply).frames
        if isinstance(behaviour, SplitBytes) and behaviour.crlf:
            frames = [frame.replace(b"\n", b"\r\n") for frame in frames]
        await call.start_stream()
    else:
        frames = [call.plain(behaviour.reply)]
        await exchange.start(200, [*call.head(JSON), _length(frames[0])])
    if isinstance(behaviour, SplitBytes):
        size, interval = behaviour.each, 0.0
    else:
        size, interval = behaviour.chunk_bytes, behaviour.interval_seconds
    whole = b"".join(frames)
    ends = list(accumulate(map(len, frames)))
    for at in range(0, len(whole), size):
        if at and interval:
            await exchange.pause(interval)
        last = at + size >= len(whole)
        events = bisect_right(ends, at + size) - bisect_right(ends, at) if call.ask.stream else 0
        await exchange.write(whole[at : at + size], events=events, last=last)
        if not last:
            await exchange.flush()


def _length(body: bytes) -> Header:
    return (b"content-length", b"%d" % len(body))
