"""What is counted as it happens: runs, requests to stores, and how late the event loop is.

Labels have few values each, all of them words of ours: no name of an object, which the series would outlive.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from clusterstate.observing import Request

RUN_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds: from one list of a near store to `spec.sync.timeout`."""
REQUEST_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 20.0)
"""Seconds: up to the one that nobody waits beyond for a byte."""
LAG_BUCKETS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: a probe gives up after ten."""
BEAT: Final = 1.0
"""Seconds from one look at the event loop to the next."""


class Meters:
    """Counters and histograms of one process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        """Where they are, and what else is told of the process."""
        disable_created_metrics()  # type: ignore[no-untyped-call] # else each series comes with another one, of when it began
        self.runs = Counter("clusterstate_runs", "Runs that ended.", ("result", "reason"), registry=registry)
        self.run_seconds = Histogram(
            "clusterstate_run_duration_seconds",
            "How long runs took, the report included.",
            ("result",),
            registry=registry,
            buckets=RUN_BUCKETS,
        )
        self.corrected = Counter(
            "clusterstate_corrected_fields",
            "Declared fields that others had changed in a store, and that a push put back.",
            registry=registry,
        )
        self._requests = Counter(
            "clusterstate_store_requests",
            "Requests to stores, each repetition counted.",
            ("scheme", "operation", "status"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "clusterstate_store_request_duration_seconds",
            "How long requests to stores took.",
            ("scheme", "operation"),
            registry=registry,
            buckets=REQUEST_BUCKETS,
        )
        self._received = Counter(
            "clusterstate_store_received_bytes", "Bytes of files read from stores.", ("scheme",), registry=registry
        )
        self._sent = Counter(
            "clusterstate_store_sent_bytes", "Bytes of files written to stores.", ("scheme",), registry=registry
        )
        self.lag = Histogram(
            "clusterstate_event_loop_lag_seconds",
            "How late the event loop was, looked at once a second.",
            registry=registry,
            buckets=LAG_BUCKETS,
        )

    def note(self, request: Request) -> None:
        """Count a request to a store."""
        self._requests.labels(request.scheme, request.operation.value, request.answer.value).inc()
        self._request_seconds.labels(request.scheme, request.operation.value).observe(request.seconds)
        if request.received:
            self._received.labels(request.scheme).inc(request.received)
        if request.sent:
            self._sent.labels(request.scheme).inc(request.sent)


async def watch_loop(note: Callable[[float], None], every: float = BEAT) -> None:
    """Tell again and again how many seconds late the event loop is, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + every
        await asyncio.sleep(every)
        note(max(0.0, loop.time() - due))
