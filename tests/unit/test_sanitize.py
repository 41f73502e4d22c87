"""Text that is made safe for a web page, however it was cut into tokens."""

import asyncio
import html
from collections.abc import AsyncGenerator
from decimal import Decimal

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from service.access.ports import Sanitize
from service.core.errors import ProviderError
from service.core.messages import TextDelta, ToolCall, ToolCallDelta, Usage
from service.generation.endpoints import call_context
from service.generation.sanitize import sanitized_answer, sanitized_stream
from service.generation.schemas import ChatRequest, GenerateRequest
from service.inference.answers import Answer, AnswerEvent, Delta
from tests.fakes import context

HOSTILE = st.lists(
    st.sampled_from(
        [
            "<script>", "</script>", "alert(1)", "<img src=x onerror=alert(1)>", "<b>", "</b>", "<i",
            "<a href='javascript:alert(1)'>", "<a href=\"https://example.com\">", "</a>", "<!--", "-->",
            "<svg><script>", "<style>", "&lt;script&gt;", "&#60;", "&", "<", ">", "\"", "'", "`", "\n",
            "<math><mtext><table><mglyph><style><!--</style>",
            "<img title=\"--&gt;&lt;img src=1 onerror=1&gt;\">",
            "1 < 2 && 3 > 2", "é", "\U0001f600", "\0", "plain words ",
        ]
    )
    | st.text(max_size=5),
    max_size=12,
).map("".join)  # fmt: skip
CALL = ToolCallDelta(index=0, arguments='{"html": "<script>"}', id="call_1", name="render")


@st.composite
def texts_in_tokens(draw: st.DrawFn) -> list[str]:
    """A hostile text, cut anywhere."""
    text = draw(HOSTILE)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def answer(text: str | None, *, tool_calls: tuple[ToolCall, ...] = ()) -> Answer:
    return Answer(
        id="req_1",
        model="haiku",
        provider="acme",
        provider_model="acme-1",
        label="acme-1",
        finish_reason="stop",
        usage=Usage(),
        cost_usd=Decimal(0),
        text=text,
        tool_calls=tool_calls,
    )


async def stream_of(*events: AnswerEvent) -> AsyncGenerator[AnswerEvent]:
    for event in events:
        yield event


async def read(tokens: list[str], how: Sanitize) -> tuple[str, Answer]:
    """The text of a sanitised stream and the answer that ends it."""
    raw = [list[Delta]([TextDelta(token)]) for token in tokens]
    events = [
        event async for event in sanitized_stream(stream_of(*raw, answer("".join(tokens))), how)
    ]
    *pieces, last = events
    assert isinstance(last, Answer)
    text = ""
    for piece in pieces:
        assert isinstance(piece, list)
        for delta in piece:
            assert isinstance(delta, TextDelta)
            text += delta.content
    return text, last


@given(tokens=texts_in_tokens())
def test_an_html_stream_is_the_whole_text_cleaned_wherever_it_was_cut(tokens: list[str]) -> None:
    text, last = asyncio.run(read(tokens, "html"))
    assert text == (last.text or "") == nh3.clean("".join(tokens))


@given(tokens=texts_in_tokens())
def test_a_text_stream_is_the_whole_text_escaped_wherever_it_was_cut(tokens: list[str]) -> None:
    text, last = asyncio.run(read(tokens, "text"))
    assert text == (last.text or "") == html.escape("".join(tokens))


@given(tokens=texts_in_tokens())
def test_a_stream_is_left_alone_unless_asked(tokens: list[str]) -> None:
    text, last = asyncio.run(read(tokens, "none"))
    assert text == (last.text or "") == "".join(tokens)


@pytest.mark.parametrize(
    ("how", "safe"),
    [
        ("none", "<b>1 & 2</b><script>x</script>"),
        ("html", "<b>1 &amp; 2</b>"),
        ("text", "&lt;b&gt;1 &amp; 2&lt;/b&gt;&lt;script&gt;x&lt;/script&gt;"),
    ],
)
async def test_a_whole_answer_is_made_safe(how: Sanitize, safe: str) -> None:
    raw = answer("<b>1 & 2</b><script>x</script>")
    assert (await sanitized_answer(raw, how)).text == safe


async def test_a_long_text_is_cleaned_while_others_are_served() -> None:
    nested = "<div>" * 10_000  # a tenth of a second of work
    cleaning = asyncio.create_task(sanitized_answer(answer(nested), "html"))
    turns = 0
    while not cleaning.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10
    assert (await cleaning).text == nested + "</div>" * 10_000


@pytest.mark.parametrize("how", ["html", "text"])
async def test_tool_calls_are_left_alone(how: Sanitize) -> None:
    calls = (ToolCall("call_1", "render", CALL.arguments),)
    source = stream_of([TextDelta("<b>"), CALL], answer(None, tool_calls=calls))
    events = [event async for event in sanitized_stream(source, how)]
    assert isinstance(events[0], list)
    assert CALL in events[0]
    assert isinstance(events[-1], Answer)
    assert (events[-1].tool_calls, events[-1].text) == (calls, None)


async def test_tool_calls_of_an_html_stream_do_not_wait_for_its_text() -> None:
    source = stream_of([TextDelta("<b>hello")], [CALL], answer("<b>hello"))
    events = [event async for event in sanitized_stream(source, "html")]
    assert events[:2] == [[CALL], [TextDelta("<b>hello</b>")]]


async def test_an_html_stream_whose_text_is_all_removed_has_no_token() -> None:
    source = stream_of([TextDelta("<script>x")], answer("<script>x"))
    (only,) = [event async for event in sanitized_stream(source, "html")]
    assert isinstance(only, Answer)


async def test_nothing_of_an_html_stream_that_fails_is_delivered() -> None:
    async def failing() -> AsyncGenerator[AnswerEvent]:
        yield [TextDelta("<b>half")]
        raise ProviderError("broken off")

    with pytest.raises(ProviderError):
        await anext(sanitized_stream(failing(), "html"))


@pytest.mark.parametrize("how", ["none", "html", "text"])
async def test_closing_a_sanitised_stream_closes_its_source(how: Sanitize) -> None:
    closed: list[bool] = []

    async def endless() -> AsyncGenerator[AnswerEvent]:
        try:
            while True:
                yield [CALL]
        finally:
            closed.append(True)

    stream = sanitized_stream(endless(), how)
    await anext(stream)
    await stream.aclose()
    assert closed == [True]


@pytest.mark.parametrize(
    ("asked", "of_the_key", "done"),
    [
        (None, "none", "none"),
        (None, "html", "html"),
        ("text", "html", "text"),
        ("none", "html", "none"),
    ],
)
def test_a_request_that_says_nothing_is_sanitised_as_its_key_has_it(
    asked: Sanitize | None, of_the_key: Sanitize, done: Sanitize
) -> None:
    caller = context().principal
    principal = type(caller)(key_id="key_1", tenant="t", scopes=caller.scopes, sanitize=of_the_key)
    request = Request({"type": "http", "state": {"request_id": "4b1f"}})
    messages = [{"role": "user", "content": "Hi"}]
    for body in (
        GenerateRequest.model_validate({"prompt": "Hi", "sanitize": asked}),
        ChatRequest.model_validate({"messages": messages, "sanitize": asked}),
    ):
        assert call_context(request, principal, body).sanitize == done
