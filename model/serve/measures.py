"""
What Prometheus is told.

Plain numbers that one thread counts, turned into Prometheus' families when somebody asks: counting
is on the way of every request, asking is not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


class Tally:
    """A histogram: how many values fell below each bound, and their sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def note(self, value: float) -> None:
        """Count ``value``."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def told(self) -> tuple[list[tuple[str, float]], float]:
        """Cumulative counts by upper bound, and the sum."""
        total, found = 0, []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found, self._sum


class Measures:
    """The counters of one service."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.predictions: Counter[str] = Counter()
        self.captured: Counter[str] = Counter()
        self.in_flight = 0
        self.waiting: Callable[[], int] = lambda: 0
        self._seconds: dict[str, Tally] = {}
        self._confidence, self._batch = Tally(SHARES), Tally(SIZES)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests[path, status] += 1
        tally = self._seconds.get(path)
        if tally is None:
            tally = self._seconds[path] = Tally(SECONDS)
        tally.note(seconds)

    def batched(self, images: int) -> None:
        """Count a batch."""
        self._batch.note(images)

    def predicted(self, found: list[dict[str, Any]]) -> None:
        """Count answers."""
        for prediction in found:
            self.predictions[prediction["label"]] += 1
            self._confidence.note(prediction["probability"])

    def collect(self) -> Iterator[Metric]:
        """Everything, as Prometheus knows it."""
        requests = CounterMetricFamily(
            "mlops_requests", "Requests by path and status.", labels=["path", "status"]
        )
        for (path, status), count in self.requests.items():
            requests.add_metric([path, str(status)], count)
        yield requests
        seconds = HistogramMetricFamily(
            "mlops_request_seconds", "Seconds a request took.", labels=["path"]
        )
        for path, tally in self._seconds.items():
            seconds.add_metric([path], *tally.told())
        yield seconds
        yield _gauge("mlops_requests_in_flight", "Requests in work.", self.in_flight)
        yield _gauge("mlops_queue_images", "Images that wait for the model.", self.waiting())
        yield _histogram("mlops_batch_images", "Images answered in one call.", self._batch)
        yield _by_label("mlops_predictions", "Images answered, by class.", self.predictions)
        yield _histogram("mlops_confidence", "Probability of the class answered.", self._confidence)
        yield _by_label("mlops_captured", "Rows of captured traffic, by fate.", self.captured)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _histogram(name: str, text: str, tally: Tally) -> Metric:
    buckets, total = tally.told()
    return HistogramMetricFamily(name, text, buckets=buckets, sum_value=total)


def _by_label(name: str, text: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(name, text, labels=["label"])
    for label, count in counts.items():
        family.add_metric([label], count)
    return family
