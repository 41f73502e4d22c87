"""The DocumentReader port: a worker process that is started for the first file and ended when it is idle.

What a file does to its reader ends with the worker: it has bounds on its time and memory, none of the
service's secrets, and nothing else to do. Reading costs the event loop nothing but passing bytes on.
"""

import asyncio
import math
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process

import msgspec

from service.adapters.documents.frames import LENGTH_BYTES, ReadAnswer, ReadRequest, length_of
from service.retrieval.ports import DocumentFormat, ReaderUnavailable, Unreadable

_IDLE_SECONDS = 60.0
_GRACE_SECONDS = 5  # after which a worker that nobody has killed ends itself
_MAX_ANSWER_BYTES = 256 * 1024 * 1024
# -P: a folder that happens to be named as a package, where the service was started, is not one.
_COMMAND = (sys.executable, "-P", "-m", "service.adapters.documents.worker")


class WorkerReader:
    """Reads one file at a time."""

    def __init__(
        self, *, timeout_seconds: float, max_bytes: int, idle_seconds: float = _IDLE_SECONDS
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._idle_seconds = idle_seconds
        self._turn = asyncio.Lock()
        self._worker: Process | None = None
        self._end_idle: asyncio.TimerHandle | None = None

    @property
    def worker_pid(self) -> int | None:
        """The worker's process, if there is one."""
        return None if self._worker is None else self._worker.pid

    async def chunks(
        self, content: bytes, format_: DocumentFormat, *, chunk_size: int, chunk_overlap: int
    ) -> list[str]:
        """The texts in order. Raises `Unreadable` for this file, `ReaderUnavailable` for all."""
        request = ReadRequest(content, format_, chunk_size, chunk_overlap)
        async with self._turn:
            if self._end_idle is not None:
                self._end_idle.cancel()
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    answer = await self._ask(msgspec.msgpack.encode(request))
            except TimeoutError as late:
                await self._kill()
                raise Unreadable(
                    f"Reading it takes longer than {self._timeout_seconds:g} seconds"
                ) from late
            except (ConnectionError, asyncio.IncompleteReadError) as died:
                await self._kill()
                raise Unreadable("Reading it takes more memory than there is for it") from died
            except BaseException:
                await self._kill()  # what it was asked nobody waits for any more
                raise
            self._end_idle = asyncio.get_running_loop().call_later(
                self._idle_seconds, self._dismiss
            )
        if answer.missing is not None:
            raise ReaderUnavailable(
                f"Documents cannot be read here: {answer.missing} is missing"
                " (install ai-service[retrieval])"
            )
        if answer.unreadable is not None:
            raise Unreadable(answer.unreadable)
        return answer.chunks

    async def aclose(self) -> None:
        """End the worker."""
        if self._end_idle is not None:
            self._end_idle.cancel()
        await self._kill()

    async def _ask(self, payload: bytes) -> ReadAnswer:
        if self._worker is not None and self._worker.returncode is not None:
            await self._kill()  # it has died since it was last asked
        worker = self._worker or await self._start()
        requests = worker.stdin
        assert requests is not None, "it is a pipe"  # noqa: S101 - for the type checker
        requests.write(length_of(payload) + payload)
        await requests.drain()
        return await self._answer(worker)

    async def _start(self) -> Process:
        self._worker = await asyncio.create_subprocess_exec(
            *_COMMAND,
            str(self._max_bytes),
            str(math.ceil(self._timeout_seconds) + _GRACE_SECONDS),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=_environment(),
            start_new_session=True,  # a Ctrl-C is not for it
        )
        try:
            await self._answer(self._worker)
        except asyncio.IncompleteReadError as died:
            raise ReaderUnavailable("The process that reads documents does not start") from died
        return self._worker

    async def _answer(self, worker: Process) -> ReadAnswer:
        answers = worker.stdout
        assert answers is not None, "it is a pipe"  # noqa: S101 - for the type checker
        size = int.from_bytes(await answers.readexactly(LENGTH_BYTES))
        if size > _MAX_ANSWER_BYTES:
            raise ConnectionError("the worker says more than it can have read")
        return msgspec.msgpack.decode(await answers.readexactly(size), type=ReadAnswer)

    def _dismiss(self) -> None:
        """Its standard input ends: it goes by itself."""
        worker, self._worker = self._worker, None
        if worker is not None and worker.stdin is not None:
            worker.stdin.close()

    async def _kill(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        if worker.returncode is None:
            worker.kill()
        await worker.wait()


def _environment() -> dict[str, str]:
    """Nothing of the service's own but where to find programs and packages."""
    passed = {
        name: value for name in ("PATH", "PYTHONPATH", "VIRTUAL_ENV") if (value := _found(name))
    }
    # Each of numpy's threads would take address space of its own.
    return passed | {"OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}


def _found(name: str) -> str | None:
    return os.environ.get(name)  # noqa: TID251 - it is not a setting: it is passed on unread
