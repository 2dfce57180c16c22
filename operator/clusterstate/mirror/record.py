"""A Secret of ours as the informer keeps it: enough to see whether a write is needed, and no byte of it."""

from dataclasses import dataclass, field

from clusterstate.kube.kinds import JsonObject
from clusterstate.mirror.manifest import digest_of, owner_reference, source_of


@dataclass(frozen=True, slots=True)
class MirrorRecord:
    """What is known of one Secret."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    owner_uid: str | None
    """The uid of the ClusterState that controls it; the only proof that it is ours."""
    source: str
    """`keyset/NAME`, `secret/NAME` or `ssh/FINGERPRINT`."""
    type: str
    deleting: bool
    """Whether it only waits for the finalizers of others."""
    digest: str = field(repr=False)
    """Equal to the digest of the wanted Secret where nothing differs."""


def reduce(secret: JsonObject) -> MirrorRecord:
    """Give what is worth keeping of a Secret as the API server sends it."""
    metadata = secret["metadata"]
    owner = owner_reference(secret)
    return MirrorRecord(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        owner_uid=owner["uid"] if owner else None,
        source=source_of(secret),
        type=secret.get("type", ""),
        deleting="deletionTimestamp" in metadata,
        digest=digest_of(secret),
    )
