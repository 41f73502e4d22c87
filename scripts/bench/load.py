"""The load: closed loops for CPU time and throughput, open loops for latency."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

import msgspec

from scripts.bench.connection import Connection, Reply

ROUND_TIMEOUT_SECONDS = 180
_encode = msgspec.json.Encoder().encode


class WrongAnswer(Exception):
    """A server answered something else than it should: its numbers would mean nothing."""


@dataclass(frozen=True)
class Call:
    """What is asked again and again, and what a right answer to it is.

    `body` and `is_right` get the number of the call, which no other such call has.
    """

    name: str
    url: str
    path: str
    headers: Mapping[str, str]
    body: Callable[[int], object]
    is_right: Callable[[int, Reply], bool]
    numbers: "count[int]" = field(default_factory=count)

    def request(self, number: int) -> bytes:
        """The bytes of one request."""
        body = _encode(self.body(number))
        return b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body)

    @cached_property
    def _head(self) -> bytes:
        lines = [f"POST {self.path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "".join(f"{line}\r\n" for line in lines).encode()

    async def over(self, connection: Connection) -> Reply:
        """One call, checked. Raises `WrongAnswer`."""
        number = next(self.numbers)
        reply = await connection.exchange(self.request(number))
        try:
            is_right = reply.status == 200 and self.is_right(number, reply)
        except msgspec.MsgspecError:
            is_right = False
        if not is_right:
            raise WrongAnswer(f"{self.name}: {reply.status} {reply.body[:1000].decode()}")
        return reply


async def once(call: Call) -> Reply:
    """One call on a connection of its own."""
    with closing(await Connection.open(call.url)) as connection:
        return await call.over(connection)


async def closed_loop(call: Call, *, calls: int, connections: int) -> None:
    """Exactly `calls` calls; each connection asks again as soon as it is answered."""
    left = iter(range(calls))

    async def work() -> None:
        with closing(await Connection.open(call.url)) as connection:
            for _ in left:
                await call.over(connection)

    async with asyncio.timeout(ROUND_TIMEOUT_SECONDS), asyncio.TaskGroup() as workers:
        for _ in range(connections):
            workers.create_task(work())


async def closed_loop_for(call: Call, *, seconds: float, connections: int) -> int:
    """Calls for some time; returns how many were answered in it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    answered = 0

    async def work() -> None:
        nonlocal answered
        with closing(await Connection.open(call.url)) as connection:
            while loop.time() < until:
                await call.over(connection)
                answered += loop.time() < until

    async with asyncio.timeout(ROUND_TIMEOUT_SECONDS), asyncio.TaskGroup() as workers:
        for _ in range(connections):
            workers.create_task(work())
    return answered


async def open_loop(
    calls: Sequence[Call], *, per_second: float, seconds: float
) -> list[list[Reply]]:
    """`per_second` calls of each kind, come what may: a slow answer holds back no later call.

    The kinds take turns within each interval, so that all meet the machine in the same state.
    """
    loop = asyncio.get_running_loop()
    replies: list[list[Reply]] = [[] for _ in calls]
    idle: list[list[Connection]] = [[] for _ in calls]

    async def one(kind: int) -> None:
        call = calls[kind]
        connection = idle[kind].pop() if idle[kind] else await Connection.open(call.url)
        replies[kind].append(await call.over(connection))
        idle[kind].append(connection)

    interval = 1 / per_second
    start = loop.time()
    async with asyncio.timeout(seconds + ROUND_TIMEOUT_SECONDS), asyncio.TaskGroup() as running:
        for number in range(int(seconds * per_second)):
            for kind in range(len(calls)):
                due = start + (number + kind / len(calls)) * interval
                await asyncio.sleep(due - loop.time())
                running.create_task(one(kind))
    for connections in idle:
        for connection in connections:
            connection.close()
    return replies
