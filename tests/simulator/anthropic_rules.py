"""What Anthropic's API turns away with a 400, as far as a gateway can run into it.

From the vendor's guides of October 2026: the migration to API version 2026-10-21, and the
migration guides of the 4.6, 4.7 and 5.5 models.
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.simulator.behaviours import Status
from tests.simulator.wire import Refused

VERSIONS = ("2023-06-01", "2026-10-21")
"""Values of `anthropic-version`; SDK 2.x sends the second."""

_MODEL = re.compile(r"claude-(?P<family>[a-z]+)-(?P<major>\d)(?:-(?P<minor>\d)(?!\d))?")
_NO_PREFILL_SINCE = (4, 6)
_NO_THINKING_BUDGET_SINCE = (4, 7)
_ALWAYS_THINKS = {("opus", 5, 5), ("sonnet", 5, 5)}
_SAMPLING = ("temperature", "top_p", "top_k")


def check(request: dict[str, Any], version: str) -> None:
    """Raise `Refused` with the vendor's words for the first rule the request breaks."""
    for problem in _problems(request, version):
        raise Refused(Status(400, message=problem), request)


def _problems(request: dict[str, Any], version: str) -> Iterator[str]:
    if version not in VERSIONS:
        yield f"anthropic-version: '{version}' is not a valid version"
    for name in ("model", "max_tokens", "messages"):
        if request.get(name) is None:
            yield f"{name}: Field required"
    if not request["messages"]:
        yield "messages: at least one message is required"
    if version != VERSIONS[0]:
        for name in _SAMPLING:
            if name in request:
                yield f"{name}: Extra inputs are not permitted"
        yield from _removed_content(request["messages"])
    yield from _model_limits(request)


def _removed_content(messages: list[dict[str, Any]]) -> Iterator[str]:
    for at, message in enumerate(messages):
        parts = message["content"]
        for part in parts if isinstance(parts, list) else ():
            if message["role"] == "assistant" and part["type"] == "document":
                yield f"messages.{at}: document blocks are not permitted in assistant messages"
            if message["role"] == "user" and part.get("type") == "text" and part.get("citations"):
                yield f"messages.{at}: citations are not permitted in user messages"


def _model_limits(request: dict[str, Any]) -> Iterator[str]:
    found = _MODEL.match(request["model"])
    if found is None:
        return
    version = (int(found["major"]), int(found["minor"] or 0))
    if version >= _NO_PREFILL_SINCE and request["messages"][-1]["role"] == "assistant":
        yield (
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message."
        )
    kind = (request.get("thinking") or {}).get("type")
    no_budget = kind == "enabled" and version >= _NO_THINKING_BUDGET_SINCE
    if no_budget or (kind == "disabled" and (found["family"], *version) in _ALWAYS_THINKS):
        yield (
            f'"thinking.type.{kind}" is not supported for this model. Use '
            '"thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        )
