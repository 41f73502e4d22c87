"""Calls against the running service: what goes in, what comes out, what is raised."""

import json
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from ai_service_sdk import (
    OMIT,
    AIServiceError,
    AIServiceSDK,
    APIConnectionError,
    AsyncAIServiceSDK,
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    NotFoundError,
    ValidationError,
    __version__,
)
from ai_service_sdk.types import ChatResponse, GenerateResponse

from service import __version__ as service_version
from tests.running import ADMIN_KEY, RunningService, make_settings
from tests.sdks.python.callers import AsyncCaller, Caller, SyncCaller
from tests.sdks.python.wire import ANSWER, Reply, WireServer
from tests.simulator import Reply as Said
from tests.simulator import Simulator, ToolCall

Kind = type[SyncCaller] | type[AsyncCaller]
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


async def test_a_prompt_is_answered(sdk: Caller) -> None:
    answer = await sdk.call("generate", "Hello")
    assert isinstance(answer, GenerateResponse)
    assert answer.text == answer["text"] == "Echo: Hello"
    assert answer.usage.total_tokens == answer["usage"]["total_tokens"] > 0
    assert answer.finish_reason == "stop"


async def test_every_field_is_a_keyword_argument(sdk: Caller, simulator: Simulator) -> None:
    await sdk.call(
        "generate", "Hello", model="openai/gpt-6-luna", system="Be brief.", max_tokens=7, stop=["x"]
    )
    (call,) = simulator.calls_to("openai")
    assert call.body["messages"][0]["content"] == "Be brief."
    assert 7 in call.body.values()


async def test_what_is_not_given_is_not_sent(wired: Caller, wire: WireServer) -> None:
    await wired.call("generate", "Hello", system=None, top_p=OMIT)
    assert wire.received[0].json == {"prompt": "Hello", "system": None}


async def test_a_conversation_goes_on_with_the_message_that_came(
    sdk: Caller, simulator: Simulator
) -> None:
    simulator.script(Said(tool_calls=(ToolCall("weather"),)), on="anthropic")
    question = {"role": "user", "content": "The weather?"}
    answer = await sdk.call("chat", [question], tools=[WEATHER])
    assert isinstance(answer, ChatResponse)
    assert answer.message.tool_calls
    tool_call = answer.message.tool_calls[0]
    result = {"role": "tool", "tool_call_id": tool_call.id, "content": "Sunny"}
    second = await sdk.call("chat", [question, answer.message, result], tools=[WEATHER])
    assert second.message.content
    assert tool_call.id in str(simulator.calls[-1].body)


async def test_batch_results_are_the_answers_that_they_are(sdk: Caller) -> None:
    answer = await sdk.call(
        "run_batch",
        requests=[{"prompt": "a"}, {"messages": [{"role": "user", "content": "b"}]}],
    )
    first, second = (result.response for result in answer.results)
    assert first.text == "Echo: a"
    assert second.message.content == "Echo: b"


async def test_embeddings_are_vectors(sdk: Caller) -> None:
    answer = await sdk.call("create_embeddings", ["a", "b"])
    assert [len(item.embedding) for item in answer.data] == [len(answer.data[0].embedding)] * 2


async def test_text_is_not_read_as_json(sdk: Caller) -> None:
    assert (await sdk.call("get_metrics")).startswith("# HELP")


async def test_times_are_datetimes_both_ways(sdk: Caller) -> None:
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    key = await sdk.call("create_key", "brief", scopes=["generate"], expires_at=expires_at)
    assert key.expires_at == expires_at
    changed = await sdk.call("change_key", key.id, name="changed", expires_at=None)
    assert (changed.name, changed.expires_at) == ("changed", None)
    assert await sdk.call("revoke_key", key.id) is None
    assert (await sdk.call("get_key", key.id)).status == "revoked"


async def test_pages_are_fetched_as_the_loop_needs_them(sdk: Caller) -> None:
    made = [await sdk.call("create_key", f"k{n}", scopes=["generate"]) for n in range(3)]
    listed = await sdk.read("list_keys", limit=2)
    assert {key.id for key in made} <= {key.id for key in listed}
    pages = await sdk.pages("list_keys", limit=2)
    assert [key.id for page in pages for key in page.data] == [key.id for key in listed]
    assert len(pages) >= 2


