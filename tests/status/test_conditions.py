"""Conditions as kstatus reads them: who waits sees Ready, Reconciling or Stalled, and why."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from clusterstate.api.conditions import ConditionType
from clusterstate.errors import (
    AccessDenied,
    ClusterStateError,
    ConflictFound,
    CredentialsInvalid,
    KeyNotFound,
    LostRace,
    MalformedKeyset,
    StoreError,
    StoreUnavailable,
)
from clusterstate.plan.changes import Plan
from clusterstate.plan.cloud import CloudUpdate
from clusterstate.plan.outcome import Certificate, Failure, Mirrored, MirrorReport, Outcome, Request
from clusterstate.reasons import Nature, Reason
from clusterstate.status.build import build_status
from clusterstate.status.conditions import MAX_MESSAGE, NAMED
from tests.status.outcomes import CHANGE, DRIFT, ERRORS, NOW, OTHER_DRIFT, STORE, URL, failed, good, outcomes

Conditions = dict[str, dict[str, Any]]


def conditions(outcome: Outcome, before: dict[str, Any] | None = None, later: timedelta = timedelta(0)) -> Conditions:
    status = build_status(before or {}, outcome, NOW + later)
    return {each["type"]: each for each in status["conditions"]}


def says(outcome: Outcome, kind: str) -> tuple[str, str]:
    found = conditions(outcome)[kind]
    return found["status"], found["reason"]


def test_when_all_is_well_everything_is_true_and_nothing_is_under_way() -> None:
    found = conditions(good())
    assert {name: (each["status"], each["reason"]) for name, each in found.items()} == {
        "Ready": ("True", "Succeeded"),
        "StoreReachable": ("True", "Succeeded"),
        "InSync": ("True", "InSync"),
        "Mirrored": ("True", "Mirrored"),
        "CertificatesValid": ("True", "CertificatesValid"),
        "CloudUpdated": ("True", "CloudUpdated"),
    }
    assert found["Ready"]["message"] == f"In sync with {URL}."
    assert {each["observedGeneration"] for each in found.values()} == {2}
    assert {each["lastTransitionTime"] for each in found.values()} == {"2026-01-02T03:04:05Z"}


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_has_its_own_reason_and_its_nature_shows(kind: type[ClusterStateError]) -> None:
    found = conditions(failed(kind("It broke.")))
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", kind.reason)
    assert found["Ready"]["message"] == kind("It broke.").message
    stalled = kind.nature is Nature.STALLED
    assert ("Stalled" in found, "Reconciling" in found) == (stalled, not stalled)
    progress = found["Stalled" if stalled else "Reconciling"]
    assert progress["status"] == "True"
    assert progress["reason"] == (kind.reason if stalled else "ProgressingWithRetry")
    unknown = {"InSync", "Mirrored", "CertificatesValid", "CloudUpdated"}
    assert {found[name]["status"] for name in unknown} == {"Unknown"}
    reached = issubclass(kind, StoreError) and kind not in {LostRace, KeyNotFound}
    assert found["StoreReachable"]["status"] == ("False" if reached else "Unknown")


def test_every_error_that_can_happen_is_told_apart() -> None:
    """What shares a reason shares it on purpose."""
    shared = {Reason.INTERNAL_ERROR: 4, Reason.KUBE_UNAVAILABLE: 5, Reason.KUBE_REFUSED: 2, Reason.UNUSABLE_KEYSET: 2}
    shared |= {Reason.CONFLICT: 4, Reason.SPEC_INVALID: 2}  # with what only ends commands
    for reason in {kind.reason for kind in ERRORS}:
        assert sum(kind.reason is reason for kind in ERRORS) == shared.get(reason, 1), reason


@settings(max_examples=60)
@given(outcomes)
def test_the_rules_of_kstatus_hold_for_every_outcome(outcome: Outcome) -> None:
    found = conditions(outcome)
    order = [each for each in ConditionType if each.value in found]
    assert list(found) == order
    assert not {"Stalled", "Reconciling"} <= found.keys()
    for name in {"Stalled", "Reconciling"} & found.keys():
        assert found[name]["status"] == "True"
        assert found["Ready"]["status"] == "False"
    always = set(ConditionType) - {ConditionType.STALLED, ConditionType.RECONCILING}
    assert always <= found.keys()
    for each in found.values():
        assert each["reason"] in set(Reason)
        assert len(each["message"]) <= MAX_MESSAGE


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StoreUnavailable("Busy."), "False"),
        (AccessDenied("You may list only."), "False"),
        (LostRace("Somebody was faster."), "True"),
        (KeyNotFound("Gone."), "True"),
        (MalformedKeyset("No YAML."), "True"),
    ],
)
def test_a_store_that_was_listed_may_still_fail(error: ClusterStateError, status: str) -> None:
    outcome = replace(failed(error), store=STORE)
    assert conditions(outcome)["StoreReachable"]["status"] == status
    assert says(outcome, "CertificatesValid") == ("Unknown", "NotReached")


def test_a_store_that_nobody_could_ask_is_unknown() -> None:
    assert says(failed(CredentialsInvalid("No key.")), "StoreReachable") == ("Unknown", "NotReached")


def test_a_suspended_object_says_so_and_waits_for_nobody() -> None:
    found = conditions(Outcome(Request(3, suspended=True)))
    assert "Stalled" not in found
    assert "Reconciling" not in found
    assert (found["Ready"]["status"], found["Ready"]["reason"]) == ("False", "Suspended")
    assert {found[name]["reason"] for name in found} == {"Suspended"}
    assert found["Ready"]["observedGeneration"] == 3


DRY = Request(2, dry_run=True)


@pytest.mark.parametrize(
    ("outcome", "expected", "message"),
    [
        (good(plan=Plan(changes=(CHANGE,))), ("True", "InSync"), "Every declared field"),
        (good(plan=Plan(changes=(CHANGE,)), pushed=False, request=DRY), ("False", "DryRun"), "store yet: config."),
        (good(plan=Plan(changes=(CHANGE,)), pushed=False), ("False", "Planned"), "store yet: config."),
        (good(plan=Plan(drift=(DRIFT,))), ("False", "Drifted"), "config/spec/channel"),
        (good(plan=Plan(drift=(DRIFT,)), pushed=False), ("False", "Drifted"), "config/spec/channel"),
        (good(plan=Plan(changes=(CHANGE,), drift=(DRIFT,))), ("True", "InSync"), "Every declared field"),
        (good(plan=Plan((CHANGE,), drift=(DRIFT, OTHER_DRIFT))), ("False", "Drifted"), "declared: config/spec/project"),
        (good(plan=Plan(conflicts=(DRIFT,)), pushed=False), ("False", "Conflict"), "config/spec/channel"),
    ],
)
def test_in_sync_tells_what_differs_and_ready_does_not_mind(
    outcome: Outcome, expected: tuple[str, str], message: str
) -> None:
    assert says(outcome, "InSync") == expected
    assert message in conditions(outcome)["InSync"]["message"]
    assert says(outcome, "Ready") == ("True", "Succeeded")


def test_a_conflict_that_a_person_must_decide_stalls() -> None:
    outcome = good(plan=Plan(conflicts=(DRIFT,)), pushed=False, error=ConflictFound("Both changed it."))
    assert says(outcome, "Ready") == ("False", "Conflict")
    assert says(outcome, "Stalled") == ("True", "Conflict")
    assert says(outcome, "StoreReachable") == ("True", "Succeeded")


def test_the_first_mirror_that_fails_is_told_in_full_and_the_others_by_name() -> None:
    problems = tuple(
        Failure(Reason.MIRROR_CONFLICT, Nature.STALLED, f"Secret {name} isn't ours.", about=f"ssh/{name}")
        for name in "abcdefgh"
    )
    outcome = good(mirrors=MirrorReport(problems=problems, remarks=("Kept.",)))
    assert says(outcome, "Ready") == says(outcome, "Mirrored") == ("False", "MirrorConflict")
    assert conditions(outcome)["Mirrored"]["message"] == (
        "Secret a isn't ours. Others: ssh/b (MirrorConflict), ssh/c (MirrorConflict), ssh/d (MirrorConflict), "
        "ssh/e (MirrorConflict), ssh/f (MirrorConflict) and 2 more. Kept."
    )
    assert says(outcome, "Stalled") == ("True", "MirrorConflict")


def test_a_missing_source_is_told_and_ready_does_not_mind() -> None:
    outcome = good(mirrors=MirrorReport(missing="Missing: secret/a.", remarks=("Not there: Deployment web.",)))
    assert says(outcome, "Mirrored") == ("False", "SourceMissing")
    assert conditions(outcome)["Mirrored"]["message"] == "Missing: secret/a. Not there: Deployment web."
    assert says(outcome, "Ready") == ("True", "Succeeded")
    assert "Stalled" not in conditions(outcome)


def test_what_is_worth_telling_of_mirrors_is_no_failure() -> None:
    outcome = good(mirrors=MirrorReport(remarks=("Not there: Deployment web.",)))
    assert says(outcome, "Mirrored") == ("True", "Mirrored")
    assert conditions(outcome)["Mirrored"]["message"].endswith("source. Not there: Deployment web.")


def test_mirrors_are_counted() -> None:
    report = MirrorReport((Mirrored("a", "keyset/a"), Mirrored("b", "keyset/b")))
    assert conditions(good(mirrors=report))["Mirrored"]["message"] == "2 Secrets are equal to their source."
    assert says(good(request=Request(2)), "Mirrored") == ("True", "MirroringOff")


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(days=31), ("True", "CertificatesValid")),
        (timedelta(days=30), ("False", "CertificateExpires")),
        (timedelta(0), ("False", "CertificateExpired")),
        (timedelta(days=-1), ("False", "CertificateExpired")),
    ],
)
def test_certificates_are_told_of_in_time_and_never_affect_ready(left: timedelta, expected: tuple[str, str]) -> None:
    fine = Certificate("fine", "1", NOW + timedelta(days=900))
    outcome = good(certificates=(fine, Certificate("kubernetes-ca", "2", NOW + left)))
    assert says(outcome, "CertificatesValid") == expected
    assert ("kubernetes-ca" in conditions(outcome)["CertificatesValid"]["message"]) is (expected[0] == "False")
    assert says(outcome, "Ready") == ("True", "Succeeded")


def test_many_are_named_in_part() -> None:
    ended = tuple(Certificate(f"ca{number}", "1", NOW) for number in range(NAMED + 2))
    message = conditions(good(certificates=ended))["CertificatesValid"]["message"]
    assert message.count("expired 2026-01-02") == NAMED
    assert "and 2 more" in message


@pytest.mark.parametrize(("updated", "status"), [(True, "True"), (False, "False"), (None, "Unknown")])
def test_the_cloud_s_own_words_are_passed_on(updated: bool | None, status: str) -> None:  # noqa: FBT001
    outcome = good(cloud=CloudUpdate(updated=updated, reason=Reason.KOPS_UPDATE_PENDING, message="Run kops."))
    assert says(outcome, "CloudUpdated") == (status, "KopsUpdatePending")
    assert conditions(outcome)["CloudUpdated"]["message"] == "Run kops."


def test_the_transition_time_moves_with_the_status_only() -> None:
    first = build_status({}, failed(StoreUnavailable("Busy.")), NOW)
    hour = timedelta(hours=1)
    other_words = conditions(failed(AccessDenied("Now you may not.")), first, hour)
    assert other_words["Ready"]["lastTransitionTime"] == "2026-01-02T03:04:05Z"
    assert other_words["Stalled"]["lastTransitionTime"] == "2026-01-02T04:04:05Z"
    turned = conditions(good(), first, hour)
    assert {each["lastTransitionTime"] for each in turned.values()} == {"2026-01-02T04:04:05Z"}
