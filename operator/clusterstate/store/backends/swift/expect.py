"""Expectations of writes and deletes. Swift itself keeps none.

`If-None-Match: *` of a PUT is looked at before the bytes arrive, and not again: of many creators at once several may
be told that they were the one. `If-Match` of a PUT or DELETE is ignored. So versions are compared just before, which
shortens the race and doesn't end it, and `Capabilities` promise nothing.
"""

from contextlib import suppress
from typing import Final

from clusterstate.errors import KeyNotFound, StoreNotFound, StoreUnavailable
from clusterstate.store.backends.swift.container import Container
from clusterstate.store.base import Absent, Anything, Capabilities, Expect, Version
from clusterstate.store.failures import gone_meanwhile, lost_race

CAPABILITIES: Final = Capabilities(atomic_create=False, atomic_update=False, atomic_delete=False, creates_bucket=True)


class Expectations:
    """The expectations of one container."""

    capabilities = CAPABILITIES

    def __init__(self, container: Container) -> None:
        self._container = container

    def write(self, key: str, data: bytes, expect: Expect) -> Version:
        """Write a file where the expectation holds just before, else raise `LostRace`."""
        match expect:
            case Anything():
                return self._container.put(key, data)
            case Absent():
                return self._create(key, data)
            case Version():
                return self._update(key, data, expect)

    def delete(self, key: str, expect: Expect) -> None:
        """Delete a file where the expectation holds just before, else raise `LostRace`; one that is gone is fine."""
        with suppress(KeyNotFound):
            if not isinstance(expect, Anything):
                self._compare(key, expect)
            self._container.remove(key)

    def _create(self, key: str, data: bytes) -> Version:
        """Create a file, with its container where there is none, as kops means to (swiftfs.go, CreateFile)."""
        with suppress(StoreNotFound):
            return self._container.put(key, data, if_none=True)
        self._container.make()
        try:
            return self._container.put(key, data, if_none=True)
        except StoreNotFound as error:
            raise StoreUnavailable(
                f"{error.message} It was created just now, and isn't known everywhere yet."
            ) from None

    def _update(self, key: str, data: bytes, expect: Version) -> Version:
        try:
            self._compare(key, expect)
        except KeyNotFound as gone:
            raise gone_meanwhile(gone) from None
        return self._container.put(key, data)

    def _compare(self, key: str, expect: Expect) -> None:
        """Raise `LostRace` when another version is there than expected, `KeyNotFound` when none is."""
        if self._container.version(key) != expect:
            raise lost_race(key)
