"""A whole run: what is up when, and in which order."""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from scripts.bench import calls, costs, measurements, subjects
from scripts.bench.costs import Gateway
from scripts.bench.load import WrongAnswer
from scripts.bench.plan import Cores, Costs, Memory, Results, Size, Start
from scripts.bench.subjects import Redis

T = TypeVar("T")

_NO_REDIS = "Redis hits: there is no redis-server on this machine."
_SECRET_KEY = "0123456789abcdef" * 4  # the digests' key; a database of one run


def measure(size: Size, cores: Cores, *, litellm_command: Path | None) -> Results:
    """Everything. Raises `WrongAnswer` and `ConnectionError`."""
    with _load_on(cores.load), subjects.redis(core=cores.load) as redis:
        bare_cpu_ms, by_gateway = _costs(size, cores, redis, litellm_command)
        memory, memory_with_cache = _memory(size, cores)
        starts = _cold_starts(size, cores)
    rates = _workers(size)
    reasons = [_NO_REDIS] if redis is None else []
    if isinstance(rates, str):
        reasons.append(rates)
    return Results(
        bare_cpu_ms=bare_cpu_ms,
        ours=by_gateway["ours"],
        litellm=by_gateway.get("litellm"),
        memory=memory,
        memory_with_cache=memory_with_cache,
        cold_starts=starts,
        requests_per_second={} if isinstance(rates, str) else rates,
        left_out=tuple(reasons),
    )


def _costs(
    size: Size, cores: Cores, redis: Redis | None, litellm_command: Path | None
) -> tuple[float, dict[str, Costs]]:
    _say("CPU time, added latency, first token")
    with ExitStack() as stack:
        start = stack.enter_context
        vendors = start(costs.upstreams(cores))
        bare = start(subjects.bare(core=cores.measured))
        gateways = {"ours": start(costs.ours(size, cores, vendors, redis))}
        if litellm_command is not None:
            gateways["litellm"] = start(costs.litellm(size, cores, vendors, litellm_command))
        found_before = redis.hits() if redis else 0
        measured = _run(costs.measure_costs(bare, gateways, vendors, size))
        if redis is not None:
            _check_redis(gateways["ours"], size, found=redis.hits() - found_before)
    return measured


def _check_redis(ours: Gateway, size: Size, *, found: int) -> None:
    """What the service calls a hit has to come from Redis."""
    asked = ours.rounds["Redis hit"].calls * (size.rounds + 1)
    if found < asked:
        raise WrongAnswer(f"{asked} cache hits, but Redis has found only {found} keys")


def _memory(size: Size, cores: Cores) -> tuple[Memory, Memory]:
    _say(f"memory over twice {size.memory_requests:,} requests, and as many whose answers are kept")
    with (
        subjects.simulator(calls.SHORT, core=cores.load) as vendor,
        subjects.service(core=cores.measured, vendors=vendor.url) as service,
    ):
        plain, filling = (
            _run(measurements.memory(service, call, requests=size.memory_requests))
            for call in (calls.generate(service.url), calls.fill(service.url))
        )
    return plain, filling


def _cold_starts(size: Size, cores: Cores) -> dict[str, Start]:
    _say("cold starts")
    return measurements.cold_starts(
        {
            "bare": partial(subjects.bare, core=cores.measured),
            "sandbox": partial(subjects.service, core=cores.measured),
            "both vendors": partial(
                subjects.service, core=cores.measured, vendors="http://127.0.0.1:1"
            ),
        },
        rounds=size.cold_starts,
    )


def _workers(size: Size) -> dict[str, float] | str:
    """Answers a second with 1 and with 2 workers, all cores free; or why that was not measured."""
    _say("1 against 2 workers")
    with ExitStack() as stack:
        databases = stack.enter_context(subjects.postgres())
        if isinstance(databases, str):
            return databases
        vendor = stack.enter_context(subjects.simulator(calls.SHORT, core=None))
        asked = {}
        for workers, database in zip(("1", "2"), databases, strict=True):
            environment = {
                "DATABASE_URL": database,
                "AI_SERVICE_SECRET_KEY": _SECRET_KEY,
                "AI_SERVICE_WORKERS": workers,
            }
            service = stack.enter_context(
                subjects.service(core=None, vendors=vendor.url, environment=environment)
            )
            asked[workers] = calls.generate(service.url)
        return _run(
            measurements.requests_per_second(
                asked, rounds=size.workers_rounds, seconds=size.workers_seconds
            )
        )


@contextmanager
def _load_on(core: str | None) -> Iterator[None]:
    """This process, which makes the load, on its core."""
    everywhere = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {int(core)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


def _say(what: str) -> None:
    print(f"measuring {what} …", flush=True)


def _run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return runner.run(work)
        except BaseExceptionGroup as group:  # of connections at work side by side: one is enough
            raise group.exceptions[0] from None
