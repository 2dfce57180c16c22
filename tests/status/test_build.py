"""A status that the API server takes as it is, that comes back the same, and that says what was found."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterstate.api import status as api
from clusterstate.errors import StoreUnavailable
from clusterstate.plan.changes import Action, Change, Difference, FieldChange, Plan
from clusterstate.plan.diff import plan_digest
from clusterstate.plan.outcome import AppliedRevision, Mirrored, MirrorReport, Outcome, Request, StoreFacts
from clusterstate.plan.rotation import Phase
from clusterstate.plan.rotation_report import RotationReport
from clusterstate.status.build import MAX_MIRRORS, MAX_VALUE, build_status, make_patch
from tests.status.outcomes import CHANGE, DRIFT, NOW, OTHER_DRIFT, STORE, URL, failed, good, outcomes
from tests.status.schema import judge, status_schema

SCHEMA = status_schema()


@settings(max_examples=40)
@given(st.lists(outcomes, min_size=1, max_size=3))
def test_every_status_passes_the_crd_and_comes_back_as_it_is(runs: list[Outcome]) -> None:
    status: dict[str, Any] = {}
    for outcome in runs:
        status = build_status(status, outcome, NOW)
        judge(status, SCHEMA)
        msgspec.convert(status, api.Status)
        stored = msgspec.json.decode(msgspec.json.encode(status))
        assert make_patch(stored, build_status(stored, outcome, NOW)) is None


def merge_patched(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patched(merged.get(key), value)
    return merged


@settings(max_examples=40)
@given(outcomes, outcomes)
def test_the_patch_makes_one_status_the_other(first: Outcome, second: Outcome) -> None:
    before = build_status({}, first, NOW)
    kept = deepcopy(before)
    after = build_status(before, second, NOW)
    patch = make_patch(before, after)
    assert (patch is None) == (before == after)
    assert merge_patched(before, patch or {}) == after
    assert before == kept


plain = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.integers() | st.lists(st.integers(), max_size=2),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=5,
    ),
)


@given(plain, plain)
def test_the_patch_is_a_merge_patch_of_any_two_objects(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert merge_patched(before, make_patch(before, after) or {}) == after
    assert make_patch(after, deepcopy(after)) is None


def test_the_patch_names_only_what_changed() -> None:
    before = build_status({}, good(), NOW)
    after = build_status(before, good(store=replace(STORE, bytes=100)), NOW)
    assert make_patch(before, after) == {"store": {"bytes": 100}}


def test_what_a_run_did_not_reach_stays_as_it_was() -> None:
    report = MirrorReport((Mirrored("prod-keyset-ca", "keyset/ca", "7", NOW),))
    revisions = (AppliedRevision(1, "2026-01-01T00:00:00Z", 2),)
    before = build_status({}, good(plan=Plan(drift=(DRIFT,)), mirrors=report, history=revisions), NOW)
    after = build_status(before, failed(StoreUnavailable("Busy.")), NOW)
    for key in ("store", "drift", "summary", "mirrors", "history", "clusterName"):
        assert after[key] == before[key]
    assert "lastHandledReconcileAt" not in after
    assert before["mirrors"] == [
        {"secret": "prod-keyset-ca", "from": "keyset/ca", "primaryId": "7", "notAfter": "2026-01-02T03:04:05Z"}
    ]


def test_rotations_that_a_run_did_not_judge_stay_told() -> None:
    rotation = RotationReport("kubernetes-ca", Phase.CREATED, "1", "2", "Wait.", waits=True, ignored=("1", "9" * 129))
    before = build_status({}, good(rotations=(rotation,)), NOW)
    assert before["keysets"] == [
        {
            "name": "kubernetes-ca",
            "phase": "Created",
            "primaryId": "1",
            "nextId": "2",
            "message": "Wait.",
            "ignoredConfirmations": ["1"],
        }
    ]
    assert build_status(before, good(), NOW)["keysets"] == before["keysets"], "beside a keyset that is broken, too"
    assert "keysets" not in build_status(before, good(rotations=()), NOW)


def test_history_tells_who_and_what_where_that_is_known() -> None:
    revisions = (AppliedRevision(2, "t", 1, "kubectl", "config (/spec/channel)"), AppliedRevision(1, "t", 0))
    assert build_status({}, good(history=revisions), NOW)["history"] == [
        {"revision": 2, "time": "t", "changes": 1, "by": "kubectl", "what": "config (/spec/channel)"},
        {"revision": 1, "time": "t", "changes": 0},
    ]


def test_numbers_of_revisions_that_somebody_deleted_stay_told_until_the_next_one() -> None:
    def told(*numbers: int, before: Any = ()) -> Any:
        revisions = tuple(AppliedRevision(number, "t", 1) for number in numbers)
        return build_status({"history": before}, good(history=revisions), NOW).get("history")

    before = told(3, 2, 1)
    assert told(before=before) == before
    assert told(1, before=before) == before, "the first one could still be read"
    assert told(2, 1, before=before) == before
    assert [row["revision"] for row in told(4, before=before)] == [4]
    assert [row["revision"] for row in told(*range(150, 0, -1), before=told(200))] == [200, *range(150, 51, -1)]


def test_the_first_cluster_name_stays() -> None:
    before = build_status({}, good(), NOW)
    assert build_status(before, good(request=Request(3, "other")), NOW)["clusterName"] == "prod"


def test_a_plan_is_shown_until_it_is_carried_out() -> None:
    plan = Plan(changes=(CHANGE,), drift=(DRIFT,))
    planned = build_status({}, good(plan=plan, pushed=False), NOW)
    row = {"path": "config", "field": "/spec/channel", "action": "update", "old": "alpha", "new": "stable"}
    assert planned["plan"] == {"create": 0, "update": 1, "delete": 0, "digest": plan_digest(plan), "changes": [row]}
    assert planned["summary"] == f"1 to change in {URL}"
    done = build_status(planned, good(plan=plan), NOW)
    assert "plan" not in done
    assert "drift" not in done
    assert done["summary"] == f"in sync with {URL}"


@pytest.mark.parametrize(
    ("pointer", "corrected"),
    [
        ("/spec/channel", True),
        ("/spec", True),
        ("", True),
        ("/spec/channel/below", True),
        ("/spec/channels", False),
        ("/spec/chan", False),
    ],
)
def test_a_push_leaves_the_drift_that_it_does_not_correct(pointer: str, corrected: bool) -> None:  # noqa: FBT001
    change = Change("config", Action.UPDATE, (FieldChange(pointer, Action.UPDATE, "alpha", "stable"),))
    elsewhere = Difference("instancegroup/nodes", "/spec/channel", 1, 2)
    status = build_status({}, good(plan=Plan(changes=(change,), drift=(DRIFT, elsewhere))), NOW)
    fields = [(each["path"], each["field"]) for each in status["drift"]]
    assert (("config", "/spec/channel") not in fields) is corrected
    assert ("instancegroup/nodes", "/spec/channel") in fields
    assert status["summary"] == f"{len(fields)} drifted in {URL}"


def test_long_lists_are_cut_and_counted_whole() -> None:
    plan = Plan(changes=(CHANGE,) * 60, drift=(DRIFT,) * 51, conflicts=(OTHER_DRIFT,) * 52)
    mirrors = MirrorReport(tuple(Mirrored(f"m{number}", "keyset/ca") for number in range(MAX_MIRRORS + 1)))
    status = build_status({}, good(plan=plan, pushed=False, mirrors=mirrors), NOW)
    assert status["plan"]["update"] == 60
    assert [len(status[key]) for key in ("drift", "conflicts", "mirrors")] == [50, 50, MAX_MIRRORS]
    judge(status, SCHEMA)


def test_values_are_text_and_long_ones_are_cut() -> None:
    rows = [Difference("config", "/spec/a", {"b": [1, True]}, "x" * 300), Difference("config", "/spec/c", 3, None)]
    status = build_status({}, good(plan=Plan(drift=tuple(rows)), pushed=False), NOW)
    first, second = status["drift"]
    assert first["declared"] == '{"b":[1,true]}'
    assert first["observed"] == "x" * (MAX_VALUE - 1) + "…"
    assert second == {"path": "config", "field": "/spec/c", "declared": "3"}


def test_a_file_that_changes_as_a_whole_is_listed_too() -> None:
    status = build_status({}, good(plan=Plan(changes=(Change("config", Action.CREATE),)), pushed=False), NOW)
    assert status["plan"]["changes"] == [{"path": "config", "field": "", "action": "create"}]


def test_guarantees_seen_once_are_not_unlearned_by_a_restart() -> None:
    before = build_status({}, good(store=replace(STORE, unproven=())), NOW)
    assert "unproven" not in build_status(before, good(), NOW)["store"]
    moved = StoreFacts("s3://other/prod", 3, 99, "d", NOW, unproven=("update",))
    assert build_status(before, good(store=moved), NOW)["store"]["unproven"] == ["update"]


def test_a_detour_is_told_as_long_as_it_is_one() -> None:
    by_proxy = build_status({}, good(store=replace(STORE, detoured=True)), NOW)
    assert by_proxy["store"]["detoured"] is True
    assert "detoured" not in build_status(by_proxy, good(), NOW)["store"]
