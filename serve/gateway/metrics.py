"""Counts for Prometheus; the deployer reads some of the counters back."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Meters:
    """The gateway's meters; `requests` and `in_flight` are kept for each adapter."""

    registry: CollectorRegistry
    requests: Counter
    in_flight: Gauge
    seconds: Histogram
    generation: Gauge
    ready: Gauge
    compared: Gauge
    compared_clients: Gauge
    comparing: Gauge


def make_meters() -> Meters:
    """Make meters that stand at zero."""
    registry = CollectorRegistry()
    return Meters(
        registry,
        Counter(
            "schoolhouse_requests",
            "Completions by adapter and HTTP status; gone: an engine broke off and another was tried",
            ["adapter", "code"],
            registry=registry,
        ),
        Gauge(
            "schoolhouse_requests_in_flight",
            "Completions now being answered, by adapter",
            ["adapter"],
            registry=registry,
        ),
        Histogram(
            "schoolhouse_request_seconds",
            "Time of a completion, streams to their end",
            buckets=SECONDS,
            registry=registry,
        ),
        Gauge(
            "schoolhouse_alias_generation", "How often the public name has moved", registry=registry
        ),
        Gauge("schoolhouse_engines_ready", "Engines that have the live adapter", registry=registry),
        Gauge(
            "schoolhouse_compared_requests",
            "Failed requests, since the name moved, by what failed when they were asked again",
            ["adapter", "outcome"],
            registry=registry,
        ),
        Gauge(
            "schoolhouse_compared_clients",
            "Distinct clients of these requests",
            ["adapter", "outcome"],
            registry=registry,
        ),
        Gauge(
            "schoolhouse_comparing",
            "Failed requests that are still to be compared",
            ["adapter"],
            registry=registry,
        ),
    )


def metrics_as_text(meters: Meters) -> bytes:
    """Write them as Prometheus reads them."""
    return generate_latest(meters.registry)
