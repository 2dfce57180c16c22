"""What a run reads before it decides: who we are to the store, and where the parts of the state lie."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import pytest

from clusterstate import gather
from clusterstate.api.store import KubernetesSpec, Layout, SecretReference, StoreSpec
from clusterstate.errors import (
    AccessDenied,
    AmbientRefused,
    CredentialsNotFound,
    EndpointRefused,
    MalformedFile,
    StoreError,
    StoreNotAllowed,
    StoreNotFound,
    StoreRefused,
    StoreUnavailable,
)
from clusterstate.gather import Access, Known, Reader, Sources, known_of
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import SECRETS
from clusterstate.plan.place import led_by
from clusterstate.policy import EVERYTHING, Policy, Rule
from clusterstate.settings import Settings
from clusterstate.state.layout import Places
from clusterstate.state.objects import Document
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.base import ABSENT, ANYTHING, Page, Store, Version
from clusterstate.store.counting import RequestCounts
from clusterstate.store.credentials import NO_CREDENTIALS, Credentials, Source
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.failures import listed_too_slowly
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from clusterstate.store.threads import CALL_SECONDS
from tests.kube.owners import client, plane
from tests.store.backends.gcs.stores import knowing, open_as
from tests.store.backends.gcs.stores import secret as gcs_secret
from tests.support.gcs.server import GcsServer

__all__ = ["client", "plane"]
NOBODY = cast("Client", None)


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> str:
    return "".join(each for each in request.node.name if each.isalnum())


def access(bucket: str) -> Access:
    store = Location.parse(f"memfs://{bucket}")
    return Access(store, store.child("prod"), StoreOptions(), NO_CREDENTIALS, EndpointPolicy(memory_allowed=True))


def config(**spec: Any) -> bytes:
    """Give the text of a `config`; JSON is YAML too."""
    body = {"apiVersion": "kops.k8s.io/v1alpha2", "kind": "Cluster", "metadata": {"name": "prod"}, "spec": spec}
    return json.dumps(body).encode()


async def configure(bucket: str, **spec: Any) -> Version:
    return await MemoryStore(bucket).write("prod/config", config(**spec))


async def listed(bucket: str, known: Known | None = None) -> tuple[set[str], Known | None]:
    async with Sources(NOBODY, access(bucket), writes=True) as sources:
        _, listing, found = await sources.list_state(known, 60)
        return set(listing.entries), found


async def test_a_store_without_the_cluster_is_empty(bucket: str) -> None:
    await MemoryStore(bucket).write("other/config", b"x")
    assert await listed(bucket) == (set(), None)


async def test_config_tells_where_the_rest_lies(bucket: str) -> None:
    await MemoryStore(bucket).write("keys/private/ca/keyset.yaml", b"x")
    version = await configure(bucket, keyStore=f"memfs://{bucket}/keys/", configBase=f"memfs://{bucket}/prod")
    keys, known = await listed(bucket)
    assert keys == {"config", "pki/private/ca/keyset.yaml"}
    assert known == Known(version, Places(None, f"memfs://{bucket}/keys", None))


async def test_config_is_read_again_only_when_it_has_another_version(bucket: str) -> None:
    await MemoryStore(bucket).write("keys/private/ca/keyset.yaml", b"x")
    version = await configure(bucket, keyStore=f"memfs://{bucket}/keys")
    trusted = Known(version, Places(None, None, None))
    assert await listed(bucket, trusted) == ({"config"}, trusted)
    outdated = Known(Version("0"), Places(None, None, None))
    assert (await listed(bucket, outdated))[0] == {"config", "pki/private/ca/keyset.yaml"}


async def test_a_config_that_leads_nowhere_is_refused(bucket: str) -> None:
    for url in ("keys", "s3://[", "file:///etc", "s3://bucket/keys"):
        await configure(bucket, keyStore=url)
        with pytest.raises(MalformedFile, match=r"^config "):
            await listed(bucket)
    await MemoryStore(bucket).write("prod/config", b"[")
    with pytest.raises(MalformedFile):
        await listed(bucket)


SECRET, AMBIENT = Source.SECRET, Source.AMBIENT


@pytest.mark.parametrize(
    ("source", "url", "fine"),
    [
        (SECRET, "s3://ours/elsewhere", True),
        (SECRET, "s3://other/keys", True),
        (SECRET, "memfs://ours", False),
        (SECRET, "gs://ours", False),
        (AMBIENT, "s3://ours/elsewhere", True),
        (AMBIENT, "s3://other/keys", False),
        (AMBIENT, "s3://ours.other/keys", False),
        (AMBIENT, "memfs://ours", False),
        (SECRET, "no url", False),
        (SECRET, "s3://ours/%zz", False),
    ],
)
def test_config_sends_nobody_elsewhere(source: Source, url: str, *, fine: bool) -> None:
    """Whoever may write `config` would else choose where the operator's own credentials are used."""
    store = Location.parse("s3://ours/state")
    found = Access(store, store.child("prod"), StoreOptions(), Credentials(source), EndpointPolicy())
    if fine:
        assert found.elsewhere(url) == Location.parse(url)
        return
    with pytest.raises(MalformedFile, match=r"^config ") as caught:
        found.elsewhere(url)
    assert ("this bucket" in caught.value.message) is (source is AMBIENT)


