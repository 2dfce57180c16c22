"""All metrics of an operator, each with a series at least, as Prometheus would read them."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from clusterstate.context import Result
from clusterstate.errors import StoreUnavailable
from clusterstate.handlers.meters import Meters
from clusterstate.handlers.metrics import expose
from clusterstate.handlers.queue import Queue
from clusterstate.handlers.recording import Recorder
from clusterstate.handlers.unserved import Unserved
from clusterstate.observing import Operation
from clusterstate.observing import Request as StoreRequest
from clusterstate.plan.outcome import Outcome, Request

ROW = {"keyset": "ca", "primaryId": "7", "notAfter": "2026-03-03T03:04:05Z", "phase": "Valid"}
OBJECT = {
    "metadata": {"namespace": "clusters", "name": "prod"},
    "status": {
        "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded"}],
        "certificates": [ROW],
        "drift": [{"path": "config"}],
        "mirrors": [{"secret": "prod-keyset-ca"}],
    },
}


def full_registry() -> CollectorRegistry:
    meters = Meters()
    expose(meters.registry, lambda: [OBJECT], Queue(str, workers=1), lambda: True)
    meters.registry.register(Unserved(lambda: 1))
    with Recorder(meters).record(("clusters", "prod")) as record:
        record.note(StoreRequest("s3", Operation.READ, received=1, sent=1))
        record.end(Result(Outcome(Request(1), StoreUnavailable("Away.")), 9))
    meters.lag.observe(0.0)
    return meters.registry


def exposed() -> str:
    return generate_latest(full_registry()).decode()


def families() -> Iterable[Metric]:
    """Give the metrics by the names that queries use."""
    return text_string_to_metric_families(exposed())


def labels_by_series() -> dict[str, frozenset[str]]:
    """Give the labels of each series by its name; those of a histogram are three."""
    return {each.name: frozenset(each.labels) for family in families() for each in family.samples}
