"""What is charged for a request, told to whoever has asked to know."""

import asyncio
from collections.abc import Sequence

from service.usage.ports import Settlement


class Charges:
    """The settlements of the rows that one `CallContext` opens in the ledger, as they come.

    A call that others share may outlive the request that began it, and settle its row then.
    """

    def __init__(self) -> None:
        self._settlements: list[Settlement] = []
        self._open = 0
        self._nothing_open = asyncio.Event()
        self._nothing_open.set()

    def opened(self) -> None:
        """A row is in the ledger, which will be settled."""
        self._open += 1
        self._nothing_open.clear()

    def settled(self, settlement: Settlement) -> None:
        """A row that was opened has its settlement."""
        self._settlements.append(settlement)
        self._open -= 1
        if not self._open:
            self._nothing_open.set()

    async def all_settled(self) -> Sequence[Settlement]:
        """Every settlement, once nothing is open."""
        await self._nothing_open.wait()
        return self._settlements