PROXY = "https://corp:3128"
KEYSTONE = {"OS_AUTH_URL": "https://mine/v3", "OS_USERID": "me", "OS_PASSWORD": "word"}
KUBECONFIG = """
current-context: a
contexts: [{name: a, context: {cluster: b, user: c}}]
clusters: [{name: b, cluster: {server: "https://example.com", "proxy\\u002durl": "http://mine:3128"}}]
users: [{name: c, user: {token: x}}]
"""


@pytest.mark.parametrize(
    ("url", "source", "variables", "proxy", "expected"),
    [
        ("s3://ours", SECRET, {}, "", False),
        ("s3://ours", SECRET, {}, PROXY, True),
        ("s3://ours", SECRET, {"HTTPS_PROXY": PROXY}, "", True),
        ("s3://ours", AMBIENT, {"HTTPS_PROXY": PROXY}, "", False),
        ("swift://ours", SECRET, KEYSTONE, "", False),
        ("swift://ours", SECRET, {**KEYSTONE, "OS_INTERFACE": "publicURL"}, "", False),
        ("swift://ours", SECRET, {**KEYSTONE, "OS_INTERFACE": "internal"}, "", True),
        ("swift://ours", AMBIENT, {**KEYSTONE, "OS_INTERFACE": "internal"}, "", False),
        ("k8s:///ours", SECRET, {"kubeconfig": KUBECONFIG}, "", True),
        ("k8s:///ours", SECRET, {"kubeconfig": KUBECONFIG.replace("proxy\\u002durl", "extensions")}, "", False),
    ],
)
def test_who_lets_others_answer_proves_nothing(
    url: str, source: Source, variables: dict[str, str], proxy: str, *, expected: bool
) -> None:
    """A proxy may answer as any store would, and so may whom a Keystone of one's own calls somebody's account."""
    store = Location.parse(url)
    credentials = Credentials(source, tuple(sorted(variables.items())))
    found = Access(store, store.child("prod"), StoreOptions(proxy=proxy), credentials, EndpointPolicy())
    assert found.detoured is expected


@pytest.mark.parametrize(
    ("layout", "places"),
    [
        (Layout.SECRETS, Places("k8s:///other/prod", "k8s:///keys", "k8s:///other/prod/secrets")),
        (Layout.KOPS_RESOURCES, Places(None, None, None)),
    ],
)
def test_kops_s_own_objects_lie_together(layout: Layout, places: Places) -> None:
    """Whatever config says: kops puts copies for the nodes there."""
    store = Location.parse("k8s:///states")
    found = Access(store, store.child("prod"), StoreOptions(), NO_CREDENTIALS, EndpointPolicy(), layout)
    spec: dict[str, Any] = {"configBase": "k8s:///other/prod", "keyStore": "k8s:///keys"}
    known = known_of(Version("1"), Document("kops.k8s.io/v1alpha2", "Cluster", {}, spec), found)
    assert known.places == places


async def test_the_layout_tells_one_store_from_another() -> None:
    found = []
    for layout in Layout:
        spec = StoreSpec(url="k8s://", k8s=KubernetesSpec(layout=layout))
        found.append(await Reader(NOBODY, Settings(), {}, "n").access(spec, "prod.example.com"))
    assert [each.location.url for each in found] == [
        "k8s:///n/prod.example.com",
        "k8s:///prod-example-com/prod.example.com",
    ]
    assert found[0].shared != found[1].shared


