"""The rules of `spec.store`: which URLs there are, which field suits which store, and whose credentials count.

A field that a store would ignore is refused: silence would be taken for consent.
"""

import re
from collections.abc import Callable
from typing import Final

from clusterstate.api.rule import Rule
from clusterstate.api.store import Encryption, Layout, StoreSpec
from clusterstate.api.types import ClusterState

SCHEMES: Final = ("s3", "do", "gs", "oss", "swift", "k8s", "file", "memfs", "linode", "hos", "scw")
"""The URL schemes of kops's state stores, without azureblob."""
KNOWN_URL: Final = rf"^({'|'.join(SCHEMES)}|azureblob)://\S*$"
CREDENTIALS_IN_URL: Final = r"^[a-z0-9]+://[^/]*@"
NAMESPACE_URL: Final = r"^k8s://(/\S*)?$"

_S3: Final = ("s3", "do", "linode", "hos", "scw")
_IDENTITY: Final = ("s3", "gs", "oss")
_WITH_SECRET: Final = (*_S3, "gs", "oss", "swift")


def _is_given(name: str) -> Callable[[StoreSpec], bool]:
    return lambda store: bool(getattr(store, name))


def _only_for(schemes: tuple[str, ...], name: str, attribute: str, *, unless: str = "") -> Rule:
    """Give the rule that a field suits these schemes alone; `unless` is the value that means nothing."""
    pattern = rf"^({'|'.join(schemes)})://"
    absent = f"!has(self.{name})" + (f" || self.{name} == '{unless}'" if unless else "")
    given = _is_given(attribute)

    def holds(state: ClusterState) -> bool:
        store = state.spec.store
        means_nothing = bool(unless) and getattr(store, attribute) == unless
        return not given(store) or means_nothing or re.match(pattern, store.url) is not None

    return Rule(
        path="spec.store",
        cel=f"{absent} || self.url.matches(r'{pattern}')",
        field_path=f".{name}",
        message=f"spec.store.{name} suits {'://, '.join(schemes)}:// only. Remove it, or correct the URL.",
        holds=holds,
    )


def _has_explicit_credentials(store: StoreSpec) -> bool:
    kubeconfig = store.k8s is not None and store.k8s.kubeconfig_secret_ref is not None
    return store.credentials_secret_ref is not None or store.service_account_ref is not None or kubeconfig


_EXPLICIT: Final = (
    "has(self.credentialsSecretRef) || has(self.serviceAccountRef)"
    " || (has(self.k8s) && has(self.k8s.kubeconfigSecretRef))"
)


def _only_with_credentials(name: str, attribute: str) -> Rule:
    given = _is_given(attribute)
    return Rule(
        path="spec.store",
        cel=f"!has(self.{name}) || {_EXPLICIT}",
        field_path=f".{name}",
        message=f"spec.store.{name} needs credentialsSecretRef or serviceAccountRef: the operator's own credentials go "
        "only where its own configuration says.",
        holds=lambda state: not given(state.spec.store) or _has_explicit_credentials(state.spec.store),
    )


def _has_url(pattern: str) -> Callable[[ClusterState], bool]:
    return lambda state: re.fullmatch(pattern, state.spec.store.url) is not None


def _has_no_url(pattern: str) -> Callable[[ClusterState], bool]:
    return lambda state: re.match(pattern, state.spec.store.url) is None


def _has_one_source(state: ClusterState) -> bool:
    store = state.spec.store
    return store.credentials_secret_ref is None or store.service_account_ref is None


def _resources_name_no_namespace(state: ClusterState) -> bool:
    store = state.spec.store
    return store.k8s is None or store.k8s.layout is Layout.SECRETS or store.url == "k8s://"


def _kms_key_has_its_encryption(state: ClusterState) -> bool:
    return not state.spec.store.kms_key_id or state.spec.store.encryption is Encryption.KMS


STORE_RULES: Final = (
    Rule(
        path="spec.store.url",
        cel=f"self.matches(r'{KNOWN_URL}')",
        message=f"spec.store.url must start with one of {'://, '.join(SCHEMES)}://, and hold no blank.",
        holds=_has_url(KNOWN_URL),
    ),
    Rule(
        path="spec.store.url",
        cel="!self.startsWith('azureblob://')",
        message="spec.store.url: azureblob:// is not supported yet. Use another store.",
        holds=_has_no_url("azureblob://"),
    ),
    Rule(
        path="spec.store.url",
        cel=f"!self.matches(r'{CREDENTIALS_IN_URL}')",
        message="spec.store.url may not hold credentials. Put them into the Secret of credentialsSecretRef.",
        holds=_has_no_url(CREDENTIALS_IN_URL),
    ),
    Rule(
        path="spec.store.url",
        cel=f"!self.startsWith('k8s://') || self.matches(r'{NAMESPACE_URL}')",
        message="spec.store.url: k8s:// stands alone or names a namespace behind three slashes, k8s:///NAMESPACE/PREFIX.",
        holds=lambda state: not state.spec.store.url.startswith("k8s://") or _has_url(NAMESPACE_URL)(state),
    ),
    Rule(
        path="spec.store",
        cel="!(has(self.credentialsSecretRef) && has(self.serviceAccountRef))",
        field_path=".serviceAccountRef",
        message="spec.store.serviceAccountRef and credentialsSecretRef exclude each other. Remove one of them.",
        holds=_has_one_source,
    ),
    _only_with_credentials("endpoint", "endpoint"),
    _only_with_credentials("proxy", "proxy"),
    _only_with_credentials("caBundleRef", "ca_bundle_ref"),
    _only_for(_WITH_SECRET, "credentialsSecretRef", "credentials_secret_ref"),
    _only_for(_IDENTITY, "serviceAccountRef", "service_account_ref"),
    _only_for((*_S3, "gs", "oss"), "endpoint", "endpoint"),
    _only_for((*_S3, "oss", "swift"), "region", "region"),
    _only_for(_S3, "acl", "acl"),
    _only_for(_S3, "encryption", "encryption", unless=Encryption.AUTO.value),
    _only_for(("s3",), "expectedBucketOwner", "expected_bucket_owner"),
    _only_for(("s3",), "assumeRole", "assume_role"),
    _only_for(("k8s",), "k8s", "k8s"),
    Rule(
        path="spec.store",
        cel="!has(self.kmsKeyID) || (has(self.encryption) && self.encryption == 'aws:kms')",
        field_path=".kmsKeyID",
        message="spec.store.kmsKeyID needs spec.store.encryption aws:kms. Set that, or remove the key.",
        holds=_kms_key_has_its_encryption,
    ),
    Rule(
        path="spec.store",
        cel="!has(self.k8s) || !has(self.k8s.layout) || self.k8s.layout != 'KopsResources' || self.url == 'k8s://'",
        field_path=".k8s.layout",
        message="spec.store.k8s.layout KopsResources uses the namespace that kops derives from the cluster's name. "
        "Set spec.store.url to k8s://.",
        holds=_resources_name_no_namespace,
    ),
)
"""Every rule of the store. What one value alone can violate stands beside its field, in `store`."""
