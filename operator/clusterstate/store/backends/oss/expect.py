"""Expectations of writes and deletes, and what is known of a bucket's way with them.

Creates: OSS refuses one marked `x-oss-forbid-overwrite` where the file is there, but ignores the mark in a bucket that
keeps versions or did so once (API reference, "PutObject"). Whether it does, each answer to a write tells. Other
services may ignore or refuse the mark, so their buckets are unproven until one has refused it. No probe files: the
first update of a file asks in passing, by writing back the very bytes that were read. Where the mark is ignored, the
same bytes are written, and what somebody else wrote between our read and that write is lost: once per bucket.

Updates and deletes have no condition in OSS: the version is compared just before, which shortens the race and doesn't
end it.
"""

from dataclasses import dataclass
from functools import lru_cache

from clusterstate.store.backends.oss.bucket import Bucket
from clusterstate.store.base import Capabilities, Version
from clusterstate.store.body import Body, Content
from clusterstate.store.expect import Compared, Kept, ask
from clusterstate.store.failures import lost_race


@dataclass(slots=True)
class Proof:
    """What is known of one bucket; shared by all its stores, for as long as the process lives."""

    own: bool
    """Whether the bucket is one of OSS itself, whose way with creates is known but for versions."""
    create: Kept = Kept.UNKNOWN

    @property
    def capabilities(self) -> Capabilities:
        """The same as the contract says it."""
        return Capabilities(atomic_create=self.create is Kept.YES, atomic_update=False, atomic_delete=False)


@lru_cache(maxsize=1024)
def proof_of(endpoint: str, way: str, bucket: str) -> Proof:  # noqa: ARG001 (what the cache goes by)
    """Give what is known of a bucket; what was heard through a tenant's proxy counts only there."""
    return Proof(own=not endpoint)


class Expectations(Compared[Bucket]):
    """The expectations of one bucket."""

    def __init__(self, bucket: Bucket, proof: Proof) -> None:
        super().__init__(bucket)
        self._proof = proof

    @property
    def capabilities(self) -> Capabilities:
        """What the bucket is known to keep."""
        return self._proof.capabilities

    def _put(self, key: str, data: Content, *, if_none: bool = False) -> Version:
        """Write, and learn from the answer."""
        written = self._bucket.put(key, data, if_none=if_none)
        if written.versioned:
            self._proof.create = Kept.NO
        elif self._proof.own:
            self._proof.create = Kept.YES
        return written.version

    def _create(self, key: str, data: Content) -> Version:
        return self._create_as_proven(self._proof, key, data, lambda: self._put(key, data, if_none=True))

    def _update(self, key: str, data: Content, expect: Version) -> Version:
        if isinstance(data, Body) or self._proof.own or self._proof.create is not Kept.UNKNOWN:
            return super()._update(key, data, expect)
        self._prove(key, expect)
        return self._put(key, data)

    def _prove(self, key: str, expect: Version) -> None:
        """Learn whether creates are refused where something is; raise `LostRace` where another version is there."""
        blob = self._bucket.get(key)
        if blob.version != expect:
            raise lost_race(key)
        self._proof.create, _ = ask(lambda: self._put(key, blob.data, if_none=True))
