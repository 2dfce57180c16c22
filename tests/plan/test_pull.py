"""What Pull may write, and what counts as declared."""

import json
from typing import Any

import pytest

from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecTooLarge
from clusterstate.plan.declare import declare
from clusterstate.plan.desired import DesiredGroup
from clusterstate.plan.observed import Applied
from clusterstate.plan.ownership import LAST_APPLIED, ownership_of
from clusterstate.plan.pull import MAX_PULLED, Pull, make_pull

NODES = 'k:{"name":"nodes"}'


def owned(value: Any) -> dict[str, Any]:
    """Give a spec's fields in the form FieldsV1."""
    if isinstance(value, dict):
        return {
            f"f:{key}": owned_groups(each) if key == "instanceGroups" else owned(each) for key, each in value.items()
        }
    return {}


def owned_groups(groups: list[dict[str, Any]]) -> dict[str, Any]:
    return {f'k:{{"name":"{each["name"]}"}}': {".": {}, **owned(each)} for each in groups}


def entry(spec: Any, manager: str = "clusterstate-pull", operation: str = "Apply", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": owned(spec)}, **more}


def state(spec: Any, *entries: Any, last: Any = None) -> ClusterState:
    annotations = {} if last is None else {LAST_APPLIED: json.dumps({"spec": last})}
    metadata = {"name": "a", "namespace": "b", "uid": "c", "managedFields": entries, "annotations": annotations}
    return load({"metadata": metadata, "spec": {"store": {"url": "s3://state"}, **spec}})


def pull(object_: ClusterState, cluster: Any, **groups: Any) -> Pull:
    specs = Applied(cluster, {name: DesiredGroup(name, spec) for name, spec in groups.items()})
    return make_pull(object_, ownership_of(object_.metadata), declare(object_, "s3://state"), specs)


def declared(object_: ClusterState) -> Any:
    found = declare(object_, "s3://state")
    return found.cluster, {name: group.spec for name, group in found.instance_groups.items()}


SPEC: dict[str, Any] = {
    "cluster": {"channel": "stable", "networking": {"cilium": {"version": "v1"}}, "sshAccess": ["10.0.0.0/8"]},
    "instanceGroups": [{"name": "nodes", "spec": {"maxSize": 2, "minSize": 1}}],
}


def test_what_only_pull_has_written_is_not_declared() -> None:
    theirs = {"cluster": {"networking": {"cilium": {"version": "v1"}}}}
    assert declared(state(SPEC, entry(SPEC))) == (None, {})
    assert declared(state(SPEC, entry(SPEC), entry(theirs, "kubectl"))) == (theirs["cluster"], {})
    ours = {"cluster": {"channel": "stable"}, "instanceGroups": [{"name": "nodes", "spec": {"minSize": 1}}]}
    found = declared(state(SPEC, entry(ours), entry({"instanceGroups": [{"name": "nodes"}]}, "flux")))
    assert found == ({key: SPEC["cluster"][key] for key in ("networking", "sshAccess")}, {"nodes": {"maxSize": 2}})


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (entry(SPEC, operation="Update"),),
        (entry(SPEC, "kubectl"),),
        ({"manager": "clusterstate-pull", "operation": "Apply", "fieldsV1": "damaged"},),
        ({"manager": "clusterstate-pull", "operation": "Apply"},),
        (entry(SPEC), entry(SPEC, "argocd-controller")),
        (entry(SPEC), entry(SPEC, "kubectl-edit", "Update")),
    ],
)
def test_everything_else_is(entries: Any) -> None:
    assert declared(state(SPEC, *entries)) == (SPEC["cluster"], {"nodes": {"maxSize": 2, "minSize": 1}})


def test_a_status_entry_declares_nothing() -> None:
    status = {"manager": "x", "operation": "Update", "subresource": "status", "fieldsV1": {"f:spec": owned(SPEC)}}
    assert declared(state(SPEC, entry(SPEC), status)) == (None, {})


