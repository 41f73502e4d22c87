"""Durable batches: how fast they are beside plain calls, and what live traffic feels of them.

`python -m scripts.bench.batches [--items N] [--seconds N] [--no-pin]`.
"""

import argparse
import asyncio
import json
import statistics
from datetime import datetime
from time import perf_counter
from typing import Any

import httpx2
import uvloop

from scripts.bench import calls, subjects
from scripts.bench.load import closed_loop, open_loop
from scripts.bench.plan import CALLS_PER_SECOND, CONNECTIONS, Cores
from scripts.bench.servers import Server

_BATCHES = "/api/v1/batches"
_UPSTREAM = {"reply": {"text": calls.TEXT, "delay_seconds": 0.005}}
_LOOK_SECONDS = 0.05
_QUIET_SECONDS = 1.5
"""Until then, a batch gives way to the live calls before it."""
_WARM_UP_ITEMS = 50
_MORE_THAN_ARE_DONE = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.batches", description=__doc__)
    parser.add_argument("--items", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--no-pin", dest="pin", action="store_false")
    options = parser.parse_args()
    cores = Cores() if options.pin else Cores(measured=None, load=None)
    with (
        subjects.simulator(_UPSTREAM, core=cores.load) as vendor,
        subjects.service(core=cores.measured, vendors=vendor.url) as service,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        print(runner.run(_measure(service, items=options.items, seconds=options.seconds)))


async def _measure(service: Server, *, items: int, seconds: float) -> str:
    admin = {"X-API-Key": subjects.KEY}
    async with httpx2.AsyncClient(base_url=service.url, headers=admin, timeout=60) as client:
        await _seconds_of(client, _WARM_UP_ITEMS)
        await closed_loop(calls.generate(service.url), calls=items // 4, connections=CONNECTIONS)
        await asyncio.sleep(_QUIET_SECONDS)
        batch_seconds = await _seconds_of(client, items)
        began = perf_counter()
        await closed_loop(calls.generate(service.url), calls=items, connections=CONNECTIONS)
        plain_seconds = perf_counter() - began
        alone = await _live_ms(service, seconds)
        batch_id = await _create(client, _MORE_THAN_ARE_DONE)
        beside = await _live_ms(service, seconds)
        done = (await _get(client, batch_id))["counts"]["completed"]
        await client.post(f"{_BATCHES}/{batch_id}/cancel")
    return "\n".join(
        (
            f"{items:,} items, upstream 5 ms, {CONNECTIONS} at once:"
            f" {items / batch_seconds:,.0f} a second in a durable batch,"
            f" {items / plain_seconds:,.0f} as plain calls",
            f"live calls at {CALLS_PER_SECOND:.0f}/s, p50 and p99: {_shown(alone)} alone,"
            f" {_shown(beside)} beside a batch (p99 {beside[1] / alone[1]:.2f} times),"
            f" which did {done / seconds:,.0f} items a second meanwhile",
        )
    )


async def _seconds_of(client: httpx2.AsyncClient, items: int) -> float:
    """How long a batch takes, from its first item to its last."""
    batch_id = await _create(client, items)
    batch = await _get(client, batch_id)
    while not batch.get("finished_at"):
        await asyncio.sleep(_LOOK_SECONDS)
        batch = await _get(client, batch_id)
    if batch["counts"]["completed"] != items:
        raise SystemExit(f"Not measured: the batch ended with {batch['counts']}")
    started, finished = [
        datetime.fromisoformat(batch[name]) for name in ("started_at", "finished_at")
    ]
    return (finished - started).total_seconds()


async def _get(client: httpx2.AsyncClient, batch_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(f"{_BATCHES}/{batch_id}")).json()
    return found


async def _create(client: httpx2.AsyncClient, items: int) -> str:
    lines = [
        json.dumps({"prompt": calls.prompt(number), "model": "haiku", "cache": False})
        for number in range(items)
    ]
    answer = await client.post(
        f"{_BATCHES}/upload",
        files={"file": ("batch.jsonl", "\n".join(lines).encode())},
        data={"max_concurrency": str(CONNECTIONS)},
    )
    batch_id: str = answer.raise_for_status().json()["id"]
    return batch_id


async def _live_ms(service: Server, seconds: float) -> tuple[float, float]:
    """Median and p99 of the milliseconds until a live answer is whole."""
    call = calls.generate(service.url)
    await open_loop([call], per_second=CALLS_PER_SECOND, seconds=1)
    [replies] = await open_loop([call], per_second=CALLS_PER_SECOND, seconds=seconds)
    taken = [(reply.ended_at - reply.sent_at) * 1000 for reply in replies]
    quantiles = statistics.quantiles(taken, n=100, method="inclusive")
    return quantiles[49], quantiles[98]


def _shown(times_ms: tuple[float, float]) -> str:
    p50, p99 = times_ms
    return f"{p50:.1f} ms and {p99:.1f} ms"


if __name__ == "__main__":
    main()
