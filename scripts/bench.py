"""`make bench`: what the service costs, as ratios that one run measures.

The service (everything on: key check, ledger, metrics, log line, disconnect watch), the bare endpoint of
`scripts/bare.py` and the wire simulator run as processes of their own. Whatever is measured is pinned to
core 0; the simulator and this load generator share core 1. Subjects take turns, round by round, so that a
machine whose speed drifts slows them alike. What counts is the CPU time of the measured process, from
`/proc`, and ratios of it: absolute numbers say more about the machine than about the code.
"""

import argparse
import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

MEASURED_CORE = "0"
LOAD_CORE = "1"
KEY = "sk-ais-bench-0123456789abcdefghijklmnopqrst"
CONCURRENCY = 32
EVENTS = 200
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

BODY = {"prompt": "Explain quantum computing in one sentence.", "model": "haiku", "cache": False}


@dataclass(frozen=True)
class Subject:
    """A running server."""

    name: str
    url: str
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of the process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


@dataclass(frozen=True)
class Measurement:
    """One round: how many calls were answered, in how much CPU and wall time."""

    calls: int
    cpu_seconds: float
    wall_seconds: float

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds a call."""
        return self.cpu_seconds / self.calls * 1000


def main() -> None:
    options = _options()
    if options.pin:
        os.sched_setaffinity(0, {int(LOAD_CORE)})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        simulator = stack.enter_context(_simulator({"words": {"count": EVENTS}}, options.pin))
        paced = stack.enter_context(
            _simulator({"words": {"count": EVENTS, "interval_seconds": 0.01}}, options.pin)
        )
        short = stack.enter_context(_simulator({"reply": {"text": "Hello there."}}, options.pin))
        bare = stack.enter_context(_bare(options.pin))
        plain_service = stack.enter_context(_service("plain", short.url, folder / "a", options.pin))
        burst_service = stack.enter_context(
            _service("burst", simulator.url, folder / "b", options.pin)
        )
        paced_service = stack.enter_context(_service("paced", paced.url, folder / "c", options.pin))
        asyncio.run(_measure(options, bare, plain_service, burst_service, paced_service))
    _cold_start(options)


async def _measure(
    options: argparse.Namespace, bare: Subject, plain: Subject, burst: Subject, paced: Subject
) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"X-API-Key": KEY}) as session:
        rounds: dict[str, list[Measurement]] = {"bare": [], "plain": [], "burst": [], "paced": []}
        for warm in (True, *[False] * options.rounds):
            for name, subject, call, calls in (
                ("bare", bare, _generate, options.requests * 4),
                ("plain", plain, _generate, options.requests),
                ("burst", burst, _stream, max(options.requests // 20, CONCURRENCY)),
                ("paced", paced, _stream, CONCURRENCY * 2),
            ):
                measured = await _round(session, subject, call, calls)
                if not warm:
                    rounds[name].append(measured)
    base = _median(rounds["bare"])
    print(f"\n{'':28}{'CPU ms a call':>14}{'x bare':>9}   (median of {options.rounds} rounds)")
    for name, label in (
        ("bare", "bare FastAPI + pydantic"),
        ("plain", "plain generate"),
        ("burst", f"stream, {EVENTS} events, burst"),
        ("paced", f"stream, {EVENTS} events, 10 ms"),
    ):
        cpu = _median(rounds[name])
        print(f"{label:28}{cpu:14.3f}{cpu / base:9.1f}")


async def _round(
    session: aiohttp.ClientSession,
    subject: Subject,
    call: Callable[[aiohttp.ClientSession, str], Awaitable[None]],
    calls: int,
) -> Measurement:
    left = iter(range(calls))

    async def worker() -> None:
        for _ in left:
            await call(session, subject.url)

    cpu, wall = subject.cpu_seconds(), time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(CONCURRENCY):
            workers.create_task(worker())
    return Measurement(calls, subject.cpu_seconds() - cpu, time.perf_counter() - wall)


async def _generate(session: aiohttp.ClientSession, url: str) -> None:
    async with session.post(f"{url}/api/v1/generate", json=BODY) as answer:
        await answer.read()
        answer.raise_for_status()


async def _stream(session: aiohttp.ClientSession, url: str) -> None:
    async with session.post(f"{url}/api/v1/generate/stream", json=BODY) as answer:
        answer.raise_for_status()
        body = await answer.read()
    if body.count(b'"type":"token"') < EVENTS or b'"type":"done"' not in body:
        raise RuntimeError("the stream was not whole")


def _median(measurements: list[Measurement]) -> float:
    return statistics.median(m.cpu_ms for m in measurements)


def _cold_start(options: argparse.Namespace) -> None:
    times: dict[str, list[float]] = {"bare": [], "sandbox": [], "vendors": []}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            for name in times:
                began = time.perf_counter()
                with (
                    _bare(options.pin)
                    if name == "bare"
                    else _service(
                        name,
                        "http://127.0.0.1:1" if name == "vendors" else None,
                        Path(folder) / name,
                        options.pin,
                    )
                ):
                    times[name].append(time.perf_counter() - began)
    print(f"\n{'cold start':28}{'seconds':>14}{'x bare':>9}   (until /healthz answers)")
    base = statistics.median(times["bare"])
    for name, label in (
        ("bare", "bare FastAPI + pydantic"),
        ("sandbox", "service, sandbox"),
        ("vendors", "service, both vendors"),
    ):
        seconds = statistics.median(times[name])
        print(f"{label:28}{seconds:14.2f}{seconds / base:9.1f}")


@contextmanager
def _simulator(behaviour: Mapping[str, object], pin: bool) -> Iterator[Subject]:
    import json

    port = _free_port()
    command = [sys.executable, "-m", "tests.simulator", "--port", str(port)]
    command += ["--behaviour", json.dumps(behaviour)]
    with _running("simulator", command, port, {}, LOAD_CORE if pin else None, path="/") as subject:
        yield subject


@contextmanager
def _bare(pin: bool) -> Iterator[Subject]:
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "scripts.bare:app", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning", "--loop", "uvloop"]
    with _running("bare", command, port, {}, MEASURED_CORE if pin else None) as subject:
        yield subject


@contextmanager
def _service(name: str, vendor_url: str | None, folder: Path, pin: bool) -> Iterator[Subject]:
    port = _free_port()
    environment = {
        "AI_SERVICE_PORT": str(port),
        "AI_SERVICE_DATA_DIR": str(folder),
        "AI_SERVICE_ADMIN_KEY": KEY,
        "AI_SERVICE_LOG_FORMAT": "json",
        "AI_SERVICE_DRAIN_SECONDS": "0",
    }
    if vendor_url:
        environment |= {
            "ANTHROPIC_API_KEY": "sk-ant-bench",
            "ANTHROPIC_BASE_URL": vendor_url,
            "OPENAI_API_KEY": "sk-bench",
            "OPENAI_BASE_URL": f"{vendor_url}/v1",
        }
    command = [sys.executable, "-m", "service", "serve"]
    with _running(name, command, port, environment, MEASURED_CORE if pin else None) as subject:
        yield subject


@contextmanager
def _running(
    name: str,
    command: list[str],
    port: int,
    environment: Mapping[str, str],
    core: str | None,
    *,
    path: str = "/healthz",
) -> Iterator[Subject]:
    pinned = ["taskset", "-c", core, *command] if core else command
    inherited = {
        key: os.environ[key] for key in ("PATH", "HOME", "VIRTUAL_ENV") if key in os.environ
    }
    process = subprocess.Popen(
        pinned,
        env=inherited | dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_up(process, url + path)
        yield Subject(name, url, process.pid)
    finally:
        process.terminate()
        process.wait()


def _wait_until_up(process: subprocess.Popen[bytes], url: str) -> None:
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            raise RuntimeError(f"a server ended with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"nothing answers at {url}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What the service costs, as ratios.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000, help="plain requests a round")
    parser.add_argument(
        "--no-pin", dest="pin", action="store_false", help="leave cores to the kernel"
    )
    options = parser.parse_args()
    if options.pin and (shutil.which("taskset") is None or (os.cpu_count() or 1) < 2):
        parser.error("pinning needs taskset and two cores; use --no-pin")
    return options


if __name__ == "__main__":
    main()
