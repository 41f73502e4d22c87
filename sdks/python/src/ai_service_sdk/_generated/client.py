"""The methods of the SDK, one for each operation of the API."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any, Literal

from ai_service_sdk._client import AsyncClient, SyncClient
from ai_service_sdk._files import File, list_of
from ai_service_sdk._model import Model, as_is, tagged
from ai_service_sdk._operations import OMIT, CallOptions, Omit, Operation
from ai_service_sdk._pages import LINES_PER_PAGE, AsyncPages, Cursor, Lines, Pages, lines_of
from ai_service_sdk._raw import async_raw, raw
from ai_service_sdk._streams import AsyncStream, Stream

from .models import (
    AcceptedDocumentsResponse,
    Batch,
    BatchList,
    BatchResponse,
    BatchResultLine,
    ChatResponse,
    CollectionListResponse,
    CollectionResponse,
    ConversationExportResponse,
    ConversationListResponse,
    ConversationResponse,
    DocumentListResponse,
    DocumentResponse,
    DoneEvent,
    EmbeddingsResponse,
    ErrorEvent,
    GenerateResponse,
    Health,
    KeyListResponse,
    KeyResponse,
    MessageListResponse,
    MessageResponse,
    ModelsResponse,
    NewKeyResponse,
    NewWebhookEndpointResponse,
    PromptListResponse,
    PromptResponse,
    QueryDoneEvent,
    QueryResponse,
    QueryStreamResult,
    Readiness,
    RedeliveredResponse,
    RenderedPromptResponse,
    RequestRecord,
    RetrieveResponse,
    SourcesEvent,
    StreamResult,
    TenantResponse,
    TokenEvent,
    ToolCallEvent,
    UsageResponse,
    WebhookDeliveryListResponse,
    WebhookDeliveryResponse,
    WebhookEndpointListResponse,
    WebhookEndpointResponse,
)
from .types import (
    BudgetBodyParam,
    ChatItemParam,
    ChatMessageParam,
    ChatRequestParam,
    GenerateItemParam,
    GenerateRequestParam,
    JsonSchemaFormatParam,
    LimitsBodyParam,
    NamedToolChoiceParam,
    NewDocumentParam,
    PromptDefaultsParam,
    ProviderOptionsParam,
    SemanticCacheBodyParam,
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
_LIST_CONVERSATIONS: Operation[ConversationListResponse] = Operation(
    "GET",
    "/api/v1/conversations",
    ConversationListResponse._read,
)
_CREATE_CONVERSATION: Operation[ConversationResponse] = Operation(
    "POST",
    "/api/v1/conversations",
    ConversationResponse._read,
)
_GET_CONVERSATION: Operation[ConversationResponse] = Operation(
    "GET",
    "/api/v1/conversations/{conversation_id}",
    ConversationResponse._read,
)
_DELETE_CONVERSATION: Operation[None] = Operation(
    "DELETE",
    "/api/v1/conversations/{conversation_id}",
    as_is,
    media_type="",
)
_LIST_CONVERSATION_MESSAGES: Operation[MessageListResponse] = Operation(
    "GET",
    "/api/v1/conversations/{conversation_id}/messages",
    MessageListResponse._read,
)
_EXPORT_CONVERSATION: Operation[ConversationExportResponse] = Operation(
    "GET",
    "/api/v1/conversations/{conversation_id}/export",
    ConversationExportResponse._read,
)
_FORK_CONVERSATION: Operation[ConversationResponse] = Operation(
    "POST",
    "/api/v1/conversations/{conversation_id}/fork",
    ConversationResponse._read,
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
_LIST_BATCHES: Operation[BatchList] = Operation(
    "GET",
    "/api/v1/batches",
    BatchList._read,
)
_CREATE_BATCH: Operation[Batch] = Operation(
    "POST",
    "/api/v1/batches",
    Batch._read,
    takes_idempotency_key=True,
)
_GET_BATCH: Operation[Batch] = Operation(
    "GET",
    "/api/v1/batches/{batch_id}",
    Batch._read,
)
_GET_BATCH_RESULTS: Operation[Lines[BatchResultLine]] = Operation(
    "GET",
    "/api/v1/batches/{batch_id}/results",
    lines_of(BatchResultLine._read),
    media_type="application/x-ndjson",
    next_page_header="x-next-after",
)
_CANCEL_BATCH: Operation[Batch] = Operation(
    "POST",
    "/api/v1/batches/{batch_id}/cancel",
    Batch._read,
)
_UPLOAD_BATCH: Operation[Batch] = Operation(
    "POST",
    "/api/v1/batches/upload",
    Batch._read,
    takes_idempotency_key=True,
)
_GET_PROMPT: Operation[PromptResponse] = Operation(
    "GET",
    "/api/v1/prompts/{prompt_name}",
    PromptResponse._read,
)
_PUT_PROMPT: Operation[PromptResponse] = Operation(
    "PUT",
    "/api/v1/prompts/{prompt_name}",
    PromptResponse._read,
)
_DELETE_PROMPT: Operation[None] = Operation(
    "DELETE",
    "/api/v1/prompts/{prompt_name}",
    as_is,
    media_type="",
)
_LIST_PROMPTS: Operation[PromptListResponse] = Operation(
    "GET",
    "/api/v1/prompts",
    PromptListResponse._read,
)
_LIST_PROMPT_VERSIONS: Operation[PromptListResponse] = Operation(
    "GET",
    "/api/v1/prompts/{prompt_name}/versions",
    PromptListResponse._read,
)
_PUT_PROMPT_LABEL: Operation[PromptResponse] = Operation(
    "PUT",
    "/api/v1/prompts/{prompt_name}/labels/{label}",
    PromptResponse._read,
)
_DELETE_PROMPT_LABEL: Operation[None] = Operation(
    "DELETE",
    "/api/v1/prompts/{prompt_name}/labels/{label}",
    as_is,
    media_type="",
)
_RENDER_PROMPT: Operation[RenderedPromptResponse] = Operation(
    "POST",
    "/api/v1/prompts/{prompt_name}/render",
    RenderedPromptResponse._read,
)
_GENERATE_WITH_PROMPT: Operation[GenerateResponse] = Operation(
    "POST",
    "/api/v1/prompts/{prompt_name}/generate",
    GenerateResponse._read,
    takes_idempotency_key=True,
)
_STREAM_GENERATE_WITH_PROMPT: Operation[TokenEvent | DoneEvent] = Operation(
    "POST",
    "/api/v1/prompts/{prompt_name}/generate/stream",
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
_CHAT_WITH_PROMPT: Operation[ChatResponse] = Operation(
    "POST",
    "/api/v1/prompts/{prompt_name}/chat",
    ChatResponse._read,
    takes_idempotency_key=True,
)
_STREAM_CHAT_WITH_PROMPT: Operation[TokenEvent | ToolCallEvent | DoneEvent] = Operation(
    "POST",
    "/api/v1/prompts/{prompt_name}/chat/stream",
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
_GET_COLLECTION: Operation[CollectionResponse] = Operation(
    "GET",
    "/api/v1/collections/{collection}",
    CollectionResponse._read,
)
_PUT_COLLECTION: Operation[CollectionResponse] = Operation(
    "PUT",
    "/api/v1/collections/{collection}",
    CollectionResponse._read,
)
_DELETE_COLLECTION: Operation[None] = Operation(
    "DELETE",
    "/api/v1/collections/{collection}",
    as_is,
    media_type="",
)
_LIST_COLLECTIONS: Operation[CollectionListResponse] = Operation(
    "GET",
    "/api/v1/collections",
    CollectionListResponse._read,
)
_LIST_DOCUMENTS: Operation[DocumentListResponse] = Operation(
    "GET",
    "/api/v1/collections/{collection}/documents",
    DocumentListResponse._read,
)
_ADD_DOCUMENTS: Operation[AcceptedDocumentsResponse] = Operation(
    "POST",
    "/api/v1/collections/{collection}/documents",
    AcceptedDocumentsResponse._read,
    takes_idempotency_key=True,
)
_GET_DOCUMENT: Operation[DocumentResponse] = Operation(
    "GET",
    "/api/v1/collections/{collection}/documents/{document_id}",
    DocumentResponse._read,
)
_DELETE_DOCUMENT: Operation[None] = Operation(
    "DELETE",
    "/api/v1/collections/{collection}/documents/{document_id}",
    as_is,
    media_type="",
)
_RETRIEVE: Operation[RetrieveResponse] = Operation(
    "POST",
    "/api/v1/collections/{collection}/retrieve",
    RetrieveResponse._read,
    takes_idempotency_key=True,
)
_QUERY_COLLECTION: Operation[QueryResponse] = Operation(
    "POST",
    "/api/v1/collections/{collection}/query",
    QueryResponse._read,
    takes_idempotency_key=True,
)
_STREAM_QUERY_COLLECTION: Operation[SourcesEvent | TokenEvent | QueryDoneEvent] = Operation(
    "POST",
    "/api/v1/collections/{collection}/query/stream",
    tagged(
        "type",
        {
            "sources": SourcesEvent,
            "token": TokenEvent,
            "done": QueryDoneEvent,
            "error": ErrorEvent,
        },
    ),
    media_type="text/event-stream",
    takes_idempotency_key=True,
)
_UPLOAD_DOCUMENTS: Operation[AcceptedDocumentsResponse] = Operation(
    "POST",
    "/api/v1/collections/{collection}/documents/upload",
    AcceptedDocumentsResponse._read,
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
_LIST_WEBHOOK_ENDPOINTS: Operation[WebhookEndpointListResponse] = Operation(
    "GET",
    "/api/v1/webhook-endpoints",
    WebhookEndpointListResponse._read,
)
_CREATE_WEBHOOK_ENDPOINT: Operation[NewWebhookEndpointResponse] = Operation(
    "POST",
    "/api/v1/webhook-endpoints",
    NewWebhookEndpointResponse._read,
)
_GET_WEBHOOK_ENDPOINT: Operation[WebhookEndpointResponse] = Operation(
    "GET",
    "/api/v1/webhook-endpoints/{endpoint_id}",
    WebhookEndpointResponse._read,
)
_DELETE_WEBHOOK_ENDPOINT: Operation[None] = Operation(
    "DELETE",
    "/api/v1/webhook-endpoints/{endpoint_id}",
    as_is,
    media_type="",
)
_CHANGE_WEBHOOK_ENDPOINT: Operation[WebhookEndpointResponse] = Operation(
    "PATCH",
    "/api/v1/webhook-endpoints/{endpoint_id}",
    WebhookEndpointResponse._read,
)
_ROTATE_WEBHOOK_SECRET: Operation[NewWebhookEndpointResponse] = Operation(
    "POST",
    "/api/v1/webhook-endpoints/{endpoint_id}/rotate-secret",
    NewWebhookEndpointResponse._read,
)
_TEST_WEBHOOK_ENDPOINT: Operation[WebhookDeliveryResponse] = Operation(
    "POST",
    "/api/v1/webhook-endpoints/{endpoint_id}/test",
    WebhookDeliveryResponse._read,
)
_LIST_WEBHOOK_DELIVERIES: Operation[WebhookDeliveryListResponse] = Operation(
    "GET",
    "/api/v1/webhook-endpoints/{endpoint_id}/deliveries",
    WebhookDeliveryListResponse._read,
)
_REDELIVER_FAILED_WEBHOOKS: Operation[RedeliveredResponse] = Operation(
    "POST",
    "/api/v1/webhook-endpoints/{endpoint_id}/redeliver-failed",
    RedeliveredResponse._read,
)
_REDELIVER_WEBHOOK: Operation[WebhookDeliveryResponse] = Operation(
    "POST",
    "/api/v1/webhook-deliveries/{delivery_id}/redeliver",
    WebhookDeliveryResponse._read,
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
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
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
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                    "semantic_cache": semantic_cache,
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
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
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
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                "semantic_cache": semantic_cache,
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
        conversation_id: str | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        history_token_budget: int | None | Omit = OMIT,
        summarize_history: bool | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ChatResponse:
        """Answer a conversation, with images, tools and JSON Schema where the model takes them.

        With `conversation_id` the service keeps the history: send the new messages only.

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
            conversation_id: The conversation to go on with: its history goes to the model before `messages`, and both
                turns are kept in it once the answer is whole. One turn at a time: another meanwhile is a
                409. System messages in `messages` follow the conversation's own, for this turn only.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            history_token_budget: Of these, only as many of the last as have no more tokens by estimate (a token is four
                bytes, an image 1000). The last message always goes; system messages are not counted.
            summarize_history: Only with `conversation_id`: what falls out of the history goes to the model as a summary.
                A small model makes it when more has fallen out, at your cost and within 10 s; if that
                fails, the last one is used.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                    "conversation_id": conversation_id,
                    "history_limit": history_limit,
                    "history_token_budget": history_token_budget,
                    "summarize_history": summarize_history,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "reasoning_effort": reasoning_effort,
                    "provider_options": provider_options,
                    "sanitize": sanitize,
                    "semantic_cache": semantic_cache,
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
        conversation_id: str | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        history_token_budget: int | None | Omit = OMIT,
        summarize_history: bool | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Stream[TokenEvent | ToolCallEvent | DoneEvent, StreamResult]:
        """Answer a conversation as Server-Sent Events.

        `token` and `tool_call` events, then exactly one `done` or `error`. Hanging up stops the model. With
        `conversation_id`, what was delivered is kept then, marked as `interrupted`.

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
            conversation_id: The conversation to go on with: its history goes to the model before `messages`, and both
                turns are kept in it once the answer is whole. One turn at a time: another meanwhile is a
                409. System messages in `messages` follow the conversation's own, for this turn only.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            history_token_budget: Of these, only as many of the last as have no more tokens by estimate (a token is four
                bytes, an image 1000). The last message always goes; system messages are not counted.
            summarize_history: Only with `conversation_id`: what falls out of the history goes to the model as a summary.
                A small model makes it when more has fallen out, at your cost and within 10 s; if that
                fails, the last one is used.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                "conversation_id": conversation_id,
                "history_limit": history_limit,
                "history_token_budget": history_token_budget,
                "summarize_history": summarize_history,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "reasoning_effort": reasoning_effort,
                "provider_options": provider_options,
                "sanitize": sanitize,
                "semantic_cache": semantic_cache,
            },
        )
        return Stream(lambda: self._transport.begin(call, StreamResult))

    def list_conversations(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Pages[ConversationResponse, ConversationListResponse]:
        """List conversations, the newest first.

        Needs the scope `generate`.

        Args:
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> ConversationListResponse:
            return self._transport.send(
                self._requests.call(
                    _LIST_CONVERSATIONS,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return Pages(fetch, cursor)

    def create_conversation(
        self,
        *,
        system: str | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ConversationResponse:
        """Begin a conversation. Pass its id to `chat` as `conversation_id`, and it has a memory.

        It is kept until it is deleted. Every key of the tenant may go on with it; a browser token has only
        those that it began itself.

        Needs the scope `generate`.

        Args:
            system: Instructions that stand above every turn.
            metadata: Up to 16 tags, kept with the conversation.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _CREATE_CONVERSATION,
                CallOptions(timeout, max_retries, extra_headers),
                body={
                    "system": system,
                    "metadata": metadata,
                },
            )
        )

    def get_conversation(
        self,
        conversation_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ConversationResponse:
        """Look at a conversation: how long it is, and what it has cost so far.

        Needs the scope `generate`.

        Args:
            conversation_id: The id of a conversation.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_CONVERSATION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "conversation_id": conversation_id,
                },
            )
        )

    def delete_conversation(
        self,
        conversation_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a conversation with its messages, for good. What it cost stays in the usage.

        A turn that is under way loses its place: its answer is a `conflict`. Forks are not touched.

        Needs the scope `generate`.

        Args:
            conversation_id: The id of a conversation.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        self._transport.send(
            self._requests.call(
                _DELETE_CONVERSATION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "conversation_id": conversation_id,
                },
            )
        )

    def list_conversation_messages(
        self,
        conversation_id: str,
        *,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Pages[MessageResponse, MessageListResponse]:
        """List the messages of a conversation, the oldest first.

        Needs the scope `generate`.

        Args:
            conversation_id: The id of a conversation.
            sanitize: Makes all text of the messages safe for a web page, as `sanitize` of `chat` does. Absent:
                as the key has it.
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> MessageListResponse:
            return self._transport.send(
                self._requests.call(
                    _LIST_CONVERSATION_MESSAGES,
                    CallOptions(timeout, max_retries, extra_headers),
                    path={
                        "conversation_id": conversation_id,
                    },
                    query={
                        "sanitize": sanitize,
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return Pages(fetch, cursor)

    def export_conversation(
        self,
        conversation_id: str,
        *,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ConversationExportResponse:
        """Export everything that is kept of a conversation.

        Needs the scope `generate`.

        Args:
            conversation_id: The id of a conversation.
            sanitize: Makes all text of the messages safe for a web page, as `sanitize` of `chat` does. Absent:
                as the key has it.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _EXPORT_CONVERSATION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "conversation_id": conversation_id,
                },
                query={
                    "sanitize": sanitize,
                },
            )
        )

    def fork_conversation(
        self,
        conversation_id: str,
        *,
        at_message_id: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ConversationResponse:
        """Begin a conversation with what another has up to one of its messages; each goes on by itself.

        Needs the scope `generate`.

        Args:
            conversation_id: The id of a conversation.
            at_message_id: The last message that the fork has too; absent: the last there is.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _FORK_CONVERSATION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "conversation_id": conversation_id,
                },
                body={
                    "at_message_id": at_message_id,
                },
            )
        )

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
            prompts: Prompts; instead of `requests`.
            requests: Generate and chat bodies; instead of `prompts`.
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

    def list_batches(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Pages[Batch, BatchList]:
        """List your tenant's batches, the newest first.

        Needs the scope `batch`.

        Args:
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> BatchList:
            return self._transport.send(
                self._requests.call(
                    _LIST_BATCHES,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return Pages(fetch, cursor)

    def create_batch(
        self,
        *,
        prompts: Sequence[str] | None | Omit = OMIT,
        requests: Sequence[GenerateItemParam | ChatItemParam | Model] | None | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_concurrency: int | Omit = OMIT,
        requests_per_second: float | None | Omit = OMIT,
        mode: Literal["provider", "service"] | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Batch:
        """Have up to 50,000 requests answered, as time, limits and budget allow.

        The batch survives restarts; it runs under the key that it came with, and ends with it. Its requests
        and results are deleted 30 days after its end, unless the operator has set another time.

        Needs the scope `batch`.

        Args:
            prompts: Prompts; instead of `requests`.
            requests: Generate and chat bodies, each with a `custom_id` if you like; instead of `prompts`.
            model: For `prompts`: the model (`haiku`). Bodies name their own.
            max_concurrency: How many are in flight at once, at most. Fewer are while others ask live.
            requests_per_second: How fast they may be started.
            mode: `service`: one by one, as if asked live. `provider`: through the provider's own batch API,
                at its lower price, within a day.
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
                _CREATE_BATCH,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                body={
                    "prompts": prompts,
                    "requests": requests,
                    "model": model,
                    "max_concurrency": max_concurrency,
                    "requests_per_second": requests_per_second,
                    "mode": mode,
                },
            )
        )

    def get_batch(
        self,
        batch_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Batch:
        """See how far a batch is, and what it has cost.

        Needs the scope `batch`.

        Args:
            batch_id: The id of a batch.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_BATCH,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "batch_id": batch_id,
                },
            )
        )

    def get_batch_results(
        self,
        batch_id: str,
        *,
        after: int | None | Omit = OMIT,
        limit: int | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Pages[BatchResultLine, Lines[BatchResultLine]]:
        """Read the results that there are, as JSON Lines.

        Also while the batch runs: then those that end later may come to stand between lines that you have.

        Needs the scope `batch`.

        Args:
            batch_id: The id of a batch.
            after: Only requests with an `index` above this.
            limit: How many a page has, at most; absent: all.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """
        limit = limit or LINES_PER_PAGE

        def fetch(after: Cursor) -> Lines[BatchResultLine]:
            return self._transport.send(
                self._requests.call(
                    _GET_BATCH_RESULTS,
                    CallOptions(timeout, max_retries, extra_headers),
                    path={
                        "batch_id": batch_id,
                    },
                    query={
                        "after": after,
                        "limit": limit,
                    },
                )
            )

        return Pages(fetch, after)

    def cancel_batch(
        self,
        batch_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Batch:
        """Cancel a batch.

        What is under way is stopped within seconds and billed for what it has used; results that there are
        stay. One that has ended stays as it is.

        Needs the scope `batch`.

        Args:
            batch_id: The id of a batch.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _CANCEL_BATCH,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "batch_id": batch_id,
                },
            )
        )

    def upload_batch(
        self,
        file: File,
        *,
        max_concurrency: int | Omit = OMIT,
        requests_per_second: float | None | Omit = OMIT,
        mode: Literal["provider", "service"] | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Batch:
        """Have the requests of a JSON Lines file answered, up to 50,000 of them.

        As `POST /batches`. If a line cannot be used, none is: the error's `field` is `file.` and its
        number.

        Needs the scope `batch`.

        Args:
            file: JSON Lines: a generate or chat body a line, each with a `custom_id` if you like.
            max_concurrency: How many are in flight at once, at most. Fewer are while others ask live.
            requests_per_second: How fast they may be started.
            mode: `service`: one by one, as if asked live. `provider`: through the provider's own batch API,
                at its lower price, within a day.
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
                _UPLOAD_BATCH,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                form={
                    "max_concurrency": max_concurrency,
                    "requests_per_second": requests_per_second,
                    "mode": mode,
                },
                files={
                    "file": file,
                },
            )
        )

    def get_prompt(
        self,
        prompt_name: str,
        *,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> PromptResponse:
        """Look at a prompt: its latest version, a certain one, or the one that has a label.

        Needs the scope `generate` or `admin`.

        Args:
            prompt_name: The name of a prompt.
            version: A version's number. Absent: the latest.
            label: Instead: the version that has this label.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_PROMPT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                },
                query={
                    "version": version,
                    "label": label,
                },
            )
        )

    def put_prompt(
        self,
        prompt_name: str,
        *,
        template: str,
        system: str | None | Omit = OMIT,
        defaults: PromptDefaultsParam | Model | Omit = OMIT,
        variables: Mapping[str, Any] | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> PromptResponse:
        """Make a new version of a prompt, or the first.

        If the latest version says just the same, it stays the latest: putting it again changes nothing.

        Needs the scope `admin`.

        Args:
            prompt_name: The name of a prompt.
            template: The prompt. `{name}` is a field, which the variable of this name fills; `{{` and `}}`
                stand for braces.
            system: Instructions that stand above it; may have fields, too.
            defaults: What requests that are made with the prompt ask for, unless they say otherwise themselves.
            variables: What the fields take, by name. Absent: each is a string that must be given.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _PUT_PROMPT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                },
                body={
                    "template": template,
                    "system": system,
                    "defaults": defaults,
                    "variables": variables,
                },
            )
        )

    def delete_prompt(
        self,
        prompt_name: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a prompt with all of its versions and labels.

        What was made with it stays in the usage. If the name is used again, its versions count on.

        Needs the scope `admin`.

        Args:
            prompt_name: The name of a prompt.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        self._transport.send(
            self._requests.call(
                _DELETE_PROMPT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                },
            )
        )

    def list_prompts(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Pages[PromptResponse, PromptListResponse]:
        """List prompts by name, each in its latest version.

        Needs the scope `generate` or `admin`.

        Args:
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> PromptListResponse:
            return self._transport.send(
                self._requests.call(
                    _LIST_PROMPTS,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return Pages(fetch, cursor)

    def list_prompt_versions(
        self,
        prompt_name: str,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Pages[PromptResponse, PromptListResponse]:
        """List a prompt's versions, the latest first.

        Needs the scope `generate` or `admin`.

        Args:
            prompt_name: The name of a prompt.
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> PromptListResponse:
            return self._transport.send(
                self._requests.call(
                    _LIST_PROMPT_VERSIONS,
                    CallOptions(timeout, max_retries, extra_headers),
                    path={
                        "prompt_name": prompt_name,
                    },
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return Pages(fetch, cursor)

    def put_prompt_label(
        self,
        prompt_name: str,
        label: str,
        *,
        version: int,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> PromptResponse:
        """Put a label on a version; if another has it, it moves.

        Whoever asks for the label gets this version from the next request on.

        Needs the scope `admin`.

        Args:
            prompt_name: The name of a prompt.
            label: A label.
            version: The number of the version.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _PUT_PROMPT_LABEL,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                    "label": label,
                },
                body={
                    "version": version,
                },
            )
        )

    def delete_prompt_label(
        self,
        prompt_name: str,
        label: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Take a label away. The version stays.

        Needs the scope `admin`.

        Args:
            prompt_name: The name of a prompt.
            label: A label.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        self._transport.send(
            self._requests.call(
                _DELETE_PROMPT_LABEL,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                    "label": label,
                },
            )
        )

    def render_prompt(
        self,
        prompt_name: str,
        *,
        variables: Mapping[str, Any] | Omit = OMIT,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> RenderedPromptResponse:
        """Show what a prompt says with its variables filled in. No model is asked, and it costs nothing.

        Needs the scope `generate` or `admin`.

        Args:
            prompt_name: The name of a prompt.
            variables: What the fields are filled with, by name. Those with a default may be left out.
            version: The version's number. Absent, and no label: the latest version.
            label: Instead of a version: the one that has this label.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _RENDER_PROMPT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                },
                body={
                    "variables": variables,
                    "version": version,
                    "label": label,
                },
            )
        )

    def generate_with_prompt(
        self,
        prompt_name: str,
        *,
        variables: Mapping[str, Any] | Omit = OMIT,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_tokens: int | None | Omit = OMIT,
        temperature: float | None | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        conversation_id: str | None | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> GenerateResponse:
        """Answer a prompt that is made from a template.

        The version stands in the request's record, and `GET /usage?group_by=prompt` compares what each
        costs.

        Needs the scope `generate`.

        Args:
            prompt_name: The name of a prompt.
            variables: What the fields are filled with, by name. Those with a default may be left out.
            version: The version's number. Absent, and no label: the latest version.
            label: Instead of a version: the one that has this label.
            model: An alias or a provider's model id. Absent: as the prompt has it.
            max_tokens: The most tokens that the answer may have. Absent: as the prompt has it.
            temperature: Higher is more varied. Absent: as the prompt has it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            conversation_id: The conversation to go on with: its history goes to the model before what the template
                says, and both turns are kept in it once the answer is whole. One turn at a time: another
                meanwhile is a 409.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                _GENERATE_WITH_PROMPT,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "prompt_name": prompt_name,
                },
                body={
                    "variables": variables,
                    "version": version,
                    "label": label,
                    "model": model,
                    "max_tokens": max_tokens,
                    "temperature": temperature,
                    "top_p": top_p,
                    "stop": stop,
                    "conversation_id": conversation_id,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "reasoning_effort": reasoning_effort,
                    "provider_options": provider_options,
                    "sanitize": sanitize,
                    "semantic_cache": semantic_cache,
                },
            )
        )

    def stream_generate_with_prompt(
        self,
        prompt_name: str,
        *,
        variables: Mapping[str, Any] | Omit = OMIT,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_tokens: int | None | Omit = OMIT,
        temperature: float | None | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        conversation_id: str | None | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Stream[TokenEvent | DoneEvent, StreamResult]:
        """Answer a prompt that is made from a template, as Server-Sent Events.

        `token` events, then exactly one `done` or `error`. Hanging up stops the model.

        Needs the scope `generate`.

        Args:
            prompt_name: The name of a prompt.
            variables: What the fields are filled with, by name. Those with a default may be left out.
            version: The version's number. Absent, and no label: the latest version.
            label: Instead of a version: the one that has this label.
            model: An alias or a provider's model id. Absent: as the prompt has it.
            max_tokens: The most tokens that the answer may have. Absent: as the prompt has it.
            temperature: Higher is more varied. Absent: as the prompt has it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            conversation_id: The conversation to go on with: its history goes to the model before what the template
                says, and both turns are kept in it once the answer is whole. One turn at a time: another
                meanwhile is a 409.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop or by `final()`.
        """
        call = self._requests.call(
            _STREAM_GENERATE_WITH_PROMPT,
            CallOptions(timeout, max_retries, extra_headers, idempotency_key),
            path={
                "prompt_name": prompt_name,
            },
            body={
                "variables": variables,
                "version": version,
                "label": label,
                "model": model,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stop": stop,
                "conversation_id": conversation_id,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "reasoning_effort": reasoning_effort,
                "provider_options": provider_options,
                "sanitize": sanitize,
                "semantic_cache": semantic_cache,
            },
        )
        return Stream(lambda: self._transport.begin(call, StreamResult))

    def chat_with_prompt(
        self,
        prompt_name: str,
        *,
        variables: Mapping[str, Any] | Omit = OMIT,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        messages: Sequence[ChatMessageParam | Model] | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_tokens: int | None | Omit = OMIT,
        temperature: float | None | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        tools: Sequence[ToolDefinitionParam | Model] | None | Omit = OMIT,
        tool_choice: Literal["auto", "none", "required"]
        | NamedToolChoiceParam
        | Model
        | None
        | Omit = OMIT,
        response_format: TextFormatParam | JsonSchemaFormatParam | Model | None | Omit = OMIT,
        conversation_id: str | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        history_token_budget: int | None | Omit = OMIT,
        summarize_history: bool | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ChatResponse:
        """Answer a conversation that a template begins; `messages` are what was said since.

        Needs the scope `generate`.

        Args:
            prompt_name: The name of a prompt.
            variables: What the fields are filled with, by name. Those with a default may be left out.
            version: The version's number. Absent, and no label: the latest version.
            label: Instead of a version: the one that has this label.
            messages: What was said since, oldest first. The rendered messages stand before these, always.
            model: An alias or a provider's model id. Absent: as the prompt has it.
            max_tokens: The most tokens that the answer may have. Absent: as the prompt has it.
            temperature: Higher is more varied. Absent: as the prompt has it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            tools: The functions that the model may ask for.
            tool_choice: Whether it may, must not or must ask for one, or for which.
            response_format: Free text, or JSON that follows a schema.
            conversation_id: The conversation to go on with: its history goes to the model before what the template
                says, and both turns are kept in it once the answer is whole. One turn at a time: another
                meanwhile is a 409.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            history_token_budget: Of these, only as many of the last as have no more tokens by estimate (a token is four
                bytes, an image 1000). The last message always goes; system messages are not counted.
            summarize_history: Only with `conversation_id`: what falls out of the history goes to the model as a summary.
                A small model makes it when more has fallen out, at your cost and within 10 s; if that
                fails, the last one is used.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                _CHAT_WITH_PROMPT,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "prompt_name": prompt_name,
                },
                body={
                    "variables": variables,
                    "version": version,
                    "label": label,
                    "messages": messages,
                    "model": model,
                    "max_tokens": max_tokens,
                    "temperature": temperature,
                    "top_p": top_p,
                    "stop": stop,
                    "tools": tools,
                    "tool_choice": tool_choice,
                    "response_format": response_format,
                    "conversation_id": conversation_id,
                    "history_limit": history_limit,
                    "history_token_budget": history_token_budget,
                    "summarize_history": summarize_history,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "reasoning_effort": reasoning_effort,
                    "provider_options": provider_options,
                    "sanitize": sanitize,
                    "semantic_cache": semantic_cache,
                },
            )
        )

    def stream_chat_with_prompt(
        self,
        prompt_name: str,
        *,
        variables: Mapping[str, Any] | Omit = OMIT,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        messages: Sequence[ChatMessageParam | Model] | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_tokens: int | None | Omit = OMIT,
        temperature: float | None | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        tools: Sequence[ToolDefinitionParam | Model] | None | Omit = OMIT,
        tool_choice: Literal["auto", "none", "required"]
        | NamedToolChoiceParam
        | Model
        | None
        | Omit = OMIT,
        response_format: TextFormatParam | JsonSchemaFormatParam | Model | None | Omit = OMIT,
        conversation_id: str | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        history_token_budget: int | None | Omit = OMIT,
        summarize_history: bool | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Stream[TokenEvent | ToolCallEvent | DoneEvent, StreamResult]:
        """Answer a conversation that a template begins, as Server-Sent Events.

        `token` and `tool_call` events, then exactly one `done` or `error`. Hanging up stops the model.

        Needs the scope `generate`.

        Args:
            prompt_name: The name of a prompt.
            variables: What the fields are filled with, by name. Those with a default may be left out.
            version: The version's number. Absent, and no label: the latest version.
            label: Instead of a version: the one that has this label.
            messages: What was said since, oldest first. The rendered messages stand before these, always.
            model: An alias or a provider's model id. Absent: as the prompt has it.
            max_tokens: The most tokens that the answer may have. Absent: as the prompt has it.
            temperature: Higher is more varied. Absent: as the prompt has it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            tools: The functions that the model may ask for.
            tool_choice: Whether it may, must not or must ask for one, or for which.
            response_format: Free text, or JSON that follows a schema.
            conversation_id: The conversation to go on with: its history goes to the model before what the template
                says, and both turns are kept in it once the answer is whole. One turn at a time: another
                meanwhile is a 409.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            history_token_budget: Of these, only as many of the last as have no more tokens by estimate (a token is four
                bytes, an image 1000). The last message always goes; system messages are not counted.
            summarize_history: Only with `conversation_id`: what falls out of the history goes to the model as a summary.
                A small model makes it when more has fallen out, at your cost and within 10 s; if that
                fails, the last one is used.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop or by `final()`.
        """
        call = self._requests.call(
            _STREAM_CHAT_WITH_PROMPT,
            CallOptions(timeout, max_retries, extra_headers, idempotency_key),
            path={
                "prompt_name": prompt_name,
            },
            body={
                "variables": variables,
                "version": version,
                "label": label,
                "messages": messages,
                "model": model,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stop": stop,
                "tools": tools,
                "tool_choice": tool_choice,
                "response_format": response_format,
                "conversation_id": conversation_id,
                "history_limit": history_limit,
                "history_token_budget": history_token_budget,
                "summarize_history": summarize_history,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "reasoning_effort": reasoning_effort,
                "provider_options": provider_options,
                "sanitize": sanitize,
                "semantic_cache": semantic_cache,
            },
        )
        return Stream(lambda: self._transport.begin(call, StreamResult))

    def get_collection(
        self,
        collection: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> CollectionResponse:
        """Look at a collection.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_COLLECTION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "collection": collection,
                },
            )
        )

    def put_collection(
        self,
        collection: str,
        *,
        embedding_model: str | Omit = OMIT,
        chunk_size: int | Omit = OMIT,
        chunk_overlap: int | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> CollectionResponse:
        """Make a collection, or change how it cuts up and embeds while it has no documents.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            embedding_model: Makes the vectors; one model for the whole collection.
            chunk_size: Tokens of a chunk, at most.
            chunk_overlap: Tokens that a chunk shares with the one before it, at most.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _PUT_COLLECTION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "collection": collection,
                },
                body={
                    "embedding_model": embedding_model,
                    "chunk_size": chunk_size,
                    "chunk_overlap": chunk_overlap,
                },
            )
        )

    def delete_collection(
        self,
        collection: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a collection with all of its documents.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        self._transport.send(
            self._requests.call(
                _DELETE_COLLECTION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "collection": collection,
                },
            )
        )

    def list_collections(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Pages[CollectionResponse, CollectionListResponse]:
        """List the collections, by name.

        Needs the scope `retrieval`.

        Args:
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> CollectionListResponse:
            return self._transport.send(
                self._requests.call(
                    _LIST_COLLECTIONS,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return Pages(fetch, cursor)

    def list_documents(
        self,
        collection: str,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Pages[DocumentResponse, DocumentListResponse]:
        """List the documents of a collection, by id, with their states.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> DocumentListResponse:
            return self._transport.send(
                self._requests.call(
                    _LIST_DOCUMENTS,
                    CallOptions(timeout, max_retries, extra_headers),
                    path={
                        "collection": collection,
                    },
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return Pages(fetch, cursor)

    def add_documents(
        self,
        collection: str,
        *,
        text: str | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        id: str | None | Omit = OMIT,
        documents: Sequence[NewDocumentParam | Model] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AcceptedDocumentsResponse:
        """Add documents as text, or replace those of the same id.

        They are embedded afterwards, at the key's cost; what the collection has embedded already is not
        embedded again.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            text: One document's text; instead of `documents`.
            metadata: With `text`: up to 16 fields, to filter by and shown with each source.
            id: With `text`: yours; a document of the same id is replaced. Absent: one is made.
            documents: Several documents; instead of `text`.
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
                _ADD_DOCUMENTS,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "collection": collection,
                },
                body={
                    "text": text,
                    "metadata": metadata,
                    "id": id,
                    "documents": documents,
                },
            )
        )

    def get_document(
        self,
        collection: str,
        document_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> DocumentResponse:
        """Look at a document: how far its ingestion is, or why it has failed.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            document_id: A document's id.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_DOCUMENT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "collection": collection,
                    "document_id": document_id,
                },
            )
        )

    def delete_document(
        self,
        collection: str,
        document_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a document; it is found no more.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            document_id: A document's id.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        self._transport.send(
            self._requests.call(
                _DELETE_DOCUMENT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "collection": collection,
                    "document_id": document_id,
                },
            )
        )

    def retrieve(
        self,
        collection: str,
        *,
        question: str,
        top_k: int | Omit = OMIT,
        filter: Mapping[str, Any] | None | Omit = OMIT,
        min_score: float | None | Omit = OMIT,
        mode: Literal["hybrid", "lexical", "vector"] | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> RetrieveResponse:
        """Find what the documents say about a question, without making an answer of it.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            question: In your own words.
            top_k: How many sources, at most.
            filter: Only documents whose metadata has all of these.
            min_score: What scores less is left out. What is sensible depends on the model.
            mode: By meaning (`vector`), by words (`lexical`), or both, ranked together (`hybrid`).
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
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
                _RETRIEVE,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "collection": collection,
                },
                body={
                    "question": question,
                    "top_k": top_k,
                    "filter": filter,
                    "min_score": min_score,
                    "mode": mode,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                },
            )
        )

    def query_collection(
        self,
        collection: str,
        *,
        question: str,
        top_k: int | Omit = OMIT,
        filter: Mapping[str, Any] | None | Omit = OMIT,
        min_score: float | None | Omit = OMIT,
        mode: Literal["hybrid", "lexical", "vector"] | Omit = OMIT,
        model: str | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> QueryResponse:
        """Answer a question from the documents, and say which ones.

        If they say nothing about it, no model is asked, and the answer says so.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            question: In your own words.
            top_k: How many sources, at most.
            filter: Only documents whose metadata has all of these.
            min_score: What scores less is left out. What is sensible depends on the model.
            mode: By meaning (`vector`), by words (`lexical`), or both, ranked together (`hybrid`).
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
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
                _QUERY_COLLECTION,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "collection": collection,
                },
                body={
                    "question": question,
                    "top_k": top_k,
                    "filter": filter,
                    "min_score": min_score,
                    "mode": mode,
                    "model": model,
                    "max_tokens": max_tokens,
                    "temperature": temperature,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "sanitize": sanitize,
                },
            )
        )

    def stream_query_collection(
        self,
        collection: str,
        *,
        question: str,
        top_k: int | Omit = OMIT,
        filter: Mapping[str, Any] | None | Omit = OMIT,
        min_score: float | None | Omit = OMIT,
        mode: Literal["hybrid", "lexical", "vector"] | Omit = OMIT,
        model: str | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Stream[SourcesEvent | TokenEvent | QueryDoneEvent, QueryStreamResult]:
        """Answer a question from the documents as Server-Sent Events.

        One `sources` event, then `token` events, then exactly one `done` or `error`. A failure before the
        first token is a plain HTTP error. Hanging up stops the model.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            question: In your own words.
            top_k: How many sources, at most.
            filter: Only documents whose metadata has all of these.
            min_score: What scores less is left out. What is sensible depends on the model.
            mode: By meaning (`vector`), by words (`lexical`), or both, ranked together (`hybrid`).
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
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
            _STREAM_QUERY_COLLECTION,
            CallOptions(timeout, max_retries, extra_headers, idempotency_key),
            path={
                "collection": collection,
            },
            body={
                "question": question,
                "top_k": top_k,
                "filter": filter,
                "min_score": min_score,
                "mode": mode,
                "model": model,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "sanitize": sanitize,
            },
        )
        return Stream(lambda: self._transport.begin(call, QueryStreamResult))

    def upload_documents(
        self,
        collection: str,
        *,
        file: Sequence[File],
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AcceptedDocumentsResponse:
        """Add documents as files: txt, md, html, pdf, docx or json.

        A file of the same name is replaced; one that has not changed is left as it is, so that an upload
        may always be repeated. The name becomes the metadata field `file_name`.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            file: Files whose names end in .txt, .md, .html, .pdf, .docx or .json; the field may be
                repeated.
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
                _UPLOAD_DOCUMENTS,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "collection": collection,
                },
                files={
                    "file": list_of(file),
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
        """Add up what the tenant used: requests, tokens and cost by day, model, key, prompt or tag.

        A request belongs to the moment at which it began, and is counted once it has ended. With the header
        `Accept: text/csv` the answer is CSV; there, a group that a spreadsheet would take for a formula
        stands behind an apostrophe.

        Needs the scope `usage:read`.

        Args:
            from_: The first moment of the report: an RFC 3339 time, or a date, which begins at midnight UTC.
                By default the first of this month.
            to: The first moment after the report, as `from`. By default now.
            group_by: `day` (UTC), `model` (as asked for), `key` (its id), `prompt` (`NAME@VERSION` of the
                template), or `tag:NAME` (what requests had in `metadata` under NAME). A report of more
                than 10000 groups is refused.
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
            request_id: The `id` of the answer: `req_…`.
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
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
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
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer, where a
                request says nothing of its own. Null: only the same question.
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
                    "semantic_cache": semantic_cache,
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
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
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
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer, where a
                request says nothing of its own. Null: only the same question.
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
                    "semantic_cache": semantic_cache,
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
        never has more scopes, and what it uses up is taken from its key's limits and budget as well as its
        own.

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

    def list_webhook_endpoints(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Pages[WebhookEndpointResponse, WebhookEndpointListResponse]:
        """List your tenant's webhook endpoints, the newest first.

        Needs the scope `admin`.

        Args:
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> WebhookEndpointListResponse:
            return self._transport.send(
                self._requests.call(
                    _LIST_WEBHOOK_ENDPOINTS,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return Pages(fetch, cursor)

    def create_webhook_endpoint(
        self,
        url: str,
        *,
        events: Sequence[
            Literal[
                "batch.*",
                "batch.cancelled",
                "batch.completed",
                "batch.failed",
                "generation.*",
                "generation.completed",
                "generation.failed",
                "usage.threshold_reached",
            ]
        ],
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> NewWebhookEndpointResponse:
        """Register a URL to be told of events. Its secret is shown this once.

        Deliveries are signed as Standard Webhooks has it. One that is not answered with a 2xx within 10 s
        is tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, then daily, for three days; `Retry-After`
        is respected. Their order is not promised, and one may come twice: `webhook-id` tells.

        Needs the scope `admin`.

        Args:
            url: Where to: https, at a public address or at a host that the operator allows; without user
                name, password and fragment.
            events: What is sent: names of events, `generation.*` or `batch.*`. A `generation` event is sent
                for each request, once it is settled.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _CREATE_WEBHOOK_ENDPOINT,
                CallOptions(timeout, max_retries, extra_headers),
                body={
                    "url": url,
                    "events": events,
                },
            )
        )

    def get_webhook_endpoint(
        self,
        endpoint_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> WebhookEndpointResponse:
        """Look at a webhook endpoint: whether it is well, and, if it is disabled, why.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _GET_WEBHOOK_ENDPOINT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
            )
        )

    def delete_webhook_endpoint(
        self,
        endpoint_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a webhook endpoint, with the list of its deliveries.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        self._transport.send(
            self._requests.call(
                _DELETE_WEBHOOK_ENDPOINT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
            )
        )

    def change_webhook_endpoint(
        self,
        endpoint_id: str,
        *,
        url: str | Omit = OMIT,
        events: Sequence[
            Literal[
                "batch.*",
                "batch.cancelled",
                "batch.completed",
                "batch.failed",
                "generation.*",
                "generation.completed",
                "generation.failed",
                "usage.threshold_reached",
            ]
        ]
        | Omit = OMIT,
        enabled: bool | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> WebhookEndpointResponse:
        """Change a webhook endpoint, disable it, or enable it again.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            url: Where to: https, at a public address or at a host that the operator allows; without user
                name, password and fragment.
            events: What is sent: names of events, `generation.*` or `batch.*`. A `generation` event is sent
                for each request, once it is settled. Replaced whole.
            enabled: `false`: nothing is sent any more, and what was pending has failed. `true`: events are
                sent from now on; `redeliver-failed` sends what has failed again.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _CHANGE_WEBHOOK_ENDPOINT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
                body={
                    "url": url,
                    "events": events,
                    "enabled": enabled,
                },
            )
        )

    def rotate_webhook_secret(
        self,
        endpoint_id: str,
        *,
        overlap_seconds: int | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> NewWebhookEndpointResponse:
        """Give a webhook endpoint another secret. For a while both sign each delivery.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            overlap_seconds: For how long both secrets sign; 0: the old one ends at once.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _ROTATE_WEBHOOK_SECRET,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
                body={
                    "overlap_seconds": overlap_seconds,
                },
            )
        )

    def test_webhook_endpoint(
        self,
        endpoint_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> WebhookDeliveryResponse:
        """Send a test, once: an event `webhook_endpoint.test`. How it went is in the list of deliveries.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _TEST_WEBHOOK_ENDPOINT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
            )
        )

    def list_webhook_deliveries(
        self,
        endpoint_id: str,
        *,
        status: Literal["delivered", "failed", "pending"] | None | Omit = OMIT,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Pages[WebhookDeliveryResponse, WebhookDeliveryListResponse]:
        """List the deliveries to a webhook endpoint, the newest first.

        They are kept for 30 days after their end, unless the operator has set another time.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            status: Only those of this status; absent: all.
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> WebhookDeliveryListResponse:
            return self._transport.send(
                self._requests.call(
                    _LIST_WEBHOOK_DELIVERIES,
                    CallOptions(timeout, max_retries, extra_headers),
                    path={
                        "endpoint_id": endpoint_id,
                    },
                    query={
                        "status": status,
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return Pages(fetch, cursor)

    def redeliver_failed_webhooks(
        self,
        endpoint_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> RedeliveredResponse:
        """Send all failed deliveries to a webhook endpoint again.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _REDELIVER_FAILED_WEBHOOKS,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
            )
        )

    def redeliver_webhook(
        self,
        delivery_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> WebhookDeliveryResponse:
        """Send a delivery again, however it ended; a pending one, now.

        Needs the scope `admin`.

        Args:
            delivery_id: The id of a webhook delivery.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return self._transport.send(
            self._requests.call(
                _REDELIVER_WEBHOOK,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "delivery_id": delivery_id,
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
        self.create_conversation = raw(other.create_conversation)
        self.get_conversation = raw(other.get_conversation)
        self.delete_conversation = raw(other.delete_conversation)
        self.export_conversation = raw(other.export_conversation)
        self.fork_conversation = raw(other.fork_conversation)
        self.create_embeddings = raw(other.create_embeddings)
        self.run_batch = raw(other.run_batch)
        self.create_batch = raw(other.create_batch)
        self.get_batch = raw(other.get_batch)
        self.cancel_batch = raw(other.cancel_batch)
        self.upload_batch = raw(other.upload_batch)
        self.get_prompt = raw(other.get_prompt)
        self.put_prompt = raw(other.put_prompt)
        self.delete_prompt = raw(other.delete_prompt)
        self.put_prompt_label = raw(other.put_prompt_label)
        self.delete_prompt_label = raw(other.delete_prompt_label)
        self.render_prompt = raw(other.render_prompt)
        self.generate_with_prompt = raw(other.generate_with_prompt)
        self.chat_with_prompt = raw(other.chat_with_prompt)
        self.get_collection = raw(other.get_collection)
        self.put_collection = raw(other.put_collection)
        self.delete_collection = raw(other.delete_collection)
        self.add_documents = raw(other.add_documents)
        self.get_document = raw(other.get_document)
        self.delete_document = raw(other.delete_document)
        self.retrieve = raw(other.retrieve)
        self.query_collection = raw(other.query_collection)
        self.upload_documents = raw(other.upload_documents)
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
        self.create_webhook_endpoint = raw(other.create_webhook_endpoint)
        self.get_webhook_endpoint = raw(other.get_webhook_endpoint)
        self.delete_webhook_endpoint = raw(other.delete_webhook_endpoint)
        self.change_webhook_endpoint = raw(other.change_webhook_endpoint)
        self.rotate_webhook_secret = raw(other.rotate_webhook_secret)
        self.test_webhook_endpoint = raw(other.test_webhook_endpoint)
        self.redeliver_failed_webhooks = raw(other.redeliver_failed_webhooks)
        self.redeliver_webhook = raw(other.redeliver_webhook)
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
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
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
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                    "semantic_cache": semantic_cache,
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
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
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
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                "semantic_cache": semantic_cache,
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
        conversation_id: str | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        history_token_budget: int | None | Omit = OMIT,
        summarize_history: bool | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ChatResponse:
        """Answer a conversation, with images, tools and JSON Schema where the model takes them.

        With `conversation_id` the service keeps the history: send the new messages only.

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
            conversation_id: The conversation to go on with: its history goes to the model before `messages`, and both
                turns are kept in it once the answer is whole. One turn at a time: another meanwhile is a
                409. System messages in `messages` follow the conversation's own, for this turn only.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            history_token_budget: Of these, only as many of the last as have no more tokens by estimate (a token is four
                bytes, an image 1000). The last message always goes; system messages are not counted.
            summarize_history: Only with `conversation_id`: what falls out of the history goes to the model as a summary.
                A small model makes it when more has fallen out, at your cost and within 10 s; if that
                fails, the last one is used.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                    "conversation_id": conversation_id,
                    "history_limit": history_limit,
                    "history_token_budget": history_token_budget,
                    "summarize_history": summarize_history,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "reasoning_effort": reasoning_effort,
                    "provider_options": provider_options,
                    "sanitize": sanitize,
                    "semantic_cache": semantic_cache,
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
        conversation_id: str | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        history_token_budget: int | None | Omit = OMIT,
        summarize_history: bool | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncStream[TokenEvent | ToolCallEvent | DoneEvent, StreamResult]:
        """Answer a conversation as Server-Sent Events.

        `token` and `tool_call` events, then exactly one `done` or `error`. Hanging up stops the model. With
        `conversation_id`, what was delivered is kept then, marked as `interrupted`.

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
            conversation_id: The conversation to go on with: its history goes to the model before `messages`, and both
                turns are kept in it once the answer is whole. One turn at a time: another meanwhile is a
                409. System messages in `messages` follow the conversation's own, for this turn only.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            history_token_budget: Of these, only as many of the last as have no more tokens by estimate (a token is four
                bytes, an image 1000). The last message always goes; system messages are not counted.
            summarize_history: Only with `conversation_id`: what falls out of the history goes to the model as a summary.
                A small model makes it when more has fallen out, at your cost and within 10 s; if that
                fails, the last one is used.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                "conversation_id": conversation_id,
                "history_limit": history_limit,
                "history_token_budget": history_token_budget,
                "summarize_history": summarize_history,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "reasoning_effort": reasoning_effort,
                "provider_options": provider_options,
                "sanitize": sanitize,
                "semantic_cache": semantic_cache,
            },
        )
        return AsyncStream(lambda: self._transport.begin(call, StreamResult))

    def list_conversations(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncPages[ConversationResponse, ConversationListResponse]:
        """List conversations, the newest first.

        Needs the scope `generate`.

        Args:
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> Awaitable[ConversationListResponse]:
            return self._transport.send(
                self._requests.call(
                    _LIST_CONVERSATIONS,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return AsyncPages(fetch, cursor)

    async def create_conversation(
        self,
        *,
        system: str | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ConversationResponse:
        """Begin a conversation. Pass its id to `chat` as `conversation_id`, and it has a memory.

        It is kept until it is deleted. Every key of the tenant may go on with it; a browser token has only
        those that it began itself.

        Needs the scope `generate`.

        Args:
            system: Instructions that stand above every turn.
            metadata: Up to 16 tags, kept with the conversation.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _CREATE_CONVERSATION,
                CallOptions(timeout, max_retries, extra_headers),
                body={
                    "system": system,
                    "metadata": metadata,
                },
            )
        )

    async def get_conversation(
        self,
        conversation_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ConversationResponse:
        """Look at a conversation: how long it is, and what it has cost so far.

        Needs the scope `generate`.

        Args:
            conversation_id: The id of a conversation.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_CONVERSATION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "conversation_id": conversation_id,
                },
            )
        )

    async def delete_conversation(
        self,
        conversation_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a conversation with its messages, for good. What it cost stays in the usage.

        A turn that is under way loses its place: its answer is a `conflict`. Forks are not touched.

        Needs the scope `generate`.

        Args:
            conversation_id: The id of a conversation.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        await self._transport.send(
            self._requests.call(
                _DELETE_CONVERSATION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "conversation_id": conversation_id,
                },
            )
        )

    def list_conversation_messages(
        self,
        conversation_id: str,
        *,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncPages[MessageResponse, MessageListResponse]:
        """List the messages of a conversation, the oldest first.

        Needs the scope `generate`.

        Args:
            conversation_id: The id of a conversation.
            sanitize: Makes all text of the messages safe for a web page, as `sanitize` of `chat` does. Absent:
                as the key has it.
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> Awaitable[MessageListResponse]:
            return self._transport.send(
                self._requests.call(
                    _LIST_CONVERSATION_MESSAGES,
                    CallOptions(timeout, max_retries, extra_headers),
                    path={
                        "conversation_id": conversation_id,
                    },
                    query={
                        "sanitize": sanitize,
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return AsyncPages(fetch, cursor)

    async def export_conversation(
        self,
        conversation_id: str,
        *,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ConversationExportResponse:
        """Export everything that is kept of a conversation.

        Needs the scope `generate`.

        Args:
            conversation_id: The id of a conversation.
            sanitize: Makes all text of the messages safe for a web page, as `sanitize` of `chat` does. Absent:
                as the key has it.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _EXPORT_CONVERSATION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "conversation_id": conversation_id,
                },
                query={
                    "sanitize": sanitize,
                },
            )
        )

    async def fork_conversation(
        self,
        conversation_id: str,
        *,
        at_message_id: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ConversationResponse:
        """Begin a conversation with what another has up to one of its messages; each goes on by itself.

        Needs the scope `generate`.

        Args:
            conversation_id: The id of a conversation.
            at_message_id: The last message that the fork has too; absent: the last there is.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _FORK_CONVERSATION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "conversation_id": conversation_id,
                },
                body={
                    "at_message_id": at_message_id,
                },
            )
        )

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
            prompts: Prompts; instead of `requests`.
            requests: Generate and chat bodies; instead of `prompts`.
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

    def list_batches(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncPages[Batch, BatchList]:
        """List your tenant's batches, the newest first.

        Needs the scope `batch`.

        Args:
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> Awaitable[BatchList]:
            return self._transport.send(
                self._requests.call(
                    _LIST_BATCHES,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return AsyncPages(fetch, cursor)

    async def create_batch(
        self,
        *,
        prompts: Sequence[str] | None | Omit = OMIT,
        requests: Sequence[GenerateItemParam | ChatItemParam | Model] | None | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_concurrency: int | Omit = OMIT,
        requests_per_second: float | None | Omit = OMIT,
        mode: Literal["provider", "service"] | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Batch:
        """Have up to 50,000 requests answered, as time, limits and budget allow.

        The batch survives restarts; it runs under the key that it came with, and ends with it. Its requests
        and results are deleted 30 days after its end, unless the operator has set another time.

        Needs the scope `batch`.

        Args:
            prompts: Prompts; instead of `requests`.
            requests: Generate and chat bodies, each with a `custom_id` if you like; instead of `prompts`.
            model: For `prompts`: the model (`haiku`). Bodies name their own.
            max_concurrency: How many are in flight at once, at most. Fewer are while others ask live.
            requests_per_second: How fast they may be started.
            mode: `service`: one by one, as if asked live. `provider`: through the provider's own batch API,
                at its lower price, within a day.
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
                _CREATE_BATCH,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                body={
                    "prompts": prompts,
                    "requests": requests,
                    "model": model,
                    "max_concurrency": max_concurrency,
                    "requests_per_second": requests_per_second,
                    "mode": mode,
                },
            )
        )

    async def get_batch(
        self,
        batch_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Batch:
        """See how far a batch is, and what it has cost.

        Needs the scope `batch`.

        Args:
            batch_id: The id of a batch.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_BATCH,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "batch_id": batch_id,
                },
            )
        )

    def get_batch_results(
        self,
        batch_id: str,
        *,
        after: int | None | Omit = OMIT,
        limit: int | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncPages[BatchResultLine, Lines[BatchResultLine]]:
        """Read the results that there are, as JSON Lines.

        Also while the batch runs: then those that end later may come to stand between lines that you have.

        Needs the scope `batch`.

        Args:
            batch_id: The id of a batch.
            after: Only requests with an `index` above this.
            limit: How many a page has, at most; absent: all.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """
        limit = limit or LINES_PER_PAGE

        def fetch(after: Cursor) -> Awaitable[Lines[BatchResultLine]]:
            return self._transport.send(
                self._requests.call(
                    _GET_BATCH_RESULTS,
                    CallOptions(timeout, max_retries, extra_headers),
                    path={
                        "batch_id": batch_id,
                    },
                    query={
                        "after": after,
                        "limit": limit,
                    },
                )
            )

        return AsyncPages(fetch, after)

    async def cancel_batch(
        self,
        batch_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Batch:
        """Cancel a batch.

        What is under way is stopped within seconds and billed for what it has used; results that there are
        stay. One that has ended stays as it is.

        Needs the scope `batch`.

        Args:
            batch_id: The id of a batch.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _CANCEL_BATCH,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "batch_id": batch_id,
                },
            )
        )

    async def upload_batch(
        self,
        file: File,
        *,
        max_concurrency: int | Omit = OMIT,
        requests_per_second: float | None | Omit = OMIT,
        mode: Literal["provider", "service"] | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> Batch:
        """Have the requests of a JSON Lines file answered, up to 50,000 of them.

        As `POST /batches`. If a line cannot be used, none is: the error's `field` is `file.` and its
        number.

        Needs the scope `batch`.

        Args:
            file: JSON Lines: a generate or chat body a line, each with a `custom_id` if you like.
            max_concurrency: How many are in flight at once, at most. Fewer are while others ask live.
            requests_per_second: How fast they may be started.
            mode: `service`: one by one, as if asked live. `provider`: through the provider's own batch API,
                at its lower price, within a day.
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
                _UPLOAD_BATCH,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                form={
                    "max_concurrency": max_concurrency,
                    "requests_per_second": requests_per_second,
                    "mode": mode,
                },
                files={
                    "file": file,
                },
            )
        )

    async def get_prompt(
        self,
        prompt_name: str,
        *,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> PromptResponse:
        """Look at a prompt: its latest version, a certain one, or the one that has a label.

        Needs the scope `generate` or `admin`.

        Args:
            prompt_name: The name of a prompt.
            version: A version's number. Absent: the latest.
            label: Instead: the version that has this label.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_PROMPT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                },
                query={
                    "version": version,
                    "label": label,
                },
            )
        )

    async def put_prompt(
        self,
        prompt_name: str,
        *,
        template: str,
        system: str | None | Omit = OMIT,
        defaults: PromptDefaultsParam | Model | Omit = OMIT,
        variables: Mapping[str, Any] | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> PromptResponse:
        """Make a new version of a prompt, or the first.

        If the latest version says just the same, it stays the latest: putting it again changes nothing.

        Needs the scope `admin`.

        Args:
            prompt_name: The name of a prompt.
            template: The prompt. `{name}` is a field, which the variable of this name fills; `{{` and `}}`
                stand for braces.
            system: Instructions that stand above it; may have fields, too.
            defaults: What requests that are made with the prompt ask for, unless they say otherwise themselves.
            variables: What the fields take, by name. Absent: each is a string that must be given.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _PUT_PROMPT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                },
                body={
                    "template": template,
                    "system": system,
                    "defaults": defaults,
                    "variables": variables,
                },
            )
        )

    async def delete_prompt(
        self,
        prompt_name: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a prompt with all of its versions and labels.

        What was made with it stays in the usage. If the name is used again, its versions count on.

        Needs the scope `admin`.

        Args:
            prompt_name: The name of a prompt.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        await self._transport.send(
            self._requests.call(
                _DELETE_PROMPT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                },
            )
        )

    def list_prompts(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncPages[PromptResponse, PromptListResponse]:
        """List prompts by name, each in its latest version.

        Needs the scope `generate` or `admin`.

        Args:
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> Awaitable[PromptListResponse]:
            return self._transport.send(
                self._requests.call(
                    _LIST_PROMPTS,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return AsyncPages(fetch, cursor)

    def list_prompt_versions(
        self,
        prompt_name: str,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncPages[PromptResponse, PromptListResponse]:
        """List a prompt's versions, the latest first.

        Needs the scope `generate` or `admin`.

        Args:
            prompt_name: The name of a prompt.
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> Awaitable[PromptListResponse]:
            return self._transport.send(
                self._requests.call(
                    _LIST_PROMPT_VERSIONS,
                    CallOptions(timeout, max_retries, extra_headers),
                    path={
                        "prompt_name": prompt_name,
                    },
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return AsyncPages(fetch, cursor)

    async def put_prompt_label(
        self,
        prompt_name: str,
        label: str,
        *,
        version: int,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> PromptResponse:
        """Put a label on a version; if another has it, it moves.

        Whoever asks for the label gets this version from the next request on.

        Needs the scope `admin`.

        Args:
            prompt_name: The name of a prompt.
            label: A label.
            version: The number of the version.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _PUT_PROMPT_LABEL,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                    "label": label,
                },
                body={
                    "version": version,
                },
            )
        )

    async def delete_prompt_label(
        self,
        prompt_name: str,
        label: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Take a label away. The version stays.

        Needs the scope `admin`.

        Args:
            prompt_name: The name of a prompt.
            label: A label.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        await self._transport.send(
            self._requests.call(
                _DELETE_PROMPT_LABEL,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                    "label": label,
                },
            )
        )

    async def render_prompt(
        self,
        prompt_name: str,
        *,
        variables: Mapping[str, Any] | Omit = OMIT,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> RenderedPromptResponse:
        """Show what a prompt says with its variables filled in. No model is asked, and it costs nothing.

        Needs the scope `generate` or `admin`.

        Args:
            prompt_name: The name of a prompt.
            variables: What the fields are filled with, by name. Those with a default may be left out.
            version: The version's number. Absent, and no label: the latest version.
            label: Instead of a version: the one that has this label.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _RENDER_PROMPT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "prompt_name": prompt_name,
                },
                body={
                    "variables": variables,
                    "version": version,
                    "label": label,
                },
            )
        )

    async def generate_with_prompt(
        self,
        prompt_name: str,
        *,
        variables: Mapping[str, Any] | Omit = OMIT,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_tokens: int | None | Omit = OMIT,
        temperature: float | None | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        conversation_id: str | None | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> GenerateResponse:
        """Answer a prompt that is made from a template.

        The version stands in the request's record, and `GET /usage?group_by=prompt` compares what each
        costs.

        Needs the scope `generate`.

        Args:
            prompt_name: The name of a prompt.
            variables: What the fields are filled with, by name. Those with a default may be left out.
            version: The version's number. Absent, and no label: the latest version.
            label: Instead of a version: the one that has this label.
            model: An alias or a provider's model id. Absent: as the prompt has it.
            max_tokens: The most tokens that the answer may have. Absent: as the prompt has it.
            temperature: Higher is more varied. Absent: as the prompt has it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            conversation_id: The conversation to go on with: its history goes to the model before what the template
                says, and both turns are kept in it once the answer is whole. One turn at a time: another
                meanwhile is a 409.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                _GENERATE_WITH_PROMPT,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "prompt_name": prompt_name,
                },
                body={
                    "variables": variables,
                    "version": version,
                    "label": label,
                    "model": model,
                    "max_tokens": max_tokens,
                    "temperature": temperature,
                    "top_p": top_p,
                    "stop": stop,
                    "conversation_id": conversation_id,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "reasoning_effort": reasoning_effort,
                    "provider_options": provider_options,
                    "sanitize": sanitize,
                    "semantic_cache": semantic_cache,
                },
            )
        )

    def stream_generate_with_prompt(
        self,
        prompt_name: str,
        *,
        variables: Mapping[str, Any] | Omit = OMIT,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_tokens: int | None | Omit = OMIT,
        temperature: float | None | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        conversation_id: str | None | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncStream[TokenEvent | DoneEvent, StreamResult]:
        """Answer a prompt that is made from a template, as Server-Sent Events.

        `token` events, then exactly one `done` or `error`. Hanging up stops the model.

        Needs the scope `generate`.

        Args:
            prompt_name: The name of a prompt.
            variables: What the fields are filled with, by name. Those with a default may be left out.
            version: The version's number. Absent, and no label: the latest version.
            label: Instead of a version: the one that has this label.
            model: An alias or a provider's model id. Absent: as the prompt has it.
            max_tokens: The most tokens that the answer may have. Absent: as the prompt has it.
            temperature: Higher is more varied. Absent: as the prompt has it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            conversation_id: The conversation to go on with: its history goes to the model before what the template
                says, and both turns are kept in it once the answer is whole. One turn at a time: another
                meanwhile is a 409.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop or by `final()`.
        """
        call = self._requests.call(
            _STREAM_GENERATE_WITH_PROMPT,
            CallOptions(timeout, max_retries, extra_headers, idempotency_key),
            path={
                "prompt_name": prompt_name,
            },
            body={
                "variables": variables,
                "version": version,
                "label": label,
                "model": model,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stop": stop,
                "conversation_id": conversation_id,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "reasoning_effort": reasoning_effort,
                "provider_options": provider_options,
                "sanitize": sanitize,
                "semantic_cache": semantic_cache,
            },
        )
        return AsyncStream(lambda: self._transport.begin(call, StreamResult))

    async def chat_with_prompt(
        self,
        prompt_name: str,
        *,
        variables: Mapping[str, Any] | Omit = OMIT,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        messages: Sequence[ChatMessageParam | Model] | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_tokens: int | None | Omit = OMIT,
        temperature: float | None | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        tools: Sequence[ToolDefinitionParam | Model] | None | Omit = OMIT,
        tool_choice: Literal["auto", "none", "required"]
        | NamedToolChoiceParam
        | Model
        | None
        | Omit = OMIT,
        response_format: TextFormatParam | JsonSchemaFormatParam | Model | None | Omit = OMIT,
        conversation_id: str | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        history_token_budget: int | None | Omit = OMIT,
        summarize_history: bool | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> ChatResponse:
        """Answer a conversation that a template begins; `messages` are what was said since.

        Needs the scope `generate`.

        Args:
            prompt_name: The name of a prompt.
            variables: What the fields are filled with, by name. Those with a default may be left out.
            version: The version's number. Absent, and no label: the latest version.
            label: Instead of a version: the one that has this label.
            messages: What was said since, oldest first. The rendered messages stand before these, always.
            model: An alias or a provider's model id. Absent: as the prompt has it.
            max_tokens: The most tokens that the answer may have. Absent: as the prompt has it.
            temperature: Higher is more varied. Absent: as the prompt has it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            tools: The functions that the model may ask for.
            tool_choice: Whether it may, must not or must ask for one, or for which.
            response_format: Free text, or JSON that follows a schema.
            conversation_id: The conversation to go on with: its history goes to the model before what the template
                says, and both turns are kept in it once the answer is whole. One turn at a time: another
                meanwhile is a 409.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            history_token_budget: Of these, only as many of the last as have no more tokens by estimate (a token is four
                bytes, an image 1000). The last message always goes; system messages are not counted.
            summarize_history: Only with `conversation_id`: what falls out of the history goes to the model as a summary.
                A small model makes it when more has fallen out, at your cost and within 10 s; if that
                fails, the last one is used.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
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
                _CHAT_WITH_PROMPT,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "prompt_name": prompt_name,
                },
                body={
                    "variables": variables,
                    "version": version,
                    "label": label,
                    "messages": messages,
                    "model": model,
                    "max_tokens": max_tokens,
                    "temperature": temperature,
                    "top_p": top_p,
                    "stop": stop,
                    "tools": tools,
                    "tool_choice": tool_choice,
                    "response_format": response_format,
                    "conversation_id": conversation_id,
                    "history_limit": history_limit,
                    "history_token_budget": history_token_budget,
                    "summarize_history": summarize_history,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "reasoning_effort": reasoning_effort,
                    "provider_options": provider_options,
                    "sanitize": sanitize,
                    "semantic_cache": semantic_cache,
                },
            )
        )

    def stream_chat_with_prompt(
        self,
        prompt_name: str,
        *,
        variables: Mapping[str, Any] | Omit = OMIT,
        version: int | None | Omit = OMIT,
        label: str | None | Omit = OMIT,
        messages: Sequence[ChatMessageParam | Model] | Omit = OMIT,
        model: str | None | Omit = OMIT,
        max_tokens: int | None | Omit = OMIT,
        temperature: float | None | Omit = OMIT,
        top_p: float | None | Omit = OMIT,
        stop: Sequence[str] | None | Omit = OMIT,
        tools: Sequence[ToolDefinitionParam | Model] | None | Omit = OMIT,
        tool_choice: Literal["auto", "none", "required"]
        | NamedToolChoiceParam
        | Model
        | None
        | Omit = OMIT,
        response_format: TextFormatParam | JsonSchemaFormatParam | Model | None | Omit = OMIT,
        conversation_id: str | None | Omit = OMIT,
        history_limit: int | Omit = OMIT,
        history_token_budget: int | None | Omit = OMIT,
        summarize_history: bool | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        reasoning_effort: Literal["high", "low", "medium", "none"] | None | Omit = OMIT,
        provider_options: ProviderOptionsParam | Model | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncStream[TokenEvent | ToolCallEvent | DoneEvent, StreamResult]:
        """Answer a conversation that a template begins, as Server-Sent Events.

        `token` and `tool_call` events, then exactly one `done` or `error`. Hanging up stops the model.

        Needs the scope `generate`.

        Args:
            prompt_name: The name of a prompt.
            variables: What the fields are filled with, by name. Those with a default may be left out.
            version: The version's number. Absent, and no label: the latest version.
            label: Instead of a version: the one that has this label.
            messages: What was said since, oldest first. The rendered messages stand before these, always.
            model: An alias or a provider's model id. Absent: as the prompt has it.
            max_tokens: The most tokens that the answer may have. Absent: as the prompt has it.
            temperature: Higher is more varied. Absent: as the prompt has it.
            top_p: Nucleus sampling. Left out for models that do not take it.
            stop: The answer ends before any of these, up to 4.
            tools: The functions that the model may ask for.
            tool_choice: Whether it may, must not or must ask for one, or for which.
            response_format: Free text, or JSON that follows a schema.
            conversation_id: The conversation to go on with: its history goes to the model before what the template
                says, and both turns are kept in it once the answer is whole. One turn at a time: another
                meanwhile is a 409.
            history_limit: Only this many of the last messages go to the model. System messages are kept, and a
                tool's result is never cut from its call.
            history_token_budget: Of these, only as many of the last as have no more tokens by estimate (a token is four
                bytes, an image 1000). The last message always goes; system messages are not counted.
            summarize_history: Only with `conversation_id`: what falls out of the history goes to the model as a summary.
                A small model makes it when more has fallen out, at your cost and within 10 s; if that
                fails, the last one is used.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
            reasoning_effort: How much to think, for models that can be told.
            provider_options: Fields for one vendor's own call, by vendor.
            sanitize: Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is
                harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool
                calls are left alone. Absent: as the key has it.
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer
                (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding
                is paid. Null: as the key has it; `cache: false` leaves it out.
            idempotency_key: Makes a retry of yours safe, too: the same call with the same key gets the
                recorded answer. The retries of one call share a key of their own.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop or by `final()`.
        """
        call = self._requests.call(
            _STREAM_CHAT_WITH_PROMPT,
            CallOptions(timeout, max_retries, extra_headers, idempotency_key),
            path={
                "prompt_name": prompt_name,
            },
            body={
                "variables": variables,
                "version": version,
                "label": label,
                "messages": messages,
                "model": model,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "top_p": top_p,
                "stop": stop,
                "tools": tools,
                "tool_choice": tool_choice,
                "response_format": response_format,
                "conversation_id": conversation_id,
                "history_limit": history_limit,
                "history_token_budget": history_token_budget,
                "summarize_history": summarize_history,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "reasoning_effort": reasoning_effort,
                "provider_options": provider_options,
                "sanitize": sanitize,
                "semantic_cache": semantic_cache,
            },
        )
        return AsyncStream(lambda: self._transport.begin(call, StreamResult))

    async def get_collection(
        self,
        collection: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> CollectionResponse:
        """Look at a collection.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_COLLECTION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "collection": collection,
                },
            )
        )

    async def put_collection(
        self,
        collection: str,
        *,
        embedding_model: str | Omit = OMIT,
        chunk_size: int | Omit = OMIT,
        chunk_overlap: int | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> CollectionResponse:
        """Make a collection, or change how it cuts up and embeds while it has no documents.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            embedding_model: Makes the vectors; one model for the whole collection.
            chunk_size: Tokens of a chunk, at most.
            chunk_overlap: Tokens that a chunk shares with the one before it, at most.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _PUT_COLLECTION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "collection": collection,
                },
                body={
                    "embedding_model": embedding_model,
                    "chunk_size": chunk_size,
                    "chunk_overlap": chunk_overlap,
                },
            )
        )

    async def delete_collection(
        self,
        collection: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a collection with all of its documents.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        await self._transport.send(
            self._requests.call(
                _DELETE_COLLECTION,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "collection": collection,
                },
            )
        )

    def list_collections(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncPages[CollectionResponse, CollectionListResponse]:
        """List the collections, by name.

        Needs the scope `retrieval`.

        Args:
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> Awaitable[CollectionListResponse]:
            return self._transport.send(
                self._requests.call(
                    _LIST_COLLECTIONS,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return AsyncPages(fetch, cursor)

    def list_documents(
        self,
        collection: str,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncPages[DocumentResponse, DocumentListResponse]:
        """List the documents of a collection, by id, with their states.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> Awaitable[DocumentListResponse]:
            return self._transport.send(
                self._requests.call(
                    _LIST_DOCUMENTS,
                    CallOptions(timeout, max_retries, extra_headers),
                    path={
                        "collection": collection,
                    },
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return AsyncPages(fetch, cursor)

    async def add_documents(
        self,
        collection: str,
        *,
        text: str | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        id: str | None | Omit = OMIT,
        documents: Sequence[NewDocumentParam | Model] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AcceptedDocumentsResponse:
        """Add documents as text, or replace those of the same id.

        They are embedded afterwards, at the key's cost; what the collection has embedded already is not
        embedded again.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            text: One document's text; instead of `documents`.
            metadata: With `text`: up to 16 fields, to filter by and shown with each source.
            id: With `text`: yours; a document of the same id is replaced. Absent: one is made.
            documents: Several documents; instead of `text`.
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
                _ADD_DOCUMENTS,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "collection": collection,
                },
                body={
                    "text": text,
                    "metadata": metadata,
                    "id": id,
                    "documents": documents,
                },
            )
        )

    async def get_document(
        self,
        collection: str,
        document_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> DocumentResponse:
        """Look at a document: how far its ingestion is, or why it has failed.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            document_id: A document's id.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_DOCUMENT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "collection": collection,
                    "document_id": document_id,
                },
            )
        )

    async def delete_document(
        self,
        collection: str,
        document_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a document; it is found no more.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            document_id: A document's id.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        await self._transport.send(
            self._requests.call(
                _DELETE_DOCUMENT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "collection": collection,
                    "document_id": document_id,
                },
            )
        )

    async def retrieve(
        self,
        collection: str,
        *,
        question: str,
        top_k: int | Omit = OMIT,
        filter: Mapping[str, Any] | None | Omit = OMIT,
        min_score: float | None | Omit = OMIT,
        mode: Literal["hybrid", "lexical", "vector"] | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> RetrieveResponse:
        """Find what the documents say about a question, without making an answer of it.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            question: In your own words.
            top_k: How many sources, at most.
            filter: Only documents whose metadata has all of these.
            min_score: What scores less is left out. What is sensible depends on the model.
            mode: By meaning (`vector`), by words (`lexical`), or both, ranked together (`hybrid`).
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
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
                _RETRIEVE,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "collection": collection,
                },
                body={
                    "question": question,
                    "top_k": top_k,
                    "filter": filter,
                    "min_score": min_score,
                    "mode": mode,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                },
            )
        )

    async def query_collection(
        self,
        collection: str,
        *,
        question: str,
        top_k: int | Omit = OMIT,
        filter: Mapping[str, Any] | None | Omit = OMIT,
        min_score: float | None | Omit = OMIT,
        mode: Literal["hybrid", "lexical", "vector"] | Omit = OMIT,
        model: str | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> QueryResponse:
        """Answer a question from the documents, and say which ones.

        If they say nothing about it, no model is asked, and the answer says so.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            question: In your own words.
            top_k: How many sources, at most.
            filter: Only documents whose metadata has all of these.
            min_score: What scores less is left out. What is sensible depends on the model.
            mode: By meaning (`vector`), by words (`lexical`), or both, ranked together (`hybrid`).
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
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
                _QUERY_COLLECTION,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "collection": collection,
                },
                body={
                    "question": question,
                    "top_k": top_k,
                    "filter": filter,
                    "min_score": min_score,
                    "mode": mode,
                    "model": model,
                    "max_tokens": max_tokens,
                    "temperature": temperature,
                    "cache": cache,
                    "timeout_seconds": timeout_seconds,
                    "metadata": metadata,
                    "sanitize": sanitize,
                },
            )
        )

    def stream_query_collection(
        self,
        collection: str,
        *,
        question: str,
        top_k: int | Omit = OMIT,
        filter: Mapping[str, Any] | None | Omit = OMIT,
        min_score: float | None | Omit = OMIT,
        mode: Literal["hybrid", "lexical", "vector"] | Omit = OMIT,
        model: str | Omit = OMIT,
        max_tokens: int | Omit = OMIT,
        temperature: float | Omit = OMIT,
        cache: bool | Omit = OMIT,
        timeout_seconds: float | None | Omit = OMIT,
        metadata: Mapping[str, Any] | None | Omit = OMIT,
        sanitize: Literal["html", "none", "text"] | None | Omit = OMIT,
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncStream[SourcesEvent | TokenEvent | QueryDoneEvent, QueryStreamResult]:
        """Answer a question from the documents as Server-Sent Events.

        One `sources` event, then `token` events, then exactly one `done` or `error`. A failure before the
        first token is a plain HTTP error. Hanging up stops the model.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            question: In your own words.
            top_k: How many sources, at most.
            filter: Only documents whose metadata has all of these.
            min_score: What scores less is left out. What is sensible depends on the model.
            mode: By meaning (`vector`), by words (`lexical`), or both, ranked together (`hybrid`).
            model: An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET
                /api/v1/models` lists them.
            max_tokens: The most tokens that the answer may have.
            temperature: Higher is more varied. Left out of the call for models that do not take it.
            cache: Whether a stored answer may be given, once there is one.
            timeout_seconds: Shortens the server's own deadline; never lengthens it.
            metadata: Up to 16 tags, kept in the usage row.
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
            _STREAM_QUERY_COLLECTION,
            CallOptions(timeout, max_retries, extra_headers, idempotency_key),
            path={
                "collection": collection,
            },
            body={
                "question": question,
                "top_k": top_k,
                "filter": filter,
                "min_score": min_score,
                "mode": mode,
                "model": model,
                "max_tokens": max_tokens,
                "temperature": temperature,
                "cache": cache,
                "timeout_seconds": timeout_seconds,
                "metadata": metadata,
                "sanitize": sanitize,
            },
        )
        return AsyncStream(lambda: self._transport.begin(call, QueryStreamResult))

    async def upload_documents(
        self,
        collection: str,
        *,
        file: Sequence[File],
        idempotency_key: str | None = None,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AcceptedDocumentsResponse:
        """Add documents as files: txt, md, html, pdf, docx or json.

        A file of the same name is replaced; one that has not changed is left as it is, so that an upload
        may always be repeated. The name becomes the metadata field `file_name`.

        Needs the scope `retrieval`.

        Args:
            collection: The name of a collection.
            file: Files whose names end in .txt, .md, .html, .pdf, .docx or .json; the field may be
                repeated.
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
                _UPLOAD_DOCUMENTS,
                CallOptions(timeout, max_retries, extra_headers, idempotency_key),
                path={
                    "collection": collection,
                },
                files={
                    "file": list_of(file),
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
        """Add up what the tenant used: requests, tokens and cost by day, model, key, prompt or tag.

        A request belongs to the moment at which it began, and is counted once it has ended. With the header
        `Accept: text/csv` the answer is CSV; there, a group that a spreadsheet would take for a formula
        stands behind an apostrophe.

        Needs the scope `usage:read`.

        Args:
            from_: The first moment of the report: an RFC 3339 time, or a date, which begins at midnight UTC.
                By default the first of this month.
            to: The first moment after the report, as `from`. By default now.
            group_by: `day` (UTC), `model` (as asked for), `key` (its id), `prompt` (`NAME@VERSION` of the
                template), or `tag:NAME` (what requests had in `metadata` under NAME). A report of more
                than 10000 groups is refused.
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
            request_id: The `id` of the answer: `req_…`.
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
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
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
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer, where a
                request says nothing of its own. Null: only the same question.
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
                    "semantic_cache": semantic_cache,
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
        semantic_cache: SemanticCacheBodyParam | Model | None | Omit = OMIT,
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
            semantic_cache: Lets a question that means nearly the same as an earlier one have its answer, where a
                request says nothing of its own. Null: only the same question.
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
                    "semantic_cache": semantic_cache,
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
        never has more scopes, and what it uses up is taken from its key's limits and budget as well as its
        own.

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

    def list_webhook_endpoints(
        self,
        *,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncPages[WebhookEndpointResponse, WebhookEndpointListResponse]:
        """List your tenant's webhook endpoints, the newest first.

        Needs the scope `admin`.

        Args:
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> Awaitable[WebhookEndpointListResponse]:
            return self._transport.send(
                self._requests.call(
                    _LIST_WEBHOOK_ENDPOINTS,
                    CallOptions(timeout, max_retries, extra_headers),
                    query={
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return AsyncPages(fetch, cursor)

    async def create_webhook_endpoint(
        self,
        url: str,
        *,
        events: Sequence[
            Literal[
                "batch.*",
                "batch.cancelled",
                "batch.completed",
                "batch.failed",
                "generation.*",
                "generation.completed",
                "generation.failed",
                "usage.threshold_reached",
            ]
        ],
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> NewWebhookEndpointResponse:
        """Register a URL to be told of events. Its secret is shown this once.

        Deliveries are signed as Standard Webhooks has it. One that is not answered with a 2xx within 10 s
        is tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, then daily, for three days; `Retry-After`
        is respected. Their order is not promised, and one may come twice: `webhook-id` tells.

        Needs the scope `admin`.

        Args:
            url: Where to: https, at a public address or at a host that the operator allows; without user
                name, password and fragment.
            events: What is sent: names of events, `generation.*` or `batch.*`. A `generation` event is sent
                for each request, once it is settled.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _CREATE_WEBHOOK_ENDPOINT,
                CallOptions(timeout, max_retries, extra_headers),
                body={
                    "url": url,
                    "events": events,
                },
            )
        )

    async def get_webhook_endpoint(
        self,
        endpoint_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> WebhookEndpointResponse:
        """Look at a webhook endpoint: whether it is well, and, if it is disabled, why.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _GET_WEBHOOK_ENDPOINT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
            )
        )

    async def delete_webhook_endpoint(
        self,
        endpoint_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """Delete a webhook endpoint, with the list of its deliveries.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        await self._transport.send(
            self._requests.call(
                _DELETE_WEBHOOK_ENDPOINT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
            )
        )

    async def change_webhook_endpoint(
        self,
        endpoint_id: str,
        *,
        url: str | Omit = OMIT,
        events: Sequence[
            Literal[
                "batch.*",
                "batch.cancelled",
                "batch.completed",
                "batch.failed",
                "generation.*",
                "generation.completed",
                "generation.failed",
                "usage.threshold_reached",
            ]
        ]
        | Omit = OMIT,
        enabled: bool | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> WebhookEndpointResponse:
        """Change a webhook endpoint, disable it, or enable it again.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            url: Where to: https, at a public address or at a host that the operator allows; without user
                name, password and fragment.
            events: What is sent: names of events, `generation.*` or `batch.*`. A `generation` event is sent
                for each request, once it is settled. Replaced whole.
            enabled: `false`: nothing is sent any more, and what was pending has failed. `true`: events are
                sent from now on; `redeliver-failed` sends what has failed again.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _CHANGE_WEBHOOK_ENDPOINT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
                body={
                    "url": url,
                    "events": events,
                    "enabled": enabled,
                },
            )
        )

    async def rotate_webhook_secret(
        self,
        endpoint_id: str,
        *,
        overlap_seconds: int | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> NewWebhookEndpointResponse:
        """Give a webhook endpoint another secret. For a while both sign each delivery.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            overlap_seconds: For how long both secrets sign; 0: the old one ends at once.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _ROTATE_WEBHOOK_SECRET,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
                body={
                    "overlap_seconds": overlap_seconds,
                },
            )
        )

    async def test_webhook_endpoint(
        self,
        endpoint_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> WebhookDeliveryResponse:
        """Send a test, once: an event `webhook_endpoint.test`. How it went is in the list of deliveries.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _TEST_WEBHOOK_ENDPOINT,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
            )
        )

    def list_webhook_deliveries(
        self,
        endpoint_id: str,
        *,
        status: Literal["delivered", "failed", "pending"] | None | Omit = OMIT,
        limit: int | Omit = OMIT,
        cursor: str | None | Omit = OMIT,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> AsyncPages[WebhookDeliveryResponse, WebhookDeliveryListResponse]:
        """List the deliveries to a webhook endpoint, the newest first.

        They are kept for 30 days after their end, unless the operator has set another time.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            status: Only those of this status; absent: all.
            limit: How many to list.
            cursor: The `next_cursor` of the page before; absent: the first page.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`. It is raised by the loop.
        """

        def fetch(cursor: Cursor) -> Awaitable[WebhookDeliveryListResponse]:
            return self._transport.send(
                self._requests.call(
                    _LIST_WEBHOOK_DELIVERIES,
                    CallOptions(timeout, max_retries, extra_headers),
                    path={
                        "endpoint_id": endpoint_id,
                    },
                    query={
                        "status": status,
                        "limit": limit,
                        "cursor": cursor,
                    },
                )
            )

        return AsyncPages(fetch, cursor)

    async def redeliver_failed_webhooks(
        self,
        endpoint_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> RedeliveredResponse:
        """Send all failed deliveries to a webhook endpoint again.

        Needs the scope `admin`.

        Args:
            endpoint_id: The id of a webhook endpoint.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _REDELIVER_FAILED_WEBHOOKS,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "endpoint_id": endpoint_id,
                },
            )
        )

    async def redeliver_webhook(
        self,
        delivery_id: str,
        *,
        timeout: float | None | Omit = OMIT,
        max_retries: int | Omit = OMIT,
        extra_headers: Mapping[str, str] | None = None,
    ) -> WebhookDeliveryResponse:
        """Send a delivery again, however it ended; a pending one, now.

        Needs the scope `admin`.

        Args:
            delivery_id: The id of a webhook delivery.
            timeout: Seconds for one attempt, instead of the client's.
            max_retries: How often to try again, instead of the client's.
            extra_headers: Sent with this call.

        Raises:
            AIServiceError: See `ai_service_sdk.errors`.
        """
        return await self._transport.send(
            self._requests.call(
                _REDELIVER_WEBHOOK,
                CallOptions(timeout, max_retries, extra_headers),
                path={
                    "delivery_id": delivery_id,
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
        self.create_conversation = async_raw(other.create_conversation)
        self.get_conversation = async_raw(other.get_conversation)
        self.delete_conversation = async_raw(other.delete_conversation)
        self.export_conversation = async_raw(other.export_conversation)
        self.fork_conversation = async_raw(other.fork_conversation)
        self.create_embeddings = async_raw(other.create_embeddings)
        self.run_batch = async_raw(other.run_batch)
        self.create_batch = async_raw(other.create_batch)
        self.get_batch = async_raw(other.get_batch)
        self.cancel_batch = async_raw(other.cancel_batch)
        self.upload_batch = async_raw(other.upload_batch)
        self.get_prompt = async_raw(other.get_prompt)
        self.put_prompt = async_raw(other.put_prompt)
        self.delete_prompt = async_raw(other.delete_prompt)
        self.put_prompt_label = async_raw(other.put_prompt_label)
        self.delete_prompt_label = async_raw(other.delete_prompt_label)
        self.render_prompt = async_raw(other.render_prompt)
        self.generate_with_prompt = async_raw(other.generate_with_prompt)
        self.chat_with_prompt = async_raw(other.chat_with_prompt)
        self.get_collection = async_raw(other.get_collection)
        self.put_collection = async_raw(other.put_collection)
        self.delete_collection = async_raw(other.delete_collection)
        self.add_documents = async_raw(other.add_documents)
        self.get_document = async_raw(other.get_document)
        self.delete_document = async_raw(other.delete_document)
        self.retrieve = async_raw(other.retrieve)
        self.query_collection = async_raw(other.query_collection)
        self.upload_documents = async_raw(other.upload_documents)
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
        self.create_webhook_endpoint = async_raw(other.create_webhook_endpoint)
        self.get_webhook_endpoint = async_raw(other.get_webhook_endpoint)
        self.delete_webhook_endpoint = async_raw(other.delete_webhook_endpoint)
        self.change_webhook_endpoint = async_raw(other.change_webhook_endpoint)
        self.rotate_webhook_secret = async_raw(other.rotate_webhook_secret)
        self.test_webhook_endpoint = async_raw(other.test_webhook_endpoint)
        self.redeliver_failed_webhooks = async_raw(other.redeliver_failed_webhooks)
        self.redeliver_webhook = async_raw(other.redeliver_webhook)
        self.get_health = async_raw(other.get_health)
        self.get_readiness = async_raw(other.get_readiness)
        self.get_metrics = async_raw(other.get_metrics)
