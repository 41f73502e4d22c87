"""OpenAI's chat completions and embeddings, on the official SDK, for every server that has them."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx2
from openai import APIStatusError, AsyncOpenAI, AsyncStream, DefaultAioHttpClient, OpenAIError

from service.adapters.providers import wire
from service.adapters.providers.failures import Failures
from service.adapters.providers.openai_answer import ChatStream, read_completion
from service.adapters.providers.openai_embeddings import read_embeddings
from service.adapters.providers.openai_request import chat_body, embeddings_body
from service.adapters.providers.sdk_api import SdkApi
from service.core.clock import Clock
from service.core.messages import Completion, Embeddings, StreamEvent
from service.inference.ports import CompletionCall, EmbeddingCall

DEFAULT_BASE_URL = "https://api.openai.com/v1"

NO_KEY = "none"
"""What a server that asks for no key is sent: the SDK makes no call without one."""

_CHAT = "/chat/completions"
_EMBEDDINGS = "/embeddings"


class OpenAIProvider:
    """OpenAI, or any server that speaks its dialect at `base_url` (with `/v1` if it has one)."""

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
            api_key=api_key or NO_KEY,
            admin_api_key="",
            webhook_secret="",
            base_url=base_url or DEFAULT_BASE_URL,
            timeout=settings["timeout"],
            max_retries=0,
            http_client=_HttpClient(**settings),
        )
        self.api = SdkApi(
            client,
            failures=Failures(api_key=api_key, clock=clock),
            stream_cls=AsyncStream[object],
            status_error=APIStatusError,
            sdk_error=OpenAIError,
        )
        wire.quiet("openai")

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: CompletionCall) -> Completion:
        body = await self._read(_CHAT, chat_body(call, stream=False))
        return read_completion(body, call, self.api.failures)

    def stream(self, call: CompletionCall) -> AsyncGenerator[list[StreamEvent]]:
        async def open_response() -> httpx2.Response:
            return await self.api.post(_CHAT, chat_body(call, stream=True))

        answer = ChatStream(call, self.api.failures)
        return wire.read_stream(open_response, answer, max_bytes=self._max_response_bytes)

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        body = await self._read(_EMBEDDINGS, embeddings_body(call))
        return read_embeddings(body, call, self.api.failures)

    async def aclose(self) -> None:
        await self.api.aclose()

    async def _read(self, path: str, body: bytes) -> bytes:
        response = await self.api.post(path, body)
        return await wire.read_body(response, max_bytes=self._max_response_bytes)


class _HttpClient(wire.LeanRequests, DefaultAioHttpClient):  # type: ignore[misc]  # leaner on purpose
    """The SDK's own, on aiohttp."""


class _Client(AsyncOpenAI):
    """The SDK's client, without what it takes from `OPENAI_ORG_ID` and its like."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.organization = None
        self.project = None
        self._custom_headers = wire.HEADERS
