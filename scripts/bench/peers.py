"""LiteLLM's proxy, on the same upstream: server, configuration and routes are its fastest that we found.

It runs on Granian, which takes up to a fifth less than uvicorn, its default. It answers OpenAI's chat
completions, translated from the simulated Anthropic (its OpenAI upstream takes up to a fifth more), and
passes Anthropic's own `/v1/messages` through, which is cheaper for streams and dearer for plain calls.
Unlike the service it writes no ledger here: that would need a PostgreSQL.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from scripts.bench.calls import (
    EVENTS,
    STREAMED_TEXT,
    TEXT,
    WARM_PROMPTS,
    event_data,
    messages_body,
    prompt,
)
from scripts.bench.connection import Reply
from scripts.bench.load import Call
from scripts.bench.servers import ROOT, Command, Server, free_port, running

LITELLM_VERSION = "1.106.2"
_KEY = "sk-litellm-bench"
_HEADERS = {"Authorization": f"Bearer {_KEY}"}
_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "PYTHONPATH": "",
}


class _Message(Struct):
    content: str


class _Choice(Struct):
    message: _Message


class _Completion(Struct):
    id: str
    choices: list[_Choice]


class _Piece(Struct):
    content: str | None = None


class _ChunkChoice(Struct):
    delta: _Piece


class _Chunk(Struct):
    choices: list[_ChunkChoice]


_decode_completion = msgspec.json.Decoder(_Completion).decode
_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def install_litellm() -> Path:
    """Its console command, in a virtual environment of its own under `.bench/`."""
    folder = ROOT / ".bench" / f"litellm-{LITELLM_VERSION}"
    installed = folder / "installed"
    if not installed.exists():
        print(f"installing LiteLLM {LITELLM_VERSION} into {folder.relative_to(ROOT)} …")
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = (folder / "bin" / "pip", "install", "-qq", "--disable-pip-version-check")
        subprocess.run([*pip, f"litellm[proxy]=={LITELLM_VERSION}"], check=True)
        installed.touch()
    return folder / "bin" / "litellm"


@contextmanager
def litellm(
    command: Path,
    folder: Path,
    *,
    models: Mapping[str, str],
    with_cache: bool,
    core: str | None,
) -> Iterator[Server]:
    """Its proxy with one worker and `models`, by name and upstream."""
    config = folder / f"litellm-{with_cache}.yaml"
    config.write_text(json.dumps(_config(models, with_cache=with_cache)))  # JSON is YAML
    port = free_port()
    arguments = [str(command), "--config", str(config), "--host", "127.0.0.1"]
    arguments += [
        "--port",
        str(port),
        "--num_workers",
        "1",
        "--run_granian",
        "--telemetry",
        "False",
    ]
    with running(
        Command(arguments, port, core, _ENVIRONMENT, up_path="/health/liveliness")
    ) as server:
        yield server


def _config(models: Mapping[str, str], *, with_cache: bool) -> dict[str, object]:
    cache = {"cache": True, "cache_params": {"type": "local"}} if with_cache else {}
    return {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {
                    "model": "anthropic/claude-haiku-4-5",
                    "api_base": url,
                    "api_key": "sk-ant-bench",
                },
            }
            for name, url in models.items()
        ],
        "litellm_settings": {"set_verbose": False, **cache},
        "general_settings": {"master_key": _KEY},
    }


def chat(url: str, model: str) -> Call:
    """A plain answer to a prompt that it has not seen."""

    def body(number: int) -> object:
        return messages_body(prompt(number), model)

    def is_right(_: int, reply: Reply) -> bool:
        return _decode_completion(reply.body).choices[0].message.content == TEXT

    return Call("LiteLLM, plain", url, "/v1/chat/completions", _HEADERS, body, is_right)


def chat_warm_up_and_hit(url: str, model: str) -> tuple[Call, Call]:
    """The same prompts for the first time, and again: a hit has the id of the first answer."""
    ids: dict[int, str] = {}

    def body(number: int) -> object:
        return messages_body(prompt(number % WARM_PROMPTS), model)

    def is_first(number: int, reply: Reply) -> bool:
        answer = _decode_completion(reply.body)
        ids[number % WARM_PROMPTS] = answer.id
        return answer.choices[0].message.content == TEXT

    def is_again(number: int, reply: Reply) -> bool:
        answer = _decode_completion(reply.body)
        is_right = answer.choices[0].message.content == TEXT
        return is_right and answer.id == ids[number % WARM_PROMPTS]

    path = "/v1/chat/completions"
    return (
        Call("LiteLLM, warm-up", url, path, _HEADERS, body, is_first),
        Call("LiteLLM, cache hit", url, path, _HEADERS, body, is_again),
    )


def chat_stream(url: str, model: str) -> Call:
    """A stream in OpenAI's format, translated."""

    def is_right(_: int, reply: Reply) -> bool:
        *pieces, done = event_data(reply)
        deltas = [choice.delta for piece in pieces for choice in _decode_chunk(piece).choices]
        tokens = [delta.content for delta in deltas if delta.content]
        return done == b"[DONE]" and len(tokens) == EVENTS and "".join(tokens) == STREAMED_TEXT

    path = "/v1/chat/completions"
    return Call("LiteLLM, stream", url, path, _HEADERS, _stream_body(model), is_right)


def native_stream(url: str, model: str) -> Call:
    """A stream in Anthropic's format, passed through."""

    def is_right(_: int, reply: Reply) -> bool:
        return reply.body.count(b"text_delta") == EVENTS and b"message_stop" in reply.body

    path = "/v1/messages"
    return Call("LiteLLM, native stream", url, path, _HEADERS, _stream_body(model), is_right)


def _stream_body(model: str) -> Callable[[int], object]:
    def body(number: int) -> object:
        return messages_body(prompt(number), model) | {"stream": True}

    return body
