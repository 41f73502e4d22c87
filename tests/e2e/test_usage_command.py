"""`ai-service usage`: the same sums at a terminal."""

import csv
import io
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from tests.e2e.commands import run_command
from tests.e2e.keys import add_key
from tests.e2e.routes import GENERATE, GENERATE_STREAM
from tests.running import RunningService
from tests.simulator import Reply, Simulator, Usage
from tests.sse import read_stream


async def test_the_table_and_the_csv_say_what_callers_were_told(
    service: RunningService, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    usage = Usage(input_tokens=1_234_567, output_tokens=77)
    simulator.always(Reply(text="Hi", usage=usage), on="anthropic")
    told = []
    for prompt, team in (("a", "search"), ("b", "[red]ads\x1b[31m"), ("a", "search")):
        body = {"prompt": prompt, "metadata": {"team": team}}
        told.append((await client.post(GENERATE, json=body)).json())
    told.append((await read_stream(client, GENERATE_STREAM, {"prompt": "c"}))[-1])
    cost = sum((Decimal(str(answer["cost_usd"])) for answer in told), Decimal(0))
    data_dir = service.settings.data_dir

    table = run_command(data_dir, "usage", "--group-by", "tag:team")
    assert table.returncode == 0, table.stderr
    lines = [line.split() for line in table.stdout.splitlines() if line.split()]
    (total,) = [line for line in lines if line[0] == "total"]
    assert total == ["total", "4", "0", "1", "4,938,268", "308", f"{cost:,.6f}"]
    assert {line[0] for line in lines} >= {"search", "-", r"[red]ads\x1b[31m", "tag:team"}
    assert "\x1b" not in table.stdout
    rows = [line.rstrip() for line in table.stdout.splitlines() if "." in line]
    assert len(rows) == 4
    assert len(set(map(len, rows))) == 1, "money is aligned to the right"

    found = run_command(data_dir, "usage", "--csv", "--group-by", "model")
    (row,) = csv.DictReader(io.StringIO(found.stdout, newline=""))
    assert row["group"] == "haiku"
    assert Decimal(row["cost_usd"]) == cost
    assert (row["requests"], row["cache_hits"]) == ("4", "1")


async def test_the_tenant_and_the_time_are_chosen(service: RunningService) -> None:
    key = await add_key(service, tenant="globex")
    async with service.client(key=key) as client:
        await client.post(GENERATE, json={"prompt": "x"})
    for options, count in (
        (("--tenant", "globex"), 1),
        ((), 0),
        (("--tenant", "globex", "--from", "2001-01-01", "--to", "2001-02-01"), 0),
    ):
        found = run_command(service.settings.data_dir, "usage", "--csv", *options)
        rows = list(csv.DictReader(io.StringIO(found.stdout, newline="")))
        assert sum(int(row["requests"]) for row in rows) == count, options


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--from", "yesterday"), "RFC 3339"),
        (("--from", "2026-11-02", "--to", "2026-11-01"), "to: This must be later"),
        (("--group-by", "hour"), "group_by: Use day"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_plain_words(
    tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    refused = run_command(tmp_path, "usage", *options)
    assert refused.returncode == 2
    assert reason in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


def test_a_database_that_is_not_there_is_told_in_plain_words_and_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "data"
    refused = run_command(tmp_path, "usage", AI_SERVICE_DATA_DIR=str(missing))
    assert refused.returncode == 1
    assert "ai-service migrate" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not missing.exists()
