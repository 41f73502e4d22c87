"""The results as Markdown, for the terminal and for README.md: ratios first."""

import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from scripts.bench.peers import LITELLM_VERSION
from scripts.bench.plan import (
    CALLS_PER_SECOND,
    STREAMS_PER_SECOND,
    Costs,
    Delay,
    Memory,
    Results,
)
from scripts.bench.servers import ROOT

_README = ROOT / "README.md"
_BEGIN = "<!-- bench -->"
_END = "<!-- /bench -->"

_KINDS = {
    "plain": "plain generate",
    "bounded": "plain generate, with limits and budgets of the key and of its tenant",
    "unaccounted": "plain generate without keys, limits, budgets and ledger, to compare",
    "memory hit": "cache hit, in memory",
    "Redis hit": "cache hit, in Redis",
    "burst": "stream of 200 events, in a burst",
    "paced": "stream of 200 events, 10 ms apart",
    "native burst": "the burst, passed through in Anthropic's format",
    "native paced": "the paced one, passed through in Anthropic's format",
}
_FLAT_BYTES_PER_REQUEST = 20
_MB = 1_000_000
_BUSY_LOAD = 0.5


def markdown(results: Results, *, load_before: float) -> str:
    """Both tables, and under which circumstances they were made."""
    paragraphs = [
        _circumstances(load_before),
        _table(
            (
                "one worker on one core",
                "CPU, bare = 1",
                "CPU, ours = 1",
                "CPU ms",
                "per CPU-second",
            ),
            _cost_rows(results),
        ),
        _accounting(results.ours),
        _table(_delay_head(results), _delay_rows(results)),
        *(f"Left out: {reason}" for reason in results.left_out),
    ]
    return "\n\n".join(paragraphs)


def write_readme(text: str) -> None:
    """Put `text` between the marks in README.md."""
    readme = _README.read_text()
    before, begin, rest = readme.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise SystemExit(f"README.md has no {_BEGIN} … {_END}")
    _README.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _circumstances(load_before: float) -> str:
    today = datetime.now(UTC).date().isoformat()
    sentence = f"Measured on {today}, {_cpu_model()}, Python {platform.python_version()}."
    if load_before > _BUSY_LOAD:
        sentence += f" The machine was busy with other work (load average {load_before:.1f})."
    return sentence


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _cost_rows(results: Results) -> Iterable[Sequence[str]]:
    bare = results.bare_cpu_ms
    yield "bare FastAPI + pydantic endpoint", "1", "", *_absolute(bare)
    for kind in filter(results.ours.cpu_ms.__contains__, _KINDS):
        cpu_ms = results.ours.cpu_ms[kind]
        yield f"**{_KINDS[kind]}**", _ratio(cpu_ms, bare), "1", *_absolute(cpu_ms)
    if results.litellm is None:
        return
    for kind, cpu_ms in results.litellm.cpu_ms.items():
        ours = results.ours.cpu_ms[kind.removeprefix("native ")]
        label = f"LiteLLM {LITELLM_VERSION}: {_KINDS[kind]}"
        yield label, _ratio(cpu_ms, bare), f"**{_ratio(cpu_ms, ours)}**", *_absolute(cpu_ms)


def _accounting(costs: Costs) -> str:
    bounded_ms = costs.cpu_ms["bounded"]
    share_ms = bounded_ms - costs.cpu_ms["unaccounted"]
    return (
        f"Keys, limits, budgets and ledger together take {share_ms:.2f} ms of CPU,"
        f" {share_ms / bounded_ms:.0%} of a plain call that has them all."
    )


def _absolute(cpu_ms: float) -> tuple[str, str]:
    return f"{cpu_ms:.3f}", f"{1000 / cpu_ms:,.0f}"


def _ratio(cpu_ms: float, base_ms: float) -> str:
    ratio = cpu_ms / base_ms
    return f"{ratio:.1f}" if ratio < 20 else f"{ratio:.0f}"


def _delay_head(results: Results) -> Sequence[str]:
    return ("", "service") if results.litellm is None else ("", "service", "LiteLLM")


def _delay_rows(results: Results) -> Iterable[Sequence[str]]:
    gateways = [costs for costs in (results.ours, results.litellm) if costs is not None]
    nothing = [""] * (len(gateways) - 1)
    yield (
        f"latency added at {CALLS_PER_SECOND:.0f} requests/s, p50 and p99",
        *(_delay(costs.added_latency) for costs in gateways),
    )
    yield (
        f"delay of the first token at {STREAMS_PER_SECOND:.0f} streams/s, p50 and p99",
        *(_delay(costs.first_token) for costs in gateways),
    )
    for memory, what in (
        (results.memory, "requests"),
        (results.memory_with_cache, "more, with the answers kept in the cache"),
    ):
        yield f"memory after {memory.requests:,} {what}", _memory(memory), *nothing
    yield "memory after the rounds above", *(_megabytes(costs) for costs in gateways)
    for name, start in results.cold_starts.items():
        label = "the bare endpoint" if name == "bare" else name
        took = f"{start.seconds:.2f} s ({start.cpu_seconds:.2f} s of CPU)"
        yield f"cold start until /healthz answers, {label}", took, *nothing
    if rates := results.requests_per_second:
        one, two = rates["1"], rates["2"]
        yield (
            "2 workers against 1, PostgreSQL, load on the same cores",
            f"{two / one:.2f} times ({two:,.0f} against {one:,.0f} requests/s)",
            *nothing,
        )


def _delay(delay: Delay) -> str:
    return f"{delay.p50_ms:.1f} ms, {delay.p99_ms:.1f} ms"


def _memory(memory: Memory) -> str:
    growth = memory.growth_per_request
    verdict = "flat" if abs(growth) < _FLAT_BYTES_PER_REQUEST else f"{growth:+,.0f} bytes a request"
    from_start = f"{memory.after / _MB:.0f} MB, from {memory.before / _MB:.0f} MB before"
    return f"{from_start}; then {verdict} over as many more"


def _megabytes(costs: Costs) -> str:
    return f"{costs.resident_bytes / _MB:.0f} MB"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
