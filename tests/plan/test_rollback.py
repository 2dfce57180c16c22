"""The way back to a declaration: everything that was declared, nothing that wasn't, and who would undo it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.api.annotations import PULL_MANAGER
from clusterstate.api.types import Metadata
from clusterstate.plan.desired import ConflictPolicy, DesiredGroup, Direction
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.observed import Applied
from clusterstate.plan.ownership import CLIENT_SIDE_APPLY, LAST_APPLIED
from clusterstate.plan.rollback import Rollback, restorable, roll_back
from clusterstate.plan.values import equal
from clusterstate.state.canonical import canonical
from clusterstate.state.declarable import declarable
from clusterstate.state.objects import State
from clusterstate.state.schema import Kind
from tests.plan.specs import KINDS, specs
from tests.plan.states import cluster, declare, plan

NOBODY = Metadata(name="prod", namespace="clusters", uid="u")


def owned(fields: dict[str, Any], manager: str = "flux", operation: str = "Apply", **more: Any) -> Metadata:
    entry = {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": fields}}
    return Metadata(name="prod", namespace="clusters", uid="u", managed_fields=(entry,), **more)


def content(cluster: dict[str, Any] | None = None, **groups: dict[str, Any]) -> dict[str, Any]:
    """What a revision says of a declaration."""
    return Applied(
        canonical("Cluster", cluster, partial=True).spec if cluster else None,
        {name: DesiredGroup(name, group.get("spec", {}), group.get("labels", {})) for name, group in groups.items()},
    ).as_json()


def edits(found: Rollback) -> dict[str, tuple[str, ...]]:
    return {edit.pointer: edit.keepers for edit in found.edits}


@given(data=st.data(), kind=st.sampled_from(KINDS))
def test_what_is_declared_again_means_what_was_applied(data: st.DataObject, kind: Kind) -> None:
    spec = canonical(kind, data.draw(specs(kind)), partial=True).spec
    assert canonical(kind, declarable(kind, spec), partial=True).spec == spec


@given(now=specs("Cluster"), then=specs("Cluster"))
def test_the_way_leads_to_what_was_applied_whatever_is_declared_now(now: dict[str, Any], then: dict[str, Any]) -> None:
    said = content(then)
    found = roll_back({"cluster": now}, NOBODY, said)
    known = canonical("Cluster", found.after.get("cluster", {}), partial=True).spec
    assert equal(rules_of("Cluster"), known, said["cluster"] or {}, exact=True)
    again = roll_back(found.after, NOBODY, said)
    assert (again.edits, again.after) == ((), found.after)


def test_only_what_differs_is_written_and_the_rest_keeps_its_spelling() -> None:
    spec = {
        "cluster": {"channel": "alpha", "kubelet": {"streamingConnectionIdleTimeout": "3600s"}, "project": "new"},
        "instanceGroups": [
            {"name": "nodes", "spec": {"role": "Node", "maxSize": 5}},
            {"name": "control", "spec": {"role": "ControlPlane"}},
            {"name": "new", "spec": {"role": "Node"}},
        ],
        "store": {"url": "s3://state"},
    }
    said = content(
        {"channel": "stable", "kubelet": {"streamingConnectionIdleTimeout": "1h0m0s"}, "legacy": ""},
        nodes={"spec": {"role": "Node", "maxSize": 3}, "labels": {"team": "a"}},
        control={"spec": {"role": "Master"}},
        old={"spec": {"role": "Node"}},
    )
    found = roll_back(spec, NOBODY, said)
    assert found.after == {
        "cluster": {"channel": "stable", "kubelet": {"streamingConnectionIdleTimeout": "3600s"}, "legacy": ""},
        "instanceGroups": [
            {"name": "nodes", "spec": {"role": "Node", "maxSize": 3}, "labels": {"team": "a"}},
            {"name": "control", "spec": {"role": "ControlPlane"}},
            {"name": "old", "spec": {"role": "Node"}},
        ],
    }
    assert sorted(edits(found)) == [
        "/spec/cluster/channel",
        "/spec/cluster/legacy",
        "/spec/cluster/project",
        "/spec/instanceGroups/new/name",
        "/spec/instanceGroups/new/spec/role",
        "/spec/instanceGroups/nodes/labels/team",
        "/spec/instanceGroups/nodes/spec/maxSize",
        "/spec/instanceGroups/old/name",
        "/spec/instanceGroups/old/spec/role",
    ]
    assert found.keepers == ()


def test_zero_values_are_declared_again() -> None:
    said = content({"channel": "", "additionalSans": [], "cloudLabels": {}})
    assert said["cluster"] == {"channel": None, "additionalSans": None, "cloudLabels": None}
    assert roll_back({}, NOBODY, said).after == {"cluster": {"channel": "", "additionalSans": [], "cloudLabels": {}}}


ROUTE = {"cidr": "1.2.3.0/24", "target": "t"}


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (
            {"api": {"loadBalancer": {"type": "Public", "useForInternalApi": False}}},
            {"api": {"loadBalancer": {"type": "Public"}}},
        ),
        ({"subnets": [{"name": "a", "zone": "z", "egress": ""}]}, {"subnets": [{"name": "a", "zone": "z"}]}),
        (
            {"subnets": [{"name": "b"}, {"name": "a", "additionalRoutes": [ROUTE], "egress": ""}]},
            {"subnets": [{"name": "a", "additionalRoutes": [ROUTE]}, {"name": "b"}]},
        ),
    ],
)
def test_zero_values_are_declared_again_beside_what_is_declared_still(
    then: dict[str, Any], now: dict[str, Any]
) -> None:
    for one, other in ((now, then), (then, now)):
        found = roll_back({"cluster": one}, NOBODY, content(other))
        assert found.edits
        known = canonical("Cluster", found.after["cluster"], partial=True).spec
        assert equal(rules_of("Cluster"), known, canonical("Cluster", other, partial=True).spec, exact=True)
        assert not roll_back(found.after, NOBODY, content(other)).edits


def test_groups_that_had_only_been_left_over_are_not_declared_again() -> None:
    said = content(None, a={"spec": {"role": "Node"}}, b={"spec": {"role": "Node"}}) | {"undeclared": ["b"]}
    assert [each["name"] for each in restorable(said)["instanceGroups"]] == ["a"]


def test_metadata_and_absent_paths_come_back_too() -> None:
    said = content() | {"clusterMetadata": {"labels": {"a": "b"}}, "absent": ["/spec/x", "/spec/y"]}
    spec = {"absent": ["/spec/y", "/spec/x"], "clusterMetadata": {"annotations": {"c": "d"}}}
    found = roll_back(spec, NOBODY, said)
    assert found.after == {"absent": ["/spec/y", "/spec/x"], "clusterMetadata": {"labels": {"a": "b"}}}
    assert sorted(edits(found)) == ["/spec/clusterMetadata/annotations/c", "/spec/clusterMetadata/labels/a"]


PULLED = owned(
    {
        "f:cluster": {"f:channel": {}, "f:kubelet": {"f:maxPods": {}}},
        "f:instanceGroups": {'k:{"name":"b"}': {".": {}, "f:name": {}, "f:spec": {"f:role": {}}}},
    },
    PULL_MANAGER,
)


def test_what_only_pull_has_put_there_stays() -> None:
    spec = {
        "cluster": {"channel": "theirs", "kubelet": {"maxPods": 5, "logLevel": 2}},
        "instanceGroups": [{"name": "b", "spec": {"role": "Node"}}],
    }
    found = roll_back(spec, PULLED, content())
    assert found.after == {
        "cluster": {"channel": "theirs", "kubelet": {"maxPods": 5}},
        "instanceGroups": [{"name": "b", "spec": {"role": "Node"}}],
    }
    assert edits(found) == {"/spec/cluster/kubelet/logLevel": ()}
    again = roll_back(spec, PULLED, content({"channel": "stable"}))
    assert (again.after["cluster"], again.keepers) == ({"channel": "stable", "kubelet": {"maxPods": 5}}, ())


SPEC: dict[str, Any] = {
    "cluster": {"channel": "alpha", "subnets": [{"name": "a"}], "kubelet": {"maxPods": 5}},
    "instanceGroups": [{"name": "nodes", "spec": {"maxSize": 5}}],
}
FIELDS: dict[str, Any] = {
    "f:cluster": {"f:channel": {}, "f:subnets": {}},
    "f:instanceGroups": {'k:{"name":"nodes"}': {".": {}, "f:name": {}, "f:spec": {"f:maxSize": {}}}},
}


def test_who_applies_a_manifest_would_undo_what_stands_in_it() -> None:
    said = content({"channel": "stable", "subnets": [{"name": "b"}], "kubelet": {"maxPods": 3}, "project": "p"})
    assert edits(roll_back(SPEC, owned(FIELDS), said)) == {
        "/spec/cluster/channel": ("flux",),
        "/spec/cluster/subnets": ("flux",),
        "/spec/cluster/kubelet/maxPods": (),
        "/spec/cluster/project": (),
        "/spec/instanceGroups/nodes/name": ("flux",),
        "/spec/instanceGroups/nodes/spec/maxSize": ("flux",),
    }
    assert roll_back(SPEC, owned(FIELDS, "kubectl-edit", "Update"), said).keepers == ()


@pytest.mark.parametrize(
    ("manifest", "kept"),
    [
        ({"cluster": {"channel": "alpha"}}, {"/spec/cluster/channel"}),
        ({"cluster": {"kubelet": {}}}, set()),
        ({"instanceGroups": []}, {"/spec/instanceGroups/nodes/name", "/spec/instanceGroups/nodes/spec/maxSize"}),
        ({}, set()),
    ],
)
def test_so_would_an_apply_on_the_clients_side(manifest: dict[str, Any], kept: set[str]) -> None:
    metadata = Metadata(
        name="prod", namespace="clusters", uid="u", annotations={LAST_APPLIED: json.dumps({"spec": manifest})}
    )
    found = roll_back(SPEC, metadata, content({"channel": "stable", "subnets": [{"name": "a"}]}))
    assert {pointer for pointer, keepers in edits(found).items() if keepers == (CLIENT_SIDE_APPLY,)} == kept
    assert {"/spec/cluster/channel", "/spec/cluster/kubelet/maxPods"} <= edits(found).keys()


def test_what_the_store_had_its_way_in_is_declared_again_as_it_was() -> None:
    """Under `PreferStore` the base of a merge isn't what was declared; a rollback to the base would remove fields."""
    required = {"cloudProvider": "aws", "kubernetesVersion": "v1.32.0"}
    store = State(cluster({**required, "channel": "stable", "sshAccess": ["1.2.3.4/32"]}))
    wanted = {**required, "channel": "mine", "sshAccess": ["10.0.0.0/8"]}
    desired = declare(wanted, direction=Direction.BOTH, conflict=ConflictPolicy.PREFER_STORE)
    applied = plan(desired, store).applied
    assert applied.cluster is not None
    assert applied.cluster["channel"] is None
    assert Applied.from_json(applied.as_json()) == applied
    assert restorable(applied.as_json())["cluster"] == wanted
    assert not roll_back({"cluster": wanted}, NOBODY, applied.as_json()).edits


def test_what_a_base_says_besides_is_no_declaration() -> None:
    nodes, old = DesiredGroup("nodes", {"role": "Node"}), DesiredGroup("old", {"role": "Node"})
    base = Applied({"channel": None}, {"nodes": nodes, "old": old}, undeclared=frozenset({"old"}))
    declared = Applied({"channel": "mine"}, {"nodes": nodes})
    assert base.declaration == Applied({"channel": None}, {"nodes": nodes})
    assert base.declaring(declared).declaration == declared
    assert base.declaring(declared).declaring(base.declaration) == base, "a base that says it itself is kept small"
