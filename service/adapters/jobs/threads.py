"""Blocking calls, off the event loop."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


async def in_thread(call: Callable[[], _T]) -> _T:
    """What `call` returns or raises.

    Unlike `asyncio.to_thread`, a call that never returns, as to a database that is frozen, keeps neither
    the loop nor the process from ending.
    """
    future: Future[_T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            future.set_exception(error)

    threading.Thread(target=run, name="jobs", daemon=True).start()
    return await asyncio.wrap_future(future)
