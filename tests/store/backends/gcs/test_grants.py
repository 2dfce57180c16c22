"""Access control lists: whoever could read a file still can after a write; who can read config, can read a new file."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from clusterstate.errors import AccessDenied, LostRace
from clusterstate.store.backends.gcs.clients import FACT_SECONDS
from clusterstate.store.backends.gcs.config import make_config
from clusterstate.store.base import ABSENT, Store
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.store.backends.gcs.stores import knowing, of_config, open_as, secret
from tests.store.conformance import keys_of
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.gcs.server import EVERYTHING, GcsServer

pytestmark = pytest.mark.objectstore
NODES = "user-nodes@acme.iam.gserviceaccount.com"
KOPS = "user-kops@acme.iam.gserviceaccount.com"
DEFAULT = {"entity": "project-owners-123", "role": "OWNER"}
LISTED = {"project-owners-123": "OWNER", KOPS: "OWNER", NODES: "READER"}
"""As kops leaves it: the bucket's default, the nodes, and kops itself as the owner."""
FILES = ("storage.objects.get", "storage.objects.list", "storage.objects.create", "storage.objects.delete")
LISTS = ("storage.objects.getIamPolicy", "storage.objects.setIamPolicy")

Open = Callable[..., AbstractAsyncContextManager[Store]]


@pytest.fixture
def face(gcs_server: GcsServer) -> Iterator[FaultProxy]:
    with FaultProxy(gcs_server.endpoint) as face:
        yield face


@pytest.fixture
def bucket(gcs_server: GcsServer) -> str:
    return gcs_server.create_bucket(uniform=False, default=[DEFAULT])


@pytest.fixture
def open_store(gcs_server: GcsServer, face: FaultProxy) -> Open:
    """Give what opens a store as the operator does, for somebody new with these permissions."""

    def open_store(bucket: str, permissions: Iterable[str] = EVERYTHING) -> AbstractAsyncContextManager[Store]:
        options = StoreOptions(endpoint=face.endpoint, acl_from=Location.parse(f"gs://{bucket}/prod/config"))
        return open_as(gcs_server, f"gs://{bucket}/prod", gcs_server.create_account(permissions), options)

    return open_store


@pytest.fixture
async def store(open_store: Open, bucket: str) -> AsyncIterator[Store]:
    async with open_store(bucket) as store:
        yield store


async def load(gcs_server: GcsServer, store: Store, bucket: str, *keys: str) -> None:
    """Write files as kops would have left them."""
    for key in keys:
        await store.write(key, b"by kops")
        gcs_server.set_list(bucket, f"prod/{key}", LISTED)


async def test_an_update_keeps_the_list(gcs_server: GcsServer, store: Store, bucket: str) -> None:
    await load(gcs_server, store, bucket, "config", "instancegroup/nodes")
    gcs_server.set_list(bucket, "prod/instancegroup/nodes", {NODES: "READER"})
    version = (await store.read("instancegroup/nodes")).version
    await store.write("instancegroup/nodes", b"by us", expect=version)
    entries = gcs_server.get_list(bucket, "prod/instancegroup/nodes")
    assert entries.pop(NODES) == "READER"
    assert list(entries.values()) == ["OWNER"], "whoever writes a file owns it"


async def test_an_overwrite_keeps_the_list(gcs_server: GcsServer, store: Store, bucket: str) -> None:
    await load(gcs_server, store, bucket, "file")
    await store.write("file", b"by us")
    assert LISTED.items() <= gcs_server.get_list(bucket, "prod/file").items()


async def test_a_create_copies_the_list_of_config(gcs_server: GcsServer, store: Store, bucket: str) -> None:
    await load(gcs_server, store, bucket, "config")
    await store.write("secrets/new", b"by us", expect=ABSENT)
    await store.write("secrets/other", b"by us")
    for key in ("prod/secrets/new", "prod/secrets/other"):
        assert LISTED.items() <= gcs_server.get_list(bucket, key).items()


async def test_the_first_file_gets_the_buckets_default(
    gcs_server: GcsServer, store: Store, bucket: str, face: FaultProxy
) -> None:
    await store.write("config", b"by us", expect=ABSENT)
    entries = gcs_server.get_list(bucket, "prod/config")
    assert entries.pop(DEFAULT["entity"]) == "OWNER"
    assert len(entries) == 1
    assert face.counts["GET", f"/storage/v1/b/{bucket}/o/prod/config/acl"] == 0


