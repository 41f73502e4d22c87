"""From a model's name to its targets."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from service.core.errors import InvalidRequest
from service.core.messages import (
    CompletionRequest,
    ImageUrl,
    JsonSchema,
    Message,
    TextPart,
    Tool,
)
from service.inference.catalog import Catalog
from service.inference.profiles import ModelProfile
from tests.fakes import FakeProvider, request

ALIASES = {
    "haiku": ["anthropic/claude-haiku", "openai/gpt-mini"],
    "embedding": ["openai/text-embedding"],
    "local": ["ollama/llama"],
}
PROFILES = {
    "anthropic/claude-*": ModelProfile(takes_temperature=False),
    "openai/gpt-*": ModelProfile(),
    "openai/text-embedding*": ModelProfile(abilities=("embed",)),
    "sandbox/*": ModelProfile(abilities=("generate", "embed")),
}


def make_catalog(
    *providers: str,
    models: Mapping[str, Sequence[str]] | None = None,
    profiles: Mapping[str, ModelProfile] | None = None,
) -> Catalog:
    return Catalog(
        providers={name: FakeProvider(name=name) for name in providers},
        models=models or {},
        aliases=ALIASES,
        profiles=PROFILES if profiles is None else profiles,
    )


def names(catalog: Catalog, model: str) -> list[str]:
    return [target.name for target in catalog.targets(model)]


def test_alias_leads_to_its_targets_in_order() -> None:
    catalog = make_catalog("openai", "anthropic")
    assert names(catalog, "haiku") == ["anthropic/claude-haiku", "openai/gpt-mini"]


def test_target_of_a_provider_that_is_not_configured_is_left_out() -> None:
    assert names(make_catalog("openai"), "haiku") == ["openai/gpt-mini"]


def test_alias_without_a_configured_provider_is_known_but_cannot_be_asked() -> None:
    catalog = make_catalog("openai")
    assert names(catalog, "local") == []
    with pytest.raises(InvalidRequest, match="No provider of 'local'") as caught:
        catalog.completion_targets(request(model="local"))
    assert caught.value.field == "model"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-new", ["anthropic/claude-new"]),
        ("gpt-new", ["openai/gpt-new"]),
        ("openai/whatever", ["openai/whatever"]),
        ("anthropic/claude-haiku", ["anthropic/claude-haiku"]),
    ],
)
def test_full_model_id_leads_to_its_vendor(model: str, expected: list[str]) -> None:
    assert names(make_catalog("openai", "anthropic"), model) == expected


def test_listed_id_leads_to_every_provider_that_lists_it_even_with_a_slash_in_it() -> None:
    catalog = make_catalog(
        "openai", "vllm", "ollama", models={"vllm": ["meta/llama", "phi"], "ollama": ["meta/llama"]}
    )
    assert names(catalog, "meta/llama") == ["vllm/meta/llama", "ollama/meta/llama"]
    assert names(catalog, "vllm/phi") == ["vllm/phi"]
    assert catalog.listed_models == ("vllm/meta/llama", "vllm/phi", "ollama/meta/llama")


@pytest.mark.parametrize(
    "model", ["nonsense", "nobody/claude-x", "openai/", "/", "/gpt-x", "claude"]
)
def test_name_that_nothing_knows_is_refused(model: str) -> None:
    with pytest.raises(InvalidRequest, match="Unknown model") as caught:
        make_catalog("openai", "anthropic").targets(model)
    assert caught.value.field == "model"


def test_id_of_a_known_vendor_without_a_key_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="Unknown model"):
        make_catalog("openai").targets("claude-haiku")


@pytest.mark.parametrize(
    "model", ["haiku", "embedding", "local", "claude-new", "anthropic/claude-new", "sandbox/any"]
)
def test_sandbox_alone_stands_in_for_every_known_name(model: str) -> None:
    assert names(make_catalog("sandbox"), model) == ["sandbox/sandbox"]


@pytest.mark.parametrize("model", ["nonsense", "nobody/claude-x", "anthropic/nonsense"])
def test_sandbox_does_not_stand_in_for_nonsense(model: str) -> None:
    with pytest.raises(InvalidRequest):
        make_catalog("sandbox").targets(model)


def test_sandbox_beside_another_provider_stands_in_for_nothing() -> None:
    assert names(make_catalog("sandbox", "openai"), "haiku") == ["openai/gpt-mini"]


def test_longest_profile_pattern_decides() -> None:
    catalog = make_catalog(
        "openai",
        profiles={
            "openai/*": ModelProfile(overhead_tokens=1),
            "openai/gpt-4*": ModelProfile(overhead_tokens=3),
            "openai/gpt-*": ModelProfile(overhead_tokens=2),
        },
    )
    found = [
        catalog.profile("openai", model).overhead_tokens for model in ("o1", "gpt-5", "gpt-4o")
    ]
    assert found == [1, 2, 3]
    assert catalog.profile("other", "gpt-4o") == ModelProfile()


def test_embeddings_go_only_to_models_that_make_them() -> None:
    catalog = make_catalog("openai", "anthropic")
    assert [t.name for t in catalog.embedding_targets("embedding")] == ["openai/text-embedding"]
    with pytest.raises(InvalidRequest, match="can embed") as caught:
        catalog.embedding_targets("haiku")
    assert caught.value.field == "model"


def test_embedding_model_does_not_generate() -> None:
    with pytest.raises(InvalidRequest, match="can generate") as caught:
        make_catalog("openai").completion_targets(request(model="embedding"))
    assert caught.value.field == "model"


IMAGE = Message(role="user", content=(TextPart("What is it?"), ImageUrl("https://example.com/a")))
DEMANDS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("max_tokens", {"max_tokens": 101}, {"max_output_tokens": 100}),
    ("tools", {"tools": (Tool(name="f", parameters={}),)}, {"takes_tools": False}),
    (
        "response_format",
        {"json_schema": JsonSchema(name="s", schema={})},
        {"takes_json_schema": False},
    ),
    ("stop", {"stop": ("\n",)}, {"takes_stop": False}),
    ("messages", {"messages": (IMAGE,)}, {"takes_images": False}),
    ("reasoning_effort", {"reasoning_effort": "low"}, {"reasoning_control": None}),
]


def with_profiles(first: ModelProfile, second: ModelProfile) -> Catalog:
    return make_catalog("openai", "anthropic", profiles={"anthropic/*": first, "openai/*": second})


def asking(changes: dict[str, Any]) -> CompletionRequest:
    return request(**{"model": "haiku", **changes})


@pytest.mark.parametrize(("field", "demand", "lack"), DEMANDS)
def test_target_that_cannot_do_what_is_asked_is_passed_over(
    field: str, demand: dict[str, Any], lack: dict[str, Any]
) -> None:
    able = ModelProfile(reasoning_control="effort")
    unable = ModelProfile(**{"reasoning_control": "effort", **lack})
    catalog = with_profiles(unable, able)
    assert [t.name for t in catalog.completion_targets(asking(demand))] == ["openai/gpt-mini"]
    catalog = with_profiles(unable, unable)
    with pytest.raises(InvalidRequest, match="does not support this") as caught:
        catalog.completion_targets(asking(demand))
    assert caught.value.field == field


def test_field_is_the_one_that_the_last_target_cannot_take() -> None:
    catalog = with_profiles(ModelProfile(takes_stop=False), ModelProfile(takes_tools=False))
    demand = {"stop": ("x",), "tools": (Tool(name="f", parameters={}),)}
    with pytest.raises(InvalidRequest) as caught:
        catalog.completion_targets(asking(demand))
    assert caught.value.field == "tools"


@pytest.mark.parametrize(
    "demand", [{"max_tokens": 100}, {"reasoning_effort": "none"}, {"tool_choice": "none"}]
)
def test_demand_that_any_model_meets_passes_nobody_over(demand: dict[str, Any]) -> None:
    modest = ModelProfile(
        max_output_tokens=100, takes_tools=False, takes_images=False, takes_stop=False
    )
    assert len(with_profiles(modest, modest).completion_targets(asking(demand))) == 2


def test_what_callers_invent_is_not_remembered() -> None:
    catalog = make_catalog("openai")
    first, second = catalog.targets("openai/a"), catalog.targets("openai/a")
    assert first == second
    assert first is not second
    assert catalog.targets("haiku") is catalog.targets("haiku")
