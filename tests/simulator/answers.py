"""What the simulated model says, in the terms of neither vendor.

Each wire reads its request into an `Ask` and writes an `Answer` in its own format.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.simulator.behaviours import Reply, ToolCall, Words
from tests.simulator.tokens import count_tokens, numbered_words, split_words

ECHO = "Echo: "
THINKING = "Considering what was said."
PIECE_OF_ARGUMENTS = 8
"""Characters of a tool call's arguments in one delta."""

Schema = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Ask:
    """What a request wants, as far as the default answer depends on it."""

    model: str
    stream: bool
    text: str
    """The last message's text."""
    input_tokens: int
    max_tokens: int | None = None
    stop: list[str] = field(default_factory=list)
    forced_tool: tuple[str, Schema] | None = None
    output_schema: Schema | None = None
    thinking: str | None = None
    """The thinking to show; "" for thinking that is done and not shown."""
    wants_usage: bool = True
    """Whether a stream reports usage."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """What is said, and what it is said to cost. `input_tokens` includes both cache counts."""

    model: str
    words: tuple[str, ...] | list[str]
    finish: str
    """OpenAI's word, or "stop_sequence", or a word of the vendor's own."""
    input_tokens: int
    output_tokens: int
    thinking: str | None = None
    """None is none; "" is done and not shown."""
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    stop_sequence: str | None = None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    with_usage: bool = True

    @property
    def text(self) -> str:
        return "".join(self.words)


def compose(ask: Ask, reply: Reply | Words | None) -> Answer:
    """The answer to a request: the default one, changed by what a test asked for."""
    if isinstance(reply, Words):
        return Answer(
            model=ask.model,
            words=numbered_words(reply.count),
            finish="stop",
            input_tokens=ask.input_tokens,
            output_tokens=reply.count,
        )
    answer = _default(ask)
    return answer if reply is None else _changed(answer, reply)


def _default(ask: Ask) -> Answer:
    if ask.forced_tool is not None:
        name, schema = ask.forced_tool
        arguments = _json(example_of(schema)) if schema.get("properties") else '{"city": "Paris"}'
        return _counted(
            Answer(
                model=ask.model,
                words=[],
                finish="tool_calls",
                thinking=ask.thinking,
                tool_calls=(ToolCall(name, arguments),),
                input_tokens=ask.input_tokens,
                output_tokens=0,
            )
        )
    text = ECHO + ask.text if ask.output_schema is None else _json(example_of(ask.output_schema))
    finish, stop_sequence = "stop", None
    found = [(at, stop) for stop in ask.stop if stop and (at := text.find(stop)) >= 0]
    if found:
        at, stop_sequence = min(found)
        text, finish = text[:at], "stop_sequence"
    words = split_words(text)
    if ask.max_tokens is not None and len(words) > ask.max_tokens:
        words, finish, stop_sequence = words[: ask.max_tokens], "length", None
    return _counted(
        Answer(
            model=ask.model,
            words=words,
            finish=finish,
            stop_sequence=stop_sequence,
            thinking=ask.thinking,
            input_tokens=ask.input_tokens,
            output_tokens=0,
        )
    )


def _changed(answer: Answer, reply: Reply) -> Answer:
    if reply.text is not None:
        answer.words, answer.finish, answer.stop_sequence = split_words(reply.text), "stop", None
    if reply.tool_calls is not None:
        answer.tool_calls = reply.tool_calls
        answer.finish = "tool_calls" if reply.tool_calls else "stop"
        if reply.text is None:
            answer.words = []
    elif reply.text is not None:
        answer.tool_calls = ()
    if reply.refusal is not None:
        answer.refusal, answer.finish, answer.tool_calls = reply.refusal, "refusal", ()
        if reply.text is None:
            answer.words = []
    if reply.thinking is not None:
        answer.thinking = reply.thinking
    answer.finish = reply.finish or answer.finish
    answer.model = reply.model or answer.model
    answer.with_usage = not reply.omit_usage
    _counted(answer)
    usage = reply.usage
    for name in usage.__struct_fields__:
        tokens = getattr(usage, name)
        if tokens is not None:
            setattr(answer, name, tokens)
    return answer


def _counted(answer: Answer) -> Answer:
    """Output tokens by the rule of `tokens`: words of thinking, text, refusal and arguments."""
    answer.reasoning_tokens = 0 if answer.thinking is None else count_tokens(THINKING)
    if answer.thinking:
        answer.reasoning_tokens = count_tokens(answer.thinking)
    answer.output_tokens = (
        answer.reasoning_tokens
        + len(answer.words)
        + count_tokens(answer.refusal or "")
        + sum(count_tokens(call.arguments) for call in answer.tool_calls)
    )
    return answer


def pieces_of(arguments: str) -> list[str]:
    """A tool call's arguments as a stream sends them."""
    step = PIECE_OF_ARGUMENTS
    return [arguments[at : at + step] for at in range(0, len(arguments), step)]


def _json(value: object) -> str:
    """With a space after each comma and colon, so that it has words to send one by one."""
    return msgspec.json.format(msgspec.json.encode(value), indent=0).decode()


def example_of(schema: Schema, root: Schema | None = None) -> Any:
    """A small value that the JSON schema allows; without `properties` an object is `{}`."""
    root = schema if root is None else root
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        return example_of(target, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return example_of(schema[choice][0], root)
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        kind = kind[0]
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: example_of(each, root) for name, each in properties.items()}
    if kind == "array":
        return [example_of(schema.get("items") or {"type": "string"}, root)]
    smallest = schema.get("minimum", 1)
    scalars = {"string": "Paris", "integer": smallest, "number": smallest, "boolean": True}
    return scalars.get(kind)
