"""What the work on batches at providers is done with."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.batches.ports import BatchStore
from service.batches.provider.bills import Bills
from service.batches.provider.items import RunnableItem
from service.batches.provider.ports import ProviderBatches
from service.batches.provider.submissions import Submission
from service.core.clock import Clock
from service.core.errors import InvalidRequest
from service.core.messages import CompletionRequest
from service.inference.catalog import Catalog, Target
from service.inference.ports import CompletionCall
from service.usage.prices import BatchPrices


@dataclass(frozen=True)
class Waits:
    """How long to wait before a provider is asked: ever longer, up to a cap."""

    first_seconds: float
    cap_seconds: float

    def after(self, seconds: float | None) -> float:
        """The wait that follows one of `seconds`."""
        return min(2 * seconds, self.cap_seconds) if seconds else self.first_seconds


@dataclass(frozen=True)
class ProviderTools:
    """What the work on every batch is done with."""

    store: BatchStore
    provider_batches: Mapping[str, ProviderBatches]
    catalog: Catalog
    prices: BatchPrices
    bills: Bills
    clock: Clock
    waits: Waits

    def target(self, request: CompletionRequest) -> Target:
        """The first target of the request's model that can be batched. Raises `InvalidRequest`."""
        for target in self.catalog.completion_targets(request):
            provider = target.provider.name
            if (
                provider in self.provider_batches
                and self.prices.factor(provider, target.model) is not None
            ):
                return target
        raise InvalidRequest(
            f"No provider of '{request.model}' takes batches of its own", field="mode"
        )

    def call(self, item: RunnableItem, submission: Submission) -> CompletionCall:
        """The item as its provider gets it."""
        profile = self.catalog.profile(submission.provider, submission.model)
        return CompletionCall(request=item.request, model=submission.model, profile=profile)
