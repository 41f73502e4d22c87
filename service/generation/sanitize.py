"""Making a model's text safe for a web page that shows it as it is.

`html` keeps harmless markup: the defaults of nh3, on the whole text, as it closes what was left open. A
stream therefore has all of it at its end, and a tag that is split over two tokens is one tag. `text` keeps
nothing: every character that means something in HTML is escaped, each for itself, so streams stay streams.

Only what people read is touched. Tool calls are for programs: their JSON text stays the model's own.
"""

import asyncio
import html
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
import nh3

from service.access.ports import Sanitize
from service.core.messages import TextDelta
from service.inference.answers import Answer, AnswerEvent, Delta

_INLINE_CHARACTERS = 4096
"""What can be cleaned in the event loop: 1 ms at worst. The cost of nested tags is quadratic, and nh3 lets
go of the interpreter's lock, so longer texts are cleaned in a thread."""


async def sanitized_answer(answer: Answer, how: Sanitize) -> Answer:
    """The answer with its text made safe."""
    if how == "none" or answer.text is None:
        return answer
    return msgspec.structs.replace(answer, text=await sanitized_text(answer.text, how))


async def sanitized_text(text: str, how: Sanitize) -> str:
    """The text made safe."""
    match how:
        case "none":
            return text
        case "text":
            return html.escape(text)
        case "html":
            return await _clean(text)


def delivered_at_once(deltas: list[Delta], how: Sanitize) -> list[Delta]:
    """What `sanitized_stream` hands on as it comes: all but the text that it has to see whole."""
    if how != "html":
        return deltas
    return [delta for delta in deltas if not isinstance(delta, TextDelta)]


def sanitized_stream(
    events: AsyncGenerator[AnswerEvent], how: Sanitize
) -> AsyncGenerator[AnswerEvent]:
    """The stream with its text made safe; closing it closes `events`."""
    match how:
        case "none":
            return events
        case "text":
            return _escaped(events)
        case "html":
            return _cleaned_at_the_end(events)


async def _escaped(events: AsyncGenerator[AnswerEvent]) -> AsyncGenerator[AnswerEvent]:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answer):
                yield await sanitized_answer(event, "text")
            else:
                yield [
                    TextDelta(html.escape(delta.content)) if isinstance(delta, TextDelta) else delta
                    for delta in event
                ]


async def _cleaned_at_the_end(events: AsyncGenerator[AnswerEvent]) -> AsyncGenerator[AnswerEvent]:
    """Text comes once it is whole, which it never is in a stream that fails; tool calls come at once."""
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answer):
                answer = await sanitized_answer(event, "html")
                if answer.text:
                    yield [TextDelta(answer.text)]
                yield answer
            else:
                if calls := delivered_at_once(event, "html"):
                    yield calls


async def _clean(text: str) -> str:
    if len(text) <= _INLINE_CHARACTERS:
        return nh3.clean(text)
    return await asyncio.to_thread(nh3.clean, text)
