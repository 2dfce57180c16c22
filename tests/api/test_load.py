"""What the operator makes of an object, beyond what the API server refuses already."""

from collections import UserDict
from typing import Any

import pytest

from clusterstate.api.load import MAX_DEPTH, MAX_SPEC_BYTES, MAX_STRUCTURE_BYTES, load
from clusterstate.api.spec import KeysetParts
from clusterstate.api.store import Encryption
from clusterstate.errors import SpecInvalid, SpecTooLarge
from tests.api.samples import as_read, make_body


def test_an_object_with_its_defaults() -> None:
    state = load(as_read(make_body()))
    assert state.cluster_name == "prod"
    assert state.spec.store.encryption is Encryption.AUTO
    assert state.spec.sync.interval == "10m"
    assert state.spec.instance_groups[0].labels == {"team": "a"}
    assert state.spec.mirror is not None
    assert state.spec.mirror.keysets[0].parts is KeysetParts.TRUST
    assert state.spec.mirror.ssh_public_keys is None


def test_the_declared_cluster_name_counts() -> None:
    assert load(as_read(make_body("spec.clusterName", "prod.example.com"))).cluster_name == "prod.example.com"


def test_any_mapping_will_do() -> None:
    assert load(UserDict(as_read(make_body()))).metadata.namespace == "clusters"


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ("spec.cluster", {"api": {"loadBalancer": None}}, "spec.cluster: /api/loadBalancer is null"),
        ("spec.cluster", {"list": [1, {"a/b~c": None}]}, "spec.cluster: /list/1/a~1b~0c is null"),
        ("spec.instanceGroups.0.spec", {"minSize": None}, r"spec.instanceGroups\[nodes-1a\].spec: /minSize is null"),
    ],
)
def test_null_in_a_kops_object_is_refused_with_advice(path: str, value: object, pointer: str) -> None:
    with pytest.raises(SpecInvalid, match=rf"{pointer}.*Leave the field out"):
        load(as_read(make_body(path, value)))


@pytest.mark.parametrize("path", ["spec.syncs", "spec.store.bucket", "spec.sync.prune", "spec.mirror.keysets.0.part"])
def test_a_field_that_nobody_knows_is_not_silence(path: str) -> None:
    with pytest.raises(SpecInvalid, match=path.rpartition(".")[2]):
        load(as_read(make_body(path, "x")))


@pytest.mark.parametrize("spec", [None, [], {}, {"store": None}])
def test_no_usable_spec(spec: Any) -> None:
    with pytest.raises(SpecInvalid, match=r"^spec"):
        load(as_read({**make_body(), "spec": spec}))


def test_status_fields_of_a_newer_operator_are_passed_over() -> None:
    assert load(as_read(make_body("status.shard", "a"))).status.conditions == ()


def test_sizes() -> None:
    room = MAX_SPEC_BYTES - 4096
    load(as_read(make_body("spec.cluster", {"additionalPolicies": {"node": "x" * room}})))
    with pytest.raises(SpecTooLarge, match="spec has"):
        load(as_read(make_body("spec.cluster", {"additionalPolicies": {"node": "x" * MAX_SPEC_BYTES}})))


def test_many_fields_weigh_more_than_long_texts() -> None:
    fields = {f"field{number}": "a short text" for number in range(MAX_STRUCTURE_BYTES // 24)}
    with pytest.raises(SpecTooLarge, match="spec has"):
        load(as_read(make_body("spec.cluster", fields)))


def nested(levels: int, kind: str) -> dict[str, Any]:
    """Give a kops object that makes its whole spec as many levels deep."""
    inner: Any = {}
    for level in range(levels - 3):
        inner = [inner] if kind == "lists" or (kind == "both" and level % 2) else {"a": inner}
    return {"a": inner}


@pytest.mark.parametrize("kind", ["maps", "lists", "both"])
def test_depth(kind: str) -> None:
    load(as_read(make_body("spec.cluster", nested(MAX_DEPTH, kind))))
    for levels in (MAX_DEPTH + 1, 10_000):
        with pytest.raises(SpecInvalid, match="nested more than"):
            load(as_read({**make_body(), "spec": {"cluster": nested(levels, kind)}}))
