"""An ingestion outlives the processes that do it, makes up for little of what it had, and is billed once."""

import signal
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.e2e.collections import add, ingested, make_collection
from tests.postgres import Postgres
from tests.process import ServiceProcess
from tests.running import ADMIN_KEY
from tests.simulator import Reply, Simulator

CHAPTERS = 400
NOTES = 20
KILLS = 3
AT_RISK = 2 * 64  # texts: two documents are under way at once, of which a call embeds so many


async def test_sqlite_ingestion_goes_on_after_three_kills(
    tmp_path: Path, simulator: Simulator
) -> None:
    await ingest_through_kills(tmp_path, "", simulator)


async def test_postgresql_ingestion_goes_on_after_three_kills(
    tmp_path: Path, simulator: Simulator, postgres: Postgres
) -> None:
    await ingest_through_kills(tmp_path, postgres.create_database(), simulator)


async def ingest_through_kills(folder: Path, database_url: str, simulator: Simulator) -> None:
    simulator.always(Reply(delay_seconds=0.1), on="openai")
    environment = {
        "OPENAI_API_KEY": "sk-simulated",
        "OPENAI_BASE_URL": simulator.openai_base_url,
        "DATABASE_URL": database_url,
        "AI_SERVICE_ADMIN_KEY": ADMIN_KEY,
        "AI_SERVICE_SECRET_KEY": "a secret that every start knows",
        "AI_SERVICE_LEASE_SECONDS": "1",
        "AI_SERVICE_DRAIN_SECONDS": "0",
    }
    book = "\n\n\n".join(f"Chapter {n}. " + f"Word{n} goes on. " * 12 for n in range(CHAPTERS))
    path = ""
    for calls in sorted(Random(20261123).sample(range(1, 16), KILLS)):
        with ServiceProcess(folder, **environment) as service:
            if not path:
                async with service.client(ADMIN_KEY) as client:
                    path = await make_collection(client, chunk_size=64, chunk_overlap=0)
                    await add(client, path, text=book, id="book")
                    for note in range(NOTES):
                        await add(client, path, text=f"Note {note}.", id=f"note-{note}")
            await simulator.wait_for(has_asked(calls), timeout=60)
            service.send(signal.SIGKILL)
            service.wait()
    with ServiceProcess(folder, **environment) as service:
        async with service.client(ADMIN_KEY) as client:
            documents = await ingested(client, path)
            embedded = sum(len(call.body["input"]) for call in simulator.calls)
            last = f"Word{CHAPTERS - 1}"
            body = {"question": last, "mode": "lexical", "top_k": 50}
            nodes = (await client.post(f"{path}/retrieve", json=body)).json()["source_nodes"]
            usage = (
                await client.get("/api/v1/usage", params={"group_by": "tag:collection"})
            ).json()
    assert {each["status"] for each in documents.values()} == {"ready"}
    assert len(documents) == NOTES + 1
    chunks = sum(each["chunk_count"] for each in documents.values())
    assert documents["book"]["chunk_count"] > CHAPTERS
    assert documents["book"]["chunks_embedded"] == documents["book"]["chunk_count"]
    assert chunks <= embedded <= chunks + KILLS * AT_RISK
    assert 1 <= len(nodes) <= 2, "each chunk is found once"
    asked = {tuple(call.body["input"]) for call in simulator.calls}
    [bill] = [group for group in usage["data"] if group["group"] == "kb"]
    assert (bill["requests"], bill["errors"]) == (len(asked), 0)


def has_asked(calls: int) -> Callable[[Simulator], bool]:
    return lambda simulator: len(simulator.calls) >= calls