def test_what_kubectl_applied_on_its_own_side_is_declared_though_it_wrote_nothing() -> None:
    last = {"cluster": {"channel": "stable"}, "instanceGroups": [{"name": "nodes", "spec": {"maxSize": 2}}]}
    assert declared(state(SPEC, entry(SPEC), last=last)) == ({"channel": "stable"}, {"nodes": {"maxSize": 2}})
    for damaged in ("text", ["list"], {"instanceGroups": "text", "cluster": None}):
        assert declared(state(SPEC, entry(SPEC), last=damaged))[1] == {}


def test_everything_is_brought_where_nobody_declares_anything() -> None:
    found = pull(state({}), SPEC["cluster"], nodes={"maxSize": 2})
    assert found.content == {"cluster": SPEC["cluster"], "instanceGroups": [{"name": "nodes", "spec": {"maxSize": 2}}]}
    assert found.changes == ("/spec/cluster", "/spec/instanceGroups")
    assert not found.blocked
    assert not pull(state(found.content, entry(found.content)), SPEC["cluster"], nodes={"maxSize": 2}).changes


def test_what_left_the_store_leaves_the_spec() -> None:
    found = pull(state(SPEC, entry(SPEC)), {"channel": "stable", "networking": {}, "sshAccess": ["10.0.0.0/8"]})
    assert found.changes == ("/spec/cluster/networking/cilium", "/spec/instanceGroups")
    assert "instanceGroups" not in found.content


def test_what_somebody_declares_is_left_out_and_named_where_it_differs() -> None:
    theirs = {
        "cluster": {"channel": "stable", "networking": {"cilium": {"version": "v1"}}, "sshAccess": ["10.0.0.0/8"]},
        "instanceGroups": [{"name": "nodes", "spec": {"maxSize": 2}}],
    }
    observed = {
        "channel": "stable",
        "networking": {"cilium": {"version": "v2", "hubble": {"enabled": True}}},
        "sshAccess": ["0.0.0.0/0"],
    }
    found = pull(
        state(theirs, entry(theirs, "flux")), observed, nodes={"maxSize": 3, "minSize": 1}, more={"maxSize": 1}
    )
    assert found.content == {
        "cluster": {"networking": {"cilium": {"hubble": {"enabled": True}}}},
        "instanceGroups": [{"name": "nodes", "spec": {"minSize": 1}}, {"name": "more", "spec": {"maxSize": 1}}],
    }
    assert {(each.key, each.pointer, each.manager) for each in found.blocked} == {
        ("config", "/spec/networking/cilium/version", "flux"),
        ("config", "/spec/sshAccess", "flux"),
        ("instancegroup/nodes", "/spec/maxSize", "flux"),
    }


def test_a_list_that_kubectl_replaces_whole_is_left_to_it() -> None:
    last = {"instanceGroups": [{"name": "nodes", "spec": {"maxSize": 2}}]}
    object_ = state(last, last=last)
    found = pull(object_, {"channel": "stable"}, nodes={"maxSize": 2}, more={"maxSize": 1})
    assert found.content == {"cluster": {"channel": "stable"}}
    assert [each.key for each in found.blocked] == ["instancegroup/more"]


def test_another_spelling_of_the_same_value_blocks_nothing() -> None:
    theirs = {"cluster": {"kubelet": {"streamingConnectionIdleTimeout": "60s"}}}
    found = pull(state(theirs, entry(theirs, "flux")), {"kubelet": {"streamingConnectionIdleTimeout": "1m0s"}})
    assert (found.content, found.blocked) == ({}, ())


def test_a_spec_that_would_be_too_large_is_not_written() -> None:
    long = {"additionalPolicies": {"node": "x" * MAX_PULLED}}
    with pytest.raises(SpecTooLarge, match="direction to Push"):
        pull(state({}), long)


