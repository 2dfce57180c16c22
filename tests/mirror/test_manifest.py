"""The Secret and its digest: equal where a write would change nothing, different where somebody changed ours."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.api.spec import MirrorSpec, NameRule
from clusterstate.kube.owner import Owner
from clusterstate.mirror.manifest import (
    DECLARED_METADATA,
    digest_of,
    make_replacement,
    make_secret,
    make_successor,
    owner_reference,
    source_of,
)
from clusterstate.mirror.record import reduce
from clusterstate.state.objects import StoredSecret
from tests.mirror.making import OWNER, keyset, mirror_of, pair

SECRET = StoredSecret("s", b"value")
LABELLED = MirrorSpec(
    secrets=NameRule(include=("*",)), labels={"team": "a", "app.kubernetes.io/managed-by": "me"}, annotations={"n": "b"}
)
PLAIN = MirrorSpec(secrets=NameRule(include=("*",)))


def stored(spec: MirrorSpec = LABELLED, owner: Owner = OWNER) -> dict[str, Any]:
    """A mirror as the API server gives it back."""
    secret = make_secret(owner, mirror_of(SECRET, spec))
    secret["metadata"] |= {"uid": "1", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return copy.deepcopy(secret)


def test_the_whole_secret() -> None:
    mirror = mirror_of(keyset("kubelet"), MirrorSpec(keysets=(pair("kubelet"),)))
    secret = make_secret(OWNER, mirror)
    assert (secret["apiVersion"], secret["kind"], secret["type"]) == ("v1", "Secret", "kubernetes.io/tls")
    assert secret["data"].keys() == {"ca.crt", "tls.crt", "tls.key"}
    assert secret["metadata"] == {
        "name": "prod-keyset-kubelet",
        "namespace": "clusters",
        "labels": {
            "app.kubernetes.io/managed-by": "clusterstate",
            "clusterstate.dev/owner-uid": OWNER.uid,
            "clusterstate.dev/owner-name": "prod",
            "clusterstate.dev/mirror": "keyset",
        },
        "annotations": {"clusterstate.dev/from": "kubelet"},
        "ownerReferences": [
            {
                "apiVersion": "clusterstate.dev/v1alpha1",
                "kind": "ClusterState",
                "name": "prod",
                "uid": OWNER.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }


def test_declared_metadata_comes_along_but_ours_wins() -> None:
    metadata = stored()["metadata"]
    assert metadata["labels"]["team"] == "a"
    assert metadata["annotations"]["n"] == "b"
    assert metadata["labels"]["app.kubernetes.io/managed-by"] == "clusterstate"


def test_a_long_name_of_the_owner_fits_its_label() -> None:
    label = stored(owner=Owner("clusters", "a." * 100 + "b", "1"))["metadata"]["labels"]["clusterstate.dev/owner-name"]
    assert len(label) <= 63


def test_what_the_api_server_adds_changes_no_digest() -> None:
    secret = stored()
    assert digest_of(secret) == digest_of(make_secret(OWNER, mirror_of(SECRET, LABELLED)))


def change_value(secret: dict[str, Any]) -> None:
    secret["data"]["s"] = "b3RoZXI="


def add_key(secret: dict[str, Any]) -> None:
    secret["data"]["foreign"] = ""


def drop_data(secret: dict[str, Any]) -> None:
    del secret["data"]


def change_type(secret: dict[str, Any]) -> None:
    secret["type"] = "example.com/other"


def set_immutable(secret: dict[str, Any]) -> None:
    secret["immutable"] = True


def drop_label(secret: dict[str, Any]) -> None:
    del secret["metadata"]["labels"]["app.kubernetes.io/managed-by"]


def drop_labels(secret: dict[str, Any]) -> None:
    del secret["metadata"]["labels"]


def change_declared_label(secret: dict[str, Any]) -> None:
    secret["metadata"]["labels"]["team"] = "b"


def drop_declared_annotation(secret: dict[str, Any]) -> None:
    del secret["metadata"]["annotations"]["n"]


def change_source(secret: dict[str, Any]) -> None:
    secret["metadata"]["annotations"]["clusterstate.dev/from"] = "other"


def drop_annotations(secret: dict[str, Any]) -> None:
    secret["metadata"]["annotations"] = None


def damage_declared(secret: dict[str, Any]) -> None:
    secret["metadata"]["annotations"][DECLARED_METADATA] = "{no json"


def nest_declared(secret: dict[str, Any]) -> None:
    secret["metadata"]["annotations"][DECLARED_METADATA] = '{"later":' + "[" * 5000 + "]" * 5000 + "}"


def add_our_kind_of_label(secret: dict[str, Any]) -> None:
    secret["metadata"]["labels"]["clusterstate.dev/other"] = "x"


def block_owner_deletion(secret: dict[str, Any]) -> None:
    secret["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = True


def drop_owner(secret: dict[str, Any]) -> None:
    del secret["metadata"]["ownerReferences"]


OUR_CHANGES = [
    change_value, add_key, drop_data, change_type, set_immutable, drop_label, drop_labels, change_declared_label,
    drop_declared_annotation, change_source, drop_annotations, damage_declared, nest_declared,
    add_our_kind_of_label, block_owner_deletion, drop_owner,
]  # fmt: skip


@pytest.mark.parametrize("change", OUR_CHANGES)
def test_a_change_of_what_is_ours_is_seen_and_a_replacement_mends_it(change: Any) -> None:
    secret, wanted = stored(), make_secret(OWNER, mirror_of(SECRET, LABELLED))
    change(secret)
    assert digest_of(secret) != digest_of(wanted)
    assert digest_of(make_replacement(secret, wanted)) == digest_of(wanted)
    assert digest_of(make_successor(secret, wanted)) == digest_of(wanted)


FOREIGN = st.dictionaries(st.text(min_size=1).map(lambda key: f"foreign/{key}"), st.text())


@given(FOREIGN, FOREIGN)
def test_metadata_of_others_is_no_difference_and_stays(labels: dict[str, str], annotations: dict[str, str]) -> None:
    secret, wanted = stored(), make_secret(OWNER, mirror_of(SECRET, LABELLED))
    secret["metadata"]["labels"] |= labels
    secret["metadata"]["annotations"] |= annotations
    assert digest_of(secret) == digest_of(wanted)
    for written in (make_replacement(secret, wanted), make_successor(secret, wanted)):
        assert written["metadata"]["labels"] == secret["metadata"]["labels"]
        assert written["metadata"]["annotations"] == secret["metadata"]["annotations"]


def test_what_is_no_longer_declared_goes() -> None:
    secret, wanted = stored(LABELLED), make_secret(OWNER, mirror_of(SECRET, PLAIN))
    secret["metadata"]["labels"]["theirs"] = "x"
    assert digest_of(secret) != digest_of(wanted)
    metadata = make_replacement(secret, wanted)["metadata"]
    assert metadata["labels"] == {**wanted["metadata"]["labels"], "theirs": "x"}
    assert metadata["annotations"] == wanted["metadata"]["annotations"]


def test_a_replacement_keeps_what_identifies_the_object_and_other_owners() -> None:
    secret, wanted = stored(), make_secret(OWNER, mirror_of(SECRET, LABELLED))
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "9"}
    secret["metadata"]["ownerReferences"] = [other, {**OWNER.reference(), "blockOwnerDeletion": True}]
    secret["metadata"]["finalizers"] = ["example.com/hold"]
    metadata = make_replacement(secret, wanted)["metadata"]
    assert (metadata["uid"], metadata["resourceVersion"]) == ("1", "7")
    assert metadata["finalizers"] == ["example.com/hold"]
    assert metadata["ownerReferences"] == [other, OWNER.reference()]


def test_a_successor_is_a_new_object() -> None:
    metadata = make_successor(stored(), make_secret(OWNER, mirror_of(SECRET, LABELLED)))["metadata"]
    assert metadata.keys() == {"name", "namespace", "labels", "annotations", "ownerReferences"}


@pytest.mark.parametrize(
    "change",
    [{"controller": False}, {"kind": "Deployment"}, {"apiVersion": "clusterstate.example/v1"}],
)
def test_only_a_controlling_clusterstate_is_an_owner(change: dict[str, Any]) -> None:
    secret = stored()
    assert owner_reference(secret) == OWNER.reference()
    secret["metadata"]["ownerReferences"][0] |= change
    assert owner_reference(secret) is None


def test_a_record_says_whose_and_what_a_secret_is() -> None:
    record = reduce(stored())
    assert (record.namespace, record.name, record.uid) == ("clusters", "prod-secret-s", "1")
    assert (record.resource_version, record.type) == ("7", "Opaque")
    assert (record.owner_uid, record.source) == (OWNER.uid, "secret/s")
    assert record.digest == digest_of(make_secret(OWNER, mirror_of(SECRET, LABELLED)))


def test_a_secret_without_any_metadata_of_ours_has_a_record_too() -> None:
    secret = {"metadata": {"namespace": "n", "name": "x", "uid": "1", "resourceVersion": "1"}}
    assert reduce(secret).owner_uid is None
    assert source_of(secret) == "/"
