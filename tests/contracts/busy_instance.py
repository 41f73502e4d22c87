"""A process that opens and settles rows until it is killed, and says so once each is committed."""

import asyncio
import sys

from service.adapters.storage import Storage, open_storage
from service.core.clock import SystemClock
from tests.contracts.requests import make_intent, make_settlement

CALLERS = 16


async def call(storage: Storage) -> None:
    """One caller after another."""
    while True:
        intent = make_intent()
        await storage.ledger.open(intent)
        say("opened", intent.id)
        await storage.ledger.settle(make_settlement(intent))
        say("settled", intent.id)


def say(word: str, record_id: str) -> None:
    """Tell the test, at once."""
    sys.stdout.write(f"{word} {record_id}\n")
    sys.stdout.flush()


async def main(database_url: str) -> None:
    """Open a row that is never settled, then run all callers."""
    async with (
        open_storage(database_url, clock=SystemClock()) as storage,
        asyncio.TaskGroup() as tasks,
    ):
        orphan = make_intent()
        await storage.ledger.open(orphan)
        say("opened", orphan.id)
        for _ in range(CALLERS):
            tasks.create_task(call(storage))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
