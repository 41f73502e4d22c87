"""`python -m scripts.bench.sdk_python`: what the Python SDK costs its user, against raw httpx2.

CPU time of this process, in one run against the same endpoints of the same service: the SDK and httpx2 take
turns, and the median of the rounds counts.
"""

import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from time import process_time

import httpx2
from ai_service_sdk import AIServiceSDK, AsyncAIServiceSDK

from scripts.bench import subjects
from scripts.bench.servers import LOAD_CORE
from scripts.bench.subjects import KEY

ROUNDS = 9
CALLS = 200
STREAMS = 40
PROMPT = "Hello there, how are you today?"
BODY = {"prompt": PROMPT, "max_tokens": 100}
HEADERS = {"X-API-Key": KEY}
IMPORTS = 5
IMPORT = (
    "import time; b = time.perf_counter(); import ai_service_sdk; print(time.perf_counter() - b)"
)

Work = Callable[[], Awaitable[None]]


def main() -> None:
    with subjects.service(core=LOAD_CORE) as service:
        costs = asyncio.run(_measure(service.url))
    print("| the Python SDK | CPU ms | raw httpx2 | ratio |\n| --- | ---: | ---: | ---: |")
    for name, (ours, raw) in costs.items():
        print(f"| {name} | {ours:.3f} | {raw:.3f} | **{ours / raw:.2f}** |")
    print(f"\nIts import takes {_import_seconds():.2f} s.")


async def _measure(url: str) -> dict[str, tuple[float, float]]:
    """By kind of call: CPU milliseconds of the SDK and of httpx2."""
    return {"generate": await _blocking(url)} | await _asynchronous(url)


async def _blocking(url: str) -> tuple[float, float]:
    with AIServiceSDK(KEY, url) as sdk, httpx2.Client(base_url=url, headers=HEADERS) as raw:

        async def generate() -> None:
            for _ in range(CALLS):
                _check(sdk.generate(PROMPT, max_tokens=100).text)

        async def raw_generate() -> None:
            for _ in range(CALLS):
                response = raw.post("/api/v1/generate", json=BODY)
                _check(response.raise_for_status().json()["text"])

        return await _cpu_ms(generate, raw_generate, calls=CALLS)


async def _asynchronous(url: str) -> dict[str, tuple[float, float]]:
    async with (
        AsyncAIServiceSDK(KEY, url) as sdk,
        httpx2.AsyncClient(base_url=url, headers=HEADERS) as raw,
    ):

        async def generate() -> None:
            for _ in range(CALLS):
                _check((await sdk.generate(PROMPT, max_tokens=100)).text)

        async def raw_generate() -> None:
            for _ in range(CALLS):
                response = await raw.post("/api/v1/generate", json=BODY)
                _check(response.raise_for_status().json()["text"])

        async def stream() -> None:
            for _ in range(STREAMS):
                _check((await sdk.stream_generate(PROMPT, max_tokens=100).final()).text)

        async def raw_stream() -> None:
            for _ in range(STREAMS):
                _check([event async for event in _raw_events(raw)])

        return {
            "generate, async": await _cpu_ms(generate, raw_generate, calls=CALLS),
            "stream, async": await _cpu_ms(stream, raw_stream, calls=STREAMS),
        }


def _check(answer: object) -> None:
    """Nothing is measured that did not work."""
    if not answer:
        raise SystemExit("Not measured, as there was no answer")


async def _raw_events(client: httpx2.AsyncClient) -> AsyncIterator[object]:
    async with client.stream("POST", "/api/v1/generate/stream", json=BODY) as response:
        async for line in response.raise_for_status().aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line[6:])


async def _cpu_ms(ours: Work, raw: Work, *, calls: int) -> tuple[float, float]:
    taken: dict[Work, list[float]] = {ours: [], raw: []}
    for number in range(ROUNDS + 1):
        for work, times in taken.items():
            before = process_time()
            await work()
            if number:  # the first round warms everything up
                times.append((process_time() - before) / calls * 1000)
    return statistics.median(taken[ours]), statistics.median(taken[raw])


def _import_seconds() -> float:
    command = (sys.executable, "-c", IMPORT)
    return min(
        float(subprocess.run(command, check=True, capture_output=True).stdout)
        for _ in range(IMPORTS)
    )


if __name__ == "__main__":
    main()
