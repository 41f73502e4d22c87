"""A Redis server that is asked, and never waited for.

The only file that imports the driver. What its defaults would do to a request is switched off here: ten
retries, five seconds a step, notifications and a handshake of its own.
"""

import asyncio
from contextlib import suppress
from typing import Any

import structlog
from redis.asyncio.client import Redis
from redis.asyncio.connection import (
    Connection,
    ConnectionPool,
    RedisSSLContext,
    SSLConnection,
    parse_url,
)
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from service.adapters.redis.fuse import Fuse
from service.core.clock import Clock
from service.inference.breaker import BreakerState, CircuitBreaker, Entry

_OUTAGES = (RedisError, OSError)
_SECONDS_BETWEEN_REFUSALS_LOGGED = 60.0
_CLOSE_SECONDS = 0.5

_logger = structlog.get_logger(__name__)


class RedisClient:
    """Commands to one server, under the time limits that a request can bear.

    A call waits `wait_seconds` at most for one of `max_connections`, and `answer_seconds` for everything
    else: connecting, TLS, the password, the command and its answer. After `failures` calls in a row without
    an answer the server is left alone: every call is over at once, while a task of the client's own asks
    every `retry_seconds` whether it is back. So no caller is ever the one who tries it out. Everything that
    is kept in Redis shares one client: a request that needs it three times still waits for two answers at
    most before the server is left alone.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        answer_seconds: float = 0.04,
        wait_seconds: float = 0.025,
        max_connections: int = 16,
        failures: int = 2,
        retry_seconds: float = 1.0,
    ) -> None:
        """Nothing is connected yet.

        Raises `ValueError`, without the password, for an unusable address, and `OSError` for certificates
        that cannot be read.
        """
        pool = _open_pool(
            url,
            max_connections=max_connections + 1,  # one is the probe's
            connect_seconds=max(_CLOSE_SECONDS, answer_seconds),
        )
        self._address = _address(pool)
        self._redis = Redis(connection_pool=pool)
        self._clock = clock
        self._answer_seconds = answer_seconds
        self._wait_seconds = wait_seconds
        self._max_connections = max_connections
        # In front of the pool, because its own queue lets newcomers pass: with 200 callers some starve.
        self._free_connections = asyncio.Semaphore(max_connections)
        self._failures = failures
        self._breaker = CircuitBreaker(failures=failures, open_seconds=retry_seconds, clock=clock)
        self._probing: asyncio.Task[None] | None = None
        self._refusal_logged_at: float | None = None
        self._is_closed = False

    @property
    def is_healthy(self) -> bool:
        return self._breaker.state is BreakerState.CLOSED and not self._is_closed

    async def start(self) -> None:
        """Find out whether the server answers, before the first caller has to. Never raises."""
        for _ in range(self._failures):
            await self.ask("PING")

    async def aclose(self) -> None:
        """From now on no call has an answer. Waits for the calls under way: their time is short."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait([self._probing])
        for _ in range(self._max_connections):
            await self._free_connections.acquire()
        with suppress(*_OUTAGES):
            await self._redis.connection_pool.disconnect()

    async def ask(self, *command: bytes | str | int) -> Any:
        """The answer; None if there is none in time, the server refuses or is left alone. Never raises."""
        if not self.is_healthy:
            return None
        try:
            async with Fuse(self._wait_seconds):
                await self._free_connections.acquire()
        except TimeoutError:  # our own crowd: it says nothing about the server
            return None
        try:
            entry = self._enter()
            return None if entry is None else await self._answer(entry, *command)
        finally:
            self._free_connections.release()

    def _enter(self) -> Entry | None:
        """Leave to ask, which may have gone while a call waited. The probe's is for no caller."""
        entry = self._breaker.try_enter() if self.is_healthy else None
        return entry if isinstance(entry, Entry) else None

    async def _answer(self, entry: Entry, *command: bytes | str | int) -> Any:
        try:
            async with Fuse(self._answer_seconds):
                answer = await self._redis.execute_command(*command)  # type: ignore[no-untyped-call]
        except ResponseError as refusal:
            self._succeeded()
            self._refused(command[0], refusal)
            return None
        except _OUTAGES as outage:
            self._failed(entry, outage)
            return None
        except BaseException:
            self._breaker.abandoned(entry)
            raise
        self._succeeded()
        return answer

    def _succeeded(self) -> None:
        if self._breaker.state is not BreakerState.CLOSED:
            _logger.info("redis_available_again", server=self._address)
        self._breaker.succeeded()

    def _failed(self, entry: Entry, outage: BaseException) -> None:
        was_closed = self._breaker.state is BreakerState.CLOSED
        self._breaker.failed(entry)
        if was_closed and self._breaker.state is not BreakerState.CLOSED:
            # The error's class only: a server that knows no AUTH repeats the password in its answer.
            reason = type(outage).__name__
            _logger.warning("redis_unavailable", server=self._address, reason=reason)
            if self._probing is None or self._probing.done():
                # Not the task of a request, which would end with it; aclose() ends this one.
                self._probing = asyncio.get_running_loop().create_task(self._probe())

    async def _probe(self) -> None:
        """Ask until there is an answer. The pool gives the connection that was lost last, made anew."""
        while self._breaker.state is not BreakerState.CLOSED:
            entry = self._breaker.try_enter()
            if isinstance(entry, Entry):
                await self._answer(entry, "PING")
            else:
                await self._clock.sleep(entry)

    def _refused(self, command: object, refusal: ResponseError) -> None:
        """The server answers and will not: a key of another type, no memory, no permission."""
        now = self._clock.monotonic()
        last = self._refusal_logged_at
        if last is None or now - last >= _SECONDS_BETWEEN_REFUSALS_LOGGED:
            self._refusal_logged_at = now
            reason = type(refusal).__name__
            _logger.warning("redis_refused", server=self._address, command=command, reason=reason)


