"""What the informer knows of our Secrets, sorted by the ClusterState that controls them."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from types import MappingProxyType

from clusterstate.mirror.record import MirrorRecord

Key = tuple[str, str]
OwnerKey = tuple[str, str]
"""Namespace and uid: an ownerReference means an object of its own namespace, whatever uid somebody writes there."""


class MirrorIndex:
    """Records by owner, kept by the informer and told on."""

    def __init__(self) -> None:
        self.on_change: Callable[[str, str, str, MirrorRecord | None], None] = lambda *_: None
        """Told of each change: the namespace, the owner's uid, the Secret's name, and what it is now; None: gone."""
        self._owners: dict[Key, str] = {}
        self._records: defaultdict[OwnerKey, dict[str, MirrorRecord]] = defaultdict(dict)

    def present(self, namespace: str, uid: str) -> Mapping[str, MirrorRecord]:
        """Give the Secrets that one object controls, by name; it may change meanwhile."""
        return MappingProxyType(self._records.get((namespace, uid), {}))

    def take(self, namespace: str, name: str, record: MirrorRecord | None) -> None:
        """Take in what the informer says of one Secret."""
        owner = record.owner_uid if record else None
        before = self._owners.pop((namespace, name), None)
        if before is not None and before != owner:
            self._drop((namespace, before), name)
            self.on_change(namespace, before, name, None)
        if record is not None and owner is not None:
            self._owners[namespace, name] = owner
            self._records[namespace, owner][name] = record
            self.on_change(namespace, owner, name, record)

    def _drop(self, owner: OwnerKey, name: str) -> None:
        self._records[owner].pop(name, None)
        if not self._records[owner]:
            del self._records[owner]
