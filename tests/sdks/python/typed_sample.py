"""What a user writes who has types checked: mypy and pyright find nothing here, and know every type."""

import asyncio
import sys
from pathlib import Path
from typing import assert_type

from ai_service_sdk import (
    AIServiceSDK,
    APIError,
    AsyncAIServiceSDK,
    AsyncPages,
    Lines,
    Pages,
    RateLimitError,
    RawResponse,
    Stream,
)
from ai_service_sdk.types import (
    BatchResultLine,
    ChatMessageParam,
    ChatResponse,
    DoneEvent,
    GenerateResponse,
    KeyListResponse,
    KeyResponse,
    QueryDoneEvent,
    QueryStreamResult,
    SourcesEvent,
    StreamResult,
    TokenEvent,
    ToolDefinitionParam,
)


def main(sdk: AIServiceSDK) -> None:
    """The blocking SDK."""
    answer = sdk.generate("Hello", model="haiku", max_tokens=20, timeout=None, max_retries=1)
    assert_type(answer, GenerateResponse)
    assert_type(answer.text, str)
    assert_type(answer.cost_usd, float | None)

    stream = sdk.stream_generate("Hello")
    assert_type(stream, Stream[TokenEvent | DoneEvent, StreamResult])
    for chunk in stream:
        if chunk.type == "token":
            assert_type(chunk, TokenEvent)
            sys.stdout.write(chunk.content)
        else:
            assert_type(chunk.usage.total_tokens, int)
    assert_type(stream.final().text, str)

    messages: list[ChatMessageParam] = [{"role": "user", "content": "Hello"}]
    tool: ToolDefinitionParam = {"type": "function", "function": {"name": "weather"}}
    reply = sdk.chat(messages, tools=[tool], tool_choice="auto")
    assert_type(reply, ChatResponse)
    sdk.chat([*messages, reply.message, {"role": "user", "content": "Go on"}])
    assert_type(
        [call.function.name for call in sdk.stream_chat(messages).final().tool_calls], list[str]
    )

    assert_type(sdk.list_keys(limit=10), Pages[KeyResponse, KeyListResponse])
    assert_type([key.name for key in sdk.list_keys()], list[str])
    lines = sdk.get_batch_results(sdk.upload_batch(Path("batch.jsonl")).id)
    assert_type(lines, Pages[BatchResultLine, Lines[BatchResultLine]])
    assert_type([line.custom_id for line in lines], list[str | None])
    sdk.upload_documents("kb", file=[Path("a.md"), b"", ("b.txt", b"")])
    asked = sdk.stream_query_collection("kb", question="Why?")
    assert_type(asked, Stream[SourcesEvent | TokenEvent | QueryDoneEvent, QueryStreamResult])
    assert_type(asked.final().source_nodes[0].score, float)

    raw = sdk.with_raw_response.generate("Hello")
    assert_type(raw, RawResponse[GenerateResponse])
    assert_type(raw.parse().text, str)
    try:
        sdk.generate("")
    except RateLimitError as error:
        assert_type(error.retry_after, float | None)
    except APIError as error:
        assert_type(error.status, int)


async def async_main(sdk: AsyncAIServiceSDK) -> None:
    """The other one."""
    lines = sdk.get_batch_results("batch_1", limit=10)
    assert_type(lines, AsyncPages[BatchResultLine, Lines[BatchResultLine]])
    assert_type(await sdk.generate("Hello"), GenerateResponse)
    async for chunk in sdk.stream_generate("Hello"):
        if chunk.type == "token":
            assert_type(chunk.content, str)
    assert_type(await sdk.stream_generate("Hello").final(), StreamResult)
    assert_type([key.name async for key in sdk.list_keys()], list[str])
    assert_type(await sdk.with_raw_response.generate("Hello"), RawResponse[GenerateResponse])


async def _both() -> None:
    async with AsyncAIServiceSDK() as sdk:
        await async_main(sdk)


if __name__ == "__main__":
    with AIServiceSDK() as blocking:
        main_answered = blocking.generate("Hello").text
    asyncio.run(_both())
    sys.stdout.write(f"{main_answered} from {Path(sys.executable).parent}")
