"""Events tell what is new, once, and fit what the API server takes."""

from typing import Any

import pytest

from clusterstate.errors import AccessDenied, StoreUnavailable
from clusterstate.kube.owner import Owner
from clusterstate.plan.changes import Plan
from clusterstate.plan.outcome import Failure, MirrorReport, Outcome
from clusterstate.reasons import Nature, Reason
from clusterstate.status.build import build_status
from clusterstate.status.events import MAX_NOTE, EventType, Notice, event_manifest, make_deeds, make_turns
from tests.status.outcomes import CHANGE, DRIFT, NOW, OTHER_DRIFT, URL, failed, good

BUSY = failed(StoreUnavailable("Busy."))
DENIED = failed(AccessDenied("Denied."))
DRIFTED = good(plan=Plan(drift=(DRIFT,)), pushed=False)


def told(*runs: Outcome) -> list[list[tuple[str, str]]]:
    """Give type and reason of what each run tells."""
    status: dict[str, Any] = {}
    found = []
    for outcome in runs:
        after = build_status(status, outcome, NOW)
        notices = [*make_deeds(outcome), *make_turns(status, after)]
        found.append([(each.type.value, each.reason.value) for each in notices])
        status = after
    return found


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ((good(), good()), [[], []]),
        ((BUSY, BUSY, BUSY), [[("Warning", "StoreUnavailable")], [], []]),
        ((BUSY, DENIED), [[("Warning", "StoreUnavailable")], [("Warning", "AccessDenied")]]),
        ((good(), BUSY, good()), [[], [("Warning", "StoreUnavailable")], [("Normal", "Succeeded")]]),
        ((DRIFTED, DRIFTED, good()), [[("Warning", "Drifted")], [], [("Normal", "InSync")]]),
        ((DRIFTED, BUSY, DRIFTED), [[("Warning", "Drifted")], [("Warning", "StoreUnavailable")], None]),
    ],
)
def test_only_turns_are_told(runs: tuple[Outcome, ...], expected: list[list[tuple[str, str]] | None]) -> None:
    for found, wanted in zip(told(*runs), expected, strict=True):
        assert wanted is None or found == wanted


def test_more_drift_is_news() -> None:
    more = good(plan=Plan(drift=(DRIFT, OTHER_DRIFT)), pushed=False)
    assert told(DRIFTED, more)[1] == [("Warning", "Drifted")]


def test_a_push_tells_files_and_fields() -> None:
    outcome = good(plan=Plan(changes=(CHANGE,)))
    assert [each.message for each in make_deeds(outcome)] == [f"Wrote to {URL}: config (/spec/channel)."]
    assert told(good(plan=Plan(changes=(CHANGE,)), pushed=False))[0] == [("Warning", "Planned")]


def test_written_mirrors_are_told_by_name() -> None:
    outcome = good(mirrors=MirrorReport(written=("a", "b")))
    assert [each.message for each in make_deeds(outcome)] == ["Wrote Secrets a, b."]


def test_a_missing_source_and_its_return_are_told_once() -> None:
    missing = good(mirrors=MirrorReport(missing="No longer in the store: secret/a."))
    refused = good(mirrors=MirrorReport(problems=(Failure(Reason.MIRROR_REFUSED, Nature.STALLED, "Too large."),)))
    assert told(missing, missing, good(), refused)[:3] == [[("Warning", "SourceMissing")], [], [("Normal", "Mirrored")]]
    assert told(refused)[0] == [("Warning", "MirrorRefused")]


def test_a_deed_is_told_each_time_it_is_done_and_a_turn_once() -> None:
    repaired = good(mirrors=MirrorReport(written=("a",)), plan=Plan(drift=(DRIFT,)), pushed=False)
    deed = [(EventType.NORMAL.value, make_deeds(repaired)[0].reason.value)]
    assert told(repaired, repaired) == [[*deed, ("Warning", "Drifted")], deed]
    assert make_deeds(DRIFTED) == []


def test_a_manifest_names_its_object_and_keeps_the_limits() -> None:
    owner = Owner("clusters", "x" * 198 + ".-" + "y" * 50, "u")
    event = event_manifest(owner, "7", Notice(EventType.WARNING, AccessDenied.reason, "€" * 5000), NOW)
    assert event["involvedObject"] == {
        "apiVersion": "clusterstate.dev/v1alpha1",
        "kind": "ClusterState",
        "namespace": "clusters",
        "name": owner.name,
        "uid": "u",
        "resourceVersion": "7",
    }
    assert len(event["message"]) == MAX_NOTE
    assert event["metadata"]["name"].startswith("x" * 198 + ".")
    other = event_manifest(owner, "7", Notice(EventType.WARNING, AccessDenied.reason, "m"), NOW)
    assert other["metadata"]["name"] != event["metadata"]["name"]
