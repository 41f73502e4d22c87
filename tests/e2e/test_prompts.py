"""Prompts: kept in versions, moved between by labels, and asked with."""

import asyncio
import base64
from typing import Any

import httpx
import pytest

from service.access.ports import Scope
from tests.conftest import ServiceFactory
from tests.e2e.conversations import begin, heard, look, said_in
from tests.e2e.document import Document
from tests.e2e.keys import add_key, make_key
from tests.e2e.routes import CANARY, GENERATE, error_of
from tests.ledger import ledger_rows
from tests.postgres import Postgres
from tests.running import RunningService
from tests.simulator import Reply, Simulator, Stall, ToolCall, Usage
from tests.sse import events_of, read_stream, text_of

PROMPTS = "/api/v1/prompts"
GREETING = f"{PROMPTS}/greeting"
BODY = {"template": "Greet {name}."}
SAY = {"variables": {"name": "Ada"}}
CALLS = ("generate", "generate/stream", "chat", "chat/stream")
Json = dict[str, Any]


async def put(client: httpx.AsyncClient, template: str = "Greet {name}.", **more: Any) -> Json:
    """A version of the prompt `greeting`."""
    answer = await client.put(GREETING, json={"template": template} | more)
    assert answer.status_code == 200, answer.text
    made: Json = answer.json()
    return made


async def got(client: httpx.AsyncClient, path: str = GREETING, **query: Any) -> Json:
    """What is there."""
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def call(client: httpx.AsyncClient, call: str, body: Json, **headers: str) -> Json:
    """The end of an answer, plain or streamed, with its `text`."""
    path = f"{GREETING}/{call}"
    if call.endswith("/stream"):
        events = await read_stream(client, path, body)
        assert events[-1]["type"] == "done"
        return events[-1] | {"text": text_of(events)}
    answer = await client.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told | {"text": told["text"] if "text" in told else told["message"]["content"]}


def sent(simulator: Simulator) -> Json:
    """The body of the last call to Anthropic."""
    body: Json = simulator.calls[-1].body
    return body


# Versions and labels


async def test_a_prompt_is_kept_as_it_was_put(client: httpx.AsyncClient) -> None:
    body: Json = {
        "template": "Greet {name}, {times} times.",
        "system": "You are {tone}.",
        "defaults": {"model": "sonnet", "temperature": 0.2, "stop": ["\n"]},
        "variables": {
            "name": {"description": "Whom"},
            "times": {"type": "integer", "default": 1},
            "tone": {"default": "kind"},
        },
    }
    made = await put(client, **body)
    assert made == await got(client)
    assert (made["name"], made["version"], made["labels"]) == ("greeting", 1, {})
    assert (made["template"], made["system"]) == (body["template"], body["system"])
    assert {name: value for name, value in made["defaults"].items() if value is not None} == body[
        "defaults"
    ]
    assert made["variables"] == {
        "name": {"type": "string", "default": None, "description": "Whom"},
        "times": {"type": "integer", "default": 1, "description": None},
        "tone": {"type": "string", "default": "kind", "description": None},
    }
    assert made["key_id"] == "key_admin"


async def test_each_change_is_a_version_and_none_of_them_changes(
    client: httpx.AsyncClient,
) -> None:
    first, second = await put(client, "1 {name}"), await put(client, "2 {name}")
    assert (await put(client, "2 {name}"))["version"] == 2, "it says just the same"
    assert [await got(client, version=n) for n in (1, 2)] == [first, second]
    assert await got(client) == second
    listed = await got(client, f"{GREETING}/versions", limit=1)
    assert listed["data"] == [second]
    listed = await got(client, f"{GREETING}/versions", limit=1, cursor=listed["next_cursor"])
    assert (listed["data"], listed["next_cursor"]) == ([first], None)


async def test_prompts_are_listed_in_pages(client: httpx.AsyncClient) -> None:
    for name in ("b", "a", "c"):
        await client.put(f"{PROMPTS}/{name}", json={"template": name})
    await client.put(f"{PROMPTS}/a/labels/production", json={"version": 1})
    page = await got(client, PROMPTS, limit=2)
    assert [(each["name"], each["labels"]) for each in page["data"]] == [
        ("a", {"production": 1}),
        ("b", {}),
    ]
    page = await got(client, PROMPTS, limit=2, cursor=page["next_cursor"])
    assert ([each["name"] for each in page["data"]], page["next_cursor"]) == (["c"], None)


