"""What an object and its file have in common, and what stays the API server's or other people's."""

import base64
import json
import ssl

import pytest
import yaml

from clusterstate.errors import (
    AccessDenied,
    KeyNotFound,
    MalformedFile,
    MalformedKeyset,
    StoreNotFound,
    StoreRefused,
    StoreUnavailable,
    StoreUnsupported,
)
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.store.backends.kubernetes import files
from clusterstate.store.base import ABSENT, Store
from tests.state.kops_resources.conftest import divided
from tests.state.kops_resources.samples import KINDS, SSH, samples, secret
from tests.store.backends.kubernetes.stores import far, near
from tests.store.conformance import keys_of
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.kopscrds import KopsObjects

pytestmark = pytest.mark.apiserver


@pytest.fixture
async def full(store: Store, cluster: str) -> Store:
    """A store with one file of each kind."""
    for sample in samples(cluster).values():
        await store.write(sample.key, sample.first)
    return store


async def test_each_file_is_the_object_that_kops_looks_for(full: Store, objects: KopsObjects, cluster: str) -> None:
    del full
    found = {plural: [each["metadata"]["name"] for each in objects.list(plural)] for plural in
             ("clusters", "instancegroups", "keysets", "sshcredentials")}  # fmt: skip
    assert found == {
        "clusters": [cluster],
        "instancegroups": ["nodes-us-east-1a"],
        "keysets": ["kubernetes-ca", "token-dockerconfig"],
        "sshcredentials": ["admin"],
    }
    token = objects.find("keysets", "token-dockerconfig")
    assert token is not None
    (item,) = token["spec"]["keys"]
    assert (token["spec"]["type"], base64.b64decode(item["privateMaterial"])) == ("Secret", b"one")
    assert item["id"].isdecimal()


async def test_keysets_secrets_and_ssh_keys_come_back_byte_for_byte(full: Store, cluster: str) -> None:
    for kind in ("keyset", "secret", "ssh key", "other file"):
        sample = samples(cluster)[kind]
        assert (await full.read(sample.key)).data == sample.first


async def test_documents_come_back_as_kops_would_write_them(full: Store, objects: KopsObjects, cluster: str) -> None:
    """The times and the generation are the API server's."""
    for kind, plural in (("config", "clusters"), ("instance group", "instancegroups")):
        sample = samples(cluster)[kind]
        body = objects.list(plural)[0]
        text = (await full.read(sample.key)).data.decode()
        shown = yaml.safe_load(text)["metadata"]
        assert shown["generation"] == body["metadata"]["generation"] == 1
        assert set(shown) <= {"annotations", "creationTimestamp", "generation", "labels", "name"}
        created = body["metadata"]["creationTimestamp"]
        mended = sample.first.decode().replace("2017-01-01T00:00:00Z", created)
        if "generation: 1" not in mended:
            text = text.replace("  generation: 1\n", "")
        assert text == mended


async def test_a_newer_secret_counts_for_kops_too(full: Store, objects: KopsObjects) -> None:
    before = objects.find("keysets", "token-dockerconfig")
    await full.write("secrets/dockerconfig", secret(b"two"))
    after = objects.find("keysets", "token-dockerconfig")
    assert before is not None
    assert after is not None
    (old,), (new,) = before["spec"]["keys"], after["spec"]["keys"]
    assert int(new["id"]) > int(old["id"])


async def test_of_several_keys_of_a_secret_the_primary_counts(store: Store, objects: KopsObjects) -> None:
    keys = [
        {"id": "3", "privateMaterial": "b25l", "distrustTimestamp": "2026-01-01T00:00:00Z"},
        {"id": "2", "privateMaterial": "dHdv"},
        {"id": "1", "privateMaterial": "dGhyZWU="},
        {"id": "x", "privateMaterial": "Zm91cg=="},
    ]
    objects.create("Keyset", "token-a", {"type": "Secret", "keys": keys})
    objects.create("Keyset", "token-b", {"type": "Secret", "keys": keys, "primaryId": "1"})
    objects.create("Keyset", "token-c", {"type": "Secret"})
    assert (await store.read("secrets/a")).data == secret(b"two")
    assert (await store.read("secrets/b")).data == secret(b"three")
    assert json.loads((await store.read("secrets/c")).data) == {"Data": None}
    await store.write("secrets/c", secret(b"mended"))
    assert (await store.read("secrets/c")).data == secret(b"mended")


