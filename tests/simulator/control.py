"""The simulator as a test holds it: a server in a background thread, and the controls."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from tests.simulator.app import SimulatorApp
from tests.simulator.batches import Ending, VendorBatch
from tests.simulator.behaviours import Behaviour
from tests.simulator.records import Call, Recorder
from tests.simulator.scripts import Scripts
from tests.simulator.server import BackgroundServer, server_config

START_SECONDS = 10


class Simulator:
    """Both vendors on 127.0.0.1, in a thread with its own event loop.

    A context manager; `start` and `stop` may also be called by hand, any number of times: the
    port stays the same, so a stopped simulator is a vendor that refuses connections.
    All methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._scripts = Scripts()
        self._recorder = Recorder()
        self._app = SimulatorApp(scripts=self._scripts, recorder=self._recorder)
        self._port = 0
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: BackgroundServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; returns when connections are accepted."""
        if self._thread is not None:
            raise RuntimeError("the simulator is already running")
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(listener, started), name="wire-simulator", daemon=True
        )
        self._thread.start()
        started.result(START_SECONDS)

    def _run(self, listener: socket.socket, started: Future[None]) -> None:
        config = server_config(self._app)
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            self._loop = runner.get_loop()
            self._server = BackgroundServer(config, on_started=lambda: started.set_result(None))
            runner.run(self._server.serve(sockets=[listener]))

    def stop(self) -> None:
        """Close every connection and stop listening; scripts and records stay."""
        thread, loop, server = self._thread, self._loop, self._server
        if thread is None or loop is None or server is None:
            return
        loop.call_soon_threadsafe(self._app.abort_all)
        loop.call_soon_threadsafe(server.stop)
        thread.join()
        self._thread = self._loop = self._server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def anthropic_base_url(self) -> str:
        """For `AsyncAnthropic(base_url=…)`."""
        return self.url

    @property
    def openai_base_url(self) -> str:
        """For `AsyncOpenAI(base_url=…)`."""
        return f"{self.url}/v1"

    def anthropic_base_url_at(self, name: str) -> str:
        """The same server under a name of its own: script it with `on=name`."""
        return f"{self.url}/at/{name}"

    def openai_base_url_at(self, name: str) -> str:
        """An independent OpenAI-compatible server: script it with `on=name`."""
        return f"{self.url}/at/{name}/v1"

    def script(self, *behaviours: Behaviour, on: str, path: str | None = None) -> None:
        """Queue behaviours: each is consumed by one call to `on` ("anthropic", "openai" or the
        name in `/at/{name}`), and to `path` ("/v1/embeddings") if given."""
        self._scripts.add(behaviours, on=on, path=path)

    def always(self, behaviour: Behaviour | None, *, on: str, path: str | None = None) -> None:
        """What calls get when nothing is queued for them; None takes it back."""
        self._scripts.stand(behaviour, on=on, path=path)

    @property
    def unconsumed(self) -> int:
        """Queued behaviours that no call has consumed."""
        return self._scripts.remaining()

    @property
    def calls(self) -> list[Call]:
        """The calls since the last reset, in the order of arrival; they change as they go on."""
        return list(self._recorder.calls)

    def calls_to(self, server: str, path: str | None = None) -> list[Call]:
        """Those of one server, and of one path if given."""
        return [call for call in self.calls if call.server == server and path in (None, call.path)]

    @property
    def batches(self) -> list[VendorBatch]:
        """The batches at both vendors since the last reset, in the order of arrival."""
        return list(self._app.batches.all)

    def end_batches(self, endings: Mapping[str, Ending] | None = None) -> None:
        """Let every batch end: each request as `endings` say by its text, the others well."""

        def end() -> None:
            for batch in self._app.batches.all:
                batch.end(endings or {})

        self._on_loop(end)

    def refuse_batches(self, code: str) -> None:
        """Let OpenAI turn away, whole, every batch that runs: it "failed", with an error `code`."""

        def refuse() -> None:
            for batch in self._app.batches.all:
                if batch.state == "running":
                    batch.refuse(code)

        self._on_loop(refuse)

    def batches_end_at_once(self, endings: Mapping[str, Ending] | None = None) -> None:
        """From now on a batch has ended, as `endings` say, as soon as it has arrived."""

        def stand() -> None:
            self._app.batches.on_arrival = lambda batch: batch.end(endings or {})

        self._on_loop(stand)

    @property
    def in_flight(self) -> int:
        """Calls that have arrived and are not through."""
        return self._recorder.in_flight

    @property
    def peak_in_flight(self) -> int:
        """The most calls that were in flight at once since the last reset."""
        return self._recorder.peak_in_flight

    def release(self) -> None:
        """Let every stalled answer go on to its regular end."""
        self._on_loop(self._app.release_all)

    def reset(self) -> None:
        """Forget scripts, calls and batches, and close the connections of calls still in flight."""
        self._scripts.clear()
        self._on_loop(self._app.abort_all)
        self._on_loop(self._app.batches.clear)
        self._on_loop(self._recorder.clear)

    def _on_loop(self, action: Callable[[], None]) -> None:
        """Run on the simulator's loop and wait for it: at most the time of its current step."""
        if self._loop is None:
            action()
            return
        done: Future[None] = Future()

        def run() -> None:
            action()
            done.set_result(None)

        self._loop.call_soon_threadsafe(run)
        done.result(START_SECONDS)

    async def wait_for(
        self, predicate: Callable[["Simulator"], object], timeout: float = 5
    ) -> None:
        """Wait, in the caller's own loop, until `predicate(simulator)` is true.

        It is asked at once and after each change: a call arrived, events were sent, a client left,
        a call ended. Raises `TimeoutError` with the calls so far.
        """
        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the caller's loop may be closed by now
                loop.call_soon_threadsafe(changed.set)

        self._recorder.listen(wake)
        try:
            async with asyncio.timeout(timeout):
                while not predicate(self):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            raise TimeoutError(f"still false after {timeout} s; calls: {self.calls}") from None
        finally:
            self._recorder.unlisten(wake)
