"""What an event from a provider says, and how much of it may be kept."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from service.observability.redaction import without_keys
from service.usage.ports import PROVIDER_REPORT_TYPES, ProviderReport

GENERATION_EVENTS = frozenset({"generation.completed", "generation.failed"})
BATCH_EVENTS = frozenset({"batch.completed", "batch.failed", "batch.cancelled", "batch.expired"})
"""OpenAI's. Anthropic has webhooks too, but none for batches."""
USAGE_EVENT = "usage.threshold_reached"
KNOWN_EVENTS = GENERATION_EVENTS | BATCH_EVENTS | {USAGE_EVENT}

_MAX_FIGURES = 16
_MAX_FIGURE = 2**53  # beyond it JSON's readers disagree
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class InboundEvent(Struct, frozen=True, kw_only=True):
    """An event as its sender signed it. `signed_id`: an id that was signed beside the body."""

    type: str
    data: dict[str, Any]
    happened_at: datetime | None
    id: str | None
    signed_id: str | None
    body: bytes

    @property
    def identity(self) -> str:
        """By what a repeat is known, as 64 hex digits: the id that was signed, else the body."""
        if (known_by := self.signed_id or self.id) is not None:
            return hashlib.sha256(b"id\n" + known_by.encode()).hexdigest()
        return hashlib.sha256(b"body\n" + self.body).hexdigest()

    @property
    def request_id(self) -> str | None:
        """The request that it says to be about."""
        found = self.data.get("request_id")
        # No id of ours has a NUL, and PostgreSQL would not even look for it.
        return found if isinstance(found, str) and "\0" not in found else None

    @property
    def figures(self) -> dict[str, int | float]:
        """The numbers in its data: what may be told without telling what was said."""
        found = {
            name: value
            for name, value in self.data.items()
            if type(value) in (int, float) and abs(value) <= _MAX_FIGURE and _is_word(name)
        }
        return dict(list(found.items())[:_MAX_FIGURES])

    def report(self, *, now: datetime, with_content: bool) -> ProviderReport | None:
        """What it says of its request; None if it is of another kind."""
        report_type = PROVIDER_REPORT_TYPES.get(self.type)
        if report_type is None:
            return None
        return ProviderReport(
            type=report_type,
            # A sender's clock that is ahead must not silence what comes later.
            reported_at=min(self.happened_at or now, now).astimezone(UTC),
            error_type=_error_type(self.data.get("error")),
            figures=self.figures,
            content=self.body.decode() if with_content else None,
        )


def _error_type(error: object) -> str | None:
    """The error's name. Its message may quote what was asked."""
    names = (error.get("type"), error.get("code")) if isinstance(error, dict) else (error,)
    return next((name for name in names if isinstance(name, str) and _is_word(name)), None)


def _is_word(text: str) -> bool:
    return _WORD.fullmatch(text) is not None and without_keys(text) == text