async def test_metadata_of_others_stays(full: Store, objects: KopsObjects, cluster: str) -> None:
    body = objects.list("instancegroups")[0]
    theirs = {"finalizers": ["example.com/held"], "annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": "{}", "example.com/note": "x"}}  # fmt: skip
    body["metadata"] |= theirs
    body["metadata"]["labels"]["example.com/team"] = "data"
    objects.replace("instancegroups", body)
    sample = samples(cluster)["instance group"]
    shown = yaml.safe_load((await full.read(sample.key)).data)
    assert shown["metadata"]["annotations"] == {"example.com/note": "x"}
    shown["spec"]["maxSize"] = 9
    await full.write(sample.key, yaml.safe_dump(shown).encode())
    after = objects.list("instancegroups")[0]
    assert after["spec"]["maxSize"] == 9
    assert after["metadata"]["finalizers"] == theirs["finalizers"]
    assert after["metadata"]["annotations"] == theirs["annotations"]
    assert after["metadata"]["labels"]["example.com/team"] == "data"
    assert after["metadata"]["generation"] == 2
    keyset = objects.find("keysets", "kubernetes-ca")
    assert keyset is not None
    keyset["metadata"]["labels"] = {"a": "b"}
    objects.replace("keysets", keyset)
    await full.write("pki/private/kubernetes-ca/keyset.yaml", samples(cluster)["keyset"].second)
    keyset = objects.find("keysets", "kubernetes-ca")
    assert keyset is not None
    assert keyset["metadata"]["labels"] == {"a": "b"}
    after["metadata"]["finalizers"] = []
    objects.replace("instancegroups", after)


