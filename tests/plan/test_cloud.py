"""Whether the last `kops update cluster` has seen what the store says."""

from dataclasses import replace
from typing import Any

import pytest

from clusterstate.plan.cloud import Pushes, cloud_update, unseen
from clusterstate.plan.completion import REWRITTEN
from clusterstate.plan.merge_table import rules_of
from clusterstate.reasons import Reason
from clusterstate.state.objects import State
from tests.plan.specs import SCHEMA, TYPES
from tests.plan.states import read

FOLDER = "kops-store-updated/minimal.example.com"
NAME = "minimal.example.com"


def updated(**fields: Any) -> State:
    """The state that kops's own update left, with other fields in `config` since."""
    config = read(f"{FOLDER}/config")
    return State(replace(config, spec={**config.spec, **fields}), completed=read(f"{FOLDER}/cluster-completed.spec"))


def test_a_cluster_that_kops_has_just_built_is_updated() -> None:
    found = cloud_update(updated(), NAME)
    assert (found.updated, found.reason) == (True, Reason.CLOUD_UPDATED)


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"kubernetesVersion": "v1.34.1"}, ("/spec/kubernetesVersion",)),
        ({"kubernetesVersion": "1.34.0-alpha.1"}, ()),
        ({"cloudLabels": {"team": "a"}}, ("/spec/cloudLabels",)),
        ({"kubelet": {"anonymousAuth": False, "maxPods": 9}}, ("/spec/kubelet/maxPods",)),
        ({"kubelet": {"logLevel": 9}}, ()),
        ({"sshAccess": ["10.0.0.0/8"]}, ("/spec/sshAccess",)),
        (
            {"subnets": [{"name": "us-test-1a", "cidr": "172.20.32.0/20"}, {"name": "b", "cidr": "172.20.64.0/19"}]},
            ("/spec/subnets/name=us-test-1a/cidr", "/spec/subnets/name=b"),
        ),
        ({"subnets": [{"name": "b"}]}, ("/spec/subnets/name=b", "/spec/subnets/name=us-test-1a")),
    ],
)
def test_a_field_of_config_that_kops_has_not_seen(fields: dict[str, Any], pointers: tuple[str, ...]) -> None:
    state = updated(**fields)
    assert state.cluster
    assert state.completed
    assert unseen(state.cluster.spec, state.completed.spec) == pointers
    found = cloud_update(state, NAME)
    assert found.updated is (not pointers)
    assert not pointers or f"kops update cluster {NAME} --yes" in found.message


def test_without_a_completed_spec_nothing_is_known() -> None:
    for state in (State(), replace(updated(), completed=None)):
        found = cloud_update(state, NAME)
        assert (found.updated, found.reason) == (None, Reason.KOPS_NEVER_UPDATED)
        assert f"kops update cluster {NAME} --yes" in found.message


@pytest.mark.parametrize(
    ("groups", "confirmation", "known"),
    [
        (0, "", True),
        (0, "9", True),
        (3, "", False),
        (3, "2", False),
        (3, "3", True),
        (3, "4", True),
        (3, "5", True),
        (3, "6", False),
        (3, "9" * 18, False),
        (3, "three", False),
        (3, "9" * 5000, False),
        (3, "\u0663", False),
        (3, "-3", False),
    ],
)
def test_instance_groups_wait_for_a_confirmation(groups: int, confirmation: str, *, known: bool) -> None:
    """A revision that is still to come can't have been seen to."""
    found = cloud_update(updated(), NAME, Pushes(groups, 5, confirmation))
    assert found.updated is known
    assert known or "clusterstate.dev/cloud-updated: 3" in found.message


def test_proxy_excludes_that_kops_appended_to_are_seen() -> None:
    config = {"egressProxy": {"excludes": "a,b"}}
    assert unseen(config, {"egressProxy": {"excludes": "a,b,127.0.0.1"}}) == ()
    assert unseen(config, {"egressProxy": {"excludes": "a,c"}}) == ("/spec/egressProxy/excludes",)


def test_a_field_that_kops_forgot_is_not_waited_for() -> None:
    config = {"forgotten": "docker", "etcdClusters": [{"name": "main", "type": "x"}]}
    assert unseen(config, {"etcdClusters": [{"name": "main"}]}) == ()


def test_every_rewritten_field_is_one_that_kops_has() -> None:
    for path in REWRITTEN:
        of = SCHEMA["Cluster.spec"]
        for step in path.split("."):
            of = TYPES[of["object"]][step]["type"]
    assert rules_of("Cluster").below("kubelet").items is None


@pytest.mark.parametrize(("confirmation", "known"), [("", False), ("2", False), ("3", True), ("6", False)])
def test_a_failed_job_is_told_until_its_revision_is_confirmed(confirmation: str, *, known: bool) -> None:
    pushes = Pushes(newest=5, confirmation=confirmation, failed=3, failure="it broke.")
    found = cloud_update(updated(), NAME, pushes)
    assert found.updated is known
    assert known or (found.reason is Reason.AFTER_PUSH_FAILED and "it broke." in found.message)
    ahead = cloud_update(updated(cloudLabels={"team": "a"}), NAME, pushes)
    assert ahead.updated is False, "what config says, nobody confirms away"


def test_a_first_update_that_failed_is_told() -> None:
    found = cloud_update(replace(updated(), completed=None), NAME, Pushes(newest=1, failed=1, failure="it broke."))
    assert (found.updated, found.reason) == (False, Reason.AFTER_PUSH_FAILED)
