"""What runs have seen and done, in the terms of decisions."""

import pytest

from clusterstate.api.status import AfterPushStatus, HistoryEntry, Status
from clusterstate.facts import newest_told, store_facts
from clusterstate.gather import Access
from clusterstate.state.tree import Listing, Tree
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.credentials import Credentials, Source
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.options import StoreOptions

HISTORY = tuple(HistoryEntry(revision=number, time="t") for number in (3, 2))


@pytest.mark.parametrize(("history", "job", "newest"), [((), 0, 0), (HISTORY, 0, 3), (HISTORY, 5, 5), ((), 5, 5)])
def test_the_newest_revision_told_is_told_in_the_history_or_with_its_job(
    history: tuple[HistoryEntry, ...], job: int, newest: int
) -> None:
    after_push = AfterPushStatus(revision=job, state="Succeeded") if job else None
    assert newest_told(Status(history=history, after_push=after_push)) == newest


@pytest.mark.parametrize("proxy", ["", "http://mine:3128"])
def test_who_may_have_answered_instead_is_told(proxy: str) -> None:
    """A fresh process takes the status for a proof of what was reached."""
    store = Location.parse("s3://theirs")
    access = Access(store, store.child("prod"), StoreOptions(proxy=proxy), Credentials(Source.SECRET), EndpointPolicy())
    assert store_facts(access, Tree(MemoryStore("theirs")), Listing({})).detoured is bool(proxy)
