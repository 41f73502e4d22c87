"""The types of the API: `…Param` are dicts that go in, the others are objects that come out."""

from ai_service_sdk._generated.models import *  # noqa: F403 - it has `__all__`
from ai_service_sdk._generated.types import *  # noqa: F403 - it has `__all__`