async def test_who_only_looks_can_write_nothing_anywhere(bucket: str) -> None:
    await configure(bucket, keyStore=f"memfs://{bucket}/keys")
    keys = ("config", "pki/private/ca/keyset.yaml")
    for writes in (False, True):
        async with Sources(NOBODY, access(bucket), writes=writes) as sources:
            tree, _, _ = await sources.list_state(None, 60)
            for key in keys:
                if writes:
                    await tree.write(key, b"x", expect=ANYTHING)
                    continue
                with pytest.raises(StoreRefused):
                    await tree.write(key, b"x", expect=ANYTHING)
    assert (await MemoryStore(bucket).read("keys/private/ca/keyset.yaml")).data == b"x"


@pytest.mark.parametrize("error", [StoreUnavailable("no name"), asyncio.CancelledError()], ids=["fails", "cancelled"])
async def test_half_a_store_is_closed_where_the_other_half_fails(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    closed: list[Store] = []

    class Half(MemoryStore):
        async def close(self) -> None:
            closed.append(self)

    async def open_first(opening: Opening, counts: RequestCounts | None) -> Store:
        del counts
        return Half(opening.location.bucket)

    async def open_second(opening: Opening, files: Store, counts: RequestCounts) -> Store:
        del opening, counts
        assert closed == []
        assert isinstance(files, Half)
        raise error

    monkeypatch.setattr(gather, "open_store", open_first)
    monkeypatch.setattr("clusterstate.state.kops_resources.store.open_divided", open_second)
    found = replace(access("half"), layout=Layout.KOPS_RESOURCES)
    with pytest.raises(type(error)):
        await Sources(NOBODY, found, writes=True).__aenter__()
    assert len(closed) == 1


async def test_who_has_too_little_time_for_a_list_tells_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one object with a short timeout and many files would hold up everybody in its bucket."""

    class Slow(MemoryStore):
        async def list(self, *_: Any, **__: Any) -> AsyncIterator[Page]:
            await asyncio.Event().wait()
            yield Page(())

    async def open_slow(opening: Opening, counts: RequestCounts | None) -> Store:
        del counts
        return Slow(opening.location.bucket)

    monkeypatch.setattr(gather, "open_store", open_slow)
    async with Sources(NOBODY, access("slow"), writes=False) as sources:
        with pytest.raises(StoreUnavailable, match=r"spec\.sync\.timeout") as caught:
            await sources.list_state(None, 0.01)
    assert caught.value.alone
    assert not listed_too_slowly("s3://b", CALL_SECONDS).alone, "it had as long as any call"


@pytest.mark.parametrize("error", [AccessDenied("no"), StoreNotFound("no"), StoreUnavailable("no")])
def test_where_a_config_leads_to_is_nothing_to_others(error: StoreError) -> None:
    with pytest.raises(type(error)) as caught, led_by(Location.parse("s3://b/config"), ["s3://other"]):
        raise error
    assert caught.value.alone


async def test_memory_is_no_store_unless_it_is_allowed() -> None:
    spec = StoreSpec(url="memfs://b")
    for allowed in (True, False):
        settings = Settings(memory_allowed=allowed, file_roots=("/srv",), allowed_endpoints=("minio",))
        found = await Reader(NOBODY, settings, {}, "n").access(spec, "prod")
        expected = EndpointPolicy(("minio",), ("/srv",), memory_allowed=allowed, namespaces=("n",))
        assert found.policy == expected
    with pytest.raises(EndpointRefused):
        async with Sources(NOBODY, found, writes=True) as sources:
            await sources.list_state(None, 60)


def give(namespace: str, *stores: str, ambient: bool = False) -> Policy:
    return Policy(rules=(Rule(namespaces=(namespace,), stores=stores, ambient=ambient),))


async def test_no_store_is_opened_that_the_policy_does_not_give(bucket: str) -> None:
    """Whoever names it: the object or `config`."""
    spec, settings = StoreSpec(url=f"memfs://{bucket}/ours"), Settings(memory_allowed=True)
    reader = Reader(NOBODY, settings, {}, "n", give("n", f"memfs://{bucket}/ours", "memfs://more"))
    found = await reader.access(spec, "prod")
    assert found.elsewhere("memfs://more/keys") == Location.parse("memfs://more/keys")
    with pytest.raises(StoreNotAllowed, match=rf"config places .* memfs://{bucket}/theirs isn't .*memfs://more\)"):
        found.elsewhere(f"memfs://{bucket}/theirs")
    for url in (f"memfs://{bucket}", f"memfs://{bucket}/oursalso", "s3://more"):
        with pytest.raises(StoreNotAllowed, match="Use another place"):
            await reader.access(StoreSpec(url=url), "prod")
    with pytest.raises(StoreNotAllowed):
        await Reader(NOBODY, settings, {}, "m", give("n", "*")).access(spec, "prod")
    outside = replace(found, location=Location.parse(f"memfs://{bucket}/theirs"))
    with pytest.raises(StoreNotAllowed):
        await Sources(NOBODY, outside, writes=True).__aenter__()


async def test_states_of_one_store_are_reached_alike() -> None:
    """What differs between them is no reason to judge the store's health twice."""
    found = [await Reader(NOBODY, Settings(), {}, "n").access(StoreSpec(url="file:///srv"), name) for name in "ab"]
    assert found[0].shared == found[1].shared


@pytest.mark.objectstore
@pytest.mark.parametrize("apart", [False, True])
async def test_a_file_elsewhere_gets_the_list_of_config(gcs_server: GcsServer, *, apart: bool) -> None:
    """Where each file has an access control list of its own: else the nodes couldn't read it."""
    bucket = gcs_server.create_bucket(uniform=False)
    other = gcs_server.create_bucket(uniform=False) if apart else bucket
    account, nodes = gcs_server.create_account(), "user-nodes@acme.iam.gserviceaccount.com"
    async with open_as(gcs_server, f"gs://{bucket}/prod", account) as store:
        await store.write("config", config(keyStore=f"gs://{other}/keys"))
    gcs_server.set_list(bucket, "prod/config", {nodes: "READER"})
    place, options = Location.parse(f"gs://{bucket}"), StoreOptions(endpoint=gcs_server.endpoint)
    credentials, policy = gcs_secret(account.document), knowing(gcs_server.endpoint)
    async with Sources(
        NOBODY, Access(place, place.child("prod"), options, credentials, policy), writes=True
    ) as sources:
        tree, _, _ = await sources.list_state(None, 60)
        await tree.write("pki/private/ca/keyset.yaml", b"x", expect=ABSENT)
    assert gcs_server.get_list(other, "keys/private/ca/keyset.yaml")[nodes] == "READER"


@pytest.mark.apiserver
async def test_credentials_come_from_the_secret_that_is_named(client: Client, namespace: str) -> None:
    spec = StoreSpec(url="s3://bucket/prefix", credentials_secret_ref=SecretReference(name="store"), region="r-1")
    reader = Reader(client, Settings(), {"AWS_ACCESS_KEY_ID": "ours"}, namespace, EVERYTHING)
    with pytest.raises(CredentialsNotFound, match=f"{namespace}/store"):
        await reader.access(spec, "prod")
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "store", "namespace": namespace}}
    keys = {"AWS_ACCESS_KEY_ID": "theirs", "AWS_SECRET_ACCESS_KEY": "word"}
    await client.create(SECRETS, body | {"stringData": keys})
    found = await reader.access(spec, "prod")
    assert found.credentials.get("AWS_ACCESS_KEY_ID") == "theirs"
    assert (found.location.url, found.options.region) == ("s3://bucket/prefix/prod", "r-1")
    assert "word" not in repr(found)


@pytest.mark.apiserver
async def test_without_a_secret_the_operator_s_own_must_be_allowed(client: Client, namespace: str) -> None:
    spec = StoreSpec(url="s3://bucket")
    with pytest.raises(AmbientRefused):
        await Reader(client, Settings(), {}, namespace).access(spec, "prod")
    policy = give(namespace, "s3://bucket", ambient=True)
    found = await Reader(client, Settings(), {"S3_REGION": "r-2"}, namespace, policy).access(spec, "prod")
    assert found.credentials.get("S3_REGION") == "r-2"


def test_a_state_in_a_folder_leads_to_no_other_folder_of_this_machine() -> None:
    found = gather.own_access(StoreSpec(url="file:///srv/copy"), "", "prod", {})
    spec = {"configBase": "file:///home/me", "keyStore": "file:///srv/copy/keys", "secretStore": "file:///srv/copyist"}
    document = Document("kops.k8s.io/v1alpha2", "Cluster", {}, dict(spec))
    assert gather.places_of(document, found) == Places(None, "file:///srv/copy/keys", None)
