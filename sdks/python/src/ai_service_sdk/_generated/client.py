"""The methods of the SDK, one for each operation of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any, Literal

from ai_service_sdk._client import AsyncClient, SyncClient
from ai_service_sdk._model import Model, as_is, tagged
from ai_service_sdk._operations import OMIT, CallOptions, Omit, Operation
from ai_service_sdk._pages import AsyncPages, Cursor, Pages
from ai_service_sdk._raw import async_raw, raw
from ai_service_sdk._streams import AsyncStream, Stream

from .models import (
    BatchResponse,
    ChatResponse,
    DoneEvent,
    EmbeddingsResponse,
    ErrorEvent,
    GenerateResponse,
    Health,
    KeyListResponse,
    KeyResponse,
    ModelsResponse,
    NewKeyResponse,
    Readiness,
    RequestRecord,
    StreamResult,
    TenantResponse,
    TokenEvent,
    ToolCallEvent,
    UsageResponse,
)
from .types import (
    BudgetBodyParam,
    ChatMessageParam,
    ChatRequestParam,
    GenerateRequestParam,
    JsonSchemaFormatParam,
    LimitsBodyParam,
    NamedToolChoiceParam,
    ProviderOptionsParam,
    TextFormatParam,
    ToolDefinitionParam,
)

__all__ = [
    "AIServiceSDK",
    "AIServiceSDKWithRawResponse",
    "AsyncAIServiceSDK",
    "AsyncAIServiceSDKWithRawResponse",
]

_GENERATE: Operation[GenerateResponse] = Operation(
    "POST",
    "/api/v1/generate",
    GenerateResponse._read,
    takes_idempotency_key=True,
)
_STREAM_GENERATE: Operation[TokenEvent | DoneEvent] = Operation(
    "POST",
    "/api/v1/generate/stream",
    tagged(
        "type",
        {
            "token": TokenEvent,
            "done": DoneEvent,
            "error": ErrorEvent,
        },
    ),
    media_type="text/event-stream",
    takes_idempotency_key=True,
)
_CHAT: Operation[ChatResponse] = Operation(
    "POST",
    "/api/v1/chat",
    ChatResponse._read,
    takes_idempotency_key=True,
)
_STREAM_CHAT: Operation[TokenEvent | ToolCallEvent | DoneEvent] = Operation(
    "POST",
    "/api/v1/chat/stream",
    tagged(
        "type",
        {
            "token": TokenEvent,
            "tool_call": ToolCallEvent,
            "done": DoneEvent,
            "error": ErrorEvent,
        },
    ),
    media_type="text/event-stream",
    takes_idempotency_key=True,
)
_CREATE_EMBEDDINGS: Operation[EmbeddingsResponse] = Operation(
    "POST",
    "/api/v1/embeddings",
    EmbeddingsResponse._read,
    takes_idempotency_key=True,
)
_RUN_BATCH: Operation[BatchResponse] = Operation(
    "POST",
    "/api/v1/batch",
    BatchResponse._read,
    takes_idempotency_key=True,
)
_LIST_MODELS: Operation[ModelsResponse] = Operation(
    "GET",
    "/api/v1/models",
    ModelsResponse._read,
)
_GET_USAGE: Operation[UsageResponse] = Operation(
    "GET",
    "/api/v1/usage",
    UsageResponse._read,
)
_GET_REQUEST: Operation[RequestRecord] = Operation(
    "GET",
    "/api/v1/requests/{request_id}",
    RequestRecord._read,
)
_LIST_KEYS: Operation[KeyListResponse] = Operation(
    "GET",
    "/api/v1/keys",
    KeyListResponse._read,
)
_CREATE_KEY: Operation[NewKeyResponse] = Operation(
    "POST",
    "/api/v1/keys",
    NewKeyResponse._read,
)
_GET_KEY: Operation[KeyResponse] = Operation(
    "GET",
    "/api/v1/keys/{key_id}",
    KeyResponse._read,
)
_REVOKE_KEY: Operation[None] = Operation(
    "DELETE",
    "/api/v1/keys/{key_id}",
    as_is,
    media_type="",
)
_CHANGE_KEY: Operation[KeyResponse] = Operation(
    "PATCH",
    "/api/v1/keys/{key_id}",
    KeyResponse._read,
)
_ROTATE_KEY: Operation[NewKeyResponse] = Operation(
    "POST",
    "/api/v1/keys/{key_id}/rotate",
    NewKeyResponse._read,
)
_MINT_TOKEN: Operation[NewKeyResponse] = Operation(
    "POST",
    "/api/v1/keys/{key_id}/tokens",
    NewKeyResponse._read,
)
_GET_TENANT: Operation[TenantResponse] = Operation(
    "GET",
    "/api/v1/tenants/{tenant_id}",
    TenantResponse._read,
)
_PUT_TENANT: Operation[TenantResponse] = Operation(
    "PUT",
    "/api/v1/tenants/{tenant_id}",
    TenantResponse._read,
)
_GET_HEALTH: Operation[Health] = Operation(
    "GET",
    "/healthz",
    Health._read,
)
_GET_READINESS: Operation[Readiness] = Operation(
    "GET",
    "/readyz",
    Readiness._read,
)
_GET_METRICS: Operation[str] = Operation(
    "GET",
    "/metrics",
    as_is,
    media_type="text/plain",
)


class AIServiceSDK(SyncClient):
    """AI Service, with a method for each operation of the API.

    with AIServiceSDK("sk-ais-…", "https://ai.example.com") as sdk:
        answer = sdk.generate("Say hello.")
        print(answer.text)
    """

    @property
    def with_raw_response(self) -> AIServiceSDKWithRawResponse:
        """The same methods, which return `RawResponse`s: status, headers and bytes."""
        return AIServiceSDKWithRawResponse(self)

    def generate(
        self,
        prompt: str,
        *,
        model: str | Omit = OMIT,
        system: str | None | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> GenerateResponse:
        """Answer a prompt.

        The model's name picks the provider; if it is down, the alias's next target answers.

        Needs the scope `generate`.

        Args:
            prompt: What to answer.
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            system: Instructions that stand above it.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GENERATE,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                body={
                    "prompt": prompt,
                    "model": model,
                    "system": system,
                    "max_tokens": max_tokens,
                    "temperature": temperature,
                    "top_p": top_p,
                    "stop": stop,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "reasoning_effort": reasoning_effort,
                    "provider_options": provider_options,
                    "sanitize": sanitize,
                },
            )
        )

    def stream_generate(
        self,
        prompt: str,
        *,
        model: str | Omit = OMIT,
        system: str | None | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Stream[TokenEvent | DoneEvent, StreamResult]:
        """Answer a prompt as Server-Sent Events.

        `token` events, then exactly one `done` or `error`. A failure before the first token is a plain HTTP
        error. Hanging up stops the model.

        Needs the scope `generate`.

        Args:
            prompt: What to answer.
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            system: Instructions that stand above it.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop or by `final()`.
        """
        call = self._requests.call(
            _STREAM_GENERATE,
            CallOptions(timeout, max_retries, extra_headers, idempotency_key),
            body={
                "prompt": prompt,
                "model": model,
                "system": system,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stop": stop,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "reasoning_effort": reasoning_effort,
                "provider_options": provider_options,
                "sanitize": sanitize,
            },
        )
        return Stream(lambda: self._transport.begin(call, StreamResult))

    def chat(
        self,
        messages: Sequence[ChatMessageParam | Model],
        *,
        model: str | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        tools: Sequence[ToolDefinitionParam | Model] | None | Omit = OMIT,
        tool_choice: Literal["auto", "none", "required"]
        | NamedToolChoiceParam
        | Model
        | None
        | Omit = OMIT,
        response_format: TextFormatParam | JsonSchemaFormatParam | Model | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ChatResponse:
        """Answer a conversation, with images, tools and JSON Schema where the model takes them.

        Needs the scope `generate`.

        Args:
            messages: The conversation so far, oldest first.
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            tools: The functions that the model may ask for.
            tool_choice: Whether it may (`auto`), must not (`none`) or must (`required`) ask for one, or for which.
            response_format: Free text, or JSON that follows a schema.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _CHAT,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                body={
                    "messages": messages,
                    "model": model,
                    "max_tokens": max_tokens,
                    "temperature": temperature,
                    "top_p": top_p,
                    "stop": stop,
                    "tools": tools,
                    "tool_choice": tool_choice,
                    "response_format": response_format,
                    "history_limit": history_limit,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "reasoning_effort": reasoning_effort,
                    "provider_options": provider_options,
                    "sanitize": sanitize,
                },
            )
        )

    def stream_chat(
        self,
        messages: Sequence[ChatMessageParam | Model],
        *,
        model: str | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        tools: Sequence[ToolDefinitionParam | Model] | None | Omit = OMIT,
        tool_choice: Literal["auto", "none", "required"]
        | NamedToolChoiceParam
        | Model
        | None
        | Omit = OMIT,
        response_format: TextFormatParam | JsonSchemaFormatParam | Model | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Stream[TokenEvent | ToolCallEvent | DoneEvent, StreamResult]:
        """Answer a conversation as Server-Sent Events.

        `token` and `tool_call` events, then exactly one `done` or `error`. Hanging up stops the model.

        Needs the scope `generate`.

        Args:
            messages: The conversation so far, oldest first.
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            tools: The functions that the model may ask for.
            tool_choice: Whether it may (`auto`), must not (`none`) or must (`required`) ask for one, or for which.
            response_format: Free text, or JSON that follows a schema.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop or by `final()`.
        """
        call = self._requests.call(
            _STREAM_CHAT,
            CallOptions(timeout, max_retries, extra_headers, idempotency_key),
            body={
                "messages": messages,
                "model": model,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stop": stop,
                "tools": tools,
                "tool_choice": tool_choice,
                "response_format": response_format,
                "history_limit": history_limit,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "reasoning_effort": reasoning_effort,
                "provider_options": provider_options,
                "sanitize": sanitize,
            },
        )
        return Stream(lambda: self._transport.begin(call, StreamResult))

    def create_embeddings(
        self,
        input: str | Sequence[str],
        *,
        model: str | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> EmbeddingsResponse:
        """Turn texts into vectors.

        A provider without embeddings is never tried; if none of the model's can, the answer is a 400.

        Needs the scope `embed`.

        Args:
            input: A text, or up to 2048 of them.
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _CREATE_EMBEDDINGS,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                body={
                    "input": input,
                    "model": model,
                },
            )
        )

    def run_batch(
        self,
        *,
        prompts: Sequence[str] | None | Omit = OMIT,
        requests: Sequence[GenerateRequestParam | ChatRequestParam | Model] | None | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_concurrency: int | Omit = OMIT,
        requests_per_second: float | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> BatchResponse:
        """Answer up to 100 requests at once, in input order. One that fails does not touch the others.

        Needs the scope `batch`.

        Args:
            prompts: Either these …
            requests: … or generate and chat bodies.
            model: For `prompts`: the model (`haiku`). Bodies name their own.
            max_concurrency: How many are in flight at once.
            requests_per_second: How fast they may be started.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _RUN_BATCH,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                body={
                    "prompts": prompts,
                    "requests": requests,
                    "model": model,
                    "max_concurrency": max_concurrency,
                    "requests_per_second": requests_per_second,
                },
            )
        )

    def list_models(
        self,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ModelsResponse:
        """List the models: where each name leads, and what each can do and costs.

        Needs the scope `generate`.

        Args:
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _LIST_MODELS,
                CallOptions(timeout, max_retries, extra_headers),
            )
        )

    def get_usage(
        self,
        *,
        from_: datetime | str | str | None | Omit = OMIT,
        to: datetime | str | str | None | Omit = OMIT,
        group_by: str | Omit = OMIT,
        tenant: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> UsageResponse:
        """Add up what the tenant used: requests, tokens and cost by day, model, key or tag.

        A request belongs to the moment at which it began, and is counted once it has ended. With the header
        `Accept: text/csv` the answer is CSV; there, a group that a spreadsheet would take for a formula
        stands
        behind an apostrophe.

        Needs the scope `usage:read`.

        Args:
            from_: The first moment of the report: an RFC 3339 time, or a date, which begins at midnight UTC.
                By default the first of this month.
            to: The first moment after the report, as `from`. By default now.
            group_by: `day` (UTC), `model` (as asked for), `key` (its id), or `tag:NAME` (what requests had in
                `metadata` under NAME). A report of more than 10000 groups is refused.
            tenant: Another tenant than the key's own; needs the scope `operator`.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_USAGE,
                CallOptions(timeout, max_retries, extra_headers),
                query={
                    "from": from_,
                    "to": to,
                    "group_by": group_by,
                    "tenant": tenant,
                },
            )
        )

    def get_request(
        self,
        request_id: str,
        *,
        tenant: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> RequestRecord:
        """Show what became of one request: its status, provider, tokens, cost and timings.

        Needs the scope `usage:read`.

        Args:
            request_id: The `id` of the answer.
            tenant: Another tenant than the key's own; needs the scope `operator`.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_REQUEST,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "request_id": request_id,
                },
                query={
                    "tenant": tenant,
                },
            )
        )

    def list_keys(
        self,
        *,
        tenant: str | None | Omit = OMIT,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Pages[KeyResponse, KeyListResponse]:
        """List keys, the newest first, whatever their state; browser tokens are not among them.

        Needs the scope `admin` or `operator`.

        Args:
            tenant: Whose keys; absent: your tenant's, or, for an `operator`, all.
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> KeyListResponse:
            return self._transport.send(
                self._requests.call(
                    _LIST_KEYS,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "tenant": tenant,
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return Pages(fetch, cursor)

    def create_key(
        self,
        name: str,
        *,
        scopes: Sequence[
            Literal["admin", "batch", "embed", "generate", "operator", "retrieval", "usage:read"]
        ],
        tenant: str | None | Omit = OMIT,
        expires_at: datetime | str | None | Omit = OMIT,
        limits: LimitsBodyParam | Model | Omit = OMIT,
        budget: BudgetBodyParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | Omit = OMIT,
        rotate_after_days: int | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> NewKeyResponse:
        """Make a key. Its secret is shown this once.

        An `admin` makes keys of its own tenant, an `operator` of any; a tenant is made by its first key.

        Needs the scope `admin` or `operator`.

        Args:
            name: What the key is for, to tell keys apart.
            scopes: What the key may do. Nobody grants a scope that they lack, but an operator grants all.
            tenant: Whose key it is; another tenant than your own needs `operator`.
            expires_at: When the key ends, as RFC 3339 with an offset. Null: never.
            limits: How much may be asked in a minute. Absent or null: no limit.
            budget: What the key may spend, beside what its tenant may. Null: no bound.
            sanitize: How answers are cleaned where a request says nothing of its own.
            rotate_after_days: After as many days without a rotation each answer to the key carries `X-Key-Rotation-Due`.
                Null: never.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _CREATE_KEY,
                CallOptions(timeout, max_retries, extra_headers),
                body={
                    "name": name,
                    "scopes": scopes,
                    "tenant": tenant,
                    "expires_at": expires_at,
                    "limits": limits,
                    "budget": budget,
                    "sanitize": sanitize,
                    "rotate_after_days": rotate_after_days,
                },
            )
        )

    def get_key(
        self,
        key_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> KeyResponse:
        """Look at a key or a browser token.

        Needs the scope `admin` or `operator`.

        Args:
            key_id: The id of a key.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_KEY,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "key_id": key_id,
                },
            )
        )

    def revoke_key(
        self,
        key_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Revoke a key with its browser tokens, or one token; for good.

        Felt at once here, and within a second on other replicas. The key in use cannot revoke itself.

        Needs the scope `admin` or `operator`.

        Args:
            key_id: The id of a key.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        self._transport.send(
            self._requests.call(
                _REVOKE_KEY,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "key_id": key_id,
                },
            )
        )

    def change_key(
        self,
        key_id: str,
        *,
        name: str | Omit = OMIT,
        scopes: Sequence[
            Literal["admin", "batch", "embed", "generate", "operator", "retrieval", "usage:read"]
        ]
        | Omit = OMIT,
        expires_at: datetime | str | None | Omit = OMIT,
        limits: LimitsBodyParam | Model | Omit = OMIT,
        budget: BudgetBodyParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | Omit = OMIT,
        rotate_after_days: int | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> KeyResponse:
        """Change a key; felt at once here, and within a second on other replicas.

        The key in use can change only its own name.

        Needs the scope `admin` or `operator`.

        Args:
            key_id: The id of a key.
            name: What the key is for, to tell keys apart.
            scopes: What the key may do. Nobody grants a scope that they lack, but an operator grants all.
            expires_at: When the key ends, as RFC 3339 with an offset. Null: never.
            limits: How much may be asked in a minute. Absent or null: no limit.
            budget: What the key may spend, beside what its tenant may. Null: no bound.
            sanitize: How answers are cleaned where a request says nothing of its own.
            rotate_after_days: After as many days without a rotation each answer to the key carries `X-Key-Rotation-Due`.
                Null: never.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _CHANGE_KEY,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "key_id": key_id,
                },
                body={
                    "name": name,
                    "scopes": scopes,
                    "expires_at": expires_at,
                    "limits": limits,
                    "budget": budget,
                    "sanitize": sanitize,
                    "rotate_after_days": rotate_after_days,
                },
            )
        )

    def rotate_key(
        self,
        key_id: str,
        *,
        overlap_seconds: int | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> NewKeyResponse:
        """Give a key another secret. The old one works for a while longer, so that nobody is locked out.

        If there has been a rotation lately, the secret from before it ends now.

        Needs the scope `admin` or `operator`.

        Args:
            key_id: The id of a key.
            overlap_seconds: For how long the secret of now works beside the new one; 0: it ends at once.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _ROTATE_KEY,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "key_id": key_id,
                },
                body={
                    "overlap_seconds": overlap_seconds,
                },
            )
        )

    def mint_token(
        self,
        key_id: str,
        *,
        ttl_seconds: int | Omit = OMIT,
        scopes: Sequence[Literal["batch", "embed", "generate", "retrieval", "usage:read"]]
        | None
        | Omit = OMIT,
        limits: LimitsBodyParam | Model | Omit = OMIT,
        budget: BudgetBodyParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> NewKeyResponse:
        """Mint a short-lived browser token, for a web page to use like a key.

        Any key mints tokens of its own; an `admin`, of the keys of its tenant. A token ends with its key,
        never
        has more scopes, and what it uses up is taken from its key's limits and budget as well as its own.

        Args:
            key_id: The id of a key.
            ttl_seconds: How long it works.
            scopes: What it may do, of what its key may. Absent: all of that, but for `admin` and `operator`,
                which no token carries.
            limits: How much may be asked in a minute. Absent or null: no limit.
            budget: What it may spend, beside what its key and its tenant may.
            sanitize: How answers are cleaned; `none`: as for its key.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _MINT_TOKEN,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "key_id": key_id,
                },
                body={
                    "ttl_seconds": ttl_seconds,
                    "scopes": scopes,
                    "limits": limits,
                    "budget": budget,
                    "sanitize": sanitize,
                },
            )
        )

    def get_tenant(
        self,
        tenant_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> TenantResponse:
        """Look at the bounds of a tenant: your own, or, as an `operator`, any. One never set has none.

        Needs the scope `admin` or `operator`.

        Args:
            tenant_id: The name of a tenant.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_TENANT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "tenant_id": tenant_id,
                },
            )
        )

    def put_tenant(
        self,
        tenant_id: str,
        *,
        limits: LimitsBodyParam | Model | Omit = OMIT,
        budget: BudgetBodyParam | Model | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> TenantResponse:
        """Set what all keys of a tenant may use up together; felt within a second everywhere.

        Needs the scope `operator`.

        Args:
            tenant_id: The name of a tenant.
            limits: How much may be asked in a minute. Absent or null: no limit.
            budget: Money. Null: no bound.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _PUT_TENANT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "tenant_id": tenant_id,
                },
                body={
                    "limits": limits,
                    "budget": budget,
                },
            )
        )

    def get_health(
        self,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Health:
        """Tell whether the process is alive.

        Args:
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_HEALTH,
                CallOptions(timeout, max_retries, extra_headers),
            )
        )

    def get_readiness(
        self,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Readiness:
        """Tell whether work can be taken, and name what is degraded.

        Args:
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_READINESS,
                CallOptions(timeout, max_retries, extra_headers),
            )
        )

    def get_metrics(
        self,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> str:
        """Show the metrics: requests, errors by type, tokens, cost, latencies, upstream attempts, breakers.

        Args:
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_METRICS,
                CallOptions(timeout, max_retries, extra_headers),
            )
        )


class AIServiceSDKWithRawResponse:
    """The methods of `AIServiceSDK` that send one request each, with raw answers."""

    def __init__(self, sdk: AIServiceSDK) -> None:
        other = copy(sdk)
        other._transport = sdk._transport.raw()
        self.generate = raw(other.generate)
        self.chat = raw(other.chat)
        self.create_embeddings = raw(other.create_embeddings)
        self.run_batch = raw(other.run_batch)
        self.list_models = raw(other.list_models)
        self.get_usage = raw(other.get_usage)
        self.get_request = raw(other.get_request)
        self.create_key = raw(other.create_key)
        self.get_key = raw(other.get_key)
        self.revoke_key = raw(other.revoke_key)
        self.change_key = raw(other.change_key)
        self.rotate_key = raw(other.rotate_key)
        self.mint_token = raw(other.mint_token)
        self.get_tenant = raw(other.get_tenant)
        self.put_tenant = raw(other.put_tenant)
        self.get_health = raw(other.get_health)
        self.get_readiness = raw(other.get_readiness)
        self.get_metrics = raw(other.get_metrics)


class AsyncAIServiceSDK(AsyncClient):
    """AI Service, with a method for each operation of the API, to be awaited.

    async with AsyncAIServiceSDK("sk-ais-…", "https://ai.example.com") as sdk:
        answer = await sdk.generate("Say hello.")
        print(answer.text)
    """

    @property
    def with_raw_response(self) -> AsyncAIServiceSDKWithRawResponse:
        """The same methods, which return `RawResponse`s: status, headers and bytes."""
        return AsyncAIServiceSDKWithRawResponse(self)

    async def generate(
        self,
        prompt: str,
        *,
        model: str | Omit = OMIT,
        system: str | None | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> GenerateResponse:
        """Answer a prompt.

        The model's name picks the provider; if it is down, the alias's next target answers.

        Needs the scope `generate`.

        Args:
            prompt: What to answer.
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            system: Instructions that stand above it.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GENERATE,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                body={
                    "prompt": prompt,
                    "model": model,
                    "system": system,
                    "max_tokens": max_tokens,
                    "temperature": temperature,
                    "top_p": top_p,
                    "stop": stop,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "reasoning_effort": reasoning_effort,
                    "provider_options": provider_options,
                    "sanitize": sanitize,
                },
            )
        )

    def stream_generate(
        self,
        prompt: str,
        *,
        model: str | Omit = OMIT,
        system: str | None | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncStream[TokenEvent | DoneEvent, StreamResult]:
        """Answer a prompt as Server-Sent Events.

        `token` events, then exactly one `done` or `error`. A failure before the first token is a plain HTTP
        error. Hanging up stops the model.

        Needs the scope `generate`.

        Args:
            prompt: What to answer.
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            system: Instructions that stand above it.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop or by `final()`.
        """
        call = self._requests.call(
            _STREAM_GENERATE,
            CallOptions(timeout, max_retries, extra_headers, idempotency_key),
            body={
                "prompt": prompt,
                "model": model,
                "system": system,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stop": stop,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "reasoning_effort": reasoning_effort,
                "provider_options": provider_options,
                "sanitize": sanitize,
            },
        )
        return AsyncStream(lambda: self._transport.begin(call, StreamResult))

    async def chat(
        self,
        messages: Sequence[ChatMessageParam | Model],
        *,
        model: str | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        tools: Sequence[ToolDefinitionParam | Model] | None | Omit = OMIT,
        tool_choice: Literal["auto", "none", "required"]
        | NamedToolChoiceParam
        | Model
        | None
        | Omit = OMIT,
        response_format: TextFormatParam | JsonSchemaFormatParam | Model | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ChatResponse:
        """Answer a conversation, with images, tools and JSON Schema where the model takes them.

        Needs the scope `generate`.

        Args:
            messages: The conversation so far, oldest first.
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            tools: The functions that the model may ask for.
            tool_choice: Whether it may (`auto`), must not (`none`) or must (`required`) ask for one, or for which.
            response_format: Free text, or JSON that follows a schema.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _CHAT,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                body={
                    "messages": messages,
                    "model": model,
                    "max_tokens": max_tokens,
                    "temperature": temperature,
                    "top_p": top_p,
                    "stop": stop,
                    "tools": tools,
                    "tool_choice": tool_choice,
                    "response_format": response_format,
                    "history_limit": history_limit,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "reasoning_effort": reasoning_effort,
                    "provider_options": provider_options,
                    "sanitize": sanitize,
                },
            )
        )

    def stream_chat(
        self,
        messages: Sequence[ChatMessageParam | Model],
        *,
        model: str | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        tools: Sequence[ToolDefinitionParam | Model] | None | Omit = OMIT,
        tool_choice: Literal["auto", "none", "required"]
        | NamedToolChoiceParam
        | Model
        | None
        | Omit = OMIT,
        response_format: TextFormatParam | JsonSchemaFormatParam | Model | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncStream[TokenEvent | ToolCallEvent | DoneEvent, StreamResult]:
        """Answer a conversation as Server-Sent Events.

        `token` and `tool_call` events, then exactly one `done` or `error`. Hanging up stops the model.

        Needs the scope `generate`.

        Args:
            messages: The conversation so far, oldest first.
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            tools: The functions that the model may ask for.
            tool_choice: Whether it may (`auto`), must not (`none`) or must (`required`) ask for one, or for which.
            response_format: Free text, or JSON that follows a schema.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop or by `final()`.
        """
        call = self._requests.call(
            _STREAM_CHAT,
            CallOptions(timeout, max_retries, extra_headers, idempotency_key),
            body={
                "messages": messages,
                "model": model,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stop": stop,
                "tools": tools,
                "tool_choice": tool_choice,
                "response_format": response_format,
                "history_limit": history_limit,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "reasoning_effort": reasoning_effort,
                "provider_options": provider_options,
                "sanitize": sanitize,
            },
        )
        return AsyncStream(lambda: self._transport.begin(call, StreamResult))

    async def create_embeddings(
        self,
        input: str | Sequence[str],
        *,
        model: str | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> EmbeddingsResponse:
        """Turn texts into vectors.

        A provider without embeddings is never tried; if none of the model's can, the answer is a 400.

        Needs the scope `embed`.

        Args:
            input: A text, or up to 2048 of them.
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _CREATE_EMBEDDINGS,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                body={
                    "input": input,
                    "model": model,
                },
            )
        )

    async def run_batch(
        self,
        *,
        prompts: Sequence[str] | None | Omit = OMIT,
        requests: Sequence[GenerateRequestParam | ChatRequestParam | Model] | None | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_concurrency: int | Omit = OMIT,
        requests_per_second: float | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> BatchResponse:
        """Answer up to 100 requests at once, in input order. One that fails does not touch the others.

        Needs the scope `batch`.

        Args:
            prompts: Either these …
            requests: … or generate and chat bodies.
            model: For `prompts`: the model (`haiku`). Bodies name their own.
            max_concurrency: How many are in flight at once.
            requests_per_second: How fast they may be started.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _RUN_BATCH,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                body={
                    "prompts": prompts,
                    "requests": requests,
                    "model": model,
                    "max_concurrency": max_concurrency,
                    "requests_per_second": requests_per_second,
                },
            )
        )

    async def list_models(
        self,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ModelsResponse:
        """List the models: where each name leads, and what each can do and costs.

        Needs the scope `generate`.

        Args:
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _LIST_MODELS,
                CallOptions(timeout, max_retries, extra_headers),
            )
        )

    async def get_usage(
        self,
        *,
        from_: datetime | str | str | None | Omit = OMIT,
        to: datetime | str | str | None | Omit = OMIT,
        group_by: str | Omit = OMIT,
        tenant: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> UsageResponse:
        """Add up what the tenant used: requests, tokens and cost by day, model, key or tag.

        A request belongs to the moment at which it began, and is counted once it has ended. With the header
        `Accept: text/csv` the answer is CSV; there, a group that a spreadsheet would take for a formula
        stands
        behind an apostrophe.

        Needs the scope `usage:read`.

        Args:
            from_: The first moment of the report: an RFC 3339 time, or a date, which begins at midnight UTC.
                By default the first of this month.
            to: The first moment after the report, as `from`. By default now.
            group_by: `day` (UTC), `model` (as asked for), `key` (its id), or `tag:NAME` (what requests had in
                `metadata` under NAME). A report of more than 10000 groups is refused.
            tenant: Another tenant than the key's own; needs the scope `operator`.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_USAGE,
                CallOptions(timeout, max_retries, extra_headers),
                query={
                    "from": from_,
                    "to": to,
                    "group_by": group_by,
                    "tenant": tenant,
                },
            )
        )

    async def get_request(
        self,
        request_id: str,
        *,
        tenant: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> RequestRecord:
        """Show what became of one request: its status, provider, tokens, cost and timings.

        Needs the scope `usage:read`.

        Args:
            request_id: The `id` of the answer.
            tenant: Another tenant than the key's own; needs the scope `operator`.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_REQUEST,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "request_id": request_id,
                },
                query={
                    "tenant": tenant,
                },
            )
        )

    def list_keys(
        self,
        *,
        tenant: str | None | Omit = OMIT,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncPages[KeyResponse, KeyListResponse]:
        """List keys, the newest first, whatever their state; browser tokens are not among them.

        Needs the scope `admin` or `operator`.

        Args:
            tenant: Whose keys; absent: your tenant's, or, for an `operator`, all.
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> Awaitable[KeyListResponse]:
            return self._transport.send(
                self._requests.call(
                    _LIST_KEYS,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "tenant": tenant,
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return AsyncPages(fetch, cursor)

    async def create_key(
        self,
        name: str,
        *,
        scopes: Sequence[
            Literal["admin", "batch", "embed", "generate", "operator", "retrieval", "usage:read"]
        ],
        tenant: str | None | Omit = OMIT,
        expires_at: datetime | str | None | Omit = OMIT,
        limits: LimitsBodyParam | Model | Omit = OMIT,
        budget: BudgetBodyParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | Omit = OMIT,
        rotate_after_days: int | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> NewKeyResponse:
        """Make a key. Its secret is shown this once.

        An `admin` makes keys of its own tenant, an `operator` of any; a tenant is made by its first key.

        Needs the scope `admin` or `operator`.

        Args:
            name: What the key is for, to tell keys apart.
            scopes: What the key may do. Nobody grants a scope that they lack, but an operator grants all.
            tenant: Whose key it is; another tenant than your own needs `operator`.
            expires_at: When the key ends, as RFC 3339 with an offset. Null: never.
            limits: How much may be asked in a minute. Absent or null: no limit.
            budget: What the key may spend, beside what its tenant may. Null: no bound.
            sanitize: How answers are cleaned where a request says nothing of its own.
            rotate_after_days: After as many days without a rotation each answer to the key carries `X-Key-Rotation-Due`.
                Null: never.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _CREATE_KEY,
                CallOptions(timeout, max_retries, extra_headers),
                body={
                    "name": name,
                    "scopes": scopes,
                    "tenant": tenant,
                    "expires_at": expires_at,
                    "limits": limits,
                    "budget": budget,
                    "sanitize": sanitize,
                    "rotate_after_days": rotate_after_days,
                },
            )
        )

    async def get_key(
        self,
        key_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> KeyResponse:
        """Look at a key or a browser token.

        Needs the scope `admin` or `operator`.

        Args:
            key_id: The id of a key.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_KEY,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "key_id": key_id,
                },
            )
        )

    async def revoke_key(
        self,
        key_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Revoke a key with its browser tokens, or one token; for good.

        Felt at once here, and within a second on other replicas. The key in use cannot revoke itself.

        Needs the scope `admin` or `operator`.

        Args:
            key_id: The id of a key.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        await self._transport.send(
            self._requests.call(
                _REVOKE_KEY,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "key_id": key_id,
                },
            )
        )

    async def change_key(
        self,
        key_id: str,
        *,
        name: str | Omit = OMIT,
        scopes: Sequence[
            Literal["admin", "batch", "embed", "generate", "operator", "retrieval", "usage:read"]
        ]
        | Omit = OMIT,
        expires_at: datetime | str | None | Omit = OMIT,
        limits: LimitsBodyParam | Model | Omit = OMIT,
        budget: BudgetBodyParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | Omit = OMIT,
        rotate_after_days: int | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> KeyResponse:
        """Change a key; felt at once here, and within a second on other replicas.

        The key in use can change only its own name.

        Needs the scope `admin` or `operator`.

        Args:
            key_id: The id of a key.
            name: What the key is for, to tell keys apart.
            scopes: What the key may do. Nobody grants a scope that they lack, but an operator grants all.
            expires_at: When the key ends, as RFC 3339 with an offset. Null: never.
            limits: How much may be asked in a minute. Absent or null: no limit.
            budget: What the key may spend, beside what its tenant may. Null: no bound.
            sanitize: How answers are cleaned where a request says nothing of its own.
            rotate_after_days: After as many days without a rotation each answer to the key carries `X-Key-Rotation-Due`.
                Null: never.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _CHANGE_KEY,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "key_id": key_id,
                },
                body={
                    "name": name,
                    "scopes": scopes,
                    "expires_at": expires_at,
                    "limits": limits,
                    "budget": budget,
                    "sanitize": sanitize,
                    "rotate_after_days": rotate_after_days,
                },
            )
        )

    async def rotate_key(
        self,
        key_id: str,
        *,
        overlap_seconds: int | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> NewKeyResponse:
        """Give a key another secret. The old one works for a while longer, so that nobody is locked out.

        If there has been a rotation lately, the secret from before it ends now.

        Needs the scope `admin` or `operator`.

        Args:
            key_id: The id of a key.
            overlap_seconds: For how long the secret of now works beside the new one; 0: it ends at once.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _ROTATE_KEY,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "key_id": key_id,
                },
                body={
                    "overlap_seconds": overlap_seconds,
                },
            )
        )

    async def mint_token(
        self,
        key_id: str,
        *,
        ttl_seconds: int | Omit = OMIT,
        scopes: Sequence[Literal["batch", "embed", "generate", "retrieval", "usage:read"]]
        | None
        | Omit = OMIT,
        limits: LimitsBodyParam | Model | Omit = OMIT,
        budget: BudgetBodyParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> NewKeyResponse:
        """Mint a short-lived browser token, for a web page to use like a key.

        Any key mints tokens of its own; an `admin`, of the keys of its tenant. A token ends with its key,
        never
        has more scopes, and what it uses up is taken from its key's limits and budget as well as its own.

        Args:
            key_id: The id of a key.
            ttl_seconds: How long it works.
            scopes: What it may do, of what its key may. Absent: all of that, but for `admin` and `operator`,
                which no token carries.
            limits: How much may be asked in a minute. Absent or null: no limit.
            budget: What it may spend, beside what its key and its tenant may.
            sanitize: How answers are cleaned; `none`: as for its key.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _MINT_TOKEN,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "key_id": key_id,
                },
                body={
                    "ttl_seconds": ttl_seconds,
                    "scopes": scopes,
                    "limits": limits,
                    "budget": budget,
                    "sanitize": sanitize,
                },
            )
        )

    async def get_tenant(
        self,
        tenant_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> TenantResponse:
        """Look at the bounds of a tenant: your own, or, as an `operator`, any. One never set has none.

        Needs the scope `admin` or `operator`.

        Args:
            tenant_id: The name of a tenant.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_TENANT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "tenant_id": tenant_id,
                },
            )
        )

    async def put_tenant(
        self,
        tenant_id: str,
        *,
        limits: LimitsBodyParam | Model | Omit = OMIT,
        budget: BudgetBodyParam | Model | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> TenantResponse:
        """Set what all keys of a tenant may use up together; felt within a second everywhere.

        Needs the scope `operator`.

        Args:
            tenant_id: The name of a tenant.
            limits: How much may be asked in a minute. Absent or null: no limit.
            budget: Money. Null: no bound.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _PUT_TENANT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "tenant_id": tenant_id,
                },
                body={
                    "limits": limits,
                    "budget": budget,
                },
            )
        )

    async def get_health(
        self,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Health:
        """Tell whether the process is alive.

        Args:
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_HEALTH,
                CallOptions(timeout, max_retries, extra_headers),
            )
        )

    async def get_readiness(
        self,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Readiness:
        """Tell whether work can be taken, and name what is degraded.

        Args:
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_READINESS,
                CallOptions(timeout, max_retries, extra_headers),
            )
        )

    async def get_metrics(
        self,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> str:
        """Show the metrics: requests, errors by type, tokens, cost, latencies, upstream attempts, breakers.

        Args:
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_METRICS,
                CallOptions(timeout, max_retries, extra_headers),
            )
        )


class AsyncAIServiceSDKWithRawResponse:
    """The methods of `AsyncAIServiceSDK` that send one request each, with raw answers."""

    def __init__(self, sdk: AsyncAIServiceSDK) -> None:
        other = copy(sdk)
        other._transport = sdk._transport.raw()
        self.generate = async_raw(other.generate)
        self.chat = async_raw(other.chat)
        self.create_embeddings = async_raw(other.create_embeddings)
        self.run_batch = async_raw(other.run_batch)
        self.list_models = async_raw(other.list_models)
        self.get_usage = async_raw(other.get_usage)
        self.get_request = async_raw(other.get_request)
        self.create_key = async_raw(other.create_key)
        self.get_key = async_raw(other.get_key)
        self.revoke_key = async_raw(other.revoke_key)
        self.change_key = async_raw(other.change_key)
        self.rotate_key = async_raw(other.rotate_key)
        self.mint_token = async_raw(other.mint_token)
        self.get_tenant = async_raw(other.get_tenant)
        self.put_tenant = async_raw(other.put_tenant)
        self.get_health = async_raw(other.get_health)
        self.get_readiness = async_raw(other.get_readiness)
        self.get_metrics = async_raw(other.get_metrics)
