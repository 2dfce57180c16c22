"""Everything that an object refers to is found, and nothing else."""

from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from clusterstate.api.basics import Declared
from clusterstate.api.contents import KeyReference
from clusterstate.api.hook import JobTemplateReference
from clusterstate.api.load import load
from clusterstate.api.spec import Spec
from clusterstate.api.store import CaBundleReference, SecretReference
from clusterstate.plan.references import Reference, ReferenceKind, references_of
from tests.api.samples import as_read, make_body


def secret(name: str) -> Reference:
    return Reference(ReferenceKind.SECRET, name)


def config_map(name: str) -> Reference:
    return Reference(ReferenceKind.CONFIG_MAP, name)


def found(**spec: Any) -> frozenset[Reference]:
    body = make_body()
    body["spec"].update({"store": {"url": "s3://s"}, **spec})
    return references_of(load(as_read(body)))


def key(name: str) -> dict[str, str]:
    return {"name": name, "key": "k"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, ()),
        ({"store": {"url": "s3://s", "credentialsSecretRef": {"name": "a"}}}, [secret("a")]),
        ({"store": {"url": "k8s:///n", "k8s": {"kubeconfigSecretRef": {"name": "a"}}}}, [secret("a")]),
        ({"store": {"url": "s3://s", "serviceAccountRef": {"name": "a"}}}, ()),
        ({"secrets": [{"name": "x", "valueFrom": {"secretKeyRef": key("a")}}]}, [secret("a")]),
        ({"keysets": [{"name": "x", "tlsSecretRef": {"name": "a"}}]}, [secret("a")]),
        ({"sshPublicKeys": [{"value": "ssh-rsa AAAA"}]}, ()),
        ({"sshPublicKeys": [{"valueFrom": {"secretKeyRef": key("a")}}]}, [secret("a")]),
        ({"sshPublicKeys": [{"valueFrom": {"configMapKeyRef": key("a")}}]}, [config_map("a")]),
        ({"files": [{"path": "addons/x", "content": "c"}]}, ()),
        ({"files": [{"path": "addons/x", "contentFrom": {"secretKeyRef": key("a")}}]}, [secret("a")]),
        ({"files": [{"path": "addons/x", "contentFrom": {"configMapKeyRef": key("a")}}]}, [config_map("a")]),
        ({"afterPush": {"jobTemplateRef": {"name": "a"}}}, [config_map("a")]),
    ],
)
def test_every_reference_is_found(spec: dict[str, Any], expected: list[Reference]) -> None:
    assert found(**spec) == frozenset(expected)


@pytest.mark.parametrize(("kind", "expected"), [({}, config_map("a")), ({"kind": "Secret"}, secret("a"))])
def test_a_bundle_is_in_either_kind(kind: dict[str, str], expected: Reference) -> None:
    store = {"url": "s3://s", "credentialsSecretRef": {"name": "c"}, "caBundleRef": {"name": "a", **kind}}
    assert found(store=store) == {secret("c"), expected}


def test_what_is_named_twice_is_one_and_kinds_have_names_of_their_own() -> None:
    values = [{"secretKeyRef": key("a")}, {"secretKeyRef": key("a")}, {"configMapKeyRef": key("a")}]
    assert found(sshPublicKeys=[{"valueFrom": each} for each in values]) == {secret("a"), config_map("a")}


def test_nothing_matters_to_an_object_that_is_suspended() -> None:
    assert found(suspend=True, afterPush={"jobTemplateRef": {"name": "a"}}) == frozenset()


def _places(form: Any, path: str = "") -> set[str]:
    """Give the fields below a type whose value refers to a Secret or ConfigMap."""
    kinds = (SecretReference, KeyReference, CaBundleReference, JobTemplateReference)
    if isinstance(form, type) and issubclass(form, kinds):
        return {path}
    if isinstance(form, type) and issubclass(form, Declared):
        hints = get_type_hints(form)
        names = {field.name: field.encode_name for field in msgspec.structs.fields(form)}
        return {
            each for name, hint in hints.items() if name in names for each in _places(hint, f"{path}.{names[name]}")
        }
    return {each for part in get_args(form) for each in _places(part, path)}


def test_no_field_that_refers_to_something_is_forgotten() -> None:
    assert _places(Spec) == {
        ".store.credentialsSecretRef",
        ".store.k8s.kubeconfigSecretRef",
        ".store.caBundleRef",
        ".secrets.valueFrom.secretKeyRef",
        ".keysets.tlsSecretRef",
        ".sshPublicKeys.valueFrom.secretKeyRef",
        ".sshPublicKeys.valueFrom.configMapKeyRef",
        ".files.contentFrom.secretKeyRef",
        ".files.contentFrom.configMapKeyRef",
        ".afterPush.jobTemplateRef",
    }
