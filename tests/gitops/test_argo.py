"""Argo CD's health and actions of a ClusterState, on statuses of every kind."""

import re
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
import yaml

from clusterstate.api.annotations import PULL_MANAGER, RECONCILE_REQUESTED_AT
from clusterstate.reasons import Reason
from tests.support import argo
from tests.support.operating import Body


def said(kind: str, status: str, reason: str = "Why", message: str = "Because.") -> Body:
    return {"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 3}


def body(*conditions: Body, observed: int | None = 3, **spec: Any) -> Body:
    status = {"conditions": list(conditions)} | ({} if observed is None else {"observedGeneration": observed})
    return {
        "apiVersion": "clusterstate.dev/v1alpha1",
        "kind": "ClusterState",
        "metadata": {"name": "prod", "namespace": "clusters", "generation": 3},
        "spec": {"store": {"url": "s3://state"}, **spec},
        "status": status,
    }


READY = said("Ready", "True", "Succeeded", "In sync with s3://state/prod.")
FAILED = said("Ready", "False", "StoreNotFound", "There is no bucket.")
STALLED = said("Stalled", "True", "StoreNotFound", "There is no bucket.")
RETRIED = said("Reconciling", "True", "ProgressingWithRetry", "It didn't answer.")
DRIFTED = said("InSync", "False", "Drifted", "config/spec/channel.")
EXPIRES = said("CertificatesValid", "False", "CertificateExpires", "ca expires 2026-12-01.")


@pytest.mark.parametrize(
    ("told", "status", "message"),
    [
        (body(READY), "Healthy", "In sync with s3://state/prod."),
        (body(READY, suspend=False), "Healthy", "In sync with s3://state/prod."),
        (body(READY, said("InSync", "True"), said("CloudUpdated", "Unknown")), "Healthy", READY["message"]),
        (body(READY, DRIFTED), "Healthy", f"{READY['message']} Drifted: config/spec/channel."),
        (
            body(READY, EXPIRES, DRIFTED),
            "Healthy",
            f"{READY['message']} Drifted: config/spec/channel. CertificateExpires: ca expires 2026-12-01.",
        ),
        (body(FAILED, STALLED, DRIFTED), "Degraded", "StoreNotFound: There is no bucket."),
        (body(FAILED, RETRIED), "Progressing", "StoreNotFound: There is no bucket."),
        (body(FAILED), "Progressing", "StoreNotFound: There is no bucket."),
        (body(said("Ready", "Unknown")), "Progressing", "Why: Because."),
        (body(), "Progressing", "No run has ended yet."),
        (body(READY, observed=2), "Progressing", "The operator has not looked at this declaration yet."),
        (body(FAILED, STALLED, observed=2), "Progressing", "The operator has not looked at this declaration yet."),
        (body(observed=None), "Progressing", "The operator has not looked at this declaration yet."),
        (body(READY, suspend=True, observed=2), "Suspended", "Nothing is read or written until spec.suspend is false."),
        (body(FAILED, STALLED, suspend=True), "Suspended", "Nothing is read or written until spec.suspend is false."),
    ],
)
def test_health(told: Body, status: str, message: str) -> None:
    assert argo.health(told) == (status, message)


def test_an_object_that_was_just_made_is_progressing() -> None:
    told = body()
    del told["status"]
    assert argo.health(told)[0] == "Progressing"
    told["status"] = {"observedGeneration": 3}
    assert argo.health(told) == ("Progressing", "No run has ended yet.")


@pytest.mark.parametrize("reason", [Reason.DRIFTED, Reason.PLANNED, Reason.DRY_RUN, Reason.CONFLICT])
def test_the_conditions_order_does_not_matter(reason: Reason) -> None:
    for stalled, ready in product((STALLED, said("Stalled", "False")), (READY, FAILED)):
        conditions = [said("InSync", "False", reason), ready, stalled]
        assert argo.health(body(*conditions)) == argo.health(body(*reversed(conditions)))


def test_actions_are_offered_where_they_change_something() -> None:
    assert argo.offered(body(READY)) == {"reconcile", "suspend"}
    assert argo.offered(body(READY, suspend=False)) == {"reconcile", "suspend"}
    assert argo.offered(body(READY, suspend=True)) == {"resume"}


def test_suspend_and_resume_change_that_one_field() -> None:
    assert argo.act(body(READY), "suspend") == {"spec": {"suspend": True}}
    assert argo.act(body(READY, suspend=False), "suspend") == {"spec": {"suspend": True}}
    assert argo.act(body(READY, suspend=True), "resume") == {"spec": {"suspend": None}}


@pytest.mark.parametrize("annotations", [None, {}, {"a": "b"}, {RECONCILE_REQUESTED_AT: "2026-01-03T09:12:44Z"}])
def test_reconcile_asks_for_a_run_now_and_leaves_the_rest(annotations: dict[str, str] | None) -> None:
    told = body(READY, cluster={"api": {"loadBalancer": {}}, "sshAccess": []})
    told["metadata"] |= {} if annotations is None else {"annotations": annotations}
    patch = argo.act(told, "reconcile")
    asked = patch["metadata"]["annotations"].pop(RECONCILE_REQUESTED_AT)
    assert patch == {"metadata": {"annotations": {}}}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", asked)
    assert abs(datetime.fromisoformat(asked) - datetime.now(UTC)) < timedelta(minutes=5)


def test_what_the_operator_pulls_is_no_difference() -> None:
    assert yaml.safe_load(argo.customization("ignoreDifferences")) == {"managedFieldsManagers": [PULL_MANAGER]}
