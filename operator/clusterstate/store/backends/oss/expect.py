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
from clusterstate.store.failures import lost_race
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


def write(bucket: Bucket, proof: Proof, key: str, data: bytes, expect: Expect) -> Version:
    """Write a file where the expectation holds, as far as that can be told, else raise `LostRace`."""
    match expect:
        case Anything():
            return _put(bucket, proof, key, data)
        case Absent():
            return _create(bucket, proof, key, data)
        case Version():
            return _update(bucket, proof, key, data, expect)


def delete(bucket: Bucket, key: str, expect: Expect) -> None:
    """Delete a file where the expectation holds, else raise `LostRace`; one that is gone already is fine."""
    with suppress(KeyNotFound):
        if not isinstance(expect, Anything):
            _compare(bucket, key, expect)
        bucket.remove(key)


def _put(bucket: Bucket, proof: Proof, key: str, data: bytes, *, create: bool = False) -> Version:
    """Write, and learn from the answer."""
    written = bucket.put(key, data, create=create)
    if written.versioned:
        proof.create = Kept.NO
    elif proof.own:
        proof.create = Kept.YES
    return written.version


def _create(bucket: Bucket, proof: Proof, key: str, data: bytes) -> Version:
    if proof.create is not Kept.YES:
        with suppress(KeyNotFound):
            _compare(bucket, key, ABSENT)
    if proof.create is Kept.NO:
        return _put(bucket, proof, key, data)
    try:
        return _put(bucket, proof, key, data, create=True)
    except LostRace:
        proof.create = Kept.YES
        raise
    except StoreUnsupported:
        if proof.create is Kept.YES:
            raise
        version = _put(bucket, proof, key, data)
        proof.create = Kept.NO
        return version


def _update(bucket: Bucket, proof: Proof, key: str, data: bytes, expect: Version) -> Version:
    try:
        if proof.create is Kept.UNKNOWN and not proof.own:
            _prove(bucket, proof, key, expect)
        else:
            _compare(bucket, key, expect)
    except KeyNotFound as gone:
        raise LostRace(f"{gone.message} It was there before, so somebody else deleted it. It is read again.") from None
    return _put(bucket, proof, key, data)


def _prove(bucket: Bucket, proof: Proof, key: str, expect: Version) -> None:
    """Learn whether creates are refused where something is; raise `LostRace` where another version is there."""
    blob = bucket.get(key)
    if blob.version != expect:
        raise lost_race(key)
    try:
        _put(bucket, proof, key, blob.data, create=True)
    except LostRace:
        proof.create = Kept.YES
    except StoreUnsupported:
        proof.create = Kept.NO
    else:
        proof.create = Kept.NO


def _compare(bucket: Bucket, key: str, expect: Expect) -> None:
    """Raise `LostRace` when another version is there than expected, `KeyNotFound` when none is."""
    if bucket.version(key) != expect:
        raise lost_race(key)
