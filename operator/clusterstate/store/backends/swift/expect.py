"""Expectations of writes and deletes. Swift itself keeps none.

`If-None-Match: *` of a PUT is looked at before the bytes arrive, and not again: of many creators at once several may
be told that they were the one. `If-Match` of a PUT or DELETE is ignored. So versions are compared just before, which
shortens the race and doesn't end it, and `Capabilities` promise nothing.
"""

from contextlib import suppress

from clusterstate.errors import KeyNotFound, LostRace, StoreNotFound, StoreUnavailable
from clusterstate.store.backends.swift.container import Container
from clusterstate.store.base import Absent, Anything, Expect, Version
from clusterstate.store.failures import lost_race


def write(container: Container, key: str, data: bytes, expect: Expect) -> Version:
    """Write a file where the expectation holds just before, else raise `LostRace`."""
    match expect:
        case Anything():
            return container.put(key, data)
        case Absent():
            return _create(container, key, data)
        case Version():
            return _update(container, key, data, expect)


def delete(container: Container, key: str, expect: Expect) -> None:
    """Delete a file where the expectation holds just before, else raise `LostRace`; one that is gone is fine."""
    with suppress(KeyNotFound):
        if not isinstance(expect, Anything) and container.version(key) != expect:
            raise lost_race(key)
        container.remove(key)


def _create(container: Container, key: str, data: bytes) -> Version:
    """Create a file, with its container where there is none, as kops means to (swiftfs.go, CreateFile)."""
    try:
        return container.put(key, data, if_none=True)
    except StoreNotFound:
        container.make()
    try:
        return container.put(key, data, if_none=True)
    except StoreNotFound as error:
        raise StoreUnavailable(f"{error.message} It was created just now, and isn't known everywhere yet.") from None


def _update(container: Container, key: str, data: bytes, expect: Version) -> Version:
    try:
        there = container.version(key)
    except KeyNotFound as gone:
        raise LostRace(f"{gone.message} It was there before, so somebody else deleted it. It is read again.") from None
    if there != expect:
        raise lost_race(key)
    return container.put(key, data)
