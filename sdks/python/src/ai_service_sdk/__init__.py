"""The Python SDK of AI Service.

    from ai_service_sdk import AIServiceSDK

    with AIServiceSDK() as sdk:  # AI_SERVICE_API_KEY, AI_SERVICE_BASE_URL
        print(sdk.generate("Explain quantum computing.").text)

`AsyncAIServiceSDK` has the same methods to be awaited. What can go wrong is in `ai_service_sdk.errors`, the
types of what goes in and comes out are in `ai_service_sdk.types`.
"""

from ai_service_sdk._events import ToolCall
from ai_service_sdk._files import File
from ai_service_sdk._generated import __version__
from ai_service_sdk._generated.client import AIServiceSDK, AsyncAIServiceSDK
from ai_service_sdk._model import Model
from ai_service_sdk._operations import OMIT, Omit
from ai_service_sdk._pages import AsyncPages, Lines, Pages
from ai_service_sdk._raw import RawResponse
from ai_service_sdk._streams import AsyncStream, Stream
from ai_service_sdk.errors import (
    AIServiceError,
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    AuthorizationError,
    BudgetExceededError,
    ConflictError,
    NotFoundError,
    ProviderError,
    RateLimitError,
    ServerError,
    ServiceUnavailableError,
    StreamInterruptedError,
    ValidationError,
)

__all__ = [
    "OMIT",
    "AIServiceError",
    "AIServiceSDK",
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "AsyncAIServiceSDK",
    "AsyncPages",
    "AsyncStream",
    "AuthenticationError",
    "AuthorizationError",
    "BudgetExceededError",
    "ConflictError",
    "File",
    "Lines",
    "Model",
    "NotFoundError",
    "Omit",
    "Pages",
    "ProviderError",
    "RateLimitError",
    "RawResponse",
    "ServerError",
    "ServiceUnavailableError",
    "Stream",
    "StreamInterruptedError",
    "ToolCall",
    "ValidationError",
    "__version__",
]
