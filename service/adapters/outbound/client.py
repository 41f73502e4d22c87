"""Asking what callers name, on aiohttp.

Every socket is made by a function that sees the address which it will be connected to, and refuses one that
is not public: no name is resolved again between the check and its use.
(httpx-secure, which was tried, finds a name's address by connecting to it, private or not.)

What the operator allows goes through a session of its own, which has no guard.
"""

import asyncio
import errno
import socket
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from service.adapters.outbound.addresses import is_public
from service.adapters.outbound.urls import read_url
from service.core.outbound import OutboundAnswer, Unreachable

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from aiohttp.abc import AbstractResolver
    from aiohttp.connector import AddrInfoType

_TIMEOUT_SECONDS = 10.0
_CONNECTIONS = 256


class _AddressRefused(PermissionError):
    """The address is not public."""


class OutboundClient:
    """The Outbound port. `timeout_seconds` is for a whole request, its name look-up included."""

    def __init__(
        self,
        *,
        allowed_hosts: Collection[str] = (),
        timeout_seconds: float = _TIMEOUT_SECONDS,
        resolver: "AbstractResolver | None" = None,
    ) -> None:
        self._allowed_hosts = frozenset(host.lower() for host in allowed_hosts)
        self._timeout_seconds = timeout_seconds
        self._resolver = resolver
        self._sessions: dict[bool, ClientSession] = {}

    def check(self, url: str) -> str:
        """The URL as it will be used. Raises `UrlRefused`."""
        return read_url(url, allowed_hosts=self._allowed_hosts).text

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        max_answer_bytes: int,
    ) -> OutboundAnswer:
        """The answer, whatever its status. Raises `UrlRefused` or `Unreachable`."""
        from aiohttp import ClientConnectionError, ClientError

        target = read_url(url, allowed_hosts=self._allowed_hosts)
        session = self._session(is_guarded=not target.is_allowed)
        try:
            async with session.request(
                method, target.text, data=body, headers=headers, allow_redirects=False
            ) as response:
                return await _answer(response, max_answer_bytes)
        except TimeoutError as error:  # aiohttp's own are of this kind too
            raise Unreachable("timeout") from error
        except (ClientConnectionError, OSError) as error:
            refused = isinstance(getattr(error, "os_error", error), _AddressRefused)
            raise Unreachable("address_refused" if refused else "connection_failed") from error
        except (ClientError, ValueError) as error:
            raise Unreachable("broken_answer") from error

    async def aclose(self) -> None:
        """Close what is open."""
        sessions, self._sessions = self._sessions, {}
        await asyncio.gather(*(session.close() for session in sessions.values()))

    def _session(self, *, is_guarded: bool) -> "ClientSession":
        if is_guarded not in self._sessions:
            self._sessions[is_guarded] = self._new_session(is_guarded=is_guarded)
        return self._sessions[is_guarded]

    def _new_session(self, *, is_guarded: bool) -> "ClientSession":
        # Heavy: only who asks somebody pays for it.
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

        connector = TCPConnector(
            limit=_CONNECTIONS,
            force_close=True,  # a kept one may have been closed by the time that it is written to
            resolver=self._resolver,
            socket_factory=_guarded_socket if is_guarded else None,
        )
        return ClientSession(
            connector=connector,
            connector_owner=True,
            timeout=ClientTimeout(total=self._timeout_seconds),
            cookie_jar=DummyCookieJar(),  # what one tenant's server sets is not for another's
            auto_decompress=False,  # a small body may unfold to a huge one
            trust_env=False,
        )


def _guarded_socket(address: "AddrInfoType") -> socket.socket:
    """A socket to be connected to this address. Raises `OSError` if it is not public."""
    family, kind, protocol, _, where = address
    if not is_public(str(where[0])):
        raise _AddressRefused(errno.EACCES, "not a public address")
    return socket.socket(family, kind, protocol)


async def _answer(response: "ClientResponse", max_bytes: int) -> OutboundAnswer:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > max_bytes:
            response.close()
            break
    return OutboundAnswer(
        status=response.status,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=bytes(body[:max_bytes]),
        is_cut=len(body) > max_bytes,
    )
