"""A time limit on somebody else's answer that our own slowness does not use up."""

import asyncio
from types import TracebackType

GRACE_TURNS = 8
TURN_SECONDS = 0.001
"""Turns of the event loop, of a millisecond at least, between the end of the time and the cancellation. An
answer that waits in its socket reaches its reader within two, one of 200 kB within four, on asyncio's loop
and on uvloop; the milliseconds are for a question that the loop did not come to send earlier.
"""


class Fuse:
    """`async with Fuse(seconds)`: `TimeoutError` if the other side has not answered by then, or 8 ms later.

    `asyncio.timeout` cancels in the same turn of the event loop in which the answer may be read: when the
    loop was busy for longer than a short limit, every answer that waits in its socket looks like silence.
    Here the loop first gets the turns that it needs to read what has come.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.TimerHandle = self._loop.call_later(
            self._seconds, self._burn, GRACE_TURNS
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._next.cancel()
        await self._timeout.__aexit__(kind, error, traceback)

    def _burn(self, turns_left: int) -> None:
        if turns_left > 0:
            self._next = self._loop.call_later(TURN_SECONDS, self._burn, turns_left - 1)
        else:
            self._timeout.reschedule(self._loop.time())
