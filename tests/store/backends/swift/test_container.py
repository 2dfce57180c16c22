"""What is Swift's own: containers that a create makes, large objects, folders, ACLs, newer writes of others."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from clusterstate.errors import AccessDenied, KeyNotFound, LostRace, StoreNotFound, StoreRefused, StoreUnavailable
from clusterstate.store.base import ABSENT, LARGEST_FILE, Capabilities, Store, Version
from clusterstate.store.wrappers import ReadOnly
from tests.store.backends.swift.stores import swift_secret
from tests.store.conformance import entries_of, fill, keys_of, pages_of
from tests.store.opening import opened
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.openstack.account import Account
from tests.support.openstack.identity import User
from tests.support.openstack.server import SwiftServer

pytestmark = pytest.mark.objectstore


@pytest.fixture(scope="module")
def account(swift_server: SwiftServer, user: User) -> Account:
    return Account.of(swift_server, user)


@pytest.fixture
async def store(swift_server: SwiftServer, user: User, container: str) -> AsyncIterator[Store]:
    async with opened(f"swift://{container}", swift_secret(swift_server, user)) as store:
        yield store


@pytest.fixture
def missing() -> str:
    """The name of a container that isn't there."""
    return f"missing-{secrets.token_hex(5)}"


@pytest.fixture
async def nowhere(swift_server: SwiftServer, user: User, missing: str) -> AsyncIterator[Store]:
    async with opened(f"swift://{missing}/prefix", swift_secret(swift_server, user)) as store:
        yield store


async def test_nothing_but_a_create_makes_the_container(nowhere: Store, account: Account, missing: str) -> None:
    works = (
        nowhere.read("file"),
        nowhere.write("file", b"x"),
        nowhere.write("file", b"x", expect=Version("0" * 32)),
        keys_of(nowhere),
        pages_of(nowhere, shallow=True),
    )
    for work in works:
        with pytest.raises(StoreNotFound, match=f"no bucket {missing} at .*/v1/AUTH_"):
            await work
    for expect in (Version("0" * 32), ABSENT):
        with pytest.raises(StoreNotFound):
            await nowhere.delete("file", expect=expect)
    await nowhere.delete("file")
    with pytest.raises(StoreRefused, match="must not write"):
        await ReadOnly(nowhere).write("file", b"x", expect=ABSENT)
    assert not account.has(missing)


async def test_a_create_makes_the_container(nowhere: Store, account: Account, missing: str) -> None:
    assert nowhere.capabilities.creates_bucket
    version = await nowhere.write("file", b"x", expect=ABSENT)
    assert account.keys(missing) == ["prefix/file"]
    with pytest.raises(LostRace):
        await nowhere.write("file", b"y", expect=ABSENT)
    assert (await nowhere.read("file")).version == version


async def test_many_creates_make_one_container(nowhere: Store, account: Account, missing: str) -> None:
    await asyncio.gather(*(nowhere.write(f"{number:02}", b"x", expect=ABSENT) for number in range(16)))
    assert len(account.keys(missing)) == 16


@pytest.fixture
def proxy(swift_server: SwiftServer) -> Iterator[FaultProxy]:
    with FaultProxy(swift_server.url) as proxy:
        yield proxy


@pytest.fixture
async def proxied(swift_server: SwiftServer, user: User, proxy: FaultProxy, missing: str) -> AsyncIterator[Store]:
    with swift_server.keystone.region(proxy.endpoint) as region:
        async with opened(f"swift://{missing}", swift_secret(swift_server, user, OS_REGION_NAME=region)) as store:
            yield store


async def test_a_container_that_is_not_known_everywhere_yet_is_waited_for(
    proxied: Store, proxy: FaultProxy, account: Account, missing: str
) -> None:
    path = f"{account.url.partition(proxy.upstream)[2]}/{missing}"
    with proxy.failing(Fault(method="PUT", path=f"{path}/file", status=404, times=2)):
        await proxied.write("file", b"x", expect=ABSENT)
    assert proxy.counts == {("PUT", f"{path}/file"): 3, ("PUT", path): 1}
    unknown = Fault(method="PUT", path=f"{path}/other", status=404)
    with proxy.failing(unknown), pytest.raises(StoreUnavailable, match="isn't known everywhere yet"):
        await proxied.write("other", b"x", expect=ABSENT)


async def test_a_write_that_came_too_late_is_repeated(proxied: Store, proxy: FaultProxy) -> None:
    """Swift says 202 where somebody's newer bytes are there already: ours are not."""
    await proxied.write("file", b"x", expect=ABSENT)
    with proxy.failing(Fault(method="PUT", status=202, times=1)):
        await proxied.write("file", b"y")
    assert (await proxied.read("file")).data == b"y"
    with proxy.failing(Fault(method="DELETE", status=409, times=1)):
        await proxied.delete("file")
    assert await keys_of(proxied) == []


async def test_missing_files_cost_a_look_at_the_container(proxied: Store, proxy: FaultProxy) -> None:
    await proxied.write("file", b"x", expect=ABSENT)
    proxy.counts.clear()
    with pytest.raises(KeyNotFound):
        await proxied.read("none")
    assert sorted(method for method, _ in proxy.counts.elements()) == ["GET", "HEAD"]


