"""What a scraper reads."""

import math
from itertools import pairwise

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service.inference.breaker import BreakerState
from service.observability.metrics import CONTENT_TYPE, Metrics

TARGET = {"provider": "acme", "model": "one"}


def settle(
    metrics: Metrics,
    *,
    seconds: float = 1.0,
    first_token: float | None = None,
    is_paid: bool = True,
) -> None:
    metrics.settled(
        kind="generate",
        provider="acme",
        model="one",
        outcome="completed",
        is_paid=is_paid,
        input_tokens=100,
        cached_input_tokens=40,
        output_tokens=20,
        cost_usd=0.25,
        duration_seconds=seconds,
        first_token_seconds=first_token,
    )


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"ai_service_{name}", labels)


def quantile(metrics: Metrics, name: str, rank: float, **labels: str) -> tuple[float, float]:
    """The bucket that holds the quantile, as `histogram_quantile` finds it."""
    counts = {
        float(sample.labels["le"]): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == f"ai_service_{name}_bucket" and labels.items() <= sample.labels.items()
    }
    wanted = rank * counts[math.inf]
    bounds = [0.0, *sorted(counts)]
    return next((lower, upper) for lower, upper in pairwise(bounds) if counts[upper] >= wanted)


def test_tokens_cost_and_requests_are_counted() -> None:
    metrics = Metrics()
    settle(metrics)
    settle(metrics)
    assert value(metrics, "requests_total", kind="generate", outcome="completed", **TARGET) == 2
    assert value(metrics, "tokens_total", direction="input", **TARGET) == 200
    assert value(metrics, "tokens_total", direction="cached_input", **TARGET) == 80
    assert value(metrics, "tokens_total", direction="output", **TARGET) == 40
    assert value(metrics, "cost_usd_total", **TARGET) == 0.5


def test_answer_that_is_shared_is_a_request_but_costs_no_tokens_again() -> None:
    metrics = Metrics()
    settle(metrics)
    settle(metrics, is_paid=False)
    assert value(metrics, "requests_total", kind="generate", outcome="completed", **TARGET) == 2
    assert value(metrics, "tokens_total", direction="input", **TARGET) == 100
    assert value(metrics, "cost_usd_total", **TARGET) == 0.25


@pytest.mark.parametrize(
    ("rank", "bucket"), [(0.5, (0.25, 0.5)), (0.95, (5.0, 10.0)), (0.99, (5.0, 10.0))]
)
def test_latency_quantiles_can_be_read_from_the_buckets(
    rank: float, bucket: tuple[float, float]
) -> None:
    metrics = Metrics()
    for number in range(100):
        settle(metrics, seconds=0.3 if number < 94 else 7, first_token=0.3 if number < 94 else 7)
        metrics.http(
            method="POST", route="/x", status=200, duration_seconds=0.3 if number < 94 else 7
        )
    assert quantile(metrics, "request_duration_seconds", rank, **TARGET) == bucket
    assert quantile(metrics, "first_token_seconds", rank, **TARGET) == bucket
    assert quantile(metrics, "http_request_duration_seconds", rank, route="/x") == bucket


def test_buckets_reach_the_longest_stream() -> None:
    metrics = Metrics()
    settle(metrics, seconds=600)
    assert quantile(metrics, "request_duration_seconds", 1, **TARGET) == (300, 600)


def test_request_without_a_token_has_no_time_to_the_first() -> None:
    metrics = Metrics()
    settle(metrics, first_token=None)
    assert value(metrics, "first_token_seconds_count", **TARGET) is None


def test_breaker_shows_its_state() -> None:
    metrics = Metrics()
    for state in (BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED):
        metrics.breaker("acme", "one", state)
        assert value(metrics, "breaker_state", **TARGET) == state.value


def test_attempts_errors_and_requests_in_flight_are_counted() -> None:
    metrics = Metrics()
    metrics.attempt("acme", "one", "overloaded")
    metrics.error("timeout")
    metrics.in_flight(1)
    metrics.in_flight(1)
    metrics.in_flight(-1)
    assert value(metrics, "upstream_attempts_total", outcome="overloaded", **TARGET) == 1
    assert value(metrics, "errors_total", type="timeout") == 1
    assert value(metrics, "requests_in_flight") == 1


def test_every_name_has_our_prefix_and_can_be_read() -> None:
    metrics = Metrics()
    settle(metrics)
    families = list(text_string_to_metric_families(metrics.render().decode()))
    assert families
    assert all(family.name.startswith("ai_service_") for family in families)
    assert CONTENT_TYPE.startswith("text/plain")


def test_two_services_in_one_process_do_not_share_their_counts() -> None:
    one, other = Metrics(), Metrics()
    settle(one)
    assert value(other, "cost_usd_total", **TARGET) is None
