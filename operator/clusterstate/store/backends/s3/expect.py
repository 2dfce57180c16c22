"""Expectations of writes and deletes, and the proof that an endpoint keeps them.

AWS keeps them (User Guide, "Conditional requests"). Any other endpoint may ignore or refuse the headers, so it is
unproven until it has said 412 to a request that had to be refused. No probe files: the first update or delete of a
file asks it in passing, with a version that can't be, by writing back the very bytes that were read (or by a
delete that was wanted anyway). Where the header is ignored, the same bytes are written, and what somebody else
wrote between our read and that write is lost: once per endpoint. In an empty store nothing can be proven.

Where a condition isn't kept, the version is compared just before: that shortens the race, it doesn't end it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

from clusterstate.errors import KeyNotFound, LostRace, StoreUnsupported
from clusterstate.store.backends.s3.bucket import Bucket
from clusterstate.store.base import ABSENT, Absent, Anything, Capabilities, Expect, Version
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.failures import lost_race
from clusterstate.store.kept import Kept

IMPOSSIBLE: Final = "0" * 32
"""An ETag that no file has: an MD5 of zeros has no known source."""

T = TypeVar("T")


@dataclass(slots=True)
class Proof:
    """What is known of one endpoint; shared by all its stores, for as long as the process lives."""

    create: Kept = Kept.UNKNOWN
    update: Kept = Kept.UNKNOWN
    delete: Kept = Kept.UNKNOWN

    @property
    def capabilities(self) -> Capabilities:
        """The same as the contract says it."""
        return Capabilities(
            atomic_create=self.create is Kept.YES,
            atomic_update=self.update is Kept.YES,
            atomic_delete=self.delete is Kept.YES,
        )


@lru_cache(maxsize=1024)
def proof_of(endpoint: str) -> Proof:
    """Give what is known of the endpoint with this URL."""
    known = Kept.YES if Endpoint.parse(endpoint).is_aws else Kept.UNKNOWN
    return Proof(known, known, known)


def write(bucket: Bucket, proof: Proof, key: str, data: bytes, expect: Expect) -> Version:
    """Write a file where the expectation holds, else raise `LostRace`."""
    match expect:
        case Anything():
            return bucket.put(key, data)
        case Absent():
            return _create(bucket, proof, key, data)
        case Version():
            return _update(bucket, proof, key, data, expect)


def delete(bucket: Bucket, proof: Proof, key: str, expect: Expect) -> None:
    """Delete a file where the expectation holds, else raise `LostRace`; one that is gone already is fine."""
    with suppress(KeyNotFound):
        match expect:
            case Anything():
                bucket.remove(key)
            case Absent():
                _compare(bucket, key, expect)
            case Version() if proof.delete is Kept.YES:
                _delete_version(bucket, key, expect)
            case Version():
                _compare(bucket, key, expect)
                _delete_unproven(bucket, proof, key, expect)


def _create(bucket: Bucket, proof: Proof, key: str, data: bytes) -> Version:
    if proof.create is not Kept.YES:
        with suppress(KeyNotFound):
            _compare(bucket, key, ABSENT)
    if proof.create is Kept.NO:
        return bucket.put(key, data)
    try:
        return bucket.put(key, data, if_none=True)
    except LostRace:
        proof.create = Kept.YES
        raise
    except StoreUnsupported:
        if proof.create is Kept.YES:
            raise
        version = bucket.put(key, data)
        proof.create = Kept.NO
        return version


def _update(bucket: Bucket, proof: Proof, key: str, data: bytes, expect: Version) -> Version:
    try:
        if proof.update is Kept.UNKNOWN:
            expect = _prove(bucket, proof, key, expect)
        elif proof.update is Kept.NO:
            _compare(bucket, key, expect)
        return bucket.put(key, data, if_match=expect.token if proof.update is Kept.YES else "")
    except KeyNotFound as gone:
        raise LostRace(f"{gone.message} It was there before, so somebody else deleted it. It is read again.") from None


def _prove(bucket: Bucket, proof: Proof, key: str, expect: Version) -> Version:
    """Learn whether updates and creates are conditional, and give the version that is there now."""
    blob = bucket.get(key)
    if blob.version != expect:
        raise lost_race(key)
    proof.update, version = _ask(lambda: bucket.put(key, blob.data, if_match=IMPOSSIBLE))
    if proof.create is Kept.UNKNOWN:
        proof.create, later = _ask(lambda: bucket.put(key, blob.data, if_none=True))
        version = later or version
    return version or expect


def _ask(request: Callable[[], T]) -> tuple[Kept, T | None]:
    """Send what must be refused; give what that shows, and the result where it wasn't refused."""
    try:
        return Kept.NO, request()
    except LostRace:
        return Kept.YES, None
    except StoreUnsupported:
        return Kept.NO, None


def _compare(bucket: Bucket, key: str, expect: Expect) -> None:
    """Raise `LostRace` when another version is there than expected, `KeyNotFound` when none is."""
    if bucket.version(key) != expect:
        raise lost_race(key)


def _delete_version(bucket: Bucket, key: str, expect: Version) -> None:
    try:
        bucket.remove(key, if_match=expect.token)
    except LostRace:
        bucket.version(key)  # some services refuse the condition too when the file is gone
        raise


def _delete_unproven(bucket: Bucket, proof: Proof, key: str, expect: Version) -> None:
    """Delete a file whose version was compared just now."""
    if proof.delete is Kept.UNKNOWN:
        try:
            bucket.remove(key, if_match=IMPOSSIBLE)
        except LostRace:
            proof.delete = Kept.YES
            return _delete_version(bucket, key, expect)
        except StoreUnsupported:
            pass
        proof.delete = Kept.NO
    return bucket.remove(key)
