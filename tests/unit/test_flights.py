"""Single flight, without a network."""

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal

import pytest

from service.core.clock import SystemClock
from service.core.errors import DeadlineExceeded, ProviderError, Unavailable
from service.core.messages import TextDelta, Usage
from service.inference.answers import Answer, AnswerEvent, Delta
from service.inference.flights import Flights
from service.inference.routing import Deadline

ANSWER = Answer(
    id="req_1",
    model="haiku",
    provider="p",
    provider_model="m",
    label="m",
    finish_reason="stop",
    usage=Usage(input_tokens=1, output_tokens=2),
    cost_usd=Decimal("0.1"),
    text="one two",
)
PATIENT = Deadline(60, clock=SystemClock())


class Source:
    """An upstream call that goes on when the test says so."""

    def __init__(self) -> None:
        self.steps: asyncio.Queue[AnswerEvent | Exception] = asyncio.Queue()
        self.ended_by: BaseException | None = None
        self.has_ended = asyncio.Event()

    async def events(self) -> AsyncGenerator[AnswerEvent]:
        try:
            while True:
                step = await self.steps.get()
                if isinstance(step, Exception):
                    raise step
                yield step
                if isinstance(step, Answer):
                    return
        except BaseException as error:
            self.ended_by = error
            raise
        finally:
            self.has_ended.set()


def words(*pieces: str) -> list[Delta]:
    return [TextDelta(piece) for piece in pieces]


async def collect(events: AsyncGenerator[AnswerEvent]) -> list[AnswerEvent]:
    return [event async for event in events]


async def test_everyone_gets_everything_from_the_beginning() -> None:
    flights, source = Flights(), Source()
    flight, is_first = flights.join("k", source.events)
    events = flight.events(PATIENT)
    source.steps.put_nowait(words("one "))
    begun = await anext(events)
    early = asyncio.create_task(collect(events))
    again, is_second_first = flights.join("k", source.events)
    assert (again is flight, is_first, is_second_first) == (True, True, False)
    late = asyncio.create_task(collect(flight.events(PATIENT)))
    plain = asyncio.create_task(flight.result(PATIENT))
    source.steps.put_nowait(words("two"))
    source.steps.put_nowait(ANSWER)
    assert [begun, *await early] == [words("one "), words("two"), ANSWER]
    *pieces, answer = await late
    assert [delta for piece in pieces for delta in piece] == words("one ", "two")  # type: ignore[union-attr]
    assert answer is ANSWER
    assert await plain is ANSWER


async def test_a_landed_flight_is_not_joined_again() -> None:
    flights, source = Flights(), Source()
    flight, _ = flights.join("k", source.events)
    source.steps.put_nowait(ANSWER)
    await flight.result(PATIENT)
    await source.has_ended.wait()
    await asyncio.sleep(0)
    next_flight, is_first = flights.join("k", Source().events)
    assert is_first
    await next_flight.aclose()


async def test_the_first_may_leave_and_the_last_ends_it() -> None:
    flights, source = Flights(), Source()
    flight, _ = flights.join("k", source.events)
    first = asyncio.create_task(flight.result(PATIENT))
    second = asyncio.create_task(flight.result(PATIENT))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    assert not source.has_ended.is_set()
    second.cancel()
    await asyncio.wait([second])
    await source.has_ended.wait()
    assert isinstance(source.ended_by, asyncio.CancelledError)


async def test_leaving_a_stream_half_way_frees_the_seat() -> None:
    flights, source = Flights(), Source()
    flight, _ = flights.join("k", source.events)
    events = flight.events(PATIENT)
    source.steps.put_nowait(words("one "))
    await anext(events)
    await events.aclose()
    await source.has_ended.wait()
    assert isinstance(source.ended_by, asyncio.CancelledError)


async def test_a_failure_is_everyones() -> None:
    flights, source = Flights(), Source()
    flight, _ = flights.join("k", source.events)
    waiting = [asyncio.create_task(flight.result(PATIENT)) for _ in range(3)]
    source.steps.put_nowait(ProviderError("bad"))
    for error in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(error, ProviderError)
    again, is_first = flights.join("k", Source().events)
    assert is_first
    await again.aclose()


async def test_a_callers_own_deadline_ends_its_wait_only() -> None:
    flights, source = Flights(), Source()
    flight, _ = flights.join("k", source.events)
    patient = asyncio.create_task(flight.result(PATIENT))
    hasty = Deadline(60, asked_seconds=0.01, clock=SystemClock())
    with pytest.raises(DeadlineExceeded):
        await flight.result(hasty)
    source.steps.put_nowait(ANSWER)
    assert await patient is ANSWER


async def test_a_shutdown_ends_every_flight_and_tells_who_waited() -> None:
    flights, source = Flights(), Source()
    flight, _ = flights.join("k", source.events)
    waiting = asyncio.create_task(flight.result(PATIENT))
    await asyncio.sleep(0)
    await flights.aclose()
    assert source.has_ended.is_set()
    with pytest.raises(Unavailable):
        await waiting


async def test_a_plain_answer_comes_to_a_stream_word_by_word() -> None:
    flights, source = Flights(), Source()
    flight, _ = flights.join("k", source.events)
    stream = asyncio.create_task(collect(flight.events(PATIENT)))
    source.steps.put_nowait(ANSWER)
    assert await stream == [words("one", " two"), ANSWER]
