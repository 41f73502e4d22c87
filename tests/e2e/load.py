"""Callers of every kind at once, who remember what they were promised.

An answer, or the `done` event of a stream, is a promise: its id, its tokens and its cost must be in the
ledger, whatever happens to the service from then on.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

import httpx
from sqlalchemy import ColumnElement, func, select

from service.adapters.storage.engine import create_engine
from service.adapters.storage.tables import budget_accounts, requests
from tests.e2e.routes import BATCH, CHAT, GENERATE, GENERATE_STREAM
from tests.simulator import Simulator, Words, overloaded
from tests.sse import events_of

Json = dict[str, Any]

INPUT_USD_PER_MILLION = Decimal(3)
OUTPUT_USD_PER_MILLION = Decimal(15)
MILLION = 1_000_000


def configuration(simulator: Simulator) -> str:
    """A configuration file with a server that works, a slow one and one that is always overloaded.

    Only one SDK has to be imported for them, so that a process starts quickly.
    """
    simulator.always(Words(count=10, interval_seconds=0.002, delay_seconds=0.005), on="steady")
    simulator.always(Words(count=40, interval_seconds=0.1), on="slow")
    simulator.always(overloaded(), on="busy")
    servers = "".join(
        f"""
[providers.{name}]
base_url = "{simulator.openai_base_url_at(name)}"
api_key = "sk-{name}"
models = ["llama"]

[prices."{name}/*"]
input_usd_per_million = {INPUT_USD_PER_MILLION}
output_usd_per_million = {OUTPUT_USD_PER_MILLION}
"""
        for name in ("steady", "slow", "busy")
    )
    aliases = """
[aliases]
steady = ["steady/llama"]
slow = ["slow/llama"]
falls-back = ["busy/llama", "steady/llama"]
"""
    return servers + aliases


@dataclass(frozen=True)
class Promise:
    """What a caller was told. `number` is the request's own, from its metadata."""

    number: str
    answer: Json

    @property
    def cost_usd(self) -> Decimal:
        """What the configuration's prices make of the answer's tokens."""
        if self.answer["cache_hit"]:
            return Decimal(0)
        usage = self.answer["usage"]
        input_tokens, output_tokens = (
            Decimal(usage["input_tokens"]),
            Decimal(usage["output_tokens"]),
        )
        usd = input_tokens * INPUT_USD_PER_MILLION + output_tokens * OUTPUT_USD_PER_MILLION
        return usd / MILLION