async def test_a_list_costs_one_request(gcs_server: GcsServer, store: Store, bucket: str, face: FaultProxy) -> None:
    await load(gcs_server, store, bucket, "config", "file")
    face.counts.clear()
    await store.write("file", b"by us")
    await store.write("file", b"by us")
    assert face.counts == {
        ("GET", f"/storage/v1/b/{bucket}/o/prod/file/acl"): 2,
        ("POST", f"/upload/storage/v1/b/{bucket}/o"): 2,
    }


async def test_a_uniform_bucket_is_asked_once_and_costs_nothing(
    gcs_server: GcsServer, open_store: Open, face: FaultProxy
) -> None:
    bucket = gcs_server.create_bucket(uniform=True)
    async with open_store(bucket, [*FILES, "storage.buckets.get"]) as store:
        for number in range(3):
            await store.write(f"{number}", b"x")
    assert face.counts == {
        ("GET", f"/storage/v1/b/{bucket}"): 1,
        ("POST", f"/upload/storage/v1/b/{bucket}/o"): 3,
    }


async def test_where_the_bucket_may_not_be_asked_the_lists_say_that_there_are_none(
    gcs_server: GcsServer, open_store: Open, face: FaultProxy
) -> None:
    """The role Storage Object Admin has no storage.buckets.get."""
    bucket = gcs_server.create_bucket(uniform=True)
    async with open_store(bucket, [*FILES, *LISTS]) as store:
        for _ in range(3):
            await store.write("file", b"x")
    assert face.counts == {
        ("GET", f"/storage/v1/b/{bucket}"): 1,
        ("GET", f"/storage/v1/b/{bucket}/o/prod/file/acl"): 1,
        ("POST", f"/upload/storage/v1/b/{bucket}/o"): 3,
    }


async def test_where_the_bucket_may_not_be_asked_lists_are_kept(
    gcs_server: GcsServer, open_store: Open, store: Store, bucket: str
) -> None:
    await load(gcs_server, store, bucket, "config")
    async with open_store(bucket, [*FILES, *LISTS]) as other:
        await other.write("config", b"by us")
    assert LISTED.items() <= gcs_server.get_list(bucket, "prod/config").items()


@pytest.mark.parametrize("uniform", [True, False])
async def test_where_nobody_may_tell_nothing_is_written(
    gcs_server: GcsServer,
    open_store: Open,
    uniform: bool,  # noqa: FBT001 (a parameter)
) -> None:
    """A write without its list could shut the nodes out."""
    bucket = gcs_server.create_bucket(uniform=uniform)
    async with open_store(bucket) as store:
        await store.write("config", b"by kops")
    async with open_store(bucket, FILES) as other:
        for key in ("config", "new"):
            with pytest.raises(AccessDenied) as caught:
                await other.write(key, b"by us")
            assert "Grant storage.objects.getIamPolicy to sa-" in caught.value.message
            assert "Or grant storage.buckets.get on the bucket" in caught.value.message
        assert await keys_of(other) == ["config"]
        assert (await other.read("config")).data == b"by kops"


async def test_a_list_that_may_be_read_and_not_written_is_told(
    gcs_server: GcsServer, open_store: Open, store: Store, bucket: str
) -> None:
    await load(gcs_server, store, bucket, "config")
    async with open_store(bucket, [*FILES, "storage.objects.getIamPolicy", "storage.buckets.get"]) as other:
        with pytest.raises(AccessDenied, match=r"Grant storage\.objects\.setIamPolicy to sa-"):
            await other.write("config", b"by us")


async def test_a_bucket_that_became_uniform_is_written_to(gcs_server: GcsServer, store: Store, bucket: str) -> None:
    await load(gcs_server, store, bucket, "config")
    gcs_server.make_uniform(bucket)
    await store.write("config", b"by us")
    assert (await store.read("config")).data == b"by us"


async def test_a_race_is_lost_whatever_the_list_says(gcs_server: GcsServer, store: Store, bucket: str) -> None:
    await load(gcs_server, store, bucket, "config")
    version = (await store.read("config")).version
    await store.write("config", b"by somebody else")
    for expect in (version, ABSENT):
        with pytest.raises(LostRace):
            await store.write("config", b"by us", expect=expect)


