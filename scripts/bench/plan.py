"""How much is measured, where, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """How much is measured. `calls` are the plain ones of a round; the others are in proportion."""

    rounds: int
    calls: int
    paced_streams: int
    latency_seconds: float
    memory_requests: int
    cold_starts: int
    workers_rounds: int
    workers_seconds: float


FULL = Size(
    rounds=7,
    calls=1500,
    paced_streams=16,
    latency_seconds=20,
    memory_requests=20_000,
    cold_starts=5,
    workers_rounds=3,
    workers_seconds=3,
)
QUICK = Size(
    rounds=2,
    calls=300,
    paced_streams=8,
    latency_seconds=4,
    memory_requests=2_000,
    cold_starts=1,
    workers_rounds=1,
    workers_seconds=1,
)

CONNECTIONS = 32
PACED_CONNECTIONS = 8
"""So few that the slowest peer, too, can send each event when it comes."""
CALLS_PER_SECOND = 50.0
STREAMS_PER_SECOND = 5.0


@dataclass(frozen=True)
class Cores:
    """Where measured processes run, and the load with all that they talk to. None: anywhere."""

    measured: str | None = "0"
    load: str | None = "1"


@dataclass(frozen=True)
class Delay:
    """What a detour adds to a time, in milliseconds: median against median, p99 against p99."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Memory:
    """Resident bytes of a process before and after its requests."""

    requests: int
    before: int
    after: int
    growth_per_request: float
    """Bytes, over as many requests more."""


@dataclass(frozen=True)
class Start:
    """Until a server answers: the time that passes, and the CPU time that it takes of it."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Costs:
    """What one gateway costs: CPU milliseconds by kind of call, and the delays it adds."""

    cpu_ms: Mapping[str, float]
    added_latency: Delay
    first_token: Delay
    resident_bytes: int


@dataclass(frozen=True)
class Results:
    """All of a run. `left_out` tells people what could not be measured, and why."""

    bare_cpu_ms: float
    ours: Costs
    litellm: Costs | None
    memory: Memory
    memory_with_cache: Memory
    cold_starts: Mapping[str, Start]
    requests_per_second: Mapping[str, float]
    """By number of workers; empty where there was no database for two."""
    left_out: tuple[str, ...]
