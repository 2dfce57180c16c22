"""What Prometheus is told, in one registry: what is counted as it happens (`meters`), and what is read when it asks.

What is read then is what the process knows anyway, the objects' statuses and the queue, so that a series goes with the
object, or the keyset, that it is about. Names of objects and keysets are labels; nothing else that people write is, and
nothing secret. docs/metrics.md tells of each metric.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import GaugeMetricFamily

from clusterstate import __version__
from clusterstate.api.status import CertificateStatus
from clusterstate.context import Body
from clusterstate.reasons import Reason

CERTIFICATE: Final = "clusterstate_certificate_not_after_seconds"
OBJECT: Final = ("namespace", "clusterstate")
REASONS: Final = frozenset(each.value for each in Reason)
UNKNOWN: Final = "Unknown"
"""Of an object that no run has looked at, or whose status somebody else has written."""

Objects = Callable[[], Iterable[Body]]
Rows = tuple[CertificateStatus, ...]


class Waiting(Protocol):
    """What a queue tells of itself, from whatever thread."""

    @property
    def depth(self) -> int:
        """How many keys wait for their turn."""
        ...

    @property
    def running(self) -> int:
        """How many are being worked on."""
        ...

    @property
    def age(self) -> float:
        """How many seconds the one that waits longest has waited; 0 where none does."""
        ...


@dataclass
class _Told:
    """The metrics that are read from statuses."""

    objects: GaugeMetricFamily
    ready: GaugeMetricFamily
    drifted: GaugeMetricFamily
    mirrors: GaugeMetricFamily
    certificates: GaugeMetricFamily

    def __iter__(self) -> Iterator[GaugeMetricFamily]:
        return iter((self.objects, self.ready, self.drifted, self.mirrors, self.certificates))


def _families() -> _Told:
    return _Told(
        GaugeMetricFamily("clusterstate_objects", "ClusterStates, by the reason of their Ready.", labels=("reason",)),
        GaugeMetricFamily("clusterstate_ready", "1: Ready is True. A suspended object has no series.", labels=OBJECT),
        GaugeMetricFamily(
            "clusterstate_drifted_fields", "Declared fields that differ in the store, at most 50.", labels=OBJECT
        ),
        GaugeMetricFamily("clusterstate_mirrors", "Secrets that are equal to their source.", labels=OBJECT),
        GaugeMetricFamily(
            CERTIFICATE,
            "When the certificate of a keyset's primary ends, in seconds since 1970.",
            labels=(*OBJECT, "keyset"),
        ),
    )


class Statuses:
    """What each object's status tells: after a restart too, and while a store is away."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Give the metrics without series, so that nobody else takes their names."""
        yield from _families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the metrics with a series for each object, or for each row of one."""
        told, reasons = _families(), Counter[str]()
        for body in self._objects():
            reasons[_add_object(told, body)] += 1
        for reason, count in reasons.items():
            told.objects.add_metric((reason,), count)
        yield from told


def _add_object(told: _Told, body: Body) -> str:
    """Add an object's series; give the reason of its Ready."""
    name = (body["metadata"]["namespace"], body["metadata"]["name"])
    status: Mapping[str, Any] = body.get("status") or {}
    ready = _ready(status)
    reason = ready.get("reason")
    reason = reason if reason in REASONS else UNKNOWN
    if reason != Reason.SUSPENDED.value:
        told.ready.add_metric(name, ready.get("status") == "True")
    told.drifted.add_metric(name, _length(status, "drift"))
    told.mirrors.add_metric(name, _length(status, "mirrors"))
    for keyset, end in _ends(status).items():
        told.certificates.add_metric((*name, keyset), end)
    return reason


def _ready(status: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return next(each for each in status["conditions"] if each["type"] == "Ready")
    except (KeyError, TypeError, StopIteration):
        return {}


def _length(status: Mapping[str, Any], field: str) -> int:
    rows = status.get(field)
    return len(rows) if isinstance(rows, list) else 0


def _ends(status: Mapping[str, Any]) -> dict[str, float]:
    """Give when the certificates of an object's keysets end; none where somebody else has written what can't be read.

    Of two rows with one name only the first counts: Prometheus refuses all series where one comes twice.
    """
    try:
        rows = msgspec.convert(status.get("certificates", ()), Rows)
        return {row.keyset: row.not_after_time.timestamp() for row in reversed(rows)}
    except (msgspec.ValidationError, ValueError):
        return {}


class Work:
    """What the queue has before it, and who works on it."""

    def __init__(self, queue: Waiting, leads: Callable[[], bool]) -> None:
        self._queue = queue
        self._leads = leads

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the metrics as they are now."""
        queue = self._queue
        yield GaugeMetricFamily("clusterstate_leader", "1: this process works; 0: it stands by.", value=self._leads())
        yield GaugeMetricFamily("clusterstate_runs_in_progress", "Runs that are under way.", value=queue.running)
        yield GaugeMetricFamily("clusterstate_queue_depth", "Objects that wait for their turn.", value=queue.depth)
        yield GaugeMetricFamily(
            "clusterstate_queue_oldest_age_seconds",
            "How long the object has waited that waits longest for its turn.",
            value=queue.age,
        )
        build = GaugeMetricFamily("clusterstate_build_info", "1; the version is a label.", labels=("version",))
        build.add_metric((__version__,), 1)
        yield build


def expose(registry: CollectorRegistry, objects: Objects, queue: Waiting, leads: Callable[[], bool]) -> None:
    """Add what is known of these objects, of this queue and of the process; the registry is asked from a thread."""
    registry.register(Statuses(objects))
    registry.register(Work(queue, leads))
    ProcessCollector(registry=registry)