@pytest.mark.parametrize(
    ("key", "data", "error"),
    [
        ("config", b"x", MalformedFile),
        ("config", b"apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {name: other}\n", MalformedFile),
        (
            "instancegroup/a",
            b"apiVersion: kops.k8s.io/v1alpha2\nkind: InstanceGroup\nmetadata: {name: a, labels: [x]}\n",
            MalformedFile,
        ),
        ("pki/private/a/keyset.yaml", b"apiVersion: kops.k8s.io/v1alpha2\nkind: Keyset\n", MalformedKeyset),
        ("secrets/a", b"canary", MalformedFile),
        (f"pki/ssh/public/admin/{'0' * 32}", SSH.read_bytes(), MalformedFile),
        (f"pki/ssh/public/admin/{SSH.name}", b"canary", MalformedFile),
        (f"pki/ssh/public/admin/{SSH.name}", SSH.read_bytes().strip() + b" \xff", MalformedFile),
    ],
)
async def test_what_kops_could_not_use_is_refused(store: Store, key: str, data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        await store.write(key, data)
    assert "canary" not in str(caught.value)
    assert await keys_of(store) == []


async def test_two_files_cannot_be_one_object(store: Store, objects: KopsObjects, cluster: str) -> None:
    objects.create("Keyset", "token-a", {"type": "Keypair"})
    objects.create("SSHCredential", "admin", {"publicKey": "no key at all"})
    assert await keys_of(store) == ["pki/private/token-a/keyset.yaml"]
    ssh = samples(cluster)["ssh key"]
    for key, data in (("secrets/a", secret(b"x")), (ssh.key, ssh.first)):
        with pytest.raises(KeyNotFound):
            await store.read(key)
        with pytest.raises(StoreRefused, match=r"is something else already"):
            await store.write(key, data, expect=ABSENT)
        await store.delete(key)
    assert objects.find("keysets", "token-a") is not None
    assert objects.find("sshcredentials", "admin") is not None


async def test_a_namespace_of_two_clusters_is_refused(store: Store, objects: KopsObjects, cluster: str) -> None:
    sample = samples(cluster)["config"]
    await store.write(sample.key, sample.first)
    objects.create("Cluster", "another", {})
    with pytest.raises(StoreRefused, match=rf"has the kops cluster another too.*Keep {cluster} in another store"):
        await keys_of(store)


async def test_ssh_credentials_of_other_names_are_nobody_s(store: Store, objects: KopsObjects) -> None:
    objects.create("SSHCredential", "other", {"publicKey": SSH.read_text()})
    assert await keys_of(store) == []


async def test_a_file_that_should_be_an_object_is_not_seen(
    plane: ControlPlane, namespace: str, store: Store, cluster: str
) -> None:
    """What the other layout left there is no state of this one."""
    async with near(plane, f"k8s:///{namespace}/{cluster}") as secrets:
        await secrets.write("config", b"x")
        await secrets.write("addons/a.yaml", b"y")
    assert await keys_of(store) == ["addons/a.yaml"]


async def test_fields_that_the_definitions_lack_are_told_before_anything_is_written(
    store: Store, objects: KopsObjects, cluster: str
) -> None:
    sample = samples(cluster)["instance group"]
    body = yaml.safe_load(sample.first)
    body["spec"]["instanceMetadata"] = {"httpTokens": "required", "httpPutResponseHopLimit": 3}
    with pytest.raises(StoreRefused, match="httpPutResponseHopLimit"):
        await store.write(sample.key, yaml.safe_dump(body).encode())
    assert objects.list("instancegroups") == []


async def test_an_object_that_is_nested_too_deeply_is_named(store: Store, objects: KopsObjects) -> None:
    spec: dict[str, object] = {}
    for _ in range(500):
        spec = {"a": spec}
    objects.create("InstanceGroup", "deep", spec)
    with pytest.raises(StoreRefused, match="nested too deeply"):
        await keys_of(store)


async def test_missing_definitions_are_told(
    plane: ControlPlane, namespace: str, cluster: str, trust: ssl.SSLContext
) -> None:
    """An API server without them has nothing at their paths."""
    with FaultProxy(plane.url, trust=trust) as proxy:
        credentials = far(proxy.endpoint, plane.admin_token)
        async with divided(plane, namespace, cluster, credentials) as store:
            with proxy.failing(Fault(path="/apis/kops.k8s.io/", status=404, body="404 page not found\n")):
                for work in (keys_of(store), store.write("config", samples(cluster)["config"].first)):
                    with pytest.raises(StoreUnsupported, match=r"keysets\.kops\.k8s\.io.*k8s/crds"):
                        await work


async def test_a_missing_namespace_is_told(plane: ControlPlane, cluster: str) -> None:
    async with divided(plane, "no-such-namespace", cluster) as store:
        works = [keys_of(store), store.read("config")]
        works += [store.write("config", samples(cluster)["config"].first)]
        for work in works:
            with pytest.raises(StoreNotFound, match="no-such-namespace"):
                await work


@pytest.mark.parametrize("kind", KINDS)
async def test_who_is_denied_learns_what_to_ask_for(
    plane: ControlPlane, namespace: str, cluster: str, trust: ssl.SSLContext, kind: str
) -> None:
    token = plane.service_account_token(namespace, "denied")
    with FaultProxy(plane.url, trust=trust) as proxy:
        async with divided(plane, namespace, cluster, far(proxy.endpoint, token)) as store:
            with pytest.raises(AccessDenied, match=rf"Grant get \S+ in namespace {namespace} to system:.*:denied"):
                await store.read(samples(cluster)[kind].key)


@pytest.mark.parametrize("kind", KINDS)
async def test_an_object_that_is_being_deleted_is_gone_and_not_written(
    plane: ControlPlane, namespace: str, cluster: str, full: Store, kind: str
) -> None:
    """Whatever is written into it goes with its last finalizer."""
    sample = samples(cluster)[kind]
    path, patch = path_of(namespace, cluster, kind), "application/merge-patch+json"
    held = {"metadata": {"finalizers": ["example.com/held"]}}
    plane.api().request("PATCH", path, held, content_type=patch)
    try:
        version = (await full.read(sample.key)).version
        await full.delete(sample.key, expect=version)
        assert sample.key not in await keys_of(full)
        with pytest.raises(KeyNotFound):
            await full.read(sample.key)
        await full.delete(sample.key)
        with pytest.raises(StoreUnavailable, match=r"is being deleted.*example\.com/held.*remove its finalizers"):
            await full.write(sample.key, sample.second)
    finally:
        plane.api().request("PATCH", path, {"metadata": {"finalizers": None}}, content_type=patch)
    await full.write(sample.key, sample.second, expect=ABSENT)


def path_of(namespace: str, cluster: str, kind: str) -> str:
    """Give the object that a sample is."""
    names = {
        "config": f"clusters/{cluster}",
        "instance group": "instancegroups/nodes-us-east-1a",
        "keyset": "keysets/kubernetes-ca",
        "secret": "keysets/token-dockerconfig",
        "ssh key": "sshcredentials/admin",
    }
    if kind in names:
        return f"/apis/kops.k8s.io/v1alpha2/namespaces/{namespace}/{names[kind]}"
    return f"/api/v1/namespaces/{namespace}/secrets/{files.name_of(f'{cluster}/addons/a.yaml')}"
