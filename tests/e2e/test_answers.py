"""Generate at the wire of each vendor: what reaches it, and what comes back."""

from typing import Any

import httpx
import pytest

from tests.e2e.routes import GENERATE, GENERATE_STREAM, GENERATES
from tests.simulator import Call, Reply, Simulator
from tests.sse import read_stream, text_of

ANTHROPIC = "anthropic/claude-haiku-5-5"
OPENAI = "openai/gpt-6-luna"
LOCAL = "local/llama"
MODELS = {"anthropic": ANTHROPIC, "openai": OPENAI, "local": LOCAL}
EVERYWHERE = pytest.mark.parametrize("server", list(MODELS))
Body = dict[str, Any]


async def sent(client: httpx.AsyncClient, simulator: Simulator, path: str, body: Body) -> Call:
    """The one call that a request makes. Nothing stored answers it."""
    answer = await client.post(path, json={"cache": False} | body)
    assert answer.status_code == 200, answer.text
    (call,) = simulator.calls
    return call


async def test_defaults_as_they_reach_anthropic(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    call = await sent(shared_client, simulator, GENERATE, {"prompt": "Hello"})
    assert call.server == "anthropic"
    assert call.body == {
        "model": "claude-haiku-5-5",
        "max_tokens": 1024,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    }


async def test_defaults_as_they_reach_openai(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    call = await sent(shared_client, simulator, GENERATE, {"prompt": "Hello", "model": OPENAI})
    assert call.body == {
        "model": "gpt-6-luna",
        "max_completion_tokens": 1024,
        "messages": [{"role": "user", "content": "Hello"}],
    }


async def test_defaults_as_they_reach_a_server_that_takes_a_temperature(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    call = await sent(shared_client, simulator, GENERATE, {"prompt": "Hello", "model": "llama"})
    assert call.server == "local"
    assert call.headers["authorization"] == "Bearer sk-local"
    assert call.body == {
        "model": "llama",
        "max_tokens": 1024,
        "temperature": 0.7,
        "messages": [{"role": "user", "content": "Hello"}],
    }


@EVERYWHERE
async def test_a_stream_asks_for_the_same_and_to_be_streamed(
    server: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"prompt": "Hello", "model": MODELS[server], "system": "Be brief.", "stop": ["END"]}
    call = await sent(shared_client, simulator, GENERATE, body)
    simulator.reset()
    streamed = await sent(shared_client, simulator, GENERATE_STREAM, body)
    assert streamed.stream
    extra = {"stream"} if server == "anthropic" else {"stream", "stream_options"}
    assert set(streamed.body) - set(call.body) == extra
    assert call.body.items() <= streamed.body.items()


@EVERYWHERE
@pytest.mark.parametrize("path", GENERATES)
async def test_system_stop_and_max_tokens_reach_the_provider(
    path: str, server: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"prompt": "Hi", "system": "Be brief.", "stop": ["END", "STOP"], "max_tokens": 77}
    call = await sent(shared_client, simulator, path, body | {"model": MODELS[server]})
    if server == "anthropic":
        assert call.body["system"] == "Be brief."
        assert call.body["stop_sequences"] == ["END", "STOP"]
        assert call.body["max_tokens"] == 77
    else:
        assert call.body["messages"][0] == {"role": "system", "content": "Be brief."}
        assert call.body["stop"] == ["END", "STOP"]
        name = "max_completion_tokens" if server == "openai" else "max_tokens"
        assert call.body[name] == 77


@pytest.mark.parametrize("path", GENERATES)
@pytest.mark.parametrize("model", [ANTHROPIC, OPENAI, "sonnet", "gpt"])
async def test_temperature_and_top_p_are_left_out_for_models_that_do_not_take_them(
    model: str, path: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"prompt": "Hi", "model": model, "temperature": 0.2, "top_p": 0.9}
    call = await sent(shared_client, simulator, path, body)
    assert {"temperature", "top_p"}.isdisjoint(call.body)


@pytest.mark.parametrize("path", GENERATES)
@pytest.mark.parametrize("temperature", [0, 0.2, 1, 2])
async def test_temperature_and_top_p_reach_a_model_that_takes_them(
    temperature: float, path: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"prompt": "Hi", "model": LOCAL, "temperature": temperature, "top_p": 0.9}
    call = await sent(shared_client, simulator, path, body)
    assert (call.body["temperature"], call.body["top_p"]) == (temperature, 0.9)


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
async def test_reasoning_effort_in_each_vendors_own_words(
    effort: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"prompt": "Think.", "reasoning_effort": effort}
    call = await sent(shared_client, simulator, GENERATE, body)
    assert call.body["thinking"] == {"type": "adaptive"}
    assert call.body["output_config"] == {"effort": effort}
    simulator.reset()
    call = await sent(shared_client, simulator, GENERATE, body | {"model": OPENAI})
    assert call.body["reasoning_effort"] == effort


async def test_no_reasoning_is_said_too(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"prompt": "Do not think.", "reasoning_effort": "none"}
    call = await sent(shared_client, simulator, GENERATE, body)
    assert call.body["thinking"] == {"type": "disabled"}
    simulator.reset()
    call = await sent(shared_client, simulator, GENERATE, body | {"model": OPENAI})
    assert call.body["reasoning_effort"] == "none"


@pytest.mark.parametrize("model", [LOCAL, "anthropic/claude-haiku-4-5"])
async def test_a_model_that_cannot_be_told_how_much_to_think_is_a_400(
    model: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"prompt": "Think.", "model": model, "reasoning_effort": "low"}
    answer = await shared_client.post(GENERATE, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "reasoning_effort"
    assert simulator.calls == []


async def test_provider_options_reach_their_own_vendor_only(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    options = {"anthropic": {"metadata": {"user_id": "u-1"}}, "openai": {"seed": 7}}
    body = {"prompt": "Hi", "provider_options": options}
    call = await sent(shared_client, simulator, GENERATE, body)
    assert call.body["metadata"] == {"user_id": "u-1"}
    assert "seed" not in call.body
    for model in (OPENAI, LOCAL):
        simulator.reset()
        call = await sent(shared_client, simulator, GENERATE, body | {"model": model})
        assert call.body["seed"] == 7
        assert "metadata" not in call.body


async def test_metadata_and_the_cache_switch_are_no_business_of_the_provider(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"prompt": "Hi", "metadata": {"team": "blue"}, "timeout_seconds": 9}
    call = await sent(shared_client, simulator, GENERATE, body)
    assert {"metadata", "cache", "timeout_seconds"}.isdisjoint(call.body)


@EVERYWHERE
async def test_an_answer_has_every_field_of_the_contract(
    server: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"prompt": "one two three", "model": MODELS[server], "cache": False}
    answer = (await shared_client.post(GENERATE, json=body)).json()
    assert answer.pop("id").startswith("req_")
    assert (answer.pop("cost_usd") is None) == (server == "local")
    assert answer == {
        "text": "Echo: one two three",
        "model": MODELS[server],
        "provider": server,
        "provider_model": MODELS[server].partition("/")[2],
        "finish_reason": "stop",
        "usage": {
            "input_tokens": 3,
            "output_tokens": 4,
            "total_tokens": 7,
            "cached_input_tokens": 0,
        },
        "cache_hit": False,
    }


@EVERYWHERE
@pytest.mark.parametrize(
    ("body", "reply", "text", "reason"),
    [
        ({"max_tokens": 2}, Reply(finish="length", text="cut off"), "cut off", "length"),
        ({"stop": ["two"]}, None, "Echo: one ", "stop"),
        ({}, Reply(text="I may not.", finish="content_filter"), "I may not.", "content_filter"),
        ({}, Reply(text=""), "", "stop"),
    ],
    ids=["length", "stop", "content_filter", "empty"],
)
async def test_finish_reasons_are_the_same_words_for_every_vendor(
    server: str,
    body: Body,
    reply: Reply | None,
    text: str,
    reason: str,
    shared_client: httpx.AsyncClient,
    simulator: Simulator,
) -> None:
    simulator.always(reply, on=server)
    request = {"prompt": "one two three", "model": MODELS[server], "cache": False} | body
    answer = (await shared_client.post(GENERATE, json=request)).json()
    assert (answer["text"], answer["finish_reason"]) == (text, reason)
    events = await read_stream(shared_client, GENERATE_STREAM, request)
    assert (text_of(events), events[-1]["finish_reason"]) == (text, reason)


@pytest.mark.parametrize(
    ("asked", "server", "exact"),
    [
        ("claude-haiku-5-5", "anthropic", "claude-haiku-5-5"),
        ("claude-opus-5-5-20261001", "anthropic", "claude-opus-5-5-20261001"),
        ("anthropic/claude-sonnet-5-5", "anthropic", "claude-sonnet-5-5"),
        ("gpt-6.1-terra", "openai", "gpt-6.1-terra"),
        ("openai/gpt-6-luna-2026-10-01", "openai", "gpt-6-luna-2026-10-01"),
        ("llama", "local", "llama"),
        ("local/any/model:7b", "local", "any/model:7b"),
    ],
)
async def test_a_full_model_id_goes_to_its_provider_as_it_is(
    asked: str, server: str, exact: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"prompt": "Hi", "model": asked, "cache": False}
    answer = (await shared_client.post(GENERATE, json=body)).json()
    (call,) = simulator.calls
    assert (call.server, call.body["model"]) == (server, exact)
    assert (answer["model"], answer["provider"], answer["provider_model"]) == (asked, server, exact)


async def test_the_exact_model_is_the_one_that_the_provider_names(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text="Hi", model="claude-haiku-5-5-20261001"), on="anthropic")
    body = {"prompt": "Hi", "cache": False}
    answer = (await shared_client.post(GENERATE, json=body)).json()
    assert answer["provider_model"] == "claude-haiku-5-5-20261001"
    assert answer["cost_usd"] > 0
