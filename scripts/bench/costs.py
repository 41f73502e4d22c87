"""What calls cost through each gateway: CPU time, added latency, first token."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.bench import calls, peers, subjects
from scripts.bench.load import Call, WrongAnswer, closed_loop, once
from scripts.bench.measurements import Subject, added_latency, cpu_ms, first_token_delay
from scripts.bench.plan import (
    CALLS_PER_SECOND,
    PACED_CONNECTIONS,
    STREAMS_PER_SECOND,
    Cores,
    Costs,
    Size,
)
from scripts.bench.servers import Server
from scripts.bench.subjects import Redis


@dataclass(frozen=True)
class Upstreams:
    """The simulated vendors, by the way they answer."""

    short: Server
    burst: Server
    paced: Server


@dataclass(frozen=True)
class Gateway:
    """What is asked of one gateway; `rounds` has the subjects by kind of call."""

    server: Server
    rounds: Mapping[str, Subject]
    warm_ups: Mapping[str, Call] = field(default_factory=dict)
    """What is asked once before the hits of that name."""


@contextmanager
def upstreams(cores: Cores) -> Iterator[Upstreams]:
    """A simulator for each way of answering."""
    with (
        subjects.simulator(calls.SHORT, core=cores.load) as short,
        subjects.simulator(calls.BURST, core=cores.load) as burst,
        subjects.simulator(calls.PACED, core=cores.load) as paced,
    ):
        yield Upstreams(short, burst, paced)


@contextmanager
def ours(size: Size, cores: Cores, vendors: Upstreams, redis: Redis | None) -> Iterator[Gateway]:
    """The service: a process for each upstream, and one that has Redis."""
    with ExitStack() as stack:

        def start(vendor: Server, environment: Mapping[str, str] | None = None) -> Server:
            service = subjects.service(
                core=cores.measured, vendors=vendor.url, environment=environment
            )
            return stack.enter_context(service)

        plain, burst, paced = start(vendors.short), start(vendors.burst), start(vendors.paced)
        bounded = start(vendors.short)
        unaccounted = stack.enter_context(
            subjects.service(
                core=cores.measured, vendors=vendors.short.url, module="scripts.bench.unaccounted"
            )
        )
        bounded_key = subjects.bounded_key(bounded)
        rounds = {
            "plain": Subject(plain, calls.generate(plain.url), size.calls),
            "bounded": Subject(bounded, calls.generate(bounded.url, key=bounded_key), size.calls),
            "unaccounted": Subject(unaccounted, calls.generate(unaccounted.url), size.calls),
            "memory hit": Subject(plain, calls.hit(plain.url), 3 * size.calls),
            "burst": Subject(burst, calls.stream(burst.url), size.calls // 8),
            "paced": _paced(paced, calls.stream(paced.url), size),
        }
        warm_ups = {"memory hit": calls.warm_up(plain.url)}
        if redis is not None:
            shared = start(vendors.short, {"REDIS_URL": redis.url})
            rounds["Redis hit"] = Subject(shared, calls.hit(shared.url), 2 * size.calls)
            warm_ups["Redis hit"] = calls.warm_up(shared.url)
        yield Gateway(plain, rounds, warm_ups)


@contextmanager
def litellm(size: Size, cores: Cores, vendors: Upstreams, command: Path) -> Iterator[Gateway]:
    """LiteLLM: a process without its cache, as not even looking is fastest, and one with it."""
    models = {"short": vendors.short.url, "burst": vendors.burst.url, "paced": vendors.paced.url}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:

        def start(*, with_cache: bool) -> Server:
            proxy = peers.litellm(
                command, Path(folder), models=models, with_cache=with_cache, core=cores.measured
            )
            return stack.enter_context(proxy)

        plain, caching = start(with_cache=False), start(with_cache=True)
        warm_up, hit = peers.chat_warm_up_and_hit(caching.url, "short")
        rounds = {
            "plain": Subject(plain, peers.chat(plain.url, "short"), size.calls // 8),
            "memory hit": Subject(caching, hit, size.calls // 8),
            "burst": Subject(plain, peers.chat_stream(plain.url, "burst"), size.calls // 80),
            "paced": _paced(plain, peers.chat_stream(plain.url, "paced"), size),
            "native burst": Subject(
                plain, peers.native_stream(plain.url, "burst"), size.calls // 30
            ),
            "native paced": _paced(plain, peers.native_stream(plain.url, "paced"), size),
        }
        yield Gateway(plain, rounds, {"memory hit": warm_up})


def _paced(server: Server, call: Call, size: Size) -> Subject:
    return Subject(server, call, size.paced_streams, PACED_CONNECTIONS)


async def measure_costs(
    bare: Server, gateways: Mapping[str, Gateway], vendors: Upstreams, size: Size
) -> tuple[float, dict[str, Costs]]:
    """The bare endpoint's CPU milliseconds a call, and each gateway's costs."""
    everything = {("", "bare"): Subject(bare, calls.bare(bare.url), 3 * size.calls)}
    for name, gateway in gateways.items():
        for kind, warm_up in gateway.warm_ups.items():
            await _warm_up(warm_up, gateway.rounds[kind].call)
        everything |= {(name, kind): subject for kind, subject in gateway.rounds.items()}
    taken = await cpu_ms(everything, rounds=size.rounds)
    costs = {
        name: await _costs(
            gateway, {kind: taken[name, kind] for kind in gateway.rounds}, vendors, size
        )
        for name, gateway in gateways.items()
    }
    return taken["", "bare"], costs


async def _costs(
    gateway: Gateway, cpu_ms_by_kind: dict[str, float], vendors: Upstreams, size: Size
) -> Costs:
    added = await added_latency(
        gateway.rounds["plain"].call,
        calls.direct(vendors.short.url),
        per_second=CALLS_PER_SECOND,
        seconds=size.latency_seconds,
    )
    first_token = await first_token_delay(
        gateway.rounds["paced"].call,
        calls.direct_stream(vendors.paced.url),
        per_second=STREAMS_PER_SECOND,
        seconds=size.latency_seconds,
    )
    return Costs(cpu_ms_by_kind, added, first_token, gateway.server.resident_bytes())


async def _warm_up(warm_up: Call, hit: Call) -> None:
    """Every prompt of the hits once. Raises `WrongAnswer` if the next one is not a hit."""
    await closed_loop(warm_up, calls=calls.WARM_PROMPTS, connections=1)
    try:
        await once(hit)
    except WrongAnswer as wrong:
        raise WrongAnswer(
            f"a prompt that was answered before is not a cache hit: {wrong}"
        ) from None
