"""Expectations of writes and deletes. Swift itself keeps none.

`If-None-Match: *` of a PUT is looked at before the bytes arrive, and not again: of many creators at once several may
be told that they were the one. `If-Match` of a PUT or DELETE is ignored. So versions are compared just before, which
shortens the race and doesn't end it, and `Capabilities` promise nothing.
"""

from contextlib import suppress
from typing import Final

from clusterstate.errors import StoreNotFound, StoreUnavailable
from clusterstate.store.backends.swift.container import Container
from clusterstate.store.base import Capabilities, Version
from clusterstate.store.body import Content
from clusterstate.store.expect import Compared

_CAPABILITIES: Final = Capabilities(atomic_create=False, atomic_update=False, atomic_delete=False, creates_bucket=True)


class Expectations(Compared[Container]):
    """The expectations of one container."""

    @property
    def capabilities(self) -> Capabilities:
        """Nothing is promised."""
        return _CAPABILITIES

    def _put(self, key: str, data: Content) -> Version:
        return self._bucket.put(key, data)

    def _create(self, key: str, data: Content) -> Version:
        """Create a file, with its container where there is none, as kops means to (swiftfs.go, CreateFile)."""
        with suppress(StoreNotFound):
            return self._bucket.put(key, data, if_none=True)
        self._bucket.make()
        try:
            return self._bucket.put(key, data, if_none=True)
        except StoreNotFound as error:
            raise StoreUnavailable(f"{error.fact} It was created just now, and isn't known everywhere yet.") from None
