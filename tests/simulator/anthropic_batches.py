"""Anthropic's Message Batches, as its SDK's types describe them."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.simulator.answers import Answer, Ask, compose
from tests.simulator.anthropic_wire import AnthropicMessages
from tests.simulator.batches import BatchedRequest, Batches, VendorBatch
from tests.simulator.behaviours import Status
from tests.simulator.wire import NO_ASK, Refused, json_object

MAX_REQUESTS = 100_000

_BATCHES = "/v1/messages/batches"
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_DAY_SECONDS = 24 * 3600
_encode = msgspec.json.Encoder().encode


class AnthropicBatches(AnthropicMessages):
    """One call to `/v1/messages/batches`; `place` is what the path has after it."""

    def __init__(
        self, batches: Batches, method: str, place: tuple[str, ...], query: dict[str, str]
    ) -> None:
        self._batches = batches
        self._method = method
        self._place = place
        self._query = query
        self._host = ""

    def read(self, headers: dict[bytes, bytes], body: bytes) -> tuple[dict[str, Any], Ask]:
        self.check_headers(headers)
        self._host = headers[b"host"].decode("latin-1")
        if self._method == "POST" and not self._place:
            request = json_object(body)
            _check(request)
            return request, NO_ASK
        if self._place and self._found is None:
            raise Refused(Status(404, message=f"Batch not found: {self._place[0]}"))
        if self._place[1:] == ("results",) and self._found and self._found.ended_at is None:
            raise Refused(Status(400, message="The batch has not ended: it has no results yet"))
        return {}, NO_ASK

    def plain(self, answer: Answer, request: dict[str, Any]) -> bytes:
        if self._found is None:
            return _encode(self._list()) if self._method == "GET" else self._create(request)
        if self._place[1:] == ("results",):
            return b"".join(self._result(each) + b"\n" for each in reversed(self._found.requests))
        if self._place[1:] == ("cancel",):
            self._found.cancel()
        return _encode(_described(self._found, self._host))

    @property
    def _found(self) -> VendorBatch | None:
        return self._batches.find("anthropic", self._place[0]) if self._place else None

    def _create(self, request: dict[str, Any]) -> bytes:
        batch = VendorBatch(
            id=f"msgbatch_sim{self._batches.number():012d}",
            vendor="anthropic",
            requests=[
                BatchedRequest(each["custom_id"], each["params"], _text_of(each["params"]))
                for each in request["requests"]
            ],
            created_at=time.time(),
        )
        self._batches.add(batch)
        return _encode(_described(batch, self._host))

    def _list(self) -> dict[str, Any]:
        found, has_more = self._batches.page(
            "anthropic",
            after=self._query.get("after_id"),
            limit=int(self._query.get("limit", "20")),
        )
        return {
            "data": [_described(batch, self._host) for batch in found],
            "has_more": has_more,
            "first_id": found[0].id if found else None,
            "last_id": found[-1].id if found else None,
        }

    def _result(self, request: BatchedRequest) -> bytes:
        return _encode({"custom_id": request.custom_id, "result": self._outcome(request)})

    def _outcome(self, request: BatchedRequest) -> dict[str, Any]:
        """The vendor checks a request's parameters only when its turn comes."""
        ending = request.ending
        if ending in ("expired", "cancelled"):
            return {"type": "canceled" if ending == "cancelled" else ending}
        try:
            body, ask = self.read_message(_encode(request.body), version="2026-10-21")
        except Refused as refused:
            ending = refused.status
        if isinstance(ending, Status):
            error = msgspec.Raw(self.error(ending, self._batches.number()))
            return {"type": "errored", "error": error}
        assert not isinstance(ending, str)
        message = msgspec.json.decode(super().plain(compose(ask, ending), body))
        message["usage"]["service_tier"] = "batch"
        return {"type": "succeeded", "message": message}


def find(
    batches: Batches, method: str, path: str, query: dict[str, str]
) -> tuple[str, AnthropicBatches] | None:
    """The endpoint and its name, with `{id}` for the id; None for another path."""
    place = tuple(path.removeprefix(_BATCHES).strip("/").split("/")) if path != _BATCHES else ()
    known = {
        ("POST", ()): _BATCHES,
        ("GET", ()): _BATCHES,
        ("GET", (None,)): f"{_BATCHES}/{{id}}",
        ("GET", (None, "results")): f"{_BATCHES}/{{id}}/results",
        ("POST", (None, "cancel")): f"{_BATCHES}/{{id}}/cancel",
    }
    name = known.get((method, (None, *place[1:]) if place else ()))
    if not path.startswith(_BATCHES) or name is None:
        return None
    return name, AnthropicBatches(batches, method, place, query)


def _check(request: dict[str, Any]) -> None:
    requests = request.get("requests")
    if not requests:
        raise Refused(Status(400, message="requests: List should have at least 1 item"), request)
    if len(requests) > MAX_REQUESTS:
        raise Refused(Status(400, message=f"requests: at most {MAX_REQUESTS} items"), request)
    seen = set()
    for at, each in enumerate(requests):
        if not _CUSTOM_ID.fullmatch(each["custom_id"]):
            message = f"requests.{at}.custom_id: String should match pattern '{_CUSTOM_ID.pattern}'"
            raise Refused(Status(400, message=message), request)
        if each["custom_id"] in seen:
            message = f"requests.{at}.custom_id: custom_id must be unique"
            raise Refused(Status(400, message=message), request)
        if each["params"].get("stream"):
            message = f"requests.{at}.params.stream: streaming is not supported in batches"
            raise Refused(Status(400, message=message), request)
        seen.add(each["custom_id"])


def _text_of(body: dict[str, Any]) -> str:
    messages = body.get("messages") or [{"content": ""}]
    content = messages[-1]["content"]
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part.get("type") == "text")


def _described(batch: VendorBatch, host: str) -> dict[str, Any]:
    """The counts stay zero until all has ended."""
    ended = batch.ended_at is not None
    endings = [_counted_as(request) for request in batch.requests] if ended else []
    counts = {kind: endings.count(kind) for kind in ("succeeded", "errored", "canceled", "expired")}
    return {
        "id": batch.id,
        "type": "message_batch",
        "processing_status": {"running": "in_progress", "cancelling": "canceling"}.get(
            batch.state, "ended"
        ),
        "request_counts": {"processing": 0 if ended else len(batch.requests), **counts},
        "created_at": _time(batch.created_at),
        "expires_at": _time(batch.created_at + _DAY_SECONDS),
        "ended_at": _time(batch.ended_at),
        "cancel_initiated_at": _time(batch.cancelled_at),
        "archived_at": None,
        "results_url": (f"http://{host}{_BATCHES}/{batch.id}/results" if ended else None),
    }


def _counted_as(request: BatchedRequest) -> str:
    if request.ending == "cancelled":
        return "canceled"
    if isinstance(request.ending, str):
        return request.ending
    return "errored" if isinstance(request.ending, Status) else "succeeded"


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
