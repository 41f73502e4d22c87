"""Requests to addresses that callers give: webhooks, images, documents.

OutboundError
├── UrlRefused        the URL is none that may be asked; decided without asking anybody
└── Unreachable       there was no answer; `reason` says why, in a word
"""

from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct

UnreachableReason = Literal["address_refused", "connection_failed", "timeout", "broken_answer"]
"""`address_refused`: the name leads to addresses that are not public, none of which was connected to."""


class OutboundError(Exception):
    """What both share. The message is for the caller: it names nothing of the inside."""


class UrlRefused(OutboundError):
    """The URL may not be used."""


class Unreachable(OutboundError):
    """No answer came."""

    def __init__(self, reason: UnreachableReason) -> None:
        super().__init__(reason)
        self.reason: UnreachableReason = reason


class OutboundAnswer(Struct, frozen=True, kw_only=True):
    """What came back: header names in lower case, and as much of the body as was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool


class Outbound(Protocol):
    """The one way to what a caller names.

    Connects to public addresses only, and to hosts that the operator allows; follows no redirect, keeps no
    cookie and uses no proxy.
    """

    def check(self, url: str) -> str:
        """The URL as it will be used, normalised. Raises `UrlRefused`. Resolves no name."""
        ...

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
        ...

    async def aclose(self) -> None:
        """Let go of every connection."""
        ...
