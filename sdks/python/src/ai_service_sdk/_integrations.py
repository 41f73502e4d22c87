"""What the integrations share: where the service is, the clients behind a model, and the choice of tools."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from ai_service_sdk._generated.client import AIServiceSDK, AsyncAIServiceSDK
from ai_service_sdk._requests import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT_SECONDS

MOST_MESSAGES = 1000
"""The longest history that the service sends on: what a framework remembers is the framework's to decide."""


class SharedClients:
    """A client, and an async client for each event loop: a pooled connection lives in one loop only.

    Frameworks run coroutines in whatever loop is at hand, so one async client for all would fail on the
    second `asyncio.run`. What is given is used instead, in every loop, and stays its owner's to close.
    """

    def __init__(
        self,
        client: AIServiceSDK | None = None,
        async_client: AsyncAIServiceSDK | None = None,
        **options: Any,
    ) -> None:
        self._client = client
        self._async_client = async_client
        self._options = options
        self._by_loop: dict[asyncio.AbstractEventLoop, AsyncAIServiceSDK] = {}

    @property
    def sync(self) -> AIServiceSDK:
        """For ordinary calls. Raises `AIServiceError` if there is no API key."""
        if self._client is None:
            self._client = AIServiceSDK(**self._options)
        return self._client

    @property
    def of_this_loop(self) -> AsyncAIServiceSDK:
        """For calls of the running loop. Raises `AIServiceError` if there is no API key."""
        if self._async_client is not None:
            return self._async_client
        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:
            # Connections know their loop, so that a weak dictionary would keep both.
            self._by_loop = {
                other: client for other, client in self._by_loop.items() if not other.is_closed()
            }
            self._by_loop[loop] = AsyncAIServiceSDK(**self._options)
        return self._by_loop[loop]


def _key_of_the_environment() -> SecretStr | None:
    key = os.environ.get("AI_SERVICE_API_KEY")
    return SecretStr(key) if key else None


class Connection(BaseModel):
    """Where the service is, and how it is called."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    api_key: SecretStr | None = Field(default_factory=_key_of_the_environment, exclude=True)
    """The key; by default `AI_SERVICE_API_KEY`."""
    base_url: str | None = Field(default_factory=lambda: os.environ.get("AI_SERVICE_BASE_URL"))
    """Where the service is; by default `AI_SERVICE_BASE_URL`."""
    timeout: float | None = DEFAULT_TIMEOUT_SECONDS
    """Seconds that an attempt may be without an answer, or a stream silent; None: no limit."""
    max_retries: int = DEFAULT_MAX_RETRIES
    """How often a failed call is tried again."""
    client: AIServiceSDK | None = Field(default=None, exclude=True)
    """A client of yours for sync calls, instead of one made of the above."""
    async_client: AsyncAIServiceSDK | None = Field(default=None, exclude=True)
    """A client of yours for async calls, instead of one made of the above."""

    _clients: SharedClients = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._clients = SharedClients(
            self.client,
            self.async_client,
            api_key=self.api_key.get_secret_value() if self.api_key else None,
            base_url=self.base_url,
            timeout=self.timeout,
            max_retries=self.max_retries,
        )


def chosen_tool(choice: str | bool | dict[str, Any], names: Sequence[str]) -> str | dict[str, Any]:
    """The API's word for `any`, `required` or True, `auto`, `none`, the name of a tool, or its own word.

    Raises `ValueError` for a name that is not in `names`.
    """
    if isinstance(choice, dict):
        return choice
    if choice is True or choice in ("any", "required"):
        return "required"
    if choice in ("auto", "none"):
        return str(choice)
    if choice not in names:
        raise ValueError(f"tool_choice is {choice!r}, which is none of the tools: {list(names)}")
    return {"type": "function", "function": {"name": choice}}
