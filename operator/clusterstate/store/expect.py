"""Expectations of writes and deletes, and the proof that an endpoint keeps them.

`Compared` serves every service, `Conditional` those that may keep conditions. A cloud's own endpoints keep them, as
its documents say. Any other endpoint may ignore or refuse the conditions, so it is unproven until it has said 412 to a
request that had to be refused. No probe files: the first update or delete of a file asks it in passing, with a version
that can't be, by writing back the very bytes that were read (or by a delete that was wanted anyway). Where the
condition is ignored, the same bytes are written, and what somebody else wrote between our read and that write is lost:
once per endpoint. In an empty store nothing can be proven.

Where a condition isn't kept, the version is compared just before: that shortens the race, it doesn't end it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Generic, Protocol, Self, TypeVar

from clusterstate.errors import KeyNotFound, LostRace, StoreUnsupported
from clusterstate.store.base import ABSENT, Absent, Anything, Blob, Capabilities, Expect, Version
from clusterstate.store.body import Body, Content
from clusterstate.store.failures import lost_race


class Plain(Protocol):
    """The requests that versions are compared by; each blocks, and raises the errors of `Store`."""

    def version(self, key: str) -> Version:
        """Give a file's version."""
        ...

    def remove(self, key: str) -> None:
        """Delete a file, there or not."""
        ...

    def typed(self, content_type: str) -> Self:
        """Give the same bucket, with this content type for whatever is written."""
        ...


class Bucket(Plain, Protocol):
    """The requests that conditions are kept by, beside those of `Plain`."""

    @property
    def impossible(self) -> str:
        """Give the token of a version that no file has."""
        ...

    def get(self, key: str) -> Blob:
        """Give a whole file."""
        ...

    def put(self, key: str, data: Content, *, if_match: str = "", if_none: bool = False) -> Version:
        """Write a file; `if_match` is the version's token that must be there, `if_none` wants nothing there."""
        ...

    def remove(self, key: str, *, if_match: str = "") -> None:
        """Delete a file, there or not."""
        ...


T = TypeVar("T")
B = TypeVar("B", bound=Plain)


class Kept(Enum):
    """What is known of one kind of condition at one place."""

    UNKNOWN = auto()
    YES = auto()
    NO = auto()


class Creating(Protocol):
    """What is known of creates."""

    create: Kept


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
def proof_of(endpoint: str, way: str, *, own: bool) -> Proof:  # noqa: ARG001 (what the cache goes by)
    """Give what is known of the endpoint with this URL; `own` tells that it is the cloud's own.

    What was heard on the `way` through a tenant's proxy counts only there: it may have spoken in the endpoint's place.
    """
    known = Kept.YES if own else Kept.UNKNOWN
    return Proof(known, known, known)


class Compared(ABC, Generic[B]):
    """Writes and deletes whose expectation is compared just before."""

    def __init__(self, bucket: B) -> None:
        self._bucket = bucket

    def typed(self, content_type: str) -> Self:
        """Give the same, with this content type for whatever is written; what is proven is known to both."""
        twin = copy(self)
        twin._bucket = self._bucket.typed(content_type)  # noqa: SLF001 - its own twin
        return twin

    def write(self, key: str, data: Content, expect: Expect) -> Version:
        """Write a file where the expectation holds, as far as that can be told, else raise `LostRace`."""
        match expect:
            case Anything():
                return self._put(key, data)
            case Absent():
                return self._create(key, data)
            case Version():
                try:
                    return self._update(key, data, expect)
                except KeyNotFound as gone:
                    raise LostRace(f"{gone.fact} It was there before, so somebody else deleted it.") from None

    def delete(self, key: str, expect: Expect) -> None:
        """Delete a file where the expectation holds, else raise `LostRace`; one that is gone already is fine."""
        with suppress(KeyNotFound):
            match expect:
                case Anything():
                    self._bucket.remove(key)
                case Absent():
                    self._compare(key, expect)
                case Version():
                    self._delete(key, expect)

    @abstractmethod
    def _put(self, key: str, data: Content) -> Version:
        """Write a file, whatever is there."""

    def _create(self, key: str, data: Content) -> Version:
        with suppress(KeyNotFound):
            self._compare(key, ABSENT)
        return self._put(key, data)

    def _create_as_proven(self, proof: Creating, key: str, data: Content, request: Callable[[], Version]) -> Version:
        """Create a file by a conditional request, and learn from what comes; without the condition where it isn't kept.

        What isn't proven is compared first too.
        """
        if proof.create is not Kept.YES:
            with suppress(KeyNotFound):
                self._compare(key, ABSENT)
        if proof.create is Kept.NO:
            return self._put(key, data)
        try:
            return request()
        except LostRace:
            proof.create = Kept.YES
            raise
        except StoreUnsupported:
            if proof.create is Kept.YES:
                raise
            version = self._put(key, data)
            proof.create = Kept.NO
            return version

    def _update(self, key: str, data: Content, expect: Version) -> Version:
        self._compare(key, expect)
        return self._put(key, data)

    def _delete(self, key: str, expect: Version) -> None:
        self._compare(key, expect)
        self._bucket.remove(key)

    def _compare(self, key: str, expect: Expect) -> None:
        """Raise `LostRace` when another version is there than expected, `KeyNotFound` when none is."""
        if self._bucket.version(key) != expect:
            raise lost_race(key)


