"""`python -m scripts.overload`: what ten times too much does to the requests that are let in.

The service with its defaults but for the settings given, on core 0; the simulator and the load on core 1.
Its capacity is its places over the time that the model takes. Calm is a fifth of it, overload ten times;
both are open loops: a slow answer holds back no later request. The p99 of the admitted in overload should be
at most twice the calm one.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import uvloop

from scripts.bench import subjects
from scripts.bench.connection import Connection, Reply
from scripts.bench.servers import LOAD_CORE, MEASURED_CORE, Server

_SECONDS = 10
_CALM, _OVERLOAD = 0.2, 10
_PATIENCE_SECONDS = 30
_LOST = 0
"""In place of a status: the kernel drops connections when a process cannot keep up with accepting them."""


@dataclass(frozen=True)
class Outcome:
    """How one load went. Times in seconds; those of the admitted are of their whole answers."""

    statuses: Counter[int]
    admitted_p50: float
    admitted_p99: float
    shed_p99: float | None
    cpu_share: float


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m scripts.overload", description=__doc__)
    arguments.add_argument("--answer-seconds", type=float, default=1.0, help="the model's time")
    arguments.add_argument("--places", type=int, default=200)
    arguments.add_argument("--queue", type=int, default=100)
    arguments.add_argument("--queue-seconds", type=float, default=0.25)
    given = arguments.parse_args()
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    words = {"words": {"count": 20, "delay_seconds": given.answer_seconds}}
    with (
        subjects.simulator(words, core=LOAD_CORE) as vendor,
        subjects.service(
            core=MEASURED_CORE,
            vendors=vendor.url,
            environment={
                "AI_SERVICE_MAX_CONCURRENT_REQUESTS": str(given.places),
                "AI_SERVICE_ADMISSION_QUEUE_SIZE": str(given.queue),
                "AI_SERVICE_ADMISSION_QUEUE_SECONDS": str(given.queue_seconds),
            },
        ) as service,
    ):
        capacity = given.places / given.answer_seconds
        print(f"{given.places} places, {given.answer_seconds} s an answer: {capacity:.0f}/s")
        loads = [("warm", _CALM), ("calm", _CALM), ("overload", _OVERLOAD)]
        outcomes = {}
        for name, times in loads:
            outcomes[name] = uvloop.run(_load(service, per_second=capacity * times))
            _tell(name, capacity * times, outcomes[name])
    ratio = outcomes["overload"].admitted_p99 / outcomes["calm"].admitted_p99
    print(f"p99 of the admitted: {ratio:.2f} times the calm one")


async def _load(service: Server, *, per_second: float) -> Outcome:
    replies: list[Reply] = []
    idle: list[Connection] = []

    async def one(number: int) -> None:
        connection = idle.pop() if idle else await Connection.open(service.url)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                replies.append(await connection.exchange(_request(number)))
        except (ConnectionError, TimeoutError):
            connection.close()
            replies.append(Reply(sent_at=0, status=_LOST))
        else:
            idle.append(connection)

    cpu_before, began = service.cpu_seconds(), time.perf_counter()
    async with asyncio.TaskGroup() as running:
        for number in range(int(per_second * _SECONDS)):
            await asyncio.sleep(began + number / per_second - time.perf_counter())
            running.create_task(one(number))
        sent_in = time.perf_counter() - began
        cpu_share = (service.cpu_seconds() - cpu_before) / sent_in
    for connection in idle:
        connection.close()
    admitted = [reply.ended_at - reply.sent_at for reply in replies if reply.status == 200]
    shed = [reply.ended_at - reply.sent_at for reply in replies if reply.status == 503]
    return Outcome(
        statuses=Counter(reply.status for reply in replies),
        admitted_p50=statistics.median(admitted),
        admitted_p99=_p99(admitted),
        shed_p99=_p99(shed) if shed else None,
        cpu_share=cpu_share,
    )


def _request(number: int) -> bytes:
    body = msgspec.json.encode({"prompt": f"{number} {time.perf_counter_ns()}", "model": "haiku"})
    head = (
        "POST /api/v1/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-API-Key: {subjects.KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _p99(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


def _tell(name: str, per_second: float, outcome: Outcome) -> None:
    shed = "" if outcome.shed_p99 is None else f", shed p99 {outcome.shed_p99 * 1000:.0f} ms"
    print(
        f"{name:9} {per_second:6.0f}/s  {dict(outcome.statuses)}  admitted p50"
        f" {outcome.admitted_p50 * 1000:.0f} ms, p99 {outcome.admitted_p99 * 1000:.0f} ms{shed},"
        f" {outcome.cpu_share:.0%} of a core"
    )


if __name__ == "__main__":
    main()
