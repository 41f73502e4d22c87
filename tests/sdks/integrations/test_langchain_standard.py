"""LangChain's own suites, which say what every chat model and every embedding must do."""

import json
from typing import Any, Literal

import pytest
from ai_service_sdk.langchain import AIServiceEmbeddings, ChatAIService
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_tests.integration_tests import (
    ChatModelIntegrationTests,
    EmbeddingsIntegrationTests,
)
from langchain_tests.unit_tests import ChatModelUnitTests, EmbeddingsUnitTests

from tests.sdks.integrations.conftest import Clients
from tests.simulator import Reply, Simulator, ToolCall, Usage

ENVIRONMENT = {
    "AI_SERVICE_API_KEY": "sk-ais-environment",
    "AI_SERVICE_BASE_URL": "https://ai.example.com",
}
FROM_ENVIRONMENT = {
    "api_key": ENVIRONMENT["AI_SERVICE_API_KEY"],
    "base_url": ENVIRONMENT["AI_SERVICE_BASE_URL"],
}


def _call(name: str, **arguments: Any) -> Reply:
    return Reply(tool_calls=(ToolCall(name, json.dumps(arguments, ensure_ascii=False)),))


_MAGIC = _call("magic_function", input=3)
_NO_ARGUMENTS = _call("magic_function_no_args")
_SCRIPTS: dict[str, tuple[Reply, ...]] = {
    # What a model that understands the question would say; each call to the vendor takes one.
    "test_tool_calling": (_MAGIC, _MAGIC),
    "test_tool_calling_async": (_MAGIC, _MAGIC),
    "test_tool_calling_with_no_arguments": (_NO_ARGUMENTS, _NO_ARGUMENTS),
    "test_agent_loop": (_call("get_weather", location="San Francisco"), Reply(text="Sunny.")),
    "test_unicode_tool_call_integration": (
        _call("unicode_customer", customer_name="你好啊集团", description="Technology"),
        _call("unicode_customer", customer_name="こんにちは株式会社", description="A company"),
    ),
}
_CACHED = Reply(text="Hello", usage=Usage(input_tokens=20, cache_read_tokens=15))


class TestChatAIService(ChatModelUnitTests):
    """Without a service."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatAIService

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "haiku", "api_key": "sk-ais-unused"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return ENVIRONMENT, {"model": "haiku"}, FROM_ENVIRONMENT


class TestChatAIServiceAnswers(ChatModelIntegrationTests):
    """Against the service in front of the simulated vendors.

    Pictures are left to `test_langchain.py`: the suite would fetch one from the internet.
    """

    @pytest.fixture(autouse=True)
    def _running(
        self, clients: Clients, simulator: Simulator, request: pytest.FixtureRequest
    ) -> None:
        self._clients = clients
        self._simulator = simulator
        test = request.node.originalname
        simulator.script(*_SCRIPTS.get(test, ()), on="anthropic")

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatAIService

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**self._clients}

    @property
    def model_override_value(self) -> str:
        return "sonnet"

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(
        self,
    ) -> dict[
        Literal["invoke", "stream"],
        list[
            Literal[
                "audio_input",
                "audio_output",
                "reasoning_output",
                "cache_read_input",
                "cache_creation_input",
            ]
        ],
    ]:
        return {"invoke": ["cache_read_input"], "stream": ["cache_read_input"]}

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        self._simulator.script(_CACHED, on="anthropic")
        model = ChatAIService(**self.chat_model_params, streaming=stream)
        return model.invoke("What was said before?")


class TestAIServiceEmbeddings(EmbeddingsUnitTests):
    """Without a service."""

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return AIServiceEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"api_key": "sk-ais-unused"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return ENVIRONMENT, {}, FROM_ENVIRONMENT


class TestAIServiceEmbeddingsAnswers(EmbeddingsIntegrationTests):
    """Against the service in front of the simulated vendors."""

    @pytest.fixture(autouse=True)
    def _running(self, clients: Clients) -> None:
        self._clients = clients

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return AIServiceEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {**self._clients}
