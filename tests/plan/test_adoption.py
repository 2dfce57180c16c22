"""A manifest made from a state declares that very state: planning it changes nothing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterstate.api.load import load
from clusterstate.plan.adoption import Adoption, Wanted, adopt, secret_manifest
from clusterstate.plan.changes import Plan
from clusterstate.plan.declare import declare
from clusterstate.plan.desired import Direction
from clusterstate.plan.diff import make_plan
from clusterstate.state.codec import ssh_fingerprint
from clusterstate.state.layout import secret_key, ssh_public_key_key
from clusterstate.state.objects import Document, SshPublicKey, State, StoredSecret
from tests.plan.specs import specs
from tests.plan.states import NAME, NOW, URL, cluster, golden, group, observe

WANTED = Wanted(NAME, {"url": URL}, "clusters")
SSH_KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO4Ms3nFZPsZMM0lbHGVSbf0RzUuxvQf1yCNV6bQ0e1B admin\n"


def planned(found: Adoption, state: State, direction: Direction = Direction.PUSH) -> Plan:
    """The operator's plan for the manifest, where the Secret is there that it names."""
    body = {**found.manifest, "metadata": {**as_map(found.manifest["metadata"]), "namespace": "clusters", "uid": "u"}}
    declared = load(body)
    keys = [each.value.encode() for each in declared.spec.ssh_public_keys]
    contents = {ssh_public_key_key(ssh_fingerprint(key, "")): "key" for key in keys}
    contents |= {secret_key(each.name): each.name for each in declared.spec.secrets}
    there = {secret_key(name): name for name in state.secrets}
    there |= {ssh_public_key_key(fingerprint): "key" for fingerprint in state.ssh_public_keys}
    seen = replace(observe(state), contents=there)
    desired = declare(declared, URL)
    policy = replace(desired.policy, direction=direction)
    return make_plan(replace(desired, contents=contents, policy=policy), seen, NOW)


def as_map(value: Any) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


def metadata() -> st.SearchStrategy[dict[str, Any]]:
    texts = st.dictionaries(st.sampled_from(("a", "x.y/z", "odd")), st.sampled_from(("", "b", "no label", "é")))
    return st.fixed_dictionaries({"labels": texts, "annotations": texts}, optional={"generation": st.integers(1, 9)})


@st.composite
def odd(draw: st.DrawFn, value: Any) -> Any:
    """The same value, now and then with a field that nobody knows, with null or with a value of another kind."""
    if isinstance(value, dict):
        found = {key: draw(odd(each)) for key, each in value.items()}
        rolled = draw(st.integers(0, 20))
        return found | ({"newField": draw(st.sampled_from((1, None, [None], {"a": "b"})))} if rolled == 0 else {})
    if isinstance(value, list):
        return [draw(odd(each)) for each in value]
    return draw(st.sampled_from((None, [], "text", 3))) if draw(st.integers(0, 40)) == 0 else value


@st.composite
def states(draw: st.DrawFn, *, odd_ones: bool = False) -> State:
    def spec(kind: Any) -> Any:
        drawn = draw(specs(kind))
        return draw(odd(drawn)) if odd_ones else drawn

    names = draw(st.lists(st.sampled_from(("nodes", "Nodes-1", "a.b", "-no")), unique=True, max_size=3))
    groups: Mapping[str, Document] = {
        name: group(name, spec("InstanceGroup"), **draw(metadata())) for name in sorted(names)
    }
    secrets = draw(st.dictionaries(st.sampled_from(("dockerconfig", "system:dns", "a")), st.binary(max_size=9)))
    keys = {ssh_fingerprint(SSH_KEY, ""): SSH_KEY, "0123": b"\xff"} if draw(st.booleans()) else {}
    return State(
        cluster=cluster(spec("Cluster"), **draw(metadata())),
        instance_groups=groups,
        secrets={name: StoredSecret(name, data) for name, data in secrets.items()},
        ssh_public_keys={name: SshPublicKey(name, data) for name, data in keys.items()},
    )


@settings(max_examples=50)
@given(states())
def test_an_adopted_state_stays_as_it_is(state: State) -> None:
    assert not planned(adopt(state, WANTED), state).changes


@settings(max_examples=50)
@given(states(odd_ones=True))
def test_what_is_odd_in_a_state_is_left_out_and_stays_as_it_is(state: State) -> None:
    done = planned(adopt(state, WANTED), state)
    assert not done.changes
    assert not done.conflicts


LISTS: list[dict[str, Any]] = [
    {"kubeAPIServer": {"env": [{"value": "without a name"}]}},
    {"iam": {"serviceAccountExternalPermissions": [{"name": "without a namespace"}]}},
    {"kubeDNS": {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}}},
]
"""Items that kops would complete, in lists that are one value each."""


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("spec", LISTS)
def test_a_list_whose_items_kops_would_complete_is_declared_and_differs_in_no_direction(
    spec: dict[str, Any], direction: Direction
) -> None:
    state = State(cluster=cluster({"channel": "stable", **spec}))
    found = adopt(state, WANTED)
    done = planned(found, state, direction)
    assert not found.left_out
    assert (done.changes, done.drift, done.conflicts) == ((), (), ())


def test_what_kops_wrote_is_declared_whole() -> None:
    for name in ("minimal.example.com", NAME):
        state = golden(name)
        found = adopt(state, replace(WANTED, cluster_name=name))
        spec = as_map(found.manifest["spec"])
        assert not found.left_out
        assert state.cluster
        assert spec["cluster"] == state.cluster.spec
        assert [each["name"] for each in spec["instanceGroups"]] == sorted(state.instance_groups)


def test_fields_that_a_newer_kops_has_written_are_left_out_by_name() -> None:
    spec = {"channel": "stable", "future": {"a": 1}, "subnets": [{"name": "a", "zone": "z", "later": 1}]}
    found = adopt(State(cluster=cluster(spec | {"sshAccess": ["10.0.0.0/8", {}]})), WANTED)
    assert found.left_out == ("config /spec/future", "config /spec/sshAccess", "config /spec/subnets/0/later")
    assert as_map(found.manifest["spec"])["cluster"] == {"channel": "stable", "subnets": [{"name": "a", "zone": "z"}]}


def test_the_largest_instance_groups_are_left_out_of_a_manifest_that_would_be_too_large() -> None:
    labels = {f"label-{number}": "x" * 50 for number in range(5000)}
    groups = {name: group(name, {"nodeLabels": labels if name == "large" else {"a": "b"}}) for name in ("large", "s")}
    state = State(cluster=cluster({"channel": "stable", "cloudLabels": labels}), instance_groups=groups)
    found = adopt(state, WANTED)
    assert found.left_out == ("instancegroup/large",)
    assert not planned(found, state).changes


def test_secrets_are_named_in_the_manifest_and_held_by_a_secret_beside_it() -> None:
    secrets = {name: StoredSecret(name, b"canary") for name in ("dockerconfig", "system:dns")}
    found = adopt(State(cluster=cluster({}), secrets=secrets), WANTED)
    reference = {"secretKeyRef": {"name": f"{NAME}-secrets", "key": "dockerconfig"}}
    assert as_map(found.manifest["spec"])["secrets"] == [{"name": "dockerconfig", "valueFrom": reference}]
    assert found.left_out == ("secrets/system:dns",)
    assert "canary" not in repr(found)
    manifest = secret_manifest(found, WANTED)
    assert manifest["metadata"] == {"name": f"{NAME}-secrets", "namespace": "clusters"}
    assert manifest["data"] == {"dockerconfig": "Y2FuYXJ5"}
