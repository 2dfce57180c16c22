"""What the informer knows of our Secrets, sorted by the ClusterState that controls them."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from types import MappingProxyType

from clusterstate.mirror.record import MirrorRecord

Key = tuple[str, str]


class MirrorIndex:
    """Records by owner, kept by the informer and told on."""

    def __init__(self) -> None:
        self.on_change: Callable[[str, str, MirrorRecord | None], None] = lambda *_: None
        """Told of each change: the owner's uid, the Secret's name, and what it is now; None: gone."""
        self._owners: dict[Key, str] = {}
        self._records: defaultdict[str, dict[str, MirrorRecord]] = defaultdict(dict)

    def present(self, uid: str) -> Mapping[str, MirrorRecord]:
        """Give the Secrets that one object controls, by name; it may change meanwhile."""
        return MappingProxyType(self._records.get(uid, {}))

    def take(self, namespace: str, name: str, record: MirrorRecord | None) -> None:
        """Take in what the informer says of one Secret."""
        owner = record.owner_uid if record else None
        before = self._owners.pop((namespace, name), None)
        if before is not None and before != owner:
            self._drop(before, name)
            self.on_change(before, name, None)
        if record is not None and owner is not None:
            self._owners[namespace, name] = owner
            self._records[owner][name] = record
            self.on_change(owner, name, record)

    def _drop(self, uid: str, name: str) -> None:
        self._records[uid].pop(name, None)
        if not self._records[uid]:
            del self._records[uid]
