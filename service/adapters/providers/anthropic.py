"""Anthropic's Messages API, on the official SDK."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx2
from anthropic import (
    AnthropicError,
    APIStatusError,
    AsyncAnthropic,
    AsyncStream,
    DefaultAioHttpClient,
)

from service.adapters.providers import wire
from service.adapters.providers.anthropic_answer import MessageStream, read_message
from service.adapters.providers.anthropic_request import messages_body
from service.adapters.providers.failures import Failures
from service.adapters.providers.sdk_api import SdkApi
from service.core.clock import Clock
from service.core.messages import Completion, Embeddings, StreamEvent
from service.inference.ports import CompletionCall, EmbeddingCall, FailureKind, ProviderFailure

DEFAULT_BASE_URL = "https://api.anthropic.com"

_MESSAGES = "/v1/messages"


class AnthropicProvider:
    """Anthropic, or a server that speaks its dialect at `base_url` (without `/v1`)."""

    def __init__(
        self,
        name: str,
        *,
        api_key: str,
        base_url: str | None = None,
        clock: Clock,
        connect_timeout_seconds: float = wire.CONNECT_TIMEOUT_SECONDS,
        max_response_bytes: int = wire.MAX_RESPONSE_BYTES,
    ) -> None:
        self._name = name
        self._max_response_bytes = max_response_bytes
        settings = wire.transport_settings(connect_timeout_seconds=connect_timeout_seconds)
        client = _Client(
            api_key=api_key,
            base_url=base_url or DEFAULT_BASE_URL,
            webhook_key="",
            timeout=settings["timeout"],
            max_retries=0,
            open_telemetry=False,
            http_client=_HttpClient(**settings),
        )
        self.api = SdkApi(
            client,
            failures=Failures(api_key=api_key, clock=clock),
            stream_cls=AsyncStream[object],
            status_error=APIStatusError,
            sdk_error=AnthropicError,
        )
        wire.quiet("anthropic")

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: CompletionCall) -> Completion:
        response = await self.api.post(_MESSAGES, messages_body(call, stream=False))
        body = await wire.read_body(response, max_bytes=self._max_response_bytes)
        return read_message(body, call, self.api.failures)

    def stream(self, call: CompletionCall) -> AsyncGenerator[list[StreamEvent]]:
        async def open_response() -> httpx2.Response:
            return await self.api.post(_MESSAGES, messages_body(call, stream=True))

        answer = MessageStream(call, self.api.failures)
        return wire.read_stream(open_response, answer, max_bytes=self._max_response_bytes)

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        raise ProviderFailure(FailureKind.MISCONFIGURED, "This provider has no embeddings")

    async def aclose(self) -> None:
        await self.api.aclose()


class _HttpClient(wire.LeanRequests, DefaultAioHttpClient):  # type: ignore[misc]  # leaner on purpose
    """The SDK's own, on aiohttp."""


class _Client(AsyncAnthropic):
    """The SDK's client, without the headers that it takes from `ANTHROPIC_CUSTOM_HEADERS`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._custom_headers = wire.HEADERS
