"""What an object refers to in its namespace: a change there may change what is declared, or how a store is reached."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from clusterstate.api.contents import Value
from clusterstate.api.spec import Spec
from clusterstate.api.store import StoreSpec
from clusterstate.api.types import ClusterState


class ReferenceKind(StrEnum):
    """What can be referred to."""

    SECRET = "Secret"  # noqa: S105 - a kind of object
    CONFIG_MAP = "ConfigMap"


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """A Secret or ConfigMap in the namespace of the object that refers to it."""

    kind: ReferenceKind
    name: str


def references_of(state: ClusterState) -> frozenset[Reference]:
    """Give all that an object refers to; nothing for one that is suspended, which nothing matters to."""
    if state.spec.suspend:
        return frozenset()
    return frozenset((*_of_store(state.spec.store), *_of_contents(state.spec), *_of_hook(state.spec)))


def _of_store(store: StoreSpec) -> Iterable[Reference]:
    if store.credentials_secret_ref is not None:
        yield _secret(store.credentials_secret_ref.name)
    if store.k8s is not None and store.k8s.kubeconfig_secret_ref is not None:
        yield _secret(store.k8s.kubeconfig_secret_ref.name)
    if store.ca_bundle_ref is not None:
        yield Reference(ReferenceKind(store.ca_bundle_ref.kind), store.ca_bundle_ref.name)


def _of_contents(spec: Spec) -> Iterable[Reference]:
    for secret in spec.secrets:
        yield _secret(secret.value_from.secret_key_ref.name)
    for keyset in spec.keysets:
        if keyset.tls_secret_ref is not None:
            yield _secret(keyset.tls_secret_ref.name)
    for ssh_key in spec.ssh_public_keys:
        yield from _of_value(ssh_key.value_from)
    for file in spec.files:
        yield from _of_value(file.content_from)


def _of_value(value: Value | None) -> Iterable[Reference]:
    if value is not None and value.secret_key_ref is not None:
        yield _secret(value.secret_key_ref.name)
    if value is not None and value.config_map_key_ref is not None:
        yield _config_map(value.config_map_key_ref.name)


def _of_hook(spec: Spec) -> Iterable[Reference]:
    if spec.after_push is not None:
        yield _config_map(spec.after_push.job_template_ref.name)


def _secret(name: str) -> Reference:
    return Reference(ReferenceKind.SECRET, name)


def _config_map(name: str) -> Reference:
    return Reference(ReferenceKind.CONFIG_MAP, name)