@dataclass
class Load:
    """Callers of one service after another. `on_step` is told of whatever happens to one of them."""

    random: Random
    on_step: Callable[[], None] = lambda: None
    promises: list[Promise] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    sent: int = 0
    _numbers: "count[int]" = field(default_factory=count)

    async def call_until_cut(self, client: httpx.AsyncClient, *, callers: int) -> None:
        """Call and call again, until the service is gone."""
        await asyncio.gather(*(self._call_until_cut(client) for _ in range(callers)))

    async def call(self, client: httpx.AsyncClient) -> None:
        """One call of any kind. Raises httpx's `TransportError` if the service goes meanwhile."""
        calls: list[Callable[[httpx.AsyncClient], Awaitable[None]]] = [
            self.plain,
            self.chat,
            self.repeated,
            self.falling_back,
            self.batch,
            self.stream,
            self.stream_left_early,
        ]
        await self.random.choice(calls)(client)

    async def plain(self, client: httpx.AsyncClient) -> None:
        """A prompt that nobody has asked before."""
        await self._post(client, GENERATE, self.body(prompt=f"question {self.sent}"))

    async def chat(self, client: httpx.AsyncClient) -> None:
        """A conversation."""
        message = {"role": "user", "content": f"question {self.sent}"}
        await self._post(client, CHAT, self.body(messages=[message]))

    async def repeated(self, client: httpx.AsyncClient) -> None:
        """A prompt that others ask, too: a hit, or a seat in a flight."""
        await self._post(client, GENERATE, self.body(prompt=f"shared {self.random.randrange(3)}"))

    async def falling_back(self, client: httpx.AsyncClient) -> None:
        """A prompt for a model whose first server refuses."""
        await self._post(
            client, GENERATE, self.body(prompt=f"question {self.sent}", model="falls-back")
        )

    async def batch(self, client: httpx.AsyncClient) -> None:
        """A few at once."""
        bodies = [self.body(prompt=f"question {self.sent}.{n}") for n in range(3)]
        answer = await self._answer(client, BATCH, {"requests": bodies})
        for result in answer["results"] if answer else ():
            if result.get("response"):
                self._promised(bodies[result["index"]], result["response"])

    async def stream(self, client: httpx.AsyncClient, *, model: str = "steady") -> None:
        """A stream, read to its end."""
        await self._stream(client, events=None, model=model)

    async def stream_left_early(self, client: httpx.AsyncClient) -> None:
        """A stream whose caller hangs up."""
        await self._stream(client, events=self.random.randrange(1, 8))

    def body(self, **more: Any) -> Json:
        """The body of a request of its own."""
        self.sent += 1
        return {"model": "steady", "metadata": {"number": str(next(self._numbers))}} | more

    async def _call_until_cut(self, client: httpx.AsyncClient) -> None:
        while True:
            try:
                await self.call(client)
            except httpx.TransportError:
                return

    async def _post(self, client: httpx.AsyncClient, path: str, body: Json) -> None:
        answer = await self._answer(client, path, body)
        if answer is not None:
            self._promised(body, answer)

    async def _answer(self, client: httpx.AsyncClient, path: str, body: Json) -> Json | None:
        self.on_step()
        answer = await client.post(path, json=body)
        self.statuses.append(answer.status_code)
        self.on_step()
        return answer.json() if answer.status_code == 200 else None

    async def _stream(
        self, client: httpx.AsyncClient, *, events: int | None, model: str = "steady"
    ) -> None:
        body = self.body(prompt=f"question {self.sent}", model=model)
        self.on_step()
        async with client.stream("POST", GENERATE_STREAM, json=body) as response:
            self.statuses.append(response.status_code)
            if response.status_code != 200:
                return
            read = 0
            async for event in events_of(response):
                self.on_step()
                if event["type"] == "done":
                    self._promised(body, event)
                read += 1
                if read == events:
                    return

    def _promised(self, body: Json, answer: Json) -> None:
        self.promises.append(Promise(number=body["metadata"]["number"], answer=answer))


async def open_rows(database_url: str, *conditions: ColumnElement[bool]) -> int:
    """How many rows are not settled."""
    query = select(func.count()).where(requests.c.outcome.is_(None), *conditions)
    engine = create_engine(database_url, timeout_seconds=10)
    async with engine.connect() as connection:
        found: int = (await connection.execute(query)).scalar_one()
    await engine.dispose()
    return found


async def has_settled(database_url: str) -> bool:
    """Whether every row is settled."""
    return await open_rows(database_url) == 0


async def assert_ledger_keeps(load: Load, database_url: str) -> Counter[str]:
    """Every promise is kept, every row is settled, none is there twice, and no money is held back.

    Returns how often each outcome is there.
    """
    engine = create_engine(database_url, timeout_seconds=10)
    async with engine.connect() as connection:
        rows = (await connection.execute(select(requests))).mappings().all()
        accounts = (await connection.execute(select(budget_accounts))).mappings().all()
    await engine.dispose()

    assert [row["id"] for row in rows if row["outcome"] is None] == []
    numbers = [row["metadata"]["number"] for row in rows]
    assert len(set(numbers)) == len(numbers) <= load.sent, "a request has one row at most"
    assert len({promise.answer["id"] for promise in load.promises}) == len(load.promises)
    by_id = {row["id"]: row for row in rows}
    for promise in load.promises:
        row = by_id.get(promise.answer["id"])
        assert row is not None, promise
        assert row["metadata"]["number"] == promise.number
        assert row["outcome"] == "completed"
        assert Decimal(str(promise.answer["cost_usd"])) == row["cost_usd"] == promise.cost_usd
        assert row["cache_hit"] == promise.answer["cache_hit"]
        for tokens in ("input_tokens", "output_tokens"):
            assert row[tokens] == promise.answer["usage"][tokens]
    for row in rows:
        if row["outcome"] == "unknown":
            assert row["cost_usd"] == row["estimated_cost_usd"] > 0
            assert row["input_tokens"] == row["estimated_input_tokens"] > 0
            assert row["usage_source"] == "estimated"
    for account in accounts:
        assert account["reserved_usd"] == 0, account
        owned = [row["cost_usd"] for row in rows if row["key_id"] == account["owner"]]
        assert account["spent_usd"] == sum(owned, Decimal(0)), account
    return Counter(row["outcome"] for row in rows)