async def test_a_loop_that_is_left_asks_for_no_other_page(wired: Caller, wire: WireServer) -> None:
    wire.replies = [Reply(pieces=(b'{"data": [{"id": "key_1"}], "next_cursor": "c/2 "}',))]
    await wired.read_until(lambda _: True, "list_keys")
    assert len(wire.received) == 1
    await wired.read_until(lambda _: len(wire.received) == 3, "list_keys", limit=1)
    assert wire.received[-1].target == "/api/v1/keys?limit=1&cursor=c%2F2+"


async def test_the_raw_response_has_status_headers_and_bytes(sdk: Caller) -> None:
    response = await sdk.raw("generate", "Hello")
    assert response.status == 200
    assert response.request_id == response.headers["X-Request-ID"]
    assert b"Echo: Hello" in response.content
    assert response.parse().text == "Echo: Hello"
    csv = await sdk.raw("get_usage", extra_headers={"Accept": "text/csv"})
    assert csv.text.startswith("group,")
    assert (await sdk.call("generate", "Hello")).text == "Echo: Hello"


async def test_unknown_fields_and_values_are_kept(wired: Caller, wire: WireServer) -> None:
    sent = ANSWER | {"finish_reason": "bored", "mood": {"of": "the model"}, "usage": None}
    wire.replies = [Reply(pieces=(json.dumps(sent).encode(),))]
    answer = await wired.call("generate", "Hello")
    assert answer.finish_reason == "bored"
    assert answer.mood == answer["mood"] == {"of": "the model"}
    assert answer.usage is None
    assert answer.to_dict() == sent


async def test_an_object_without_a_field_says_so(wired: Caller, wire: WireServer) -> None:
    wire.replies = [Reply(pieces=(b'{"id": "key_1"}',))]
    key = await wired.call("get_key", "key_1")
    assert key.expires_at is None
    assert key["expires_at"] is None
    assert "expires_at" not in key
    assert key.get("name", "none") == "none"
    with pytest.raises(KeyError):
        key["nonsense"]
    with pytest.raises(AttributeError):
        key.nonsense  # noqa: B018


async def test_a_bad_field_is_named(sdk: Caller) -> None:
    with pytest.raises(ValidationError) as caught:
        await sdk.call("generate", "Hello", max_tokens=0)
    error = caught.value
    assert (error.status, error.type, error.field) == (400, "validation_error", "max_tokens")
    assert error.request_id
    assert error.request_id in str(error)
    assert error.body["error"]["message"] == error.message


async def test_each_refusal_has_its_class(sdk: Caller, kind: Kind, service: RunningService) -> None:
    with pytest.raises(NotFoundError):
        await sdk.call("get_key", "key_nobody")
    key = await sdk.call("create_key", "narrow", scopes=["embed"])
    async with kind(key.key, service.url) as narrow:
        with pytest.raises(AuthorizationError):
            await narrow.call("generate", "Hello")
    async with kind("sk-ais-wrong", service.url) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.call("generate", "Hello")


async def test_an_idempotency_key_replays_the_answer_and_guards_it(sdk: Caller) -> None:
    first = await sdk.call("generate", "Hello", idempotency_key=f"order-{id(sdk)}")
    again = await sdk.raw("generate", "Hello", idempotency_key=f"order-{id(sdk)}")
    assert again.parse() == first
    assert again.headers["Idempotency-Replayed"] == "true"
    with pytest.raises(ConflictError):
        await sdk.call("generate", "Another", idempotency_key=f"order-{id(sdk)}")


async def test_requests_are_signed_if_wanted(kind: Kind, tmp_path: Path) -> None:
    settings = make_settings(tmp_path, request_signing="required")
    with RunningService(settings) as service:
        async with kind(ADMIN_KEY, service.url, sign_requests=True) as signing:
            for _ in range(3):  # the same request again has a signature of its own
                assert (await signing.call("generate", "Hello", model="haiku")).text
            assert await signing.read("list_keys", limit=1, tenant="default")
            assert (await signing.call("upload_batch", b'{"prompt": "a"}')).counts.total == 1
        async with kind(ADMIN_KEY, service.url) as plain:
            with pytest.raises(AuthenticationError):
                await plain.call("generate", "Hello")


