"""What is kept up to date about keys without a write per request."""

import asyncio
from datetime import datetime, timedelta

import structlog

from service.access.ports import KeyStore, KeyStoreUnavailable
from service.access.principal import Principal
from service.core.clock import Clock

_logger = structlog.get_logger(__name__)

_TURN_SECONDS = 60.0
_TOKENS_ARE_KEPT = timedelta(days=1)
"""After their end, for whoever looks one up; a web front end leaves thousands behind."""


class KeyUpkeep:
    """Notes in memory when keys were used, and writes it down once a minute; deletes old tokens.

    What a process that dies has not written is lost: it was worth no more than a minute.
    """

    def __init__(self, store: KeyStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._uses: dict[str, datetime] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    def note_use(self, holder: Principal, now: datetime) -> None:
        """A key was used, and the token with which it was."""
        self._uses[holder.key_id] = now
        if holder.token_id is not None:
            self._uses[holder.token_id] = now

    async def start(self) -> None:
        """Start writing in the background."""
        # Not a TaskGroup: the task outlives this call, and `aclose` waits for it.
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def aclose(self) -> None:
        """Write what is left, if the store is there, and stop."""
        async with self._writing:  # a connection that is cancelled while it is made is left open
            if self._keeper is not None:
                self._keeper.cancel()
                await asyncio.wait([self._keeper])
        await self.write()

    async def write(self) -> None:
        """Write the uses down and delete the tokens of yesterday; if it cannot be now, then later."""
        async with self._writing:
            uses, self._uses = self._uses, {}
            try:
                if uses:
                    await self._store.record_uses(uses)
                await self._store.delete_tokens(expired_before=self._clock.now() - _TOKENS_ARE_KEPT)
            except KeyStoreUnavailable as away:
                _logger.debug("key_uses_not_written", reason=str(away))
                self._uses = uses | self._uses

    async def _keep(self) -> None:
        while True:
            await self._clock.sleep(_TURN_SECONDS)
            await self.write()
