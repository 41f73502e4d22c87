"""The measurements themselves: interleaved, as medians of rounds."""

import statistics
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from scripts.bench.connection import Reply
from scripts.bench.load import Call, closed_loop, closed_loop_for, open_loop
from scripts.bench.plan import CONNECTIONS, Delay, Memory, Start
from scripts.bench.servers import Server

Key = TypeVar("Key", bound=Hashable)

_LOOKS_AT_MEMORY = 20


@dataclass(frozen=True)
class Subject:
    """A server, and what it is asked in one round, by how many at once."""

    server: Server
    call: Call
    calls: int
    connections: int = CONNECTIONS


async def cpu_ms(subjects: Mapping[Key, Subject], *, rounds: int) -> dict[Key, float]:
    """CPU milliseconds a call of each subject: the median of rounds in which all take turns.

    One more round, before those, warms everything up.
    """
    taken: dict[Key, list[float]] = {name: [] for name in subjects}
    for number in range(rounds + 1):
        for name, subject in subjects.items():
            before = subject.server.cpu_seconds()
            await closed_loop(subject.call, calls=subject.calls, connections=subject.connections)
            if number:
                seconds = subject.server.cpu_seconds() - before
                taken[name].append(seconds / subject.calls * 1000)
    return {name: statistics.median(times) for name, times in taken.items()}


async def added_latency(detour: Call, direct: Call, *, per_second: float, seconds: float) -> Delay:
    """What `detour` adds to the time until an answer is whole, at a steady rate of calls."""
    return _delay(
        await _replies(detour, direct, per_second=per_second, seconds=seconds),
        lambda reply: reply.ended_at,
    )


async def first_token_delay(
    detour: Call, direct: Call, *, per_second: float, seconds: float
) -> Delay:
    """What `detour` adds to the time until the first piece of a stream."""
    return _delay(
        await _replies(detour, direct, per_second=per_second, seconds=seconds),
        lambda reply: reply.first_chunk_at,
    )


async def _replies(
    detour: Call, direct: Call, *, per_second: float, seconds: float
) -> list[list[Reply]]:
    await open_loop([detour, direct], per_second=per_second, seconds=1)  # makes the connections
    return await open_loop([detour, direct], per_second=per_second, seconds=seconds)


def _delay(replies: Sequence[Sequence[Reply]], moment: Callable[[Reply], float]) -> Delay:
    detour, direct = (
        statistics.quantiles(
            [(moment(reply) - reply.sent_at) * 1000 for reply in answers],
            n=100,
            method="inclusive",
        )
        for answers in replies
    )
    return Delay(p50_ms=detour[49] - direct[49], p99_ms=detour[98] - direct[98])


async def memory(server: Server, call: Call, *, requests: int) -> Memory:
    """Memory after a number of requests, and how it grows over as many more, looked at in steps.

    The first ones fill what has a size of its own: pools, and the database's page cache.
    """
    before = server.resident_bytes()
    await closed_loop(call, calls=requests, connections=CONNECTIONS)
    after = server.resident_bytes()
    step = requests // _LOOKS_AT_MEMORY
    answered = range(step, requests + 1, step)
    resident = []
    for _ in answered:
        await closed_loop(call, calls=step, connections=CONNECTIONS)
        resident.append(server.resident_bytes())
    slope = statistics.linear_regression(answered, resident).slope
    return Memory(requests, before, after, slope)


def cold_starts(
    starts: Mapping[str, Callable[[], AbstractContextManager[Server]]], *, rounds: int
) -> dict[str, Start]:
    """How long each takes until it answers: the medians of rounds in which all take turns."""
    taken: dict[str, list[Start]] = {name: [] for name in starts}
    for _ in range(rounds):
        for name, start in starts.items():
            began = perf_counter()
            with start() as server:
                taken[name].append(Start(perf_counter() - began, server.cpu_seconds()))
    return {
        name: Start(
            seconds=statistics.median(start.seconds for start in times),
            cpu_seconds=statistics.median(start.cpu_seconds for start in times),
        )
        for name, times in taken.items()
    }


async def requests_per_second(
    calls: Mapping[str, Call], *, rounds: int, seconds: float
) -> dict[str, float]:
    """Answers a second of each: the median of rounds in which all take turns, after one to warm up."""
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            answered = await closed_loop_for(call, seconds=seconds, connections=2 * CONNECTIONS)
            if number:
                rates[name].append(answered / seconds)
    return {name: statistics.median(values) for name, values in rates.items()}
