"""Expectations of writes and deletes where the API server compares versions. Pure."""

from clusterstate.errors import StoreError, StoreUnavailable
from clusterstate.store.base import Absent, Anything, Expect, Version
from clusterstate.store.failures import lost_race


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


def interrupted(url: str, expect: Expect) -> StoreError:
    """Give the error for a file that somebody changed between our look and our write.

    Who expects nothing has lost nothing: the same is tried again.
    """
    if isinstance(expect, Anything):
        return StoreUnavailable(f"The file {url} was changed at the same moment. It is tried again.")
    return lost_race(url)
