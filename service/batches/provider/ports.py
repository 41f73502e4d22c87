"""What this room needs of providers that run batches themselves, for a day and at a lower price."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from service.core.messages import Completion
from service.inference.ports import CompletionCall, ProviderFailure

NotRunReason = Literal["cancelled", "expired"]


class NotRun(Exception):
    """The provider did not run a request: its batch was cancelled, or its day was over."""

    def __init__(self, reason: NotRunReason) -> None:
        super().__init__(f"the request was not run: its batch has been {reason}")
        self.reason = reason


class NotYetKnown(Exception):
    """Whether the provider has taken a batch in shows only when others of its batches have ended."""


class BatchedAnswer(Struct, frozen=True):
    """What became of one request. `read` gives the answer to its call; raises `ProviderFailure` for an
    error in its place, and `NotRun`."""

    custom_id: str
    read: Callable[[CompletionCall], Completion]


class ProviderBatchState(Struct, frozen=True, kw_only=True):
    """How far a provider is with a batch.

    `refusal` is there if it will run none of it. Requests that an ended batch says nothing of were not
    run, for the reason `rest_not_run`, where there is one.
    """

    has_ended: bool
    refusal: ProviderFailure | None = None
    rest_not_run: NotRunReason | None = None


class ProviderBatches(Protocol):
    """One provider's own batches. Every method raises `ProviderFailure`, unless it says otherwise.

    All requests of a batch are for one model. Their ids consist of letters, digits, `_` and `-`, at most
    64, and begin with the batch's tag and `-`: where a provider keeps no tag, they are how to tell.
    """

    def encode(self, custom_id: str, call: CompletionCall) -> bytes:
        """A request as `submit` takes it."""
        ...

    async def submit(self, requests: Sequence[bytes], *, tag: str) -> str:
        """Hand over a batch; returns the provider's id of it.

        A failure does not say that the provider has not taken it in: ask `find`.
        """
        ...

    async def find(self, tag: str, *, request_count: int, since: datetime) -> str | None:
        """The provider's id of the batch with that tag, submitted after `since`; None if there is none.

        Raises `NotYetKnown` where that cannot be told yet.
        """
        ...

    async def poll(self, batch_id: str) -> ProviderBatchState:
        """How far it is."""
        ...

    def results(self, batch_id: str) -> AsyncGenerator[BatchedAnswer]:
        """What became of the requests of a batch that has ended, in no order."""
        ...

    async def cancel(self, batch_id: str) -> None:
        """Have it end soon; what has been run by then is answered and paid for."""
        ...
