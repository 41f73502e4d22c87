"""Who asks, and what they asked for that does not change the answer."""

from msgspec import Struct

from service.access.ports import Sanitize
from service.access.principal import Principal
from service.inference.charges import Charges
from service.usage.ports import RequestKind


class CallContext(Struct, frozen=True, kw_only=True):
    """One request's surroundings. None of it is part of what a model is asked.

    `request_id` is the X-Request-ID. `timeout_seconds` may only shorten the server's own deadline.
    Without `use_cache` the request neither takes nor leaves an answer, nor shares a call. `sanitize` is
    done to what leaves the service: answers are shared raw. `record_id` is the id that its row in the
    ledger and its answer get, for work that may be run again after a death: one row, one bill.
    `prompt_name` and `prompt_version` say from which template the request was made, if from one.
    `charges` is told what the request is charged. With `semantic_cache` an answer
    may be shared by questions of at least that similarity.
    """

    principal: Principal
    request_id: str
    kind: RequestKind
    metadata: dict[str, str]
    timeout_seconds: float | None = None
    use_cache: bool = True
    sanitize: Sanitize = "none"
    record_id: str | None = None
    prompt_name: str | None = None
    prompt_version: int | None = None
    charges: Charges | None = None
    semantic_cache: float | None = None