async def test_an_outage_while_lists_are_asked_for_is_an_outage(store: Store, bucket: str, face: FaultProxy) -> None:
    with face.failing(Fault(path=f"/storage/v1/b/{bucket}", method="GET", status=503, times=2)):
        await store.write("config", b"by us")
    assert (await store.read("config")).data == b"by us"


@pytest.mark.parametrize("apart", [False, True])
async def test_a_file_elsewhere_gets_the_list_of_config_too(
    gcs_server: GcsServer,
    store: Store,
    bucket: str,
    apart: bool,  # noqa: FBT001 (a parameter)
) -> None:
    """Of keyStore, secretStore or configBase, in the bucket of the state or in another one."""
    await load(gcs_server, store, bucket, "config")
    other = gcs_server.create_bucket(uniform=False, default=[DEFAULT]) if apart else bucket
    options = StoreOptions(acl_from=Location.parse(f"gs://{bucket}/prod/config"))
    async with open_as(gcs_server, f"gs://{other}/keys", gcs_server.create_account(), options) as keys:
        await keys.write("private/ca/keyset.yaml", b"by us", expect=ABSENT)
        assert LISTED.items() <= gcs_server.get_list(other, "keys/private/ca/keyset.yaml").items()
        gcs_server.set_list(other, "keys/private/ca/keyset.yaml", {NODES: "READER"})
        await keys.write("private/ca/keyset.yaml", b"by us again")
        assert gcs_server.get_list(other, "keys/private/ca/keyset.yaml")[NODES] == "READER"
        assert "project-owners-123" not in gcs_server.get_list(other, "keys/private/ca/keyset.yaml")


async def test_a_config_without_a_list_gives_none_to_other_buckets(
    gcs_server: GcsServer, bucket: str, open_store: Open
) -> None:
    """Its bucket is uniform; that other buckets aren't is no reason to ask for it."""
    uniform = gcs_server.create_bucket(uniform=True)
    async with open_store(uniform) as store:
        await store.write("config", b"by kops")
    options = StoreOptions(acl_from=Location.parse(f"gs://{uniform}/prod/config"))
    account = gcs_server.create_account([*FILES, "storage.buckets.get"])
    async with open_as(gcs_server, f"gs://{bucket}/keys", account, options) as keys:
        await keys.write("new", b"by us", expect=ABSENT)
    assert gcs_server.get_list(bucket, "keys/new")[DEFAULT["entity"]] == "OWNER"


async def test_what_is_granted_after_a_denial_counts_at_once(gcs_server: GcsServer, bucket: str) -> None:
    """Either of the permissions that the denial named, with the client of the run before."""
    uniform = gcs_server.create_bucket(uniform=True)
    for place, permission in ((uniform, "storage.buckets.get"), (uniform, LISTS[0]), (bucket, LISTS[0])):
        account = gcs_server.create_account(FILES)
        async with open_as(gcs_server, f"gs://{place}/prod", account) as store:
            with pytest.raises(AccessDenied, match=r"Or grant storage\.buckets\.get on the bucket"):
                await store.write("config", b"x")
            gcs_server.permit(account.email, [*FILES, permission])
            await store.write("config", b"x")


async def test_uniform_access_that_is_taken_back_is_noticed_in_time(gcs_server: GcsServer, face: FaultProxy) -> None:
    """Google lets people do that for 90 days, and the lists of before are there again."""
    now, bucket = [0.0], gcs_server.create_bucket(uniform=True)
    credentials = secret(gcs_server.create_account().document)
    options, policy = StoreOptions(endpoint=face.endpoint), knowing(gcs_server.endpoint)
    config = make_config(Opening(Location("gs", bucket), options, credentials, policy))
    store = of_config(bucket, config, lambda: now[0])
    await store.write("config", b"by kops")
    gcs_server.make_uniform(bucket, uniform=False)
    gcs_server.set_list(bucket, "config", LISTED)
    now[0] = FACT_SECONDS
    assert (await store.read("config")).data == b"by kops"
    assert face.counts["GET", f"/storage/v1/b/{bucket}"] == 1, "who reads needn't know"
    await store.write("config", b"by us")
    await store.write("config", b"by us")
    assert LISTED.items() <= gcs_server.get_list(bucket, "config").items()
    assert face.counts["GET", f"/storage/v1/b/{bucket}"] == 2
