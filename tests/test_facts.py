"""What runs before did, in the terms of decisions."""

import pytest

from clusterstate.api.status import AfterPushStatus, HistoryEntry, Status
from clusterstate.facts import newest_told

HISTORY = tuple(HistoryEntry(revision=number, time="t") for number in (3, 2))


@pytest.mark.parametrize(("history", "job", "newest"), [((), 0, 0), (HISTORY, 0, 3), (HISTORY, 5, 5), ((), 5, 5)])
def test_the_newest_revision_told_is_told_in_the_history_or_with_its_job(
    history: tuple[HistoryEntry, ...], job: int, newest: int
) -> None:
    after_push = AfterPushStatus(revision=job, state="Succeeded") if job else None
    assert newest_told(Status(history=history, after_push=after_push)) == newest
