"""`ai-service serve`: the first start, the way out, and being killed."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.ledger import ledger_rows, settled_rows
from tests.postgres import Postgres
from tests.process import ServiceProcess
from tests.running import ADMIN_KEY
from tests.simulator import Simulator, Stall, Words
from tests.sse import events_of, read_stream, terminal_events, text_of

GENERATE = "/api/v1/generate"
STREAM = "/api/v1/generate/stream"


def environment(simulator: Simulator, **more: str) -> dict[str, str]:
    return {
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": simulator.anthropic_base_url,
        "AI_SERVICE_ADMIN_KEY": ADMIN_KEY,
    } | more


async def test_the_first_start_needs_nothing_and_prints_a_key_that_works_for_good(
    tmp_path: Path,
) -> None:
    with ServiceProcess(tmp_path) as service:
        key = service.printed_key
        assert key is not None
        async with service.client(key) as client:
            events = await read_stream(client, STREAM, {"prompt": "Say hello."})
        assert events[-1]["type"] == "done"
        assert events[-1]["provider"] == "sandbox"
        assert "Say hello." in text_of(events)
        service.send(signal.SIGINT)
        service.wait()
    with ServiceProcess(tmp_path) as again:
        assert again.printed_key is None
        async with again.client(key) as client:
            assert (await client.post(GENERATE, json={"prompt": "x"})).status_code == 200
    stored = (tmp_path / "data" / "ai-service.db").read_bytes()
    assert key.encode() not in stored
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o077 == 0


async def test_sigterm_turns_unready_while_listening_and_lets_a_stream_finish(
    tmp_path: Path, simulator: Simulator
) -> None:
    simulator.script(Words(count=100, interval_seconds=0.01), on="anthropic")
    with ServiceProcess(
        tmp_path, **environment(simulator, AI_SERVICE_DRAIN_SECONDS="0.5")
    ) as service:
        async with service.client(ADMIN_KEY) as client:
            assert (await client.get("/readyz")).status_code == 200
            async with client.stream("POST", STREAM, json={"prompt": "x"}) as response:
                stream = events_of(response)
                events = [await anext(stream)]
                service.send(signal.SIGTERM)
                while (ready := await client.get("/readyz")).status_code == 200:
                    pass
                assert ready.json()["status"] == "unavailable"
                events += [event async for event in stream]
        assert terminal_events(events)[0]["type"] == "done"
        assert len(text_of(events).split()) == 100
        service.wait()
    (row,) = ledger_rows(tmp_path / "data")
    assert row["outcome"] == "completed"


async def test_a_stream_that_outlives_the_shutdown_ends_in_an_error_event_and_is_settled(
    tmp_path: Path, simulator: Simulator
) -> None:
    simulator.script(Words(count=100_000, interval_seconds=0.02), on="anthropic")
    with ServiceProcess(
        tmp_path,
        **environment(
            simulator,
            AI_SERVICE_DRAIN_SECONDS="0",
            AI_SERVICE_SHUTDOWN_TIMEOUT_SECONDS="0.5",
        ),
    ) as service:
        async with (
            service.client(ADMIN_KEY) as client,
            client.stream("POST", STREAM, json={"prompt": "x"}) as response,
        ):
            stream = events_of(response)
            events = [await anext(stream)]
            service.send(signal.SIGTERM)
            events += [event async for event in stream]
        service.wait()
    (end,) = terminal_events(events)
    assert events[-1] is end
    assert end["error"]["type"] == "service_unavailable"
    (row,) = ledger_rows(tmp_path / "data")
    assert row["outcome"] == "cancelled"
    assert row["output_tokens"] > 0


async def test_a_killed_process_leaves_its_open_rows_to_the_next_start(
    tmp_path: Path, simulator: Simulator
) -> None:
    simulator.script(Words(count=2), on="anthropic")
    simulator.always(Stall(before_headers=True), on="anthropic")
    settings = environment(simulator, AI_SERVICE_LEASE_SECONDS="0.5")
    with ServiceProcess(tmp_path, **settings) as service:
        async with service.client(ADMIN_KEY) as client:
            answered = (await client.post(GENERATE, json={"prompt": "short"})).json()
            pending = [
                asyncio.create_task(client.post(GENERATE, json={"prompt": f"lost {n} " * 20}))
                for n in range(5)
            ]
            await simulator.wait_for(lambda s: s.in_flight == 5)
            service.send(signal.SIGKILL)
            service.wait()
            lost = await asyncio.gather(*pending, return_exceptions=True)
        assert all(isinstance(error, httpx.TransportError) for error in lost)
    assert [row["outcome"] for row in ledger_rows(tmp_path / "data")] == ["completed"] + [None] * 5
    with ServiceProcess(tmp_path, **settings):
        rows = await settled_rows(tmp_path / "data", 6)
    assert rows[0]["id"] == answered["id"]
    for row in rows[1:]:
        assert (row["outcome"], row["usage_source"]) == ("unknown", "estimated")
        assert row["input_tokens"] > 0
        assert row["cost_usd"] > 0


async def test_two_workers_share_one_postgresql(
    tmp_path: Path, simulator: Simulator, postgres: Postgres
) -> None:
    simulator.always(Words(count=3), on="anthropic")
    with ServiceProcess(
        tmp_path,
        **environment(
            simulator,
            DATABASE_URL=postgres.create_database(),
            AI_SERVICE_SECRET_KEY="a secret that every replica knows",
            AI_SERVICE_WORKERS="2",
            AI_SERVICE_DRAIN_SECONDS="0",
        ),
    ) as service:
        service.wait_for_line("Application startup complete")
        answers = []
        for _ in range(8):  # a connection each, so that both workers are met
            async with service.client(ADMIN_KEY) as client:
                answers.append(await client.post(GENERATE, json={"prompt": "x"}))
        assert [answer.status_code for answer in answers] == [200] * 8
        service.send(signal.SIGTERM)
        service.wait()


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("AI_SERVICE_ADMIN_KEY", "hunter2", "weak"),
        ("AI_SERVICE_WORKERS", "2", "PostgreSQL"),
        ("DATABASE_URL", "postgresql+asyncpg://u:hunter2@127.0.0.1:1/x", "AI_SERVICE_SECRET_KEY"),
        ("DATABASE_URL", "postgres://u:hunter2@127.0.0.1/x", "postgresql+asyncpg"),
        ("AI_SERVICE_CONFIG_FILE", "missing.toml", "missing.toml"),
        ("AI_SERVICE_PORT", "http", "port"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_reason(
    tmp_path: Path, setting: str, value: str, reason: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "service", "serve"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin", setting: value},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 2
    assert reason in run.stderr
    assert "hunter2" not in run.stderr
    assert "Traceback" not in run.stderr
