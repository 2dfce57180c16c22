"""Expectations of writes and deletes, and what is known of a bucket's way with them.

Creates: OSS refuses one marked `x-oss-forbid-overwrite` where the file is there, but ignores the mark in a bucket that
keeps versions or did so once (API reference, "PutObject"). Whether it does, each answer to a write tells. Other
services may ignore or refuse the mark, so their buckets are unproven until one has refused it. No probe files: the
first update of a file asks in passing, by writing back the very bytes that were read. Where the mark is ignored, the
same bytes are written, and what somebody else wrote between our read and that write is lost: once per bucket.

Updates and deletes have no condition in OSS: the version is compared just before, which shortens the race and doesn't
end it.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from clusterstate.errors import KeyNotFound, LostRace, StoreUnsupported
from clusterstate.store.backends.oss.bucket import Bucket
from clusterstate.store.base import ABSENT, Absent, Anything, Capabilities, Expect, Version
from clusterstate.store.failures import gone_meanwhile, lost_race
from clusterstate.store.kept import Kept


@dataclass(slots=True)
class Proof:
    """What is known of one bucket; shared by all its stores, for as long as the process lives."""

    endpoint: str
    """Empty for OSS itself, where the bucket's name alone tells it."""
    bucket: str
    create: Kept = Kept.UNKNOWN

    @property
    def own(self) -> bool:
        """Whether the bucket is one of OSS itself, whose way with creates is known but for versions."""
        return not self.endpoint

    @property
    def capabilities(self) -> Capabilities:
        """The same as the contract says it."""
        return Capabilities(atomic_create=self.create is Kept.YES, atomic_update=False, atomic_delete=False)


@lru_cache(maxsize=1024)
def proof_of(endpoint: str, bucket: str) -> Proof:
    """Give what is known of a bucket."""
    return Proof(endpoint, bucket)


class Expectations:
    """The expectations of one bucket."""

    def __init__(self, bucket: Bucket, proof: Proof) -> None:
        self._bucket = bucket
        self._proof = proof

    @property
    def capabilities(self) -> Capabilities:
        """What the bucket is known to keep."""
        return self._proof.capabilities

    def write(self, key: str, data: bytes, expect: Expect) -> Version:
        """Write a file where the expectation holds, as far as that can be told, else raise `LostRace`."""
        match expect:
            case Anything():
                return self._put(key, data)
            case Absent():
                return self._create(key, data)
            case Version():
                return self._update(key, data, expect)

    def delete(self, key: str, expect: Expect) -> None:
        """Delete a file where the expectation holds, else raise `LostRace`; one that is gone already is fine."""
        with suppress(KeyNotFound):
            if not isinstance(expect, Anything):
                self._compare(key, expect)
            self._bucket.remove(key)

    def _put(self, key: str, data: bytes, *, create: bool = False) -> Version:
        """Write, and learn from the answer."""
        written = self._bucket.put(key, data, create=create)
        if written.versioned:
            self._proof.create = Kept.NO
        elif self._proof.own:
            self._proof.create = Kept.YES
        return written.version

    def _create(self, key: str, data: bytes) -> Version:
        proof = self._proof
        if proof.create is not Kept.YES:
            with suppress(KeyNotFound):
                self._compare(key, ABSENT)
        if proof.create is Kept.NO:
            return self._put(key, data)
        try:
            return self._put(key, data, create=True)
        except LostRace:
            proof.create = Kept.YES
            raise
        except StoreUnsupported:
            if proof.create is Kept.YES:
                raise
            version = self._put(key, data)
            proof.create = Kept.NO
            return version

    def _update(self, key: str, data: bytes, expect: Version) -> Version:
        try:
            if self._proof.create is Kept.UNKNOWN and not self._proof.own:
                self._prove(key, expect)
            else:
                self._compare(key, expect)
        except KeyNotFound as gone:
            raise gone_meanwhile(gone) from None
        return self._put(key, data)

    def _prove(self, key: str, expect: Version) -> None:
        """Learn whether creates are refused where something is; raise `LostRace` where another version is there."""
        blob = self._bucket.get(key)
        if blob.version != expect:
            raise lost_race(key)
        try:
            self._put(key, blob.data, create=True)
        except LostRace:
            self._proof.create = Kept.YES
        except StoreUnsupported:
            self._proof.create = Kept.NO
        else:
            self._proof.create = Kept.NO

    def _compare(self, key: str, expect: Expect) -> None:
        """Raise `LostRace` when another version is there than expected, `KeyNotFound` when none is."""
        if self._bucket.version(key) != expect:
            raise lost_race(key)
