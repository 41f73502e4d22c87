"""What is asked of the service, the bare endpoint and the simulator, and what a right answer is."""

import msgspec
from msgspec import Struct

from scripts.bench.connection import Reply
from scripts.bench.load import Call
from scripts.bench.subjects import KEY

EVENTS = 200
TEXT = "Hello there."
STREAMED_TEXT = " ".join(f"w{number}" for number in range(EVENTS))
WARM_PROMPTS = 32
"""Of the hits: one for each connection, so that no two ask for the same at once."""

SHORT = {"reply": {"text": TEXT}}
BURST = {"words": {"count": EVENTS}}
PACED = {"words": {"count": EVENTS, "interval_seconds": 0.01}}

_OURS = {"X-API-Key": KEY}
_ANTHROPIC = {"X-API-Key": "sk-ant-bench", "anthropic-version": "2023-06-01"}


class _Echo(Struct):
    text: str


class _Answer(Struct):
    text: str
    finish_reason: str
    cache_hit: bool
    cost_usd: float


class _Event(Struct):
    type: str
    content: str = ""


class _Block(Struct):
    text: str


class _Message(Struct):
    content: list[_Block]


_decode_echo = msgspec.json.Decoder(_Echo).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_event = msgspec.json.Decoder(_Event).decode
_decode_message = msgspec.json.Decoder(_Message).decode


def bare(url: str) -> Call:
    """A validated body in, a validated body out."""

    def is_right(number: int, reply: Reply) -> bool:
        return _decode_echo(reply.body).text == prompt(number)

    return Call("bare", url, "/api/v1/generate", _OURS, _uncached, is_right)


def generate(url: str, *, key: str = KEY) -> Call:
    """Prompts that no cache has, and a cache that is not asked."""
    headers = {"X-API-Key": key}
    return Call("plain generate", url, "/api/v1/generate", headers, _uncached, _is_computed)


def fill(url: str) -> Call:
    """Prompts that no cache has yet; the answers are kept."""
    return Call("generate and keep", url, "/api/v1/generate", _OURS, _cached, _is_computed)


def warm_up(url: str) -> Call:
    """The prompts of `hit`, for the first time."""
    return Call("warm-up", url, "/api/v1/generate", _OURS, _warm, _is_computed)


def hit(url: str) -> Call:
    """Prompts that have been answered before."""
    return Call("cache hit", url, "/api/v1/generate", _OURS, _warm, _is_cached)


def stream(url: str) -> Call:
    """A stream of `EVENTS` events."""

    def is_right(_: int, reply: Reply) -> bool:
        events = [_decode_event(data) for data in event_data(reply)]
        tokens = [event.content for event in events if event.type == "token"]
        return (
            len(tokens) == EVENTS
            and "".join(tokens) == STREAMED_TEXT
            and events[-1].type == "done"
            and b'"token"' in reply.chunks[0]
        )

    return Call("stream", url, "/api/v1/generate/stream", _OURS, _uncached, is_right)


def direct(url: str) -> Call:
    """What the service asks the simulator, asked without the service."""

    def body(number: int) -> object:
        return messages_body(prompt(number), "claude-haiku-5-5")

    def is_right(_: int, reply: Reply) -> bool:
        return _decode_message(reply.body).content[0].text == TEXT

    return Call("direct", url, "/v1/messages", _ANTHROPIC, body, is_right)


def direct_stream(url: str) -> Call:
    """As `direct`, streamed."""

    def body(number: int) -> object:
        return messages_body(prompt(number), "claude-haiku-5-5") | {"stream": True}

    def is_right(_: int, reply: Reply) -> bool:
        return reply.body.count(b"text_delta") == EVENTS and b"text_delta" in reply.chunks[0]

    return Call("direct stream", url, "/v1/messages", _ANTHROPIC, body, is_right)


def prompt(number: int) -> str:
    """As long as a short question is."""
    return f"Explain quantum computing in one sentence, please. ({number})"


def messages_body(text: str, model: str) -> dict[str, object]:
    """A conversation of one message, as both vendors take it."""
    return {"model": model, "max_tokens": 1024, "messages": [{"role": "user", "content": text}]}


def event_data(reply: Reply) -> list[bytes]:
    """The data of each Server-Sent Event."""
    return [event[6:] for event in reply.body.split(b"\n\n") if event.startswith(b"data: ")]


def _uncached(number: int) -> object:
    return {"prompt": prompt(number), "model": "haiku", "cache": False}


def _cached(number: int) -> object:
    return {"prompt": prompt(number), "model": "haiku"}


def _warm(number: int) -> object:
    return {"prompt": f"{prompt(number % WARM_PROMPTS)}, again", "model": "haiku"}


def _is_computed(_: int, reply: Reply) -> bool:
    answer = _decode_answer(reply.body)
    return answer.text == TEXT and not answer.cache_hit and answer.cost_usd > 0


def _is_cached(_: int, reply: Reply) -> bool:
    answer = _decode_answer(reply.body)
    return answer.text == TEXT and answer.cache_hit and answer.cost_usd == 0
