"""What a test can tell the simulator to do with one call.

Every behaviour is a frozen value, so a script reads as a list of facts. Tests pass them to
`Simulator.script` and `Simulator.always`; a request header or the command line says the same in
JSON (`behaviour_from_json`).

Where a stream goes wrong is given as `after_events=k`: k server-sent events go out whole, as the
vendor counts them (`message_start` and the role chunk are events), or as `after_words=k`: the
events before the first delta do not count. A place past the end of the answer means just before its
terminal marker. On an answer that is not a stream, the place is the middle of the body.
"""

import math
import time
from email.utils import formatdate
from typing import Literal

import msgspec
from msgspec import Struct, field


class _Tagged(Struct, frozen=True, tag_field="behaviour", forbid_unknown_fields=True):
    """Names itself in JSON: `{"behaviour": "words", "count": 3}`."""


class ToolCall(Struct, frozen=True):
    """One call of a tool. `arguments` goes out as it is, so it may also be broken JSON.

    (Anthropic's plain answer carries parsed arguments: there, broken JSON becomes `{}`.)
    """

    name: str
    arguments: str = '{"city": "Paris"}'
    id: str | None = None


class Usage(Struct, frozen=True):
    """Token counts to claim, in one meaning for both vendors; None keeps the count from lengths.

    `input_tokens` includes what was read from and written to the prompt cache (OpenAI's meaning;
    Anthropic's wire gets the rest), `output_tokens` includes `reasoning_tokens`.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class Reply(_Tagged, frozen=True, tag="reply"):
    """An answer; a field left None is as by default.

    `text`, `tool_calls` and `thinking` go out as given: no limit and no stop sequence cuts them.
    `thinking=""` is thinking that is not shown: a block with nothing but its signature.
    `finish` takes either vendor's word and is translated where the other vendor has one.
    `delay_seconds` passes before the headers, `interval_seconds` between two deltas of a stream.
    """

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    thinking: str | None = None
    refusal: str | None = None
    finish: str | None = None
    usage: Usage = Usage()
    model: str | None = None
    omit_usage: bool = False
    delay_seconds: float = 0
    interval_seconds: float = 0


class Words(_Tagged, frozen=True, tag="words"):
    """An answer of `count` words, `w0 w1 w2 …`, one event each: for benchmarks and slow streams.

    `delay_seconds` passes before the headers, `interval_seconds` between two words of a stream.
    """

    count: int
    interval_seconds: float = 0
    delay_seconds: float = 0


class Status(_Tagged, frozen=True, tag="status"):
    """An error answer with the vendor's own body, or with `body` as it is.

    `error_type`, `error_code` (OpenAI's `code`, Anthropic's `details.error_code`) and `message`
    default to what the vendor sends with that status.
    """

    code: int
    error_type: str | None = None
    message: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    error_code: str | None = None
    param: str | None = None
    delay_seconds: float = 0


class Stall(_Tagged, frozen=True, tag="stall"):
    """Silence, until the client leaves or `Simulator.release` lets the answer go on.

    With `before_headers` nothing is sent at all. `keep_alive_seconds` sends what a living but
    stuck vendor sends: `ping` events (Anthropic) or comments (OpenAI-compatible servers).
    """

    after_events: int = 1
    after_words: int | None = None
    before_headers: bool = False
    keep_alive_seconds: float | None = None
    reply: "Reply | Words | None" = None


class Cut(_Tagged, frozen=True, tag="cut"):
    """The answer ends early, without its terminal marker.

    `how`: "clean" ends the HTTP body in good order, "close" closes the connection in the middle
    of the body (FIN), "reset" resets it (RST).
    """

    after_events: int = 1
    after_words: int | None = None
    how: Literal["clean", "close", "reset"] = "clean"
    reply: "Reply | Words | None" = None


class Malformed(_Tagged, frozen=True, tag="malformed"):
    """A 200 whose content breaks the vendor's format.

    - `json`: JSON cut in the middle
    - `not_an_object`: valid JSON that is no object
    - `wrong_shape`: an object without the fields that belong there
    - `utf8`: bytes that are not UTF-8
    - `sse`: lines that are no server-sent event (on a plain answer: no JSON at all)
    - `html`: a proxy's page instead of the whole answer
    - `empty`: no body at all

    The first five replace what comes after the events sent so far; then a stream goes on to its
    regular end, so a client that skips what it cannot read reports a false success.
    """

    kind: Literal["json", "not_an_object", "wrong_shape", "utf8", "sse", "html", "empty"] = "json"
    after_events: int = 1
    after_words: int | None = None
    reply: "Reply | Words | None" = None


class InBandError(_Tagged, frozen=True, tag="in_band_error"):
    """An error after the 200: `event: error` or a chunk with `error`, then the end of the body."""

    after_events: int = 1
    after_words: int | None = None
    error_type: str | None = None
    message: str = "Overloaded"
    error_code: str | None = None
    reply: "Reply | Words | None" = None


class SlowBytes(_Tagged, frozen=True, tag="slow_bytes"):
    """The whole answer in pieces of `chunk_bytes`, `interval_seconds` apart."""

    chunk_bytes: int
    interval_seconds: float
    reply: "Reply | Words | None" = None


class SplitBytes(_Tagged, frozen=True, tag="split_bytes"):
    """The answer cut at every `each` bytes, each piece its own write; `crlf` ends lines with CRLF.

    SplitBytes(1) cuts inside of line ends and of multi-byte characters too.
    """

    each: int
    crlf: bool = False
    reply: "Reply | Words | None" = None


class Hangup(_Tagged, frozen=True, tag="hangup"):
    """The request is read, then the connection ends before any status."""

    how: Literal["close", "reset"] = "close"


Behaviour = (
    Reply | Words | Status | Stall | Cut | Malformed | InBandError | SlowBytes | SplitBytes | Hangup
)


def behaviour_from_json(text: str | bytes) -> Behaviour:
    """`{"behaviour": "words", "count": 3}`, or shorter `{"words": {"count": 3}}`.

    Raises `ValueError` (msgspec's errors are) where the text names no behaviour.
    """
    value = msgspec.json.decode(text)
    if isinstance(value, dict) and "behaviour" not in value and len(value) == 1:
        ((name, fields),) = value.items()
        if isinstance(fields, dict):
            value = {"behaviour": name, **fields}
    behaviour: Behaviour = msgspec.convert(value, Behaviour)
    return behaviour


def rate_limited(
    *,
    seconds: float | None = None,
    date_in_seconds: float | None = None,
    milliseconds: int | None = None,
) -> Status:
    """A 429 that passes, with Retry-After in any of its three forms."""
    return Status(429, headers=retry_after(seconds, date_in_seconds, milliseconds))


def retry_after(
    seconds: float | None = None,
    date_in_seconds: float | None = None,
    milliseconds: int | None = None,
) -> dict[str, str]:
    """The headers of the forms asked for; the date is rounded up, as it has no fractions."""
    headers = {}
    if seconds is not None:
        headers["retry-after"] = f"{seconds:g}"
    if date_in_seconds is not None:
        headers["retry-after"] = formatdate(math.ceil(time.time() + date_in_seconds), usegmt=True)
    if milliseconds is not None:
        headers["retry-after-ms"] = str(milliseconds)
    return headers


def out_of_quota() -> Status:
    """OpenAI's 429 that no waiting cures: the account has no money left."""
    return Status(
        429,
        error_type="insufficient_quota",
        error_code="insufficient_quota",
        message="You exceeded your current quota, please check your plan and billing details.",
    )


def spend_limit() -> Status:
    """Anthropic's 429 that no waiting cures: the organization's monthly limit is reached."""
    return Status(
        429,
        error_type="rate_limit_error",
        error_code="enforced_spend_limit_reached",
        message="Your organization has reached its monthly API usage limit.",
    )


def overloaded() -> Status:
    """Anthropic's own status for a full house."""
    return Status(529)


def unavailable(*, seconds: float | None = None) -> Status:
    """A 503, with Retry-After in seconds if asked."""
    return Status(503, headers=retry_after(seconds))


def server_error() -> Status:
    """A 500."""
    return Status(500)


def bad_key() -> Status:
    """A 401: the operator's key is refused."""
    return Status(401)


def unknown_model(model: str = "no-such-model") -> Status:
    """A 404: the vendor does not have this model."""
    return Status(404, error_code="model_not_found", message=f"model: {model}")


def bad_request(message: str = "messages: at least one message is required") -> Status:
    """A 400: the vendor refuses this input."""
    return Status(400, message=message)
