"""When an object of Kubernetes was changed last. Pure."""

from datetime import datetime

from clusterstate.kube.kinds import JsonObject


def last_change(metadata: JsonObject) -> datetime:
    """Give the time by the API server's clock, in seconds: it notes one for each who changed a field."""
    times = [each["time"] for each in metadata.get("managedFields") or () if each.get("time")]
    return datetime.fromisoformat(max(times, default=metadata["creationTimestamp"]))