class Conditional(Compared[Bucket]):
    """Writes and deletes under a condition, where the endpoint is proven to keep it."""

    def __init__(self, bucket: Bucket, proof: Proof) -> None:
        super().__init__(bucket)
        self._proof = proof

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint is known to keep."""
        return self._proof.capabilities

    def _put(self, key: str, data: Content, *, if_match: str = "", if_none: bool = False) -> Version:
        return self._bucket.put(key, data, if_match=if_match, if_none=if_none)

    def _create(self, key: str, data: Content) -> Version:
        return self._create_as_proven(self._proof, key, data, lambda: self._put(key, data, if_none=True))

    def _update(self, key: str, data: Content, expect: Version) -> Version:
        if isinstance(data, Body):
            return self._replace_large(key, data, expect)
        if Kept.UNKNOWN in (self._proof.create, self._proof.update):
            expect = self._prove(key, expect)
        elif self._proof.update is Kept.NO:
            self._compare(key, expect)
        return self._put(key, data, if_match=expect.token if self._proof.update is Kept.YES else "")

    def _replace_large(self, key: str, data: Body, expect: Version) -> Version:
        """Update without the proof, which would take the old file into memory: what isn't proven is compared first."""
        if self._proof.update is not Kept.YES:
            self._compare(key, expect)
        if self._proof.update is Kept.NO:
            return self._put(key, data)
        try:
            return self._put(key, data, if_match=expect.token)
        except StoreUnsupported:
            if self._proof.update is Kept.YES:
                raise
            self._proof.update = Kept.NO
            return self._put(key, data)

    def _prove(self, key: str, expect: Version) -> Version:
        """Learn whether updates and creates are conditional, and give the version that is there now."""
        proof, blob = self._proof, self._bucket.get(key)
        if blob.version != expect:
            raise lost_race(key)
        if proof.update is Kept.UNKNOWN:
            proof.update, version = ask(lambda: self._put(key, blob.data, if_match=self._bucket.impossible))
            expect = version or expect
        if proof.create is Kept.UNKNOWN:
            proof.create, version = ask(lambda: self._put(key, blob.data, if_none=True))
            expect = version or expect
        return expect

    def _delete(self, key: str, expect: Version) -> None:
        if self._proof.delete is not Kept.YES:
            self._compare(key, expect)
        if self._proof.delete is Kept.UNKNOWN:
            self._proof.delete, _ = ask(lambda: self._bucket.remove(key, if_match=self._bucket.impossible))
        if self._proof.delete is Kept.YES:
            self._delete_version(key, expect)
        else:
            self._bucket.remove(key)

    def _delete_version(self, key: str, expect: Version) -> None:
        try:
            self._bucket.remove(key, if_match=expect.token)
        except LostRace:
            self._bucket.version(key)  # some services refuse the condition too when the file is gone
            raise


def ask(request: Callable[[], T]) -> tuple[Kept, T | None]:
    """Send what must be refused; give what that shows, and the result where it wasn't refused."""
    try:
        return Kept.NO, request()
    except LostRace:
        return Kept.YES, None
    except StoreUnsupported:
        return Kept.NO, None
