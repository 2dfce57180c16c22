"""What Prometheus is told, in one registry: read from what the process knows anyway, at the moment it is asked.

So nothing is counted twice or forgotten: a series goes with the object, or the keyset, that it is about. Names of
objects and keysets are labels; nothing else that people write is, and nothing secret.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily

from clusterstate.api.status import CertificateStatus
from clusterstate.context import Body

CERTIFICATE = "clusterstate_certificate_not_after_seconds"
NOT_AFTER = "When the certificate of a keyset's primary ends, in seconds since 1970."
LABELS = ("namespace", "clusterstate", "keyset")

Objects = Callable[[], Iterable[Body]]
Rows = tuple[CertificateStatus, ...]


class Certificates:
    """The ends of certificates as each object's status tells them: after a restart too, and while a store is away."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Give the metric without series, so that nobody else takes its name."""
        yield GaugeMetricFamily(CERTIFICATE, NOT_AFTER, labels=LABELS)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the metric with a series for each row."""
        family = GaugeMetricFamily(CERTIFICATE, NOT_AFTER, labels=LABELS)
        for body in self._objects():
            metadata = body["metadata"]
            for keyset, end in _ends(body).items():
                family.add_metric((metadata["namespace"], metadata["name"], keyset), end)
        yield family


def make_registry(objects: Objects) -> CollectorRegistry:
    """Give the registry of a process that knows these objects; it is asked from a thread."""
    registry = CollectorRegistry()
    registry.register(Certificates(objects))
    return registry


def _ends(body: Body) -> dict[str, float]:
    """Give when the certificates of an object's keysets end; none where somebody else has written what can't be read.

    Of two rows with one name only the first counts: Prometheus refuses all series where one comes twice.
    """
    status: Any = body.get("status") or {}
    try:
        rows = msgspec.convert(status.get("certificates", ()), Rows)
        return {row.keyset: row.not_after_time.timestamp() for row in reversed(rows)}
    except (msgspec.ValidationError, ValueError):
        return {}
