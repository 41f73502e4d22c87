"""A pipeline over fakes, for the tests of the whole way of a request."""

from collections.abc import Sequence
from decimal import Decimal

from service.access.limits import Limits
from service.adapters.cache.memory import MemoryCache
from service.adapters.limits.memory import MemoryLimiter
from service.inference.catalog import Catalog
from service.inference.metering import Metering
from service.inference.pipeline import Pipeline, Timeouts
from service.inference.profiles import ModelProfile
from service.inference.retry import RetryPolicy
from service.inference.routing import Router
from service.inference.sharing import Sharing
from service.observability.metrics import Metrics
from service.usage.ports import Settlement
from service.usage.prices import PriceList, PriceOverride
from tests.clock import ManualClock
from tests.fakes import Answer, FakeLedger, FakeProvider, LongestWaits


class PipelineBench:
    """A pipeline over `acme/one` and then `backup/two`, on a clock and a ledger that a test holds.

    A million tokens cost 1 USD in and 10 USD out at acme, 2 and 20 at backup.
    """

    def __init__(
        self,
        *answers: Answer,
        backup: Sequence[Answer] = (),
        timeouts: Timeouts = Timeouts(  # noqa: B008 - frozen
            plain=30, stream_first_token=30, stream_idle=30, stream_total=600
        ),
        content_logging: bool = False,
        clock: ManualClock | None = None,
        shares: bool = False,
    ) -> None:
        self.clock = clock or ManualClock()
        self.ledger = FakeLedger()
        self.limiter = MemoryLimiter(clock=self.clock)
        self.metrics = Metrics()
        self.acme = FakeProvider(*answers, name="acme")
        self.backup = FakeProvider(*backup, name="backup")
        providers = [self.acme, self.backup] if backup else [self.acme]
        self.router = Router(
            policy=RetryPolicy(),
            breaker_failures=5,
            breaker_open_seconds=10,
            clock=self.clock,
            random=LongestWaits(),
            metrics=self.metrics,
        )
        metering = Metering(
            ledger=self.ledger,
            prices=PriceList(_PRICES, clock=self.clock),
            metrics=self.metrics,
            clock=self.clock,
            content_logging=content_logging,
        )
        cache = MemoryCache(ttl_seconds=3600, clock=self.clock)
        self.pipeline = Pipeline(
            catalog=Catalog(
                providers={provider.name: provider for provider in providers},
                models={},
                aliases={"default": ["acme/one", "backup/two"], "free": ["acme/unpriced"]},
                profiles={"acme/one": ModelProfile(abilities=("generate", "embed"))},
            ),
            router=self.router,
            limits=Limits(self.limiter, clock=self.clock),
            metering=metering,
            sharing=Sharing(cache, metering) if shares else None,
            timeouts=timeouts,
            clock=self.clock,
        )

    @property
    def settlement(self) -> Settlement:
        """The settlement of the only request, which must have been settled exactly once."""
        return self.ledger.settlement


_PRICES = {
    "acme/one": PriceOverride(input_usd_per_million=Decimal(1), output_usd_per_million=Decimal(10)),
    "backup/two": PriceOverride(
        input_usd_per_million=Decimal(2), output_usd_per_million=Decimal(20)
    ),
}
