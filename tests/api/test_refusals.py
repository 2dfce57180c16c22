"""The API server and the operator refuse the same objects, and both name the field."""

import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import ValidationError, convert
from msgspec.json import encode

from clusterstate.api.load import MAX_STRUCTURE_BYTES, load
from clusterstate.api.rules import RULES, broken_rules
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecInvalid
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.errors import RequestRefused
from tests.api.samples import ResourceServer, as_read, make_body

IMMUTABLE = RULES[0].message
MIRROR = "spec.mirror"
LONG = "x" * 5000
UNFIT = ("config", "pki/private/ca/keyset.yaml", "secrets/a", "addons/../config", "addons", "addons/", "/addons/a")
"""Paths that no file may be declared at."""
REFUSED = [
    ("spec.clusterName", "Not_A_Name"),
    ("spec.clusterName", "a..b"),
    ("spec.clusterName", ""),
    ("spec.clusterName", "a\n"),
    ("spec.store.url", ""),
    ("spec.store.url", "acme-state-store"),
    ("spec.store.url", "ftp://acme"),
    ("spec.store.url", "S3://acme"),
    ("spec.store.url", "s3://a b"),
    ("spec.store.url", "s3://a\n"),
    ("spec.store.url", "azureblob://acme"),
    ("spec.store.url", "swift://user:password@container"),
    ("spec.store.url", f"s3://{LONG}"),
    ("spec.store.credentialsSecretRef", {}),
    ("spec.store.credentialsSecretRef.name", "Not A Name"),
    ("spec.store.url", "k8s://context"),
    ("spec.store.url", "k8s://context/prefix"),
    ("spec.store.serviceAccountRef", {}),
    ("spec.store.serviceAccountRef.name", "Not A Name"),
    ("spec.store.endpoint", "https://s3.example.com"),
    ("spec.store.endpoint", "s3.example.com"),
    ("spec.store.endpoint", "ftp://s3.example.com"),
    ("spec.store.proxy", "http://proxy:3128"),
    ("spec.store.proxy", "socks5://proxy:1080"),
    ("spec.store.proxy", "http://user:password@proxy:3128"),
    ("spec.store.caBundleRef", {"name": "bundle"}),
    ("spec.store.caBundleRef.kind", "Pod"),
    ("spec.store.caBundleRef.key", "a/b"),
    ("spec.store.assumeRole", [{"arn": "role"}]),
    ("spec.store.assumeRole", [{"externalID": "without-arn"}]),
    ("spec.store.assumeRole", [{"arn": "arn:aws:iam::123456789012:role/a", "externalID": "x"}]),
    ("spec.store.assumeRole", [{"arn": "arn:aws:iam::123456789012:role/a"}] * 9),
    ("spec.store.region", "eu west"),
    ("spec.store.acl", "everybody"),
    ("spec.store.k8s.layout", "ConfigMaps"),
    ("spec.store.k8s.kubeconfigSecretRef", {}),
    ("spec.store.encryption", "aes256"),
    ("spec.store.kmsKeyID", "1234"),
    ("spec.store.expectedBucketOwner", "1234"),
    ("spec.sync.direction", "both"),
    ("spec.sync.interval", "9s"),
    ("spec.sync.interval", "9999ms"),
    ("spec.sync.interval", "600"),
    ("spec.sync.interval", "-10m"),
    ("spec.sync.interval", "10m\n"),
    ("spec.sync.interval", "1d"),
    ("spec.sync.interval", 600),
    ("spec.sync.timeout", "0s"),
    ("spec.sync.timeout", "500ms"),
    ("spec.sync.drift", "Ignore"),
    ("spec.sync.conflict", ""),
    ("spec.sync.adoption", "merge"),
    ("spec.sync.dryRun", "yes"),
    ("spec.sync.revisionHistoryLimit", 0),
    ("spec.sync.revisionHistoryLimit", 101),
    ("spec.sync.prune", "yes"),
    ("spec.sync.validation", "None"),
    ("spec.sync.deletionPolicy", "Orphan"),
    ("spec.sync.migration.cleanup", "Later"),
    ("spec.sync.migration.backups", "Newest"),
    ("spec.expiryWarning", "soon"),
    ("spec.suspend", 1),
    ("spec.cluster", []),
    ("spec.instanceGroups.0.name", "a/b"),
    ("spec.instanceGroups.0.name", "nodes\n"),
    ("spec.instanceGroups.0.spec", "x"),
    ("spec.instanceGroups.0.labels", {"a": "not a value"}),
    ("spec.instanceGroups", [{"spec": {}}]),
    ("spec.instanceGroups", [{"name": "twice"}, {"name": "twice"}]),
    ("spec.clusterMetadata.labels", {"-not-a-key": "v"}),
    ("spec.clusterMetadata.annotations", {"a b": "v"}),
    ("spec.absent", ["api/loadBalancer"]),
    ("spec.absent", ["/spec//api"]),
    ("spec.absent", ["/spec/a~2"]),
    ("spec.secrets", [{"name": "dockerconfig"}]),
    ("spec.secrets", [{"name": "a/b", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]),
    ("spec.secrets", [{"name": "a", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}] * 2),
    ("spec.keysets", [{"name": "kubernetes-ca"}]),
    ("spec.keysets", [{"name": "kubernetes-ca", "tlsSecretRef": {"name": "ca"}}] * 2),
    ("spec.keysets", [{"name": "kubernetes-ca", "tlsSecretRef": {"name": "ca"}, "generate": {}}]),
    ("spec.keysets", [{"name": "kubernetes-ca", "generate": {"size": 1024}}]),
    ("spec.keysets", [{"name": "kubernetes-ca", "generate": {"algorithm": "ECDSA", "size": 2048}}]),
    ("spec.keysets", [{"name": "kubernetes-ca", "generate": {"newerThan": "2026-11-27"}}]),
    ("spec.keysets", [{"name": "kubernetes-ca", "generate": {"commonName": "a\nb"}}]),
    ("spec.keysets", [{"name": "kubernetes-ca", "generate": {"validity": "59m"}}]),
    ("spec.keysets", [{"name": "kubernetes-ca", "generate": {"validity": "24h", "renewBefore": "24h"}}]),
    ("spec.keysets", [{"name": "kubernetes-ca", "rotation": {"trust": ["-1"]}}]),
    (f"{MIRROR}.onMissing", "Ignore"),
    (f"{MIRROR}.restart", [{"kind": "Job", "name": "etcd"}]),
    ("spec.sshPublicKeys", [{}]),
    ("spec.sshPublicKeys", [{"value": "ssh-rsa a", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]),
    ("spec.sshPublicKeys", [{"valueFrom": {}}]),
    ("spec.files", [{"path": "addons/a.yaml"}]),
    ("spec.files", [{"path": "addons/a", "content": "", "contentFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]),
    ("spec.files", [{"path": "addons/a", "content": ""}] * 2),
    *(("spec.files", [{"path": path, "content": ""}]) for path in UNFIT),
    ("spec.files", [{"path": "addons/a", "contentFrom": {}}]),
    ("spec.afterPush", {}),
    (
        "spec",
        {"store": {"url": "s3://a"}, "sync": {"direction": "Pull"}, "afterPush": {"jobTemplateRef": {"name": "a"}}},
    ),
    (f"{MIRROR}.keysets.0.parts", "Everything"),
    (f"{MIRROR}.keysets.0.include", [""]),
    (f"{MIRROR}.secrets.exclude", ["x" * 254]),
    (f"{MIRROR}.nameTemplate", "{clusterState}-{kind}"),
    (f"{MIRROR}.nameTemplate", "{name}-{secret}"),
    (f"{MIRROR}.nameTemplate", "Mirror-{name}"),
    (f"{MIRROR}.labels", {"clusterstate.dev/owner-uid": "mine"}),
    (f"{MIRROR}.labels", {"app.kubernetes.io/managed-by": "me"}),
    (f"{MIRROR}.labels", {"-not-a-key": "v"}),
    (f"{MIRROR}.annotations", {"clusterstate.dev/from": "elsewhere"}),
    (f"{MIRROR}.annotations", {"a b": "v"}),
]
KEYS = {"credentialsSecretRef": {"name": "keys"}}
STORES = [
    ({"url": "s3://a", **KEYS, "serviceAccountRef": {"name": "a"}}, ".serviceAccountRef"),
    ({"url": "s3://a", "endpoint": "https://minio"}, ".endpoint"),
    ({"url": "s3://a", "proxy": "http://proxy:3128"}, ".proxy"),
    ({"url": "s3://a", "caBundleRef": {"name": "bundle"}}, ".caBundleRef"),
    ({"url": "memfs://a", **KEYS}, ".credentialsSecretRef"),
    ({"url": "k8s://", **KEYS}, ".credentialsSecretRef"),
    ({"url": "swift://a", "serviceAccountRef": {"name": "a"}}, ".serviceAccountRef"),
    ({"url": "swift://a", **KEYS, "endpoint": "https://swift"}, ".endpoint"),
    ({"url": "gs://a", "region": "us"}, ".region"),
    ({"url": "gs://a", "acl": "private"}, ".acl"),
    ({"url": "oss://a", "encryption": "AES256"}, ".encryption"),
    ({"url": "do://a", "expectedBucketOwner": "123456789012"}, ".expectedBucketOwner"),
    ({"url": "do://a", "assumeRole": [{"arn": "arn:aws:iam::123456789012:role/a"}]}, ".assumeRole"),
    ({"url": "s3://a", "k8s": {}}, ".k8s"),
    ({"url": "k8s:///a", "k8s": {"layout": "KopsResources"}}, ".k8s.layout"),
]
"""Whole stores, with the field that their other fields don't suit."""
REFERENCE = {"name": "a", "key": "b"}
ACCEPTED = [
    ("spec.sync.direction", "Both"),
    ("spec.absent", ["/spec/api/loadBalancer", "/spec/subnets/us-east-1a/a~1b"]),
    ("spec.secrets", [{"name": "dockerconfig", "valueFrom": {"secretKeyRef": REFERENCE}}]),
    ("spec.keysets", [{"name": "kubernetes-ca", "tlsSecretRef": {"name": "ca"}}]),
    ("spec.keysets", [{"name": "kubernetes-ca", "generate": {"newerThan": "2026-11-27T00:00:00Z", "size": 4096}}]),
    ("spec.keysets", [{"name": "kubernetes-ca", "rotation": {"promoteAfter": "24h", "trust": ["1"]}}]),
    (f"{MIRROR}.restart", [{"kind": "Deployment", "name": "etcd"}]),
    ("spec.sshPublicKeys", [{"value": "ssh-rsa a"}, {"valueFrom": {"configMapKeyRef": REFERENCE}}]),
    ("spec.files", [{"path": "addons/a/b.yaml", "content": ""}]),
    ("spec.files", [{"path": "manifests/a", "contentFrom": {"secretKeyRef": REFERENCE}}]),
    ("spec.clusterMetadata", {"labels": {"team": "a"}, "annotations": {"example.com/a": "any text"}}),
    ("spec.afterPush", {"jobTemplateRef": {"name": "update"}}),
    ("spec.clusterName", "prod.example.com"),
    *(("spec.store.url", f"{scheme}://x/y") for scheme in ("s3", "do", "gs", "oss", "swift", "file", "memfs")),
    ("spec.store.url", "k8s://"),
    ("spec.store.url", "k8s:///namespace/prefix"),
    ("spec.store", {"url": "k8s://", "k8s": {"layout": "KopsResources"}}),
    (
        "spec.store",
        {"url": "k8s:///a", "k8s": {"kubeconfigSecretRef": {"name": "other"}}, "proxy": "http://proxy:3128"},
    ),
    ("spec.store", {"url": "gs://a", "serviceAccountRef": {"name": "a"}, "caBundleRef": {"name": "bundle"}}),
    ("spec.store", {"url": "do://a", "endpoint": "nyc3.digitaloceanspaces.com", "credentialsSecretRef": {"name": "a"}}),
    (
        "spec.store",
        {"url": "s3://a", "assumeRole": [{"arn": "arn:aws-cn:iam::123456789012:role/a", "externalID": "x1"}]},
    ),
    ("spec.store", {"url": "s3://a", "assumeRole": [{"arn": "arn:aws:iam:::role/of-ceph"}]}),
    ("spec.store", {"url": "oss://a", "region": "cn-hangzhou", "encryption": "Auto"}),
    ("spec.store", {"url": "s3://a", "endpoint": "http://127.0.0.1:9000", "credentialsSecretRef": {"name": "a"}}),
    ("spec.store", {"url": "s3://a", "encryption": "aws:kms", "kmsKeyID": "arn:aws:kms:eu-west-1:1:key/a"}),
    ("spec.store.acl", "bucket-owner-full-control"),
    ("spec.sync.interval", "10s"),
    ("spec.sync.interval", "1h30m0.5s"),
    ("spec.sync.interval", "999999h999999h"),
    ("spec.instanceGroups", []),
    ("spec.instanceGroups.0.name", "nodes_1A.x"),
    (f"{MIRROR}.nameTemplate", "state.{name}"),
    (f"{MIRROR}.labels", {"example.com/team": "", "argocd.argoproj.io/instance": "a"}),
    (f"{MIRROR}.annotations", {"argocd.argoproj.io/compare-options": "IgnoreExtraneous"}),
]


@pytest.fixture(scope="module")
def server(control_plane: ControlPlane) -> Iterator[ResourceServer]:
    with ResourceServer(control_plane) as server:
        yield server


def pointed(path: str) -> str:
    """Spell a path as messages do."""
    return re.sub(r"\.(\d+)", r"[\1]", path)


@pytest.mark.apiserver
@pytest.mark.parametrize(("path", "value"), REFUSED)
def test_refused_by_the_api_server(server: ResourceServer, path: str, value: object) -> None:
    with pytest.raises(RequestRefused) as refused:
        server.send("POST", f"{server.path}?dryRun=All", make_body(path, value, namespace="default"))
    assert pointed(path) in str(refused.value)


@pytest.mark.parametrize(("path", "value"), REFUSED)
def test_refused_by_the_operator(path: str, value: object) -> None:
    with pytest.raises(SpecInvalid) as refused:
        load(as_read(make_body(path, value)))
    assert refused.value.message.startswith(pointed(path))
    assert refused.value.message.endswith(".")


@pytest.mark.apiserver
@pytest.mark.parametrize(("store", "field"), STORES)
def test_fields_that_do_not_suit_are_refused_by_both(server: ResourceServer, store: dict[str, Any], field: str) -> None:
    body = make_body("spec.store", store, namespace="default")
    message = re.escape(f"spec.store{field}")
    with pytest.raises(RequestRefused, match=message):
        server.send("POST", f"{server.path}?dryRun=All", body)
    with pytest.raises(SpecInvalid, match=message):
        load(as_read(body))


@pytest.mark.apiserver
@pytest.mark.parametrize(("path", "value"), ACCEPTED)
def test_accepted_by_both(server: ResourceServer, path: str, value: object) -> None:
    stored = server.send("POST", f"{server.path}?dryRun=All", make_body(path, value, namespace="default"))
    assert load(stored).metadata.name == "prod"


def test_every_rule_is_tried() -> None:
    bodies = [make_body(path, value) for path, value in REFUSED]
    bodies += [make_body("spec.store", store) for store, _ in STORES]
    tried = {message for body in bodies for message in broken(body)}
    assert tried == {rule.message for rule in RULES} - {IMMUTABLE}


@pytest.mark.apiserver
@pytest.mark.parametrize(
    ("before", "after"), [("a.example.com", "b.example.com"), ("a.example.com", None), (None, "b")]
)
def test_the_cluster_stays_the_same(server: ResourceServer, before: str | None, after: str | None) -> None:
    name = f"c{secrets.token_hex(4)}"
    first = make_body("spec.clusterName", before or name, name=name, namespace="default")
    stored = server.send("POST", server.path, first)
    for harmless in ({"suspend": True}, {} if before else {"clusterName": name}):
        stored["spec"] |= harmless
        stored = server.send("PUT", f"{server.path}/{name}", stored)
    stored["spec"]["clusterName"] = after
    with pytest.raises(RequestRefused, match=r"spec\.clusterName.*can't be changed"):
        server.send("PUT", f"{server.path}/{name}", stored)


@pytest.mark.parametrize(("reached", "now"), [("a.example.com", "b.example.com"), ("a.example.com", "")])
def test_the_operator_stays_with_the_cluster_that_it_reached(reached: str, now: str) -> None:
    body = make_body("status.clusterName", reached)
    body["spec"] |= {"clusterName": now} if now else {}
    with pytest.raises(SpecInvalid, match=r"spec\.clusterName can't be changed"):
        load(as_read(body))


@pytest.mark.apiserver
def test_the_largest_spec_can_be_applied_and_read(server: ResourceServer) -> None:
    name = f"c{secrets.token_hex(4)}"
    fields = {f"fieldNumber{number}": "a value of the usual length" for number in range(12)}
    groups = [{"name": f"nodes-{number}", "spec": fields} for number in range(885)]
    body = make_body("spec.instanceGroups", groups, name=name, namespace="default")
    assert 0.95 * MAX_STRUCTURE_BYTES < len(encode(body["spec"])) < 0.999 * MAX_STRUCTURE_BYTES
    body["apiVersion"] = f"{server.group}/v1alpha1"
    target = f"{server.path}/{name}?fieldManager=test"
    stored = server.api.request("PATCH", target, body, content_type="application/apply-patch+yaml")
    assert len(load(stored).spec.instance_groups) == 885


def broken(body: dict[str, Any]) -> set[str]:
    try:
        state = convert(as_read(body), ClusterState)
    except ValidationError:
        return set()
    return {rule.message for rule in broken_rules(state)}
