"""OpenAI's Batch API and the part of its Files API that batches need."""

import re
import time
from typing import Any

import msgspec

from tests.simulator.answers import Answer, Ask, compose
from tests.simulator.batches import BatchedRequest, Batches, VendorBatch
from tests.simulator.behaviours import Status
from tests.simulator.openai_wire import OpenAIChat, check_key
from tests.simulator.wire import NO_ASK, Refused, json_object

MAX_REQUESTS = 50_000

_CHAT = "/v1/chat/completions"
_DAY_SECONDS = 24 * 3600
_ENDED_WORDS = {
    "expired": (
        "batch_expired",
        "This request could not be executed before the completion window expired.",
    ),
    "cancelled": ("batch_cancelled", "This batch was cancelled before the request was executed."),
}
_PLACES = {
    "POST /v1/files": "/v1/files",
    "GET /v1/files/{id}/content": "/v1/files/{id}/content",
    "POST /v1/batches": "/v1/batches",
    "GET /v1/batches": "/v1/batches",
    "GET /v1/batches/{id}": "/v1/batches/{id}",
    "POST /v1/batches/{id}/cancel": "/v1/batches/{id}/cancel",
}
_encode = msgspec.json.Encoder().encode


class OpenAIBatches(OpenAIChat):
    """One call; `endpoint` is a key of `_PLACES`, `found_id` what stands for `{id}` in the path."""

    def __init__(
        self, batches: Batches, endpoint: str, found_id: str, query: dict[str, str]
    ) -> None:
        super().__init__()
        self._batches = batches
        self._endpoint = endpoint
        self._id = found_id
        self._query = query

    def read(self, headers: dict[bytes, bytes], body: bytes) -> tuple[dict[str, Any], Ask]:
        check_key(headers)
        if self._endpoint == "POST /v1/files":
            return _form(headers, body), NO_ASK
        if self._endpoint == "POST /v1/batches":
            request = json_object(body)
            self._check(request)
            return request, NO_ASK
        if self._endpoint == "GET /v1/files/{id}/content":
            if self._id not in self._batches.files:
                raise Refused(_missing(f"No such File object: {self._id}"))
        elif self._id and self._found is None:
            raise Refused(_missing(f"No batch found with id '{self._id}'."))
        return {}, NO_ASK

    def plain(self, answer: Answer, request: dict[str, Any]) -> bytes:
        match self._endpoint:
            case "POST /v1/files":
                return _encode(self._keep_file(request["file"]))
            case "GET /v1/files/{id}/content":
                return self._batches.files[self._id]
            case "POST /v1/batches":
                return _encode(self._described(self._create(request)))
            case "GET /v1/batches":
                return _encode(self._list())
        batch = self._found
        assert batch is not None, "read has looked for it"
        if self._endpoint.endswith("/cancel"):
            batch.cancel()
        return _encode(self._described(batch))

    @property
    def _found(self) -> VendorBatch | None:
        return self._batches.find("openai", self._id)

    def _check(self, request: dict[str, Any]) -> None:
        if request.get("completion_window") != "24h" or request.get("endpoint") != _CHAT:
            raise Refused(Status(400, message="Invalid completion_window or endpoint"), request)
        if request.get("input_file_id") not in self._batches.files:
            raise Refused(Status(400, message="Invalid input_file_id"), request)

    def _keep_file(self, content: bytes) -> dict[str, Any]:
        file_id = f"file-sim{self._batches.number():012d}"
        self._batches.files[file_id] = content
        return {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": "batch.jsonl",
            "purpose": "batch",
            "status": "processed",
        }

    def _create(self, request: dict[str, Any]) -> VendorBatch:
        """Whether the file is well-formed is told by the batch's state, not by this call."""
        lines = self._batches.files[request["input_file_id"]].splitlines()
        sent = [msgspec.json.decode(line) for line in lines]
        batch = VendorBatch(
            id=f"batch_sim{self._batches.number():012d}",
            vendor="openai",
            requests=[
                BatchedRequest(each["custom_id"], each["body"], _text_of(each["body"]))
                for each in sent
            ],
            created_at=time.time(),
            metadata=request.get("metadata"),
            input_file_id=request["input_file_id"],
        )
        if problem := _problem(sent):
            batch.refuse(problem)
        self._batches.add(batch)
        return batch

    def _list(self) -> dict[str, Any]:
        found, has_more = self._batches.page(
            "openai", after=self._query.get("after"), limit=int(self._query.get("limit", "20"))
        )
        return {
            "object": "list",
            "data": [self._described(batch) for batch in found],
            "has_more": has_more,
            "first_id": found[0].id if found else None,
            "last_id": found[-1].id if found else None,
        }

    def _described(self, batch: VendorBatch) -> dict[str, Any]:
        output, errors = self._written(batch) if batch.state == "ended" else (None, None)
        status = _status(batch)
        ended = None if batch.ended_at is None else int(batch.ended_at)
        failed = sum(not _is_answered(request) for request in batch.requests)
        is_over = batch.state == "ended"
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": _CHAT,
            "errors": (
                {
                    "object": "list",
                    "data": [
                        {"code": batch.refusal, "message": "Refused.", "param": None, "line": None}
                    ],
                }
                if batch.refusal
                else None
            ),
            "input_file_id": batch.input_file_id,
            "completion_window": "24h",
            "status": status,
            "output_file_id": output,
            "error_file_id": errors,
            "created_at": int(batch.created_at),
            "expires_at": int(batch.created_at) + _DAY_SECONDS,
            "completed_at": ended if status == "completed" else None,
            "failed_at": ended if status == "failed" else None,
            "expired_at": ended if status == "expired" else None,
            "cancelled_at": ended if status == "cancelled" else None,
            "request_counts": {
                "total": len(batch.requests),
                "completed": len(batch.requests) - failed if is_over else 0,
                "failed": failed if is_over else 0,
            },
            "metadata": batch.metadata,
        }

    def _written(self, batch: VendorBatch) -> tuple[str | None, str | None]:
        """The ids of the two files: what was answered, and what was not."""
        ids = []
        for kind, is_output in (("output", True), ("errors", False)):
            file_id = f"file-{kind}-{batch.id}"
            lines = [
                self._line(request)
                for request in reversed(batch.requests)
                if _is_answered(request) is is_output
            ]
            if lines and file_id not in self._batches.files:
                self._batches.files[file_id] = b"".join(line + b"\n" for line in lines)
            ids.append(file_id if lines else None)
        return ids[0], ids[1]

    def _line(self, request: BatchedRequest) -> bytes:
        line: dict[str, Any] = {
            "id": f"batch_req_sim{self._batches.number():012d}",
            "custom_id": request.custom_id,
            "response": None,
            "error": None,
        }
        ending = request.ending
        if isinstance(ending, str):
            code, message = _ENDED_WORDS[ending]
            line["error"] = {"code": code, "message": message}
            return _encode(line)
        number = self._batches.number()
        status = 200
        if isinstance(ending, Status):
            status, body = ending.code, self.error(ending, number)
        else:
            headers = {b"authorization": b"Bearer simulated"}
            request_body, ask = super().read(headers, _encode(request.body))
            body = super().plain(compose(ask, ending), request_body)
        line["response"] = {
            "status_code": status,
            "request_id": f"req_sim{number:012d}",
            "body": msgspec.Raw(body),
        }
        return _encode(line)


