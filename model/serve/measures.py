"""What Prometheus is told."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


class Measures:
    """The counters of one service; a registry of its own, so that tests may have many."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "mlops_requests",
            "Requests by path and status.",
            ["path", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "mlops_request_seconds",
            "Seconds a request took.",
            ["path"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "mlops_requests_in_flight", "Requests in work.", registry=self.registry
        )
        self.predictions = Counter(
            "mlops_predictions", "Images answered, by class.", ["label"], registry=self.registry
        )
        self.confidence = Histogram(
            "mlops_confidence",
            "Probability of the class answered.",
            buckets=SHARES,
            registry=self.registry,
        )

    def predicted(self, found: list[dict[str, Any]]) -> None:
        """Count answers."""
        for prediction in found:
            self.predictions.labels(prediction["label"]).inc()
            self.confidence.observe(prediction["probability"])