async def test_a_label_moves_and_who_asks_for_it_gets_the_other_version(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await put(client, "1 {name}")
    await put(client, "2 {name}")
    asks = SAY | {"label": "production"}
    for version in (1, 2, 1):
        moved = await client.put(f"{GREETING}/labels/production", json={"version": version})
        assert moved.json() == await got(client, label="production")
        assert (moved.json()["version"], moved.json()["labels"]) == (
            version,
            {"production": version},
        )
        await call(client, "generate", asks | {"cache": False})
        assert heard(simulator.calls[-1]) == [("user", f"{version} Ada")]
    assert (await client.delete(f"{GREETING}/labels/production")).status_code == 204
    error_of(await client.post(f"{GREETING}/generate", json=asks), 404, "not_found")
    error_of(await client.delete(f"{GREETING}/labels/production"), 404, "not_found")


async def test_what_is_not_there_is_a_404(client: httpx.AsyncClient) -> None:
    for path in (GREETING, f"{GREETING}/versions"):
        error_of(await client.get(path), 404, "not_found")
    for path in (GREETING, f"{GREETING}/labels/x"):
        error_of(await client.delete(path), 404, "not_found")
    error_of(await client.put(f"{GREETING}/labels/x", json={"version": 1}), 404, "not_found")
    await put(client)
    for query in ({"version": 2}, {"label": "production"}):
        error_of(await client.get(GREETING, params=query), 404, "not_found")
        for path in ("render", *CALLS):
            body = SAY | query
            error_of(await client.post(f"{GREETING}/{path}", json=body), 404, "not_found")
    error_of(await client.put(f"{GREETING}/labels/x", json={"version": 2}), 404, "not_found")


async def test_a_deleted_prompt_is_gone_and_its_numbers_are_not_used_again(
    client: httpx.AsyncClient,
) -> None:
    await put(client, "1 {name}")
    await put(client, "2 {name}")
    await client.put(f"{GREETING}/labels/production", json={"version": 2})
    assert (await client.delete(GREETING)).status_code == 204
    for path in ("render", *CALLS):
        error_of(await client.post(f"{GREETING}/{path}", json=SAY), 404, "not_found")
    assert (await got(client, PROMPTS))["data"] == []
    again = await put(client, "3 {name}")
    assert (again["version"], again["labels"]) == (3, {})


# Asking


async def test_rendering_shows_the_messages_and_asks_nobody(
    service: RunningService, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await put(client, 'Say "{{{name}}}"', system="Be {tone}", variables={"name": {}, "tone": {}})
    body = {"variables": {"name": "{tone}{name.x}", "tone": "brief"}}
    answer = await client.post(f"{GREETING}/render", json=body)
    assert answer.status_code == 200
    assert answer.json() == {
        "name": "greeting",
        "version": 1,
        "messages": [
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": 'Say "{{tone}{name.x}}"'},
        ],
    }
    assert simulator.calls == []
    assert ledger_rows(service.settings.data_dir) == []


@pytest.mark.parametrize("how", CALLS)
async def test_the_model_gets_the_rendered_prompt(
    how: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text="Hello Ada"), on="anthropic")
    await put(client, system="You are {tone}.", variables={"name": {}, "tone": {"default": "kind"}})
    told = await call(client, how, SAY)
    assert (told["text"], told["model"], told["provider"]) == ("Hello Ada", "haiku", "anthropic")
    assert heard(simulator.calls[-1]) == [("user", "Greet Ada.")]
    assert "You are kind." in str(sent(simulator)["system"])


@pytest.mark.parametrize("how", CALLS)
async def test_what_a_request_says_itself_comes_before_the_defaults(
    how: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await put(client, defaults={"model": "sonnet", "max_tokens": 77, "stop": ["END"]})
    await call(client, how, SAY)
    assert sent(simulator)["model"].startswith("claude-sonnet")
    assert (sent(simulator)["max_tokens"], sent(simulator)["stop_sequences"]) == (77, ["END"])
    await call(client, how, SAY | {"model": "haiku", "max_tokens": 5, "stop": None})
    assert sent(simulator)["model"].startswith("claude-haiku")
    assert (sent(simulator)["max_tokens"], sent(simulator)["stop_sequences"]) == (5, ["END"])


async def test_a_chat_goes_on_from_the_prompt_and_never_loses_it(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await put(client)
    turns = [
        {"role": role, "content": f"{n} {role}"}
        for n in range(10)
        for role in ("assistant", "user")
    ]
    tool = {"type": "function", "function": {"name": "look"}}
    simulator.script(Reply(tool_calls=(ToolCall("look", "{}"),)), on="anthropic")
    body = SAY | {"messages": turns, "history_limit": 2, "tools": [tool]}
    answer = await client.post(f"{GREETING}/chat", json=body | {"tool_choice": "required"})
    assert answer.json()["message"]["tool_calls"][0]["function"]["name"] == "look"
    assert heard(simulator.calls[-1]) == [
        ("user", "Greet Ada."),
        ("assistant", "9 assistant"),
        ("user", "9 user"),
    ]
    assert sent(simulator)["tools"][0]["name"] == "look"


async def test_a_prompt_that_renders_alike_shares_its_answer_with_whoever_asks_the_same(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await put(client)
    plain = (await client.post(GENERATE, json={"prompt": "Greet Ada."})).json()
    told = await call(client, "generate", SAY)
    assert (told["cache_hit"], told["text"], told["cost_usd"]) == (True, plain["text"], 0)
    assert len(simulator.calls) == 1


async def test_a_recorded_answer_is_replayed_whatever_became_of_the_prompt(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await put(client)
    first = await call(client, "generate", SAY, **{"Idempotency-Key": "k-1"})
    assert (await client.delete(GREETING)).status_code == 204
    assert await call(client, "generate", SAY, **{"Idempotency-Key": "k-1"}) == first
    assert len(simulator.calls) == 1


async def test_a_conversation_goes_on_with_what_the_template_says(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    for text in ("One", "Two", "Three"):
        simulator.script(Reply(text=text), on="anthropic")
    await put(client, system="Be brief.")
    conversation = await begin(client, system="You are kind.")
    told = []
    for how, name in (("generate", "Ada"), ("chat/stream", "Bob"), ("generate/stream", "Cy")):
        body = {"variables": {"name": name}, "conversation_id": conversation, "cache": False}
        told.append(await call(client, how, body))
    assert {each["conversation_id"] for each in told} == {conversation}
    history = [
        ("user", "Greet Ada."),
        ("assistant", "One"),
        ("user", "Greet Bob."),
        ("assistant", "Two"),
        ("user", "Greet Cy."),
    ]
    assert heard(simulator.calls[-1]) == history
    for instruction in ("You are kind.", "Be brief."):
        assert instruction in str(sent(simulator)["system"])
    assert await said_in(client, conversation) == [*history, ("assistant", "Three")]
    kept = await look(client, conversation)
    assert kept["cost_usd"] == pytest.approx(sum(each["cost_usd"] for each in told))
    record = await got(client, f"/api/v1/requests/{told[-1]['id']}")
    assert (record["prompt_name"], record["prompt_version"]) == ("greeting", 1)


@pytest.mark.parametrize("how", CALLS)
async def test_a_conversation_that_is_not_there_is_a_404(
    how: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await put(client)
    body = SAY | {"conversation_id": "conv_0"}
    error_of(await client.post(f"{GREETING}/{how}", json=body), 404, "not_found")
    assert simulator.calls == []


@pytest.mark.parametrize("how", ["generate/stream", "chat/stream"])
async def test_hanging_up_stops_the_model(
    how: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await put(client)
    simulator.script(Stall(after_words=2), on="anthropic")
    async with client.stream("POST", f"{GREETING}/{how}", json=SAY) as stream:
        await anext(events_of(stream))
    await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)


# Usage


async def test_usage_tells_what_each_version_costs(
    service: RunningService, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await put(client, "1 {name}")
    await put(client, "2 {name}")
    cost = {1: 0.0, 2: 0.0}
    for n, how in enumerate(CALLS):
        for version, tokens in ((1, 1_000), (2, 10_000)):
            reply = Reply(text="Hi", usage=Usage(input_tokens=tokens, output_tokens=10))
            simulator.script(reply, on="anthropic")
            told = await call(client, how, {"variables": {"name": f"{n}"}, "version": version})
            cost[version] += told["cost_usd"]
            record = await got(client, f"/api/v1/requests/{told['id']}")
            assert (record["prompt_name"], record["prompt_version"]) == ("greeting", version)
            assert record["kind"] == how.partition("/")[0]
    hit = await call(client, "generate", {"variables": {"name": "0"}, "version": 1})
    assert hit["cache_hit"]
    await client.post(GENERATE, json={"prompt": "x"})
    report = await got(client, "/api/v1/usage", group_by="prompt")
    found = {each["group"]: each for each in report["data"]}
    assert set(found) == {"greeting@1", "greeting@2", None}
    for version, requests in ((1, 5), (2, 4)):
        group = found[f"greeting@{version}"]
        assert group["cost_usd"] == pytest.approx(cost[version])
        assert group["requests"] == requests
    assert found["greeting@1"]["cache_hits"] == 1
    assert found[None]["requests"] == 1
    assert report["totals"]["requests"] == 10


async def test_what_compares_questions_is_not_the_templates(client: httpx.AsyncClient) -> None:
    await put(client, "1 {name}")
    asked = {"variables": {"name": "Ada"}, "semantic_cache": {"threshold": 0.9}}
    await call(client, "generate", asked)
    report = await got(client, "/api/v1/usage", group_by="prompt")
    assert {each["group"]: each["requests"] for each in report["data"]} == {
        "greeting@1": 1,
        None: 1,
    }


async def test_a_summary_of_the_history_is_not_the_templates(client: httpx.AsyncClient) -> None:
    await put(client)
    conversation = await begin(client)
    for name in ("Ada", "Bob"):
        body = {"variables": {"name": name}, "conversation_id": conversation}
        await call(client, "chat", body | {"history_limit": 1, "summarize_history": True})
    report = await got(client, "/api/v1/usage", group_by="prompt")
    assert {each["group"]: each["requests"] for each in report["data"]} == {
        "greeting@1": 2,
        None: 1,
    }


# Refusals


@pytest.fixture
async def declared(shared_client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client with a prompt of typed variables."""
    await put(
        shared_client,
        "{name} {count}",
        variables={"name": {}, "count": {"type": "integer", "default": 1}},
    )
    return shared_client


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "variables.name"),
        ({"variables": {"count": 1}}, "variables.name"),
        ({"variables": {"name": "x", "names": CANARY}}, "variables.names"),
        ({"variables": {"name": 1}}, "variables.name"),
        ({"variables": {"name": "x", "count": CANARY}}, "variables.count"),
        ({"variables": {"name": "x", "count": 1.5}}, "variables.count"),
        ({"variables": {"name": "x", "count": True}}, "variables.count"),
        ({"variables": {"name": [CANARY]}}, "variables.name"),
        ({"variables": {"name": None}}, "variables.name"),
        ({"variables": {"na me": "x"}}, "variables.na me"),
        ({"variables": []}, "variables"),
        ({"variables": {"name": "x"}, "version": 0}, "version"),
        ({"variables": {"name": "x"}, "version": 2**31}, "version"),
        ({"variables": {"name": "x"}, "version": 1, "label": "a"}, "label"),
        ({"variables": {"name": "x"}, "label": "no/label"}, "label"),
        ({"variables": {"name": "x"}, "prompt": CANARY}, "prompt"),
    ],
)
async def test_what_does_not_fit_is_named(
    body: Json, field: str, declared: httpx.AsyncClient, simulator: Simulator
) -> None:
    for path in ("render", *CALLS):
        answer = await declared.post(f"{GREETING}/{path}", json=body)
        error_of(answer, 400, "validation_error", field=field)
    assert simulator.calls == []


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"messages": [{"role": "assistant", "content": ""}]}, "messages.0.content"),
        ({"history_limit": 0}, "history_limit"),
        ({"summarize_history": True}, "summarize_history"),
        ({"conversation_id": "x"}, "conversation_id"),
        ({"model": "no such model"}, "model"),
        ({"model": "nobody"}, "model"),
    ],
)
async def test_a_chat_that_could_not_be_asked_plainly_is_refused_alike(
    more: Json, field: str, declared: httpx.AsyncClient
) -> None:
    for path in ("chat", "chat/stream"):
        answer = await declared.post(f"{GREETING}/{path}", json=SAY | more)
        error_of(answer, 400, "validation_error", field=field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "template"),
        ({"template": ""}, "template"),
        ({"template": "x" * 100_001}, "template"),
        ({"template": "{a.__class__}"}, "template"),
        ({"template": f"{{a[{CANARY}]}}"}, "template"),
        ({"template": "{a!r}"}, "template"),
        ({"template": "{a:>9}"}, "template"),
        ({"template": "{}"}, "template"),
        ({"template": "{"}, "template"),
        ({"template": "x\0"}, "template"),
        ({"template": "sk-ant-0123456789abcdef"}, "template"),
        ({"template": "x", "system": "{a.b}"}, "system"),
        ({"template": "{a}", "variables": {}}, "variables.a"),
        ({"template": "x", "variables": {"a": {}}}, "variables.a"),
        ({"template": "x", "variables": {"a b": {}}}, "variables.a b"),
        ({"template": "{a}", "variables": {"a": {"type": "any"}}}, "variables.a.type"),
        ({"template": "{a}", "variables": {"a": {"default": 1}}}, "variables.a.default"),
        ({"template": "{a}", "variables": {"a": {"default": []}}}, "variables.a.default"),
        ({"template": "x", "defaults": {"temperature": 3}}, "defaults.temperature"),
        ({"template": "x", "defaults": {"stop": ["\0"]}}, "defaults.stop.0"),
        ({"template": "x", "defaults": {"prompt": "y"}}, "defaults.prompt"),
        (
            {"template": "x", "defaults": {"provider_options": {"openai": {"seed": ["\0"]}}}},
            "defaults.provider_options.openai.seed.0",
        ),
    ],
)
async def test_a_template_that_cannot_be_used_is_refused(
    body: Json, field: str, shared_client: httpx.AsyncClient
) -> None:
    answer = await shared_client.put(f"{PROMPTS}/refused", json=body)
    error_of(answer, 400, "validation_error", field=field)
    error_of(await shared_client.get(f"{PROMPTS}/refused"), 404, "not_found")


@pytest.mark.parametrize("name", [".x", "x" * 65, "a b", "a@1", "é", "sk-ant-0123456789abcdef"])
async def test_a_name_that_could_be_taken_for_something_else_is_refused(
    name: str, shared_client: httpx.AsyncClient
) -> None:
    answer = await shared_client.put(f"{PROMPTS}/{name}", json=BODY)
    error_of(answer, 400, "validation_error", field="prompt_name")
    await shared_client.put(f"{PROMPTS}/named", json=BODY)
    answer = await shared_client.put(f"{PROMPTS}/named/labels/{name}", json={"version": 1})
    error_of(answer, 400, "validation_error", field="label")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"version": "0"}, "version"),
        ({"version": "1", "label": "a"}, "label"),
        ({"label": "@"}, "label"),
    ],
)
async def test_a_bad_query_names_the_field(
    query: dict[str, str], field: str, shared_client: httpx.AsyncClient
) -> None:
    answer = await shared_client.get(GREETING, params=query)
    error_of(answer, 400, "validation_error", field=field)


async def test_the_cursor_of_another_list_is_refused(client: httpx.AsyncClient) -> None:
    for n in (1, 2):
        await put(client, f"{n} {{name}}")
        await client.put(f"{PROMPTS}/other{n}", json=BODY)
    cursor = (await got(client, PROMPTS, limit=1))["next_cursor"]
    answer = await client.get(f"{GREETING}/versions", params={"cursor": cursor})
    error_of(answer, 400, "validation_error", field="cursor")


async def test_a_cursor_that_no_page_has_given_is_no_prompt_that_is_missing(
    client: httpx.AsyncClient,
) -> None:
    await put(client, "Hi {name}")
    for first in (b"0", b"1"):
        cursor = base64.urlsafe_b64encode(first).decode()
        answer = await client.get(f"{GREETING}/versions", params={"cursor": cursor})
        error_of(answer, 400, "validation_error", field="cursor")


async def test_a_prompt_that_comes_out_empty_is_refused(client: httpx.AsyncClient) -> None:
    await put(client, "{name}")
    for path in ("render", *CALLS):
        answer = await client.post(f"{GREETING}/{path}", json={"variables": {"name": ""}})
        error_of(answer, 400, "validation_error", field="variables")


# Who may


async def test_two_tenants_may_use_one_name(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    key = await add_key(service, tenant="globex")
    await put(client, "Ours {name}")
    async with service.client(key=key) as stranger:
        error_of(await stranger.get(GREETING), 404, "not_found")
        theirs = await put(stranger, "Theirs {name}")
        assert (theirs["version"], (await got(client))["template"]) == (1, "Ours {name}")
        for tenant, said in ((client, "Ours Ada"), (stranger, "Theirs Ada")):
            rendered = await tenant.post(f"{GREETING}/render", json=SAY)
            assert rendered.json()["messages"][0]["content"] == said
        assert [each["template"] for each in (await got(stranger, PROMPTS))["data"]] == [
            "Theirs {name}"
        ]
        assert (await stranger.delete(GREETING)).status_code == 204
    assert (await got(client))["template"] == "Ours {name}"


@pytest.mark.parametrize(
    ("scopes", "may_use", "may_read", "may_change"),
    [(("generate",), True, True, False), (("admin",), False, True, True), (("embed",), False, False, False)],
)  # fmt: skip
async def test_generate_uses_and_admin_changes(
    scopes: tuple[Scope, ...],
    may_use: bool,
    may_read: bool,
    may_change: bool,
    service: RunningService,
    client: httpx.AsyncClient,
) -> None:
    await put(client)
    async with service.client(key=await add_key(service, scopes=scopes)) as holder:
        await assert_may(holder, may_use=may_use, may_read=may_read, may_change=may_change)


async def test_a_browser_token_uses_templates_that_it_cannot_read(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    await put(client)
    key = await make_key(client, "generate", "admin")
    async with service.client(key=key["key"]) as owner:
        minted = await owner.post(f"/api/v1/keys/{key['id']}/tokens", json={"scopes": ["generate"]})
    async with service.client(key=minted.json()["key"]) as page:
        await assert_may(page, may_use=True, may_read=False, may_change=False)


async def assert_may(
    holder: httpx.AsyncClient, *, may_use: bool, may_read: bool, may_change: bool
) -> None:
    """Each route is open or a 403 as these say; what deletes comes last."""
    label = f"{GREETING}/labels/production"
    answers = [
        *[(may_use, await holder.post(f"{GREETING}/{each}", json=SAY)) for each in CALLS],
        (may_read, await holder.post(f"{GREETING}/render", json=SAY)),
        *[
            (may_read, await holder.get(path))
            for path in (PROMPTS, GREETING, f"{GREETING}/versions")
        ],
        (may_change, await holder.put(GREETING, json=BODY)),
        (may_change, await holder.put(label, json={"version": 1})),
        (may_change, await holder.delete(label)),
        (may_change, await holder.delete(GREETING)),
    ]
    for may, answer in answers:
        if may:
            assert answer.is_success, answer.text
        else:
            error_of(answer, 403, "authorization_error")


# Outages and the document


async def test_a_database_that_is_away_is_a_503(
    postgres: Postgres, start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(
        database_url=postgres.create_database(), secret_key="a secret of the test"
    )
    async with service.client() as client:
        await put(client)
        await asyncio.to_thread(postgres.stop)
        try:
            requests = [
                client.put(GREETING, json=BODY),
                client.get(GREETING),
                *(client.post(f"{GREETING}/{path}", json=SAY) for path in ("render", *CALLS)),
            ]
            for answer in await asyncio.gather(*requests):
                error_of(answer, 503, "service_unavailable")
                assert int(answer.headers["retry-after"]) >= 1
        finally:
            await asyncio.to_thread(postgres.start)
    assert simulator.calls == []


async def test_every_example_is_accepted_and_answered_as_documented(
    client: httpx.AsyncClient,
) -> None:
    document = Document((await client.get("/openapi.json")).json())
    variables = {"text": {}, "sentences": {"type": "integer"}}
    for n in (1, 2):  # the examples name version 2
        template = f"{n} {{sentences}} {{text}}"
        made = {"template": template, "variables": variables}
        await client.put(f"{PROMPTS}/summary", json=made)
    operations = [each for each in document.operations() if "{prompt_name}" in each[1]]
    for method, path, operation in sorted(operations, key=in_order):
        url = path.format(prompt_name="summary", label="production")
        for body in reversed(bodies_of(operation)):  # the others build on the first
            answer = await client.request(method, url, json=body)
            assert answer.is_success, (path, answer.text)
            ((status, response),) = [
                (status, each) for status, each in operation["responses"].items() if status < "3"
            ]
            assert answer.status_code == int(status)
            for media, content in response.get("content", {}).items():
                if media == "application/json":
                    assert document.mistakes(answer.json(), content["schema"]) == [], path


def in_order(operation: tuple[str, str, Json]) -> tuple[int, int]:
    """What makes something comes first, and what deletes all of it last."""
    method, path, _ = operation
    rank = ("put", "post", "get", "delete").index(method)
    return rank, -len(path) if method == "delete" else len(path)


def bodies_of(operation: Json) -> list[Json | None]:
    """The examples of an operation's body; none if it takes none."""
    if "requestBody" not in operation:
        return [None]
    content = operation["requestBody"]["content"]["application/json"]
    return [example["value"] for example in content["examples"].values()]
