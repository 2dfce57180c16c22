"""Expectations of writes and deletes where the API server compares versions. Pure."""

from typing import Final

from clusterstate.errors import StoreError, StoreUnavailable
from clusterstate.store.base import Absent, Anything, Expect, Version
from clusterstate.store.failures import lost_race
from clusterstate.store.texts import quote_foreign

_SHOWN: Final = 3
"""Finalizers in a message."""


def check_expected(found: Version | None, key: str, expect: Expect) -> None:
    """Raise `LostRace` where what was found, None for nothing, isn't what is expected."""
    match expect:
        case Anything():
            return
        case Absent():
            holds = found is None
        case Version():
            holds = found == expect
    if not holds:
        raise lost_race(key)


def check_staying(leaving: tuple[str, ...] | None, what: str, url: str) -> None:
    """Raise `StoreUnavailable` where an object is being deleted, with the finalizers that it waits for.

    What is written into it goes with the last of them.
    """
    if leaving is None:
        return
    names = ", ".join(map(quote_foreign, leaving[:_SHOWN])) or "none any more"
    raise StoreUnavailable(
        f"{what}, which holds {url}, is being deleted; its finalizers: {names}. Wait for or remove its finalizers."
    )


def interrupted(url: str, expect: Expect) -> StoreError:
    """Give the error for a file that somebody changed between our look and our write.

    Who expects nothing has lost nothing: the same is tried again.
    """
    if isinstance(expect, Anything):
        return StoreUnavailable(f"The file {url} was changed at the same moment.")
    return lost_race(url)