async def test_nothing_is_promised_and_all_is_compared(proxied: Store, proxy: FaultProxy, missing: str) -> None:
    version = await proxied.write("file", b"x", expect=ABSENT)
    proxy.counts.clear()
    version = await proxied.write("file", b"y", expect=version)
    await proxied.delete("file", expect=version)
    methods = [method for method, path in proxy.counts.elements() if path.endswith(f"{missing}/file")]
    assert sorted(methods) == ["DELETE", "HEAD", "HEAD", "PUT"]
    assert proxied.capabilities == Capabilities(
        atomic_create=False, atomic_update=False, atomic_delete=False, creates_bucket=True, streams=True
    )


async def test_a_version_is_the_digest_of_the_bytes(store: Store) -> None:
    first = await store.write("file", b"x")
    assert first.token == hashlib.md5(b"x").hexdigest()
    await store.write("file", b"y")
    assert await store.write("file", b"x") == first


async def test_a_static_large_object_is_read_and_has_one_version(
    store: Store, account: Account, container: str
) -> None:
    account.put(f"{container}/parts/1", b"one ")
    account.put(f"{container}/parts/2", b"two")
    parts = [{"path": f"/{container}/parts/{number}"} for number in (1, 2)]
    assert account.ask("PUT", f"{container}/large", json.dumps(parts).encode(), "?multipart-manifest=put").status == 201
    blob = await store.read("large")
    assert blob.data == b"one two"
    large = next(entry for entry in await entries_of(store) if entry.key == "large")
    assert (large.version, large.size) == (blob.version, 7)
    await store.write("large", b"plain", expect=blob.version)
    assert (await store.read("large")).data == b"plain"


async def test_a_dynamic_large_object_is_refused(store: Store, account: Account, container: str) -> None:
    account.put(f"{container}/parts/1", b"one")
    account.put(f"{container}/large", b"", X_Object_Manifest=f"{container}/parts/")
    for work in (store.read("large"), store.write("large", b"x", expect=Version("0" * 32))):
        with pytest.raises(StoreRefused, match=r"/large is a dynamic large object"):
            await work
    assert await keys_of(store) == ["large", "parts/1"]
    await store.write("large", b"plain")
    assert (await store.read("large")).data == b"plain"


async def test_what_holds_bytes_stands_for_no_folder(store: Store, account: Account, container: str) -> None:
    account.put(f"{container}/d", b"x", Content_Type="application/directory")
    account.put(f"{container}/e/", b"x")
    assert await keys_of(store) == ["d", "e/"]


async def test_pages_go_on_behind_folders(store: Store) -> None:
    await fill(store, [f"{number:04}/file" for number in range(1200)])
    pages = await pages_of(store, shallow=True)
    assert [len(page.prefixes) for page in pages] == [1000, 200]
    assert pages[1].prefixes[0] == "1000/"


async def test_a_file_that_is_too_large_is_listed_only(store: Store, account: Account, container: str) -> None:
    account.put(f"{container}/large", bytes(LARGEST_FILE + 1))
    with pytest.raises(StoreRefused, match=f"{container}/large has more than {LARGEST_FILE} bytes"):
        await store.read("large")
    assert await keys_of(store) == ["large"]
    account.put(f"{container}/large", bytes(LARGEST_FILE))
    assert len((await store.read("large")).data) == LARGEST_FILE


async def test_bytes_that_say_they_are_packed_come_as_they_are(store: Store, account: Account, container: str) -> None:
    account.put(f"{container}/file", b"not gzip", Content_Encoding="gzip")
    assert (await store.read("file")).data == b"not gzip"


@pytest.mark.parametrize("name", ["日本-{}", "_under.score~{}", "x" * 240 + "-{}"])
async def test_containers_have_names_of_any_script(
    swift_server: SwiftServer, user: User, account: Account, name: str
) -> None:
    container = name.format(secrets.token_hex(5))
    async with opened(f"swift://{container}/ü", swift_secret(swift_server, user)) as store:
        await store.write("file", b"x", expect=ABSENT)
        assert await keys_of(store) == ["file"]
    assert account.keys(container) == ["ü/file"]


async def test_the_containers_acls_are_enough_for_one_cluster(
    swift_server: SwiftServer, user: User, account: Account, container: str, missing: str
) -> None:
    """As docs/stores/swift.md says under Permissions."""
    reader = swift_server.keystone.create_user("reader", project=user)
    credentials = swift_secret(swift_server, reader)
    who = f"{reader.project_id}:{reader.id}"
    account.put(f"{container}/file", b"x")
    async with opened(f"swift://{container}", credentials) as store:
        account.ask("POST", container, X_Container_Read=who)
        assert await keys_of(store) == ["file"]
        version = (await store.read("file")).version
        with pytest.raises(AccessDenied, match=rf"X-Container-Write\), to user {reader.name} of"):
            await store.write("file", b"y")
        account.ask("POST", container, X_Container_Write=who)
        await store.write("file", b"y", expect=version)
        with pytest.raises(KeyNotFound):
            await store.read("none")
    async with opened(f"swift://{missing}", credentials) as store:
        with pytest.raises(AccessDenied, match=r"PUT object on .* Grant a role of operator_roles"):
            await store.write("file", b"x", expect=ABSENT)


async def test_a_full_account_is_told(store: Store, account: Account, container: str) -> None:
    account.ask("POST", container, X_Container_Meta_Quota_Count="0")
    with pytest.raises(StoreRefused, match=r"413 .*quota"):
        await store.write("file", b"x")
