"""A caller who hangs up stops the work at once.

ASGI servers do not cancel a handler when its client goes; somebody has to listen to `receive()`.
"""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import Request

T = TypeVar("T")

_LISTEN_AFTER_SECONDS = 0.02
"""Most short answers are out before; those never pay for a listener. Well under the 100 ms bound."""


class ClientGone(Exception):
    """The client hung up before it was answered; there is nobody to answer."""


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """The result of `work`, which is cancelled as soon as the client hangs up (then: `ClientGone`).

    The body must have been read, and nothing else may call `receive()` meanwhile.
    """
    task = asyncio.current_task()
    assert task is not None, "runs inside a request's task"  # noqa: S101 - for the type checker
    hung_up = False
    listener: asyncio.Task[None] | None = None

    async def listen() -> None:
        nonlocal hung_up
        while (await request.receive())["type"] != "http.disconnect":
            pass
        hung_up = True
        task.cancel()

    def start_listening() -> None:
        nonlocal listener
        listener = loop.create_task(listen())  # owned here: cancelled below

    loop = asyncio.get_running_loop()
    timer = loop.call_later(_LISTEN_AFTER_SECONDS, start_listening)
    try:
        return await work
    except asyncio.CancelledError:
        if not hung_up:
            raise
        task.uncancel()
        raise ClientGone from None
    finally:
        timer.cancel()
        if listener is not None:
            listener.cancel()
