"""Prometheus metrics. Every name starts with `ai_service_`.

Children are looked up once per label set and kept: `labels()` costs more than the increment itself.
Latencies are histograms, so p50, p95 and p99 are read with `histogram_quantile`.
"""

from collections.abc import Callable
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_LATENCY_BUCKETS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0,
)  # fmt: skip
_REMEMBERED_CHILDREN = 4096


class Metrics:
    """The service's metrics in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._counter(
            "requests", "Generation and embedding requests by how they ended",
            ("kind", "provider", "model", "outcome"),
        )  # fmt: skip
        self._sharing = self._counter(
            "cache_requests", "Requests that may share an answer: hit, joined or miss", ("result",)
        )
        self._errors = self._counter("errors", "Error answers by type", ("type",))
        self._shed = self._counter(
            "shed_requests", "Requests refused because too much was under way", ("kind",)
        )
        self._tokens = self._counter(
            "tokens", "Tokens by direction (input, cached_input, output)",
            ("provider", "model", "direction"),
        )  # fmt: skip
        self._cost = self._counter("cost_usd", "Cost of requests in USD", ("provider", "model"))
        self._attempts = self._counter(
            "upstream_attempts", "Calls made to providers by how they ended",
            ("provider", "model", "outcome"),
        )  # fmt: skip
        self._duration = self._histogram(
            "request_duration_seconds", "From the request's start to its last byte",
            ("kind", "provider", "model"),
        )  # fmt: skip
        self._first_token = self._histogram(
            "first_token_seconds", "From a stream's start to its first token", ("provider", "model")
        )
        self._http_duration = self._histogram(
            "http_request_duration_seconds", "Every HTTP request", ("method", "route", "status")
        )
        self._thresholds = self._counter(
            "budget_thresholds", "Budgets that were used up to 80 and to 100 percent", ("percent",)
        )
        self._webhook_attempts = self._counter(
            "webhook_attempts", "Attempts to deliver a webhook: delivered, retried or failed",
            ("outcome",),
        )  # fmt: skip
        self._breaker_state = Gauge(
            "ai_service_breaker_state", "0 closed, 1 half-open, 2 open",
            ("provider", "model"), registry=self.registry,
        )  # fmt: skip
        self._overdue_keys = self._counter(
            "overdue_key_requests", "Requests with a key that is overdue for rotation", ("key_id",)
        )
        self._in_flight = Gauge(
            "ai_service_requests_in_flight", "Requests being served", registry=self.registry
        )

    def settled(
        self,
        *,
        kind: str,
        provider: str,
        model: str,
        outcome: str,
        is_paid: bool,
        input_tokens: int,
        cached_input_tokens: int,
        output_tokens: int,
        cost_usd: float,
        duration_seconds: float,
        first_token_seconds: float | None,
    ) -> None:
        """A metered request has ended. The tokens of a shared answer were counted with the call."""
        self._requests(kind, provider, model, outcome).inc()
        self._duration(kind, provider, model).observe(duration_seconds)
        if not is_paid:
            return
        self._tokens(provider, model, "input").inc(input_tokens)
        self._tokens(provider, model, "output").inc(output_tokens)
        if cached_input_tokens:
            self._tokens(provider, model, "cached_input").inc(cached_input_tokens)
        self._cost(provider, model).inc(cost_usd)
        if first_token_seconds is not None:
            self._first_token(provider, model).observe(first_token_seconds)

    def attempt(self, provider: str, model: str, outcome: str) -> None:
        """One call to a provider has ended: `ok` or the kind of its failure."""
        self._attempts(provider, model, outcome).inc()

    def breaker(self, provider: str, model: str, state: int) -> None:
        """A target's breaker as it now is."""
        self._breaker_state.labels(provider, model).set(state)

    def sharing(self, result: str) -> None:
        """A request that may share was served: `hit`, `joined` a call under way, or `miss`."""
        self._sharing(result).inc()

    def threshold_reached(self, percent: int) -> None:
        """A budget is used up to `percent`."""
        self._thresholds(str(percent)).inc()

    def webhook_attempt(self, outcome: str) -> None:
        """An attempt to deliver a webhook has ended: `delivered`, to be `retried`, or `failed` for good."""
        self._webhook_attempts(outcome).inc()

    def error(self, error_type: str) -> None:
        """An error was answered, in band or as a status."""
        self._errors(error_type).inc()

    def shed(self, *, is_stream: bool) -> None:
        """A request was refused before its body was read: there was no place for it."""
        self._shed("stream" if is_stream else "plain").inc()

    def overdue_key(self, key_id: str) -> None:
        """A request came with a key that is overdue for rotation."""
        self._overdue_keys(key_id).inc()

    def http(self, *, method: str, route: str, status: int, duration_seconds: float) -> None:
        """An HTTP request has ended. `route` is the template, not the path: it must be bounded."""
        self._http_duration(method, route, str(status)).observe(duration_seconds)

    def in_flight(self, change: int) -> None:
        """A request has begun (1) or ended (-1)."""
        self._in_flight.inc(change)

    def render(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Callable[..., Counter]:
        metric = Counter(f"ai_service_{name}", text, labels, registry=self.registry)
        return lru_cache(_REMEMBERED_CHILDREN)(metric.labels)

    def _histogram(self, name: str, text: str, labels: tuple[str, ...]) -> Callable[..., Histogram]:
        metric = Histogram(
            f"ai_service_{name}", text, labels, buckets=_LATENCY_BUCKETS, registry=self.registry
        )
        return lru_cache(_REMEMBERED_CHILDREN)(metric.labels)
