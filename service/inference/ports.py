"""What inference needs from outside: providers that answer, and how they say that they cannot."""

from collections.abc import AsyncGenerator, Sequence
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from service.core.messages import (
    Completion,
    CompletionRequest,
    EmbeddingRequest,
    Embeddings,
    StreamEvent,
)
from service.inference.profiles import ModelProfile


class FailureKind(StrEnum):
    """Why a provider did not answer, as far as routing cares."""

    RATE_LIMITED = "rate_limited"
    """429 that passes with time."""
    OVERLOADED = "overloaded"
    """5xx: the provider is there and cannot now."""
    UNREACHABLE = "unreachable"
    """No answer at all: refused, reset, or closed before a status came."""
    CONNECT_TIMEOUT = "connect_timeout"
    """No connection within the connect timeout; the same host would only cost the time again."""
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"  # noqa: S105 - a token of text
    """A stream that was accepted and then stayed silent."""
    TIMEOUT = "timeout"
    """The service's own deadline passed while the provider was working."""
    CUT_SHORT = "cut_short"
    """As `timeout`, but the provider had no fair time: the caller had shortened the deadline, or earlier
    tries had used it up. Says nothing about the provider."""
    BREAKER_OPEN = "breaker_open"
    """Not tried: the target has been failing."""
    REJECTED = "rejected"
    """The provider refuses this input; another try or another vendor is not our decision to make."""
    MISCONFIGURED = "misconfigured"
    """Bad key, spent quota, unknown model: the operator's affair, never the caller's."""
    MALFORMED = "malformed"
    """An answer that breaks the provider's own format, or a stream cut before its terminal marker."""


class ProviderFailure(Exception):
    """A provider did not answer.

    `reason` is fit for a caller's eyes: the provider's own words without its ids and keys.
    `retry_after_seconds` is the provider's Retry-After, in whichever of its three forms it came.
    """

    def __init__(
        self,
        kind: FailureKind,
        reason: str,
        *,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class CompletionCall(Struct, frozen=True, kw_only=True):
    """One request as one provider gets it: the exact model id and what that model can do."""

    request: CompletionRequest
    model: str
    profile: ModelProfile


class EmbeddingCall(Struct, frozen=True, kw_only=True):
    """One embedding request as one provider gets it."""

    request: EmbeddingRequest
    model: str


class Provider(Protocol):
    """One call to one vendor: no retries, no fallback, no deadline of its own.

    Every method raises `ProviderFailure` and nothing else of its own. Cancelling it, or closing the
    generator of `stream`, closes the connection to the vendor at once.
    """

    @property
    def name(self) -> str:
        """The provider's name in the configuration, as callers see it."""
        ...

    async def complete(self, call: CompletionCall) -> Completion:
        """A whole answer."""
        ...

    def stream(self, call: CompletionCall) -> AsyncGenerator[list[StreamEvent]]:
        """The answer as it comes: what one read from the wire brought is one list, never empty.

        The last event is `StreamEnd`. An answer that stops without the vendor's terminal marker
        raises `ProviderFailure(MALFORMED)`.
        """
        ...

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        """A vector for each input."""
        ...

    async def aclose(self) -> None:
        """Release the connections."""
        ...


class ResponseCache(Protocol):
    """Where whole answers are kept for a while, as bytes under a key that already holds the tenant.

    It fails open: no method raises. A store that is away, slow or damaged is a miss, and a value that
    could not be kept is forgotten.
    """

    @property
    def is_healthy(self) -> bool:
        """Whether the store behind it answers; a memory of our own always does."""
        ...

    async def get(self, key: str) -> bytes | None:
        """The value, unless its time is over."""
        ...

    async def put(self, key: str, value: bytes) -> None:
        """Keep the value for the time that the cache was made with."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


class SimilarAnswer(Struct, frozen=True):
    """A kept answer, and the cosine similarity of the question that it was given to."""

    similarity: float
    value: bytes


class SemanticStore(Protocol):
    """Where answers are kept by what their questions mean: as a vector, among those of one group.

    A group's questions differ in nothing but their last words. It fails open: no method raises, and a store
    that is away or slow knows nothing.
    """

    async def nearest(
        self, vector: Sequence[float], *, tenant: str, group: str
    ) -> SimilarAnswer | None:
        """The answer to the tenant's most similar question in the group."""
        ...

    async def put(
        self, vector: Sequence[float], value: bytes, *, tenant: str, group: str, question: str
    ) -> None:
        """Keep an answer, in place of the one that the same question had. `question` is a digest."""
        ...
