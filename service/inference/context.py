"""Who asks, and what they asked for that does not change the answer."""

from msgspec import Struct

from service.access.principal import Principal
from service.usage.ports import RequestKind


class CallContext(Struct, frozen=True, kw_only=True):
    """One request's surroundings. None of it is part of what a model is asked.

    `request_id` is the X-Request-ID. `timeout_seconds` may only shorten the server's own deadline.
    """

    principal: Principal
    request_id: str
    kind: RequestKind
    metadata: dict[str, str]
    timeout_seconds: float | None = None
