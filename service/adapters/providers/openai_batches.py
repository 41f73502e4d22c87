"""OpenAI's Batch API: https://developers.openai.com/api/docs/guides/batch.

A batch is an uploaded file of requests and a call that starts it; its answers and its errors are files,
too. Its metadata has our tag.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import msgspec
from msgspec import Raw, Struct

from service.adapters.providers.batch_calls import BatchCalls, Listed, is_older, place
from service.adapters.providers.failures import ErrorReport
from service.adapters.providers.openai_answer import read_completion
from service.adapters.providers.openai_request import chat_body
from service.adapters.providers.sdk_api import SdkApi
from service.batches.provider.ports import (
    BatchedAnswer,
    NotRun,
    NotRunReason,
    ProviderBatchState,
)
from service.core.messages import Completion
from service.inference.ports import CompletionCall, FailureKind, ProviderFailure

_BATCHES = "/batches"
_FILES = "/files"
_ENDPOINT = "/v1/chat/completions"
_TAG = "ai_service_tag"
_PAGE_SIZE = 100
_ENDED = ("completed", "expired", "cancelled")
_REST_NOT_RUN: dict[str, NotRunReason] = {"expired": "expired", "cancelled": "cancelled"}
_NOT_RUN: dict[str, NotRunReason] = {"batch_expired": "expired", "batch_cancelled": "cancelled"}
_PASSES_WITH_TIME = "token_limit_exceeded"
"""More tokens wait in this organization's batches than it may have there: later there is room."""


class _Error(Struct):
    code: str | None = None
    message: str | None = None


class _Errors(Struct):
    data: list[_Error] | None = None


class _Batch(Listed):
    status: str
    created_at: int
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: _Errors | None = None
    metadata: dict[str, str] | None = None


class _File(Struct):
    id: str


class _Response(Struct):
    status_code: int
    body: Raw = Raw(b"{}")


class _Result(Struct):
    custom_id: str
    response: _Response | None = None
    error: _Error | None = None


class OpenAIBatches:
    """The batches of one OpenAI project, or of a server with the same API."""

    def __init__(self, api: SdkApi) -> None:
        self._calls = BatchCalls(api)

    def encode(self, custom_id: str, call: CompletionCall) -> bytes:
        return msgspec.json.encode(
            {
                "custom_id": custom_id,
                "method": "POST",
                "url": _ENDPOINT,
                "body": Raw(chat_body(call, stream=False)),
            }
        )

    async def submit(self, requests: Sequence[bytes], *, tag: str) -> str:
        file = await self._calls.upload(
            _FILES,
            _File,
            file=(f"{tag}.jsonl", b"\n".join(requests)),
            fields={"purpose": "batch"},
        )
        start = {
            "input_file_id": file.id,
            "endpoint": _ENDPOINT,
            "completion_window": "24h",
            "metadata": {_TAG: tag},
        }
        return (await self._calls.post(_BATCHES, msgspec.json.encode(start), _Batch)).id

    async def find(self, tag: str, *, request_count: int, since: datetime) -> str | None:
        listed = self._calls.listed(_BATCHES, _Batch, page_size=_PAGE_SIZE, cursor="after")
        async with aclosing(listed) as newest_first:
            async for batch in newest_first:
                if (batch.metadata or {}).get(_TAG) == tag:
                    return batch.id
                if is_older(datetime.fromtimestamp(batch.created_at, UTC), since):
                    break
        return None

    async def poll(self, batch_id: str) -> ProviderBatchState:
        batch = await self._get(batch_id)
        if batch.status == "failed":
            return ProviderBatchState(has_ended=True, refusal=self._refusal(batch))
        return ProviderBatchState(
            has_ended=batch.status in _ENDED, rest_not_run=_REST_NOT_RUN.get(batch.status)
        )

    async def results(self, batch_id: str) -> AsyncGenerator[BatchedAnswer]:
        batch = await self._get(batch_id)
        for file_id in (batch.output_file_id, batch.error_file_id):
            if file_id is None:
                continue
            content = self._calls.lines(place(_FILES, file_id, "content"), _Result)
            async with aclosing(content) as lines:
                async for line in lines:
                    yield self._answer(line)

    async def cancel(self, batch_id: str) -> None:
        await self._calls.post(place(_BATCHES, batch_id, "cancel"), b"", _Batch)

    async def _get(self, batch_id: str) -> _Batch:
        return await self._calls.get(place(_BATCHES, batch_id), _Batch)

    def _answer(self, line: _Result) -> BatchedAnswer:
        failures = self._calls.failures

        def read(call: CompletionCall) -> Completion:
            if line.response is not None and line.response.status_code == 200:
                return read_completion(bytes(line.response.body), call, failures)
            if line.response is not None:
                status, body = line.response.status_code, bytes(line.response.body)
                raise failures.of_status(status, {}, body)
            code = line.error.code if line.error is not None else None
            if code in _NOT_RUN:
                raise NotRun(_NOT_RUN[code])
            raise failures.of_event(_report(line.error))

        return BatchedAnswer(line.custom_id, read)

    def _refusal(self, batch: _Batch) -> ProviderFailure:
        """The whole batch is not run; the first error says why."""
        errors = (batch.errors.data if batch.errors else None) or [_Error()]
        report = _report(errors[0])
        kind = (
            FailureKind.RATE_LIMITED
            if _PASSES_WITH_TIME in report.codes
            else FailureKind.MISCONFIGURED
        )
        reason = self._calls.failures.safe(report.message) or "The provider refused the batch"
        return ProviderFailure(kind, reason)


def _report(error: _Error | None) -> ErrorReport:
    error = error or _Error()
    return ErrorReport(codes=(error.code,) if error.code else (), message=error.message or "")
