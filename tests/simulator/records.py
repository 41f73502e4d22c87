"""What reached the simulator, and how each call went."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.behaviours import Behaviour


@dataclass(slots=True, eq=False)
class Call:
    """One request as it arrived, kept up to date while it is answered.

    Times are `time.monotonic()`.
    """

    server: str
    """"anthropic", "openai", or the name in `/at/{name}/…`."""
    path: str
    """Without the `/at/{name}` prefix. Of batches and files: with `{id}` for the id, and with the method
    before it where that is not POST: "GET /v1/batches/{id}"."""
    raw_headers: list[tuple[bytes, bytes]] = field(repr=False)
    raw_body: bytes = field(repr=False)
    body: Any = field(repr=False)
    """The parsed JSON; None where it did not parse."""
    arrived_at: float
    client_port: int
    """Tells connections apart: two calls with the same port came over one connection."""
    concurrency: int
    """Calls in flight when this one arrived, itself included."""
    index: int = -1
    """Its place in `Simulator.calls`."""
    behaviour: Behaviour | None = None
    """What was asked of it; None is the default answer."""
    status: int | None = None
    """The status sent, None as long as there is none."""
    events_sent: int = 0
    """Server-sent events handed to the socket whole; 0 for an answer that is not a stream."""
    first_event_at: float | None = None
    finished: bool = False
    """The answer was sent to the end it was meant to have. A stall, a cut or a client that left
    in the middle leave it False; an error status is an answer too."""
    client_left_at: float | None = None
    """When the client closed the connection before the answer was complete."""
    ended_at: float | None = None
    """When the simulator was through with it, however it went."""

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case name."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self.raw_headers}

    @property
    def stream(self) -> bool:
        """Whether the request asked for a stream."""
        return isinstance(self.body, dict) and bool(self.body.get("stream"))

    @property
    def in_flight(self) -> bool:
        """Whether the simulator still has it in hand."""
        return self.ended_at is None


class Recorder:
    """The calls since the last reset. Written by the simulator's thread, read by any.

    `keep=False` counts without keeping: a benchmark's requests must not fill the memory.
    """

    def __init__(self, *, keep: bool = True) -> None:
        self.calls: list[Call] = []
        self.in_flight = 0
        self.peak_in_flight = 0
        self._keep = keep
        self._lock = threading.Lock()
        self._listeners: tuple[Callable[[], None], ...] = ()

    def arrived(self, call: Call) -> None:
        self.in_flight += 1
        call.concurrency = self.in_flight
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        if self._keep:
            call.index = len(self.calls)
            self.calls.append(call)
        self.changed()

    def ended(self, call: Call) -> None:
        self.in_flight -= 1
        call.ended_at = time.monotonic()
        self.changed()

    def changed(self) -> None:
        """Something a test may be waiting for has happened."""
        for listener in self._listeners:
            listener()

    def clear(self) -> None:
        """Forget the calls; what is in flight stays counted. Called on the simulator's thread."""
        self.calls = []
        self.peak_in_flight = self.in_flight
        self.changed()

    def listen(self, listener: Callable[[], None]) -> None:
        """Have `listener` called, on the simulator's thread, at each change."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        with self._lock:
            self._listeners = tuple(each for each in self._listeners if each is not listener)