async def test_a_path_parameter_stays_one_segment(wired: Caller, wire: WireServer) -> None:
    await wired.call("get_key", "a/../b?c#d é")
    assert wire.received[0].target == "/api/v1/keys/a%2F..%2Fb%3Fc%23d%20%C3%A9"
    for value in ("", ".", ".."):
        with pytest.raises(ValueError, match="key_id"):
            await wired.call("revoke_key", value)
    assert len(wire.received) == 1


async def test_headers_tell_who_calls(wired: Caller, wire: WireServer) -> None:
    await wired.call("generate", "Hello", extra_headers={"X-Request-ID": "mine"})
    headers = wire.received[0].headers
    assert headers["x-api-key"] == "sk-ais-wired"
    assert headers["user-agent"] == f"ai-service-sdk-python/{__version__}"
    assert headers["x-request-id"] == "mine"


def test_the_version_is_the_service_s() -> None:
    assert __version__ == service_version


async def test_key_and_url_come_from_the_environment(
    kind: Kind, service: RunningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_SERVICE_API_KEY", ADMIN_KEY)
    monkeypatch.setenv("AI_SERVICE_BASE_URL", f"{service.url}/")
    async with kind() as sdk:
        assert (await sdk.call("generate", "Hello")).text == "Echo: Hello"


def test_without_a_key_nothing_begins(kind: Kind) -> None:
    with pytest.raises(AIServiceError, match="AI_SERVICE_API_KEY"):
        kind()


def test_the_key_is_in_no_description_of_the_sdk() -> None:
    with AIServiceSDK("sk-ais-secret") as sdk:
        assert "secret" not in repr(sdk)


async def test_a_page_that_is_no_json_is_an_error(wired: Caller, wire: WireServer) -> None:
    wire.replies = [Reply(pieces=(b"<html>Login</html>",))]
    with pytest.raises(AIServiceError, match="not JSON"):
        await wired.call("generate", "Hello")


async def test_what_json_cannot_say_is_refused_before_it_is_sent(
    wired: Caller, wire: WireServer
) -> None:
    with pytest.raises(TypeError, match="object"):
        await wired.call("generate", object())
    with pytest.raises(ValueError, match="JSON"):
        await wired.call("generate", "Hello", temperature=float("nan"))
    assert not wire.received


async def test_a_service_that_is_not_there_is_a_connection_error(kind: Kind) -> None:
    async with kind("sk-ais-x", "http://127.0.0.1:1", max_retries=0) as sdk:
        with pytest.raises(APIConnectionError):
            await sdk.call("generate", "Hello")
        with pytest.raises(APIConnectionError):
            await sdk.read("stream_generate", "Hello")


async def test_one_connection_serves_many_calls(sdk: Caller, service: RunningService) -> None:
    ports = set()
    for _ in range(3):
        response = await sdk.raw("generate", "Hello")
        ports.add(response.http_response.extensions["network_stream"].get_extra_info("client_addr"))
        await sdk.final("stream_generate", "Hello")
    assert len(ports) == 1


async def test_both_sdks_have_the_same_methods() -> None:
    assert {name for name in dir(AIServiceSDK) if name[0] != "_"} == {
        name for name in dir(AsyncAIServiceSDK) if name[0] != "_"
    }


async def test_errors_and_answers_survive_another_process(sdk: Caller) -> None:
    answer = await sdk.call("generate", "Hello")
    assert pickle.loads(pickle.dumps(answer)) == answer  # noqa: S301 - our own
    with pytest.raises(ValidationError) as caught:
        await sdk.call("generate", "")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert (str(again), again.field) == (str(caught.value), "prompt")


async def test_a_client_of_the_user_s_is_used_and_left_open(service: RunningService) -> None:
    async with httpx2.AsyncClient(headers={"X-Team": "blue"}) as client:
        async with AsyncAIServiceSDK(ADMIN_KEY, service.url, http_client=client) as sdk:
            response = await sdk.with_raw_response.generate("Hello")
        assert response.http_response.request.headers["X-Team"] == "blue"
        assert not client.is_closed
    with httpx2.Client() as blocking:
        with AIServiceSDK(ADMIN_KEY, service.url, http_client=blocking):
            pass
        assert not blocking.is_closed