class _TlsConnection(SSLConnection):
    """Shares its context with the others: reading the system's certificates holds the event loop for longer
    than an answer may take."""

    def __init__(self, *, context: RedisSSLContext, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context = context


_OPTIONS: dict[str, Any] = {
    "protocol": 2,  # without RESP3's handshake and notifications
    "driver_info": None,  # nor two more commands with the name of the driver
    "retry": Retry(NoBackoff(), 0),
    # The fuse is the limit. With one of its own for each step, the driver sends in a task of its own, and
    # asyncio.wait_for of Python 3.11 may swallow a cancellation on the way.
    "socket_timeout": None,
}

_OPTIONS_OF_ADDRESSES = {"host", "port", "path", "db", "username", "password"}

_USAGE = (
    "A Redis address is redis://[[user]:password@]host[:port][/db], the same with rediss:// for TLS, or "
    "unix://[[user]:password@]/path[?db=], with special characters percent-encoded, and no options but ssl_*"
)


def _open_pool(url: str, *, max_connections: int, connect_seconds: float) -> ConnectionPool:
    """The pool for an address; what is wrong with it is said here, not at every call."""
    try:
        options: dict[str, Any] = {**parse_url(url)}
        kind = options.pop("connection_class", Connection)
        if any(not name.startswith("ssl_") for name in options.keys() - _OPTIONS_OF_ADDRESSES):
            raise ValueError
        options |= _OPTIONS
        options["socket_connect_timeout"] = connect_seconds  # it bounds closing, too
        sample = kind(**options)
    except (TypeError, ValueError, RedisError):
        raise ValueError(_USAGE) from None  # the original may quote a part of the password
    if isinstance(sample, SSLConnection):
        sample.ssl_context.get()  # reads the certificates
        options["context"] = sample.ssl_context
        kind = _TlsConnection
    return ConnectionPool(kind, max_connections=max_connections, **options)


def _address(pool: ConnectionPool) -> str:
    """For logs."""
    options = pool.connection_kwargs
    return options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
