"""One ClusterState as people look at it: what of the object counts, in their words. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from clusterstate.api.conditions import ConditionType
from clusterstate.api.status import Condition, Status
from clusterstate.api.sync import Direction
from clusterstate.api.types import Metadata
from clusterstate.cli.reading import metadata_of, status_of
from clusterstate.kube.kinds import JsonObject

UNKNOWN: Final = Condition(
    type="Ready",
    status="Unknown",
    reason="NotSeen",
    message="No operator has looked at it yet.",
    last_transition_time="",
)
"""Ready, where nobody has said anything."""
UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"))


@dataclass(frozen=True, slots=True)
class View:
    """One object."""

    metadata: Metadata
    status: Status
    cluster: str
    url: str
    """The declared store."""
    suspended: bool
    way: str
    """Which side follows which, and whether that is a dry run."""

    @classmethod
    def of(cls, body: JsonObject) -> Self:
        """Read an object, whatever its spec is like."""
        spec = body.get("spec") or {}
        metadata, status = metadata_of(body), status_of(body)
        store, sync = spec.get("store") or {}, spec.get("sync") or {}
        cluster = str(spec.get("clusterName") or metadata.name)
        way = str(sync.get("direction", Direction.PUSH.value)) + (", dry run" if sync.get("dryRun") else "")
        return cls(metadata, status, cluster, str(store.get("url", "")), spec.get("suspend") is True, way)

    @property
    def ready(self) -> Condition:
        """The condition that sums up the others."""
        return self.condition(ConditionType.READY) or UNKNOWN

    @property
    def drift(self) -> int:
        """How many fields differ from what was applied, the first 50 at most."""
        return len(self.status.drift)

    @property
    def behind(self) -> bool:
        """Whether the spec was changed since the operator has looked."""
        return bool(self.status.conditions) and self.status.observed_generation < self.metadata.generation

    def condition(self, kind: ConditionType) -> Condition | None:
        """Give a condition, where it is there."""
        return next((each for each in self.status.conditions if each.type == kind.value), None)


def span(length: timedelta) -> str:
    """Give a length of time in its largest unit, as kubectl does: 12d, 3h, 5m, 40s."""
    seconds = max(int(length.total_seconds()), 0)
    return next((f"{seconds // size}{unit}" for size, unit in UNITS if seconds >= 2 * size), f"{seconds}s")


def since(stamp: str, now: datetime) -> str:
    """Give how long ago a time of Kubernetes's was, `-` for none."""
    return span(now - datetime.fromisoformat(stamp)) if stamp else "-"