def test_what_is_declared_counts_too() -> None:
    half = {"x" * 40 + str(number): "y" * 40 for number in range(MAX_PULLED // 160)}
    mine = {"cluster": {"cloudLabels": half}}
    with pytest.raises(SpecTooLarge):
        pull(state(mine, entry(mine, "kubectl")), {"nodeLabels": half, "additionalPolicies": half})


DEEP: Any = {"a": "b"}
for _ in range(70):
    DEEP = {"x": DEEP}


@pytest.mark.parametrize(
    ("future", "left", "pointer"),
    [
        ({"a": None, "b": 1}, {"b": 1}, "/a"),
        ({"a": None}, None, "/a"),
        ([{"a": None}], None, ""),
        (DEEP, None, "/x" * 59),
    ],
)
def test_what_no_spec_can_hold_is_left_out_and_named(future: Any, left: Any, pointer: str) -> None:
    found = pull(state({}), {"channel": "stable", "future": future})
    kept = {"channel": "stable"} | ({} if left is None else {"future": left})
    assert found.content == {"cluster": kept}
    assert [(each.key, each.pointer) for each in found.blocked] == [("config", f"/spec/future{pointer}")]
    loaded = state(found.content)
    assert loaded.spec.cluster == kept


def test_levels_count_from_the_top_beside_what_somebody_declares() -> None:
    """Depth is that of the whole spec, however far down nobody else has a say."""
    mine = {"cluster": {"networking": {"cilium": {"hubble": {"enabled": True}}}}}
    found = pull(state(mine, entry(mine, "kubectl")), {"networking": {"cilium": {"hubble": {"newer": DEEP}}}})
    assert [each.pointer for each in found.blocked] == ["/spec/networking/cilium/hubble/newer" + "/x" * 56]
    alone = pull(state({}), {"networking": {"cilium": {"hubble": {"newer": DEEP}}}})
    assert alone.blocked == found.blocked


@pytest.mark.parametrize("levels", range(55, 60))
def test_what_is_brought_into_the_deepest_part_of_a_spec_loads(levels: int) -> None:
    newer: Any = {"a": "b"}
    for _ in range(levels):
        newer = {"x": newer}
    mine = {"instanceGroups": [{"name": "n", "spec": {"kubelet": {"maxPods": 5}}}]}
    found = pull(state(mine, entry(mine, "kubectl")), {}, n={"kubelet": {"maxPods": 5, "newer": newer}, "maxSize": 3})
    assert state(found.content).spec.instance_groups[0].name == "n"


def test_labels_that_somebody_declares_have_their_place_first() -> None:
    mine = {"instanceGroups": [{"name": "n", "spec": {}, "labels": {"zz": "1"}}]}
    labels = {f"l{number:02}": "a" for number in range(70)} | {"zz": "1"}
    object_ = state(mine, entry(mine, "kubectl"))
    specs = Applied({}, {"n": DesiredGroup("n", {"role": "Node"}, labels)})
    found = make_pull(object_, ownership_of(object_.metadata), declare(object_, "s3://state"), specs)
    (group,) = found.content["instanceGroups"]
    assert [*group["labels"]] == [f"l{number:02}" for number in range(63)], "with theirs as many as a spec takes"
    assert [each.pointer for each in found.blocked] == [f"/metadata/labels/l{number}" for number in range(63, 70)]


def test_groups_that_the_api_server_would_refuse_are_left_out_and_named() -> None:
    labels = {"note": "two words", **{f"l{number:02}": "a" for number in range(70)}}
    unnamed = ["nodes_", "n" * 254]
    groups = {name: DesiredGroup(name, {"role": "Node"}) for name in unnamed}
    groups |= {"n" * 253: DesiredGroup("n" * 253, {"role": "Node"}), "n": DesiredGroup("n", {"role": "Node"}, labels)}
    object_ = state({})
    specs = Applied({}, groups)
    found = make_pull(object_, ownership_of(object_.metadata), declare(object_, "s3://state"), specs)
    long, group = found.content["instanceGroups"]
    assert (long["name"], group["name"], len(group["labels"])) == ("n" * 253, "n", 64)
    assert state(found.content).spec.instance_groups[1].name == "n"
    assert {(each.key, each.pointer) for each in found.blocked} == {
        *((f"instancegroup/{name}", "") for name in unnamed),
        ("instancegroup/n", "/metadata/labels/note"),
        *(("instancegroup/n", f"/metadata/labels/l{number:02}") for number in range(64, 70)),
    }


def test_what_somebody_undoes_again_and_again_is_told() -> None:
    given_up = pull(state({}), {"channel": "stable"}).given_up()
    assert not given_up.changes
    assert [each.pointer for each in given_up.blocked] == ["/spec/cluster"]
