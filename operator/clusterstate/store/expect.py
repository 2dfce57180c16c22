"""Expectations of writes and deletes, and the proof that an endpoint keeps them. For backends whose service has both.

A cloud's own endpoints keep them, as its documents say. Any other endpoint may ignore or refuse the conditions, so it
is unproven until it has said 412 to a request that had to be refused. No probe files: the first update or delete of
a file asks it in passing, with a version that can't be, by writing back the very bytes that were read (or by a
delete that was wanted anyway). Where the condition is ignored, the same bytes are written, and what somebody else
wrote between our read and that write is lost: once per endpoint. In an empty store nothing can be proven.

Where a condition isn't kept, the version is compared just before: that shortens the race, it doesn't end it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from clusterstate.errors import KeyNotFound, LostRace, StoreUnsupported
from clusterstate.store.base import ABSENT, Absent, Anything, Blob, Capabilities, Expect, Version
from clusterstate.store.failures import gone_meanwhile, lost_race
from clusterstate.store.kept import Kept

T = TypeVar("T")


class Bucket(Protocol):
    """The requests that expectations are kept by; each blocks, and raises the errors of `Store`."""

    @property
    def impossible(self) -> str:
        """Give the token of a version that no file has."""
        ...

    def get(self, key: str) -> Blob:
        """Give a whole file."""
        ...

    def version(self, key: str) -> Version:
        """Give a file's version."""
        ...

    def put(self, key: str, data: bytes, *, if_match: str = "", if_none: bool = False) -> Version:
        """Write a file; `if_match` is the version's token that must be there, `if_none` wants nothing there."""
        ...

    def remove(self, key: str, *, if_match: str = "") -> None:
        """Delete a file, there or not."""
        ...


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
def proof_of(endpoint: str, *, own: bool) -> Proof:  # noqa: ARG001 (what the cache goes by)
    """Give what is known of the endpoint with this URL; `own` tells that it is the cloud's own."""
    known = Kept.YES if own else Kept.UNKNOWN
    return Proof(known, known, known)


class Expectations:
    """The expectations of one bucket, as far as its endpoint is known to keep them."""

    def __init__(self, bucket: Bucket, proof: Proof) -> None:
        self._bucket = bucket
        self._proof = proof

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint is known to keep."""
        return self._proof.capabilities

    def write(self, key: str, data: bytes, expect: Expect) -> Version:
        """Write a file where the expectation holds, else raise `LostRace`."""
        match expect:
            case Anything():
                return self._bucket.put(key, data)
            case Absent():
                return self._create(key, data)
            case Version():
                return self._update(key, data, expect)

    def delete(self, key: str, expect: Expect) -> None:
        """Delete a file where the expectation holds, else raise `LostRace`; one that is gone already is fine."""
        with suppress(KeyNotFound):
            match expect:
                case Anything():
                    self._bucket.remove(key)
                case Absent():
                    self._compare(key, expect)
                case Version() if self._proof.delete is Kept.YES:
                    self._delete_version(key, expect)
                case Version():
                    self._compare(key, expect)
                    self._delete_unproven(key, expect)

    def _create(self, key: str, data: bytes) -> Version:
        proof = self._proof
        if proof.create is not Kept.YES:
            with suppress(KeyNotFound):
                self._compare(key, ABSENT)
        if proof.create is Kept.NO:
            return self._bucket.put(key, data)
        try:
            return self._bucket.put(key, data, if_none=True)
        except LostRace:
            proof.create = Kept.YES
            raise
        except StoreUnsupported:
            if proof.create is Kept.YES:
                raise
            version = self._bucket.put(key, data)
            proof.create = Kept.NO
            return version

    def _update(self, key: str, data: bytes, expect: Version) -> Version:
        try:
            if self._proof.update is Kept.UNKNOWN:
                expect = self._prove(key, expect)
            elif self._proof.update is Kept.NO:
                self._compare(key, expect)
            return self._bucket.put(key, data, if_match=expect.token if self._proof.update is Kept.YES else "")
        except KeyNotFound as gone:
            raise gone_meanwhile(gone) from None

    def _prove(self, key: str, expect: Version) -> Version:
        """Learn whether updates and creates are conditional, and give the version that is there now."""
        bucket, proof = self._bucket, self._proof
        blob = bucket.get(key)
        if blob.version != expect:
            raise lost_race(key)
        proof.update, version = _ask(lambda: bucket.put(key, blob.data, if_match=bucket.impossible))
        if proof.create is Kept.UNKNOWN:
            proof.create, later = _ask(lambda: bucket.put(key, blob.data, if_none=True))
            version = later or version
        return version or expect

    def _compare(self, key: str, expect: Expect) -> None:
        """Raise `LostRace` when another version is there than expected, `KeyNotFound` when none is."""
        if self._bucket.version(key) != expect:
            raise lost_race(key)

    def _delete_version(self, key: str, expect: Version) -> None:
        try:
            self._bucket.remove(key, if_match=expect.token)
        except LostRace:
            self._bucket.version(key)  # some services refuse the condition too when the file is gone
            raise

    def _delete_unproven(self, key: str, expect: Version) -> None:
        """Delete a file whose version was compared just now."""
        if self._proof.delete is Kept.UNKNOWN:
            try:
                self._bucket.remove(key, if_match=self._bucket.impossible)
            except LostRace:
                self._proof.delete = Kept.YES
                return self._delete_version(key, expect)
            except StoreUnsupported:
                pass
            self._proof.delete = Kept.NO
        return self._bucket.remove(key)


def _ask(request: Callable[[], T]) -> tuple[Kept, T | None]:
    """Send what must be refused; give what that shows, and the result where it wasn't refused."""
    try:
        return Kept.NO, request()
    except LostRace:
        return Kept.YES, None
    except StoreUnsupported:
        return Kept.NO, None