def find(
    batches: Batches, method: str, path: str, query: dict[str, str]
) -> tuple[str, OpenAIBatches] | None:
    """The endpoint and its name, with `{id}` for the id; None for another path."""
    found = re.fullmatch(r"(/v1/(?:files|batches))(?:/([^/]+)(/\w+)?)?", path)
    if found is None:
        return None
    root, found_id, rest = found.groups()
    template = root + ("/{id}" if found_id else "") + (rest or "")
    endpoint = f"{method} {template}"
    if endpoint not in _PLACES:
        return None
    return _PLACES[endpoint], OpenAIBatches(batches, endpoint, found_id or "", query)


def _form(headers: dict[bytes, bytes], body: bytes) -> dict[str, Any]:
    """The fields of a multipart form; `file` as bytes."""
    kind, _, boundary = headers.get(b"content-type", b"").partition(b"boundary=")
    if not kind.startswith(b"multipart/form-data") or not boundary:
        raise Refused(Status(400, message="Expected multipart/form-data"))
    fields: dict[str, Any] = {}
    for part in body.split(b"--" + boundary.strip(b'"'))[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="(\w+)"', head)
        assert name is not None
        fields[name[1].decode()] = content.removesuffix(b"\r\n")
    if fields.get("purpose") != b"batch" or not fields.get("file"):
        raise Refused(Status(400, message="A batch file needs a file and the purpose 'batch'"))
    return fields


def _problem(lines: list[dict[str, Any]]) -> str:
    """The code of the rule that the file breaks; "" if it is well-formed."""
    if not lines:
        return "empty_file"
    if len(lines) > MAX_REQUESTS:
        return "too_many_tasks"
    if any(line.get("method") != "POST" or line.get("url") != _CHAT for line in lines):
        return "invalid_url"
    if len({line["custom_id"] for line in lines}) < len(lines):
        return "duplicate_custom_id"
    if len({line["body"].get("model") for line in lines}) > 1:
        return "mismatched_model"
    return ""


def _text_of(body: dict[str, Any]) -> str:
    content = body["messages"][-1].get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "text")


def _status(batch: VendorBatch) -> str:
    if batch.state == "refused":
        return "failed"
    if batch.state != "ended":
        return "in_progress" if batch.state == "running" else "cancelling"
    if batch.cancelled_at is not None:
        return "cancelled"
    return "expired" if batch.is_expired else "completed"


def _is_answered(request: BatchedRequest) -> bool:
    return not isinstance(request.ending, Status | str)


def _missing(message: str) -> Status:
    return Status(404, message=message, error_code="not_found")
