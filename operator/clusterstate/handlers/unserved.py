"""What Prometheus is told of shards that nobody has: objects that stay as they are until somebody does."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

NAME = "clusterstate_objects_without_shard"
MEANING = "Objects that nobody works on, since their label names no shard, or nobody has their shard's Lease."


class Unserved(Collector):
    """Counted by every process that works: all see all objects, and give the same number."""

    def __init__(self, count: Callable[[], int]) -> None:
        """Take what counts them."""
        self._count = count

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Give the metric without a value."""
        yield GaugeMetricFamily(NAME, MEANING)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the metric as it is now."""
        yield GaugeMetricFamily(NAME, MEANING, value=self._count())
