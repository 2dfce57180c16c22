"""What a file looks like in the cluster: readable, findable by folder, and never mistaken for anybody else's."""

import base64
import random
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import pytest

from clusterstate.errors import KeyNotFound, StoreRefused, StoreUnavailable
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.store.backends.kubernetes import files
from clusterstate.store.base import ABSENT, ANYTHING, Store
from tests.store.backends.kubernetes.stores import far, near, objects
from tests.store.conformance import FIVE_MIB, keys_of, pages_of
from tests.store.opening import opened
from tests.support.faultproxy import Fault, FaultProxy

pytestmark = pytest.mark.apiserver
CONFIG = "c.example.com/config"


@pytest.fixture
async def store(control_plane: ControlPlane, namespace: str) -> AsyncIterator[Store]:
    async with near(control_plane, f"k8s:///{namespace}") as store:
        yield store


def data_of(secret: dict[str, Any]) -> bytes:
    return base64.b64decode(secret["data"]["file"])


def put(plane: ControlPlane, namespace: str, body: dict[str, Any]) -> None:
    plane.api().request("POST", f"/api/v1/namespaces/{namespace}/secrets", body)


async def test_a_file_is_a_secret_that_people_can_read(
    control_plane: ControlPlane, namespace: str, store: Store
) -> None:
    await store.write(CONFIG, b"kind: Cluster\n")
    (secret,) = objects(control_plane, namespace)
    assert (secret["type"], data_of(secret)) == ("clusterstate.dev/file", b"kind: Cluster\n")
    annotations = secret["metadata"]["annotations"]
    assert (annotations["clusterstate.dev/key"], annotations["clusterstate.dev/size"]) == (CONFIG, "14")
    assert "app.kubernetes.io/managed-by" not in secret["metadata"]["labels"], "it would be taken for a mirror"
    assert "immutable" not in secret


async def test_what_is_large_is_compressed_the_same_each_time(
    control_plane: ControlPlane, namespace: str, store: Store
) -> None:
    for key in ("a", "b"):
        await store.write(key, FIVE_MIB)
    one, other = objects(control_plane, namespace)
    assert data_of(one) == data_of(other)
    assert len(data_of(one)) < 100_000


async def test_an_unchanged_write_is_an_unchanged_version(store: Store) -> None:
    first = await store.write(CONFIG, b"x")
    assert await store.write(CONFIG, b"x", expect=first) == first


async def test_prefixes_end_at_slashes(control_plane: ControlPlane, namespace: str, store: Store) -> None:
    await store.write("a/b/c.example.com/config", b"x")
    await store.write("a/bc/config", b"y")
    async with (
        near(control_plane, f"k8s:///{namespace}/a") as wide,
        near(control_plane, f"k8s:///{namespace}/a/b") as narrow,
    ):
        assert await keys_of(wide) == ["b/c.example.com/config", "bc/config"]
        assert await keys_of(narrow) == [CONFIG]
        version = (await narrow.read(CONFIG)).version
        await wide.write("b/c.example.com/config", b"z", expect=version)
        assert (await narrow.read(CONFIG)).data == b"z"


async def test_folders_below_the_labels_are_told_apart_too(store: Store) -> None:
    deep = "/".join("abcdefghijkl")
    keys = [f"{deep}/1", f"{deep}/m/2", "a/b/c/d/e/f/g/h/other/3"]
    for key in keys:
        await store.write(key, b"x")
    for depth in range(1, 13):
        prefix = "/".join("abcdefghijkl"[:depth]) + "/"
        assert await keys_of(store, prefix) == [key for key in keys if key.startswith(prefix)]
    (page,) = await pages_of(store, f"{deep}/", shallow=True)
    assert (page.entries[0].key, page.prefixes) == (f"{deep}/1", (f"{deep}/m/",))


async def test_the_longest_key(store: Store) -> None:
    key = "/".join(["é" * 100, "x" * 823])
    assert len(key.encode()) == 1024
    version = await store.write(key, b"x", expect=ABSENT)
    assert (await store.read(key)).version == version
    assert await keys_of(store, "é") == [key]


async def test_a_listing_asks_for_its_folder_alone_and_for_no_data(
    control_plane: ControlPlane, namespace: str, trust: Any
) -> None:
    with FaultProxy(control_plane.url, trust=trust) as proxy:
        async with opened(f"k8s:///{namespace}", far(proxy.endpoint, control_plane.admin_token)) as store:
            for key in (CONFIG, "other/file"):
                await store.write(key, random.Random(1).randbytes(1 << 20))
            mark = control_plane.audit_mark()
            with proxy.failing(Fault(truncate_to=100_000)):
                assert await keys_of(store, "c.example.com/") == [CONFIG]
    queries = [unquote(each["requestURI"]) for each in control_plane.audit_events(mark)]
    (query,) = [query for query in queries if f"/{namespace}/" in query]
    assert "fieldSelector=type=clusterstate.dev/file" in query
    assert "labelSelector=!clusterstate.dev/part,clusterstate.dev/folder-1=" in query


async def test_a_secret_of_others_is_not_touched(control_plane: ControlPlane, namespace: str, store: Store) -> None:
    theirs = {"metadata": {"name": files.name_of(CONFIG)}, "stringData": {"file": "theirs"}}
    put(control_plane, namespace, theirs)
    before = objects(control_plane, namespace)
    with pytest.raises(KeyNotFound):
        await store.read(CONFIG)
    for expect in (ABSENT, ANYTHING):
        with pytest.raises(StoreRefused, match=rf"Secret {files.name_of(CONFIG)} .* in the way"):
            await store.write(CONFIG, b"ours", expect=expect)
    await store.delete(CONFIG)
    assert await keys_of(store) == []
    assert objects(control_plane, namespace) == before


async def test_what_pretends_to_be_a_file_is_none(control_plane: ControlPlane, namespace: str, store: Store) -> None:
    """Neither another type with our labels, nor our type with what isn't consistent in itself."""
    head = files.make_head(namespace, CONFIG, files.pack(b"x"))
    put(control_plane, namespace, {**head, "type": "Opaque"})
    other = files.make_head(namespace, "other", files.pack(b"x"))
    other["metadata"]["name"] = "of-another-name"
    put(control_plane, namespace, other)
    for size in ("-1", "9" * 5000, "²"):
        unsized = files.make_head(namespace, f"size {size[:2]}", files.pack(b"x"))
        unsized["metadata"]["annotations"][files.SIZE] = size
        put(control_plane, namespace, unsized)
    assert await keys_of(store) == []


async def test_no_file_reaches_for_other_secrets(control_plane: ControlPlane, namespace: str, store: Store) -> None:
    """Names of parts are made from digests that a head tells, but they start with the file's own name."""
    put(control_plane, namespace, {"metadata": {"name": "canary"}, "stringData": {"file": "canary"}})
    head = files.make_head(namespace, CONFIG, files.pack(b"canary"))
    head["data"] = {"file": ""}
    head["metadata"]["annotations"][files.PARTS] = "canary"
    put(control_plane, namespace, head)
    with pytest.raises(Exception, match="a part is missing"):
        await store.read(CONFIG)


async def test_a_file_that_is_too_large_is_not_read(control_plane: ControlPlane, namespace: str, store: Store) -> None:
    bomb = files.make_head(namespace, CONFIG, files.pack(bytes(9 << 20)))
    put(control_plane, namespace, bomb)
    with pytest.raises(StoreRefused, match="the most that is read"):
        await store.read(CONFIG)
    lie = files.make_head(namespace, "lie", files.pack(bytes(9 << 20)))
    lie["metadata"]["annotations"][files.SIZE] = "10"
    put(control_plane, namespace, lie)
    with pytest.raises(Exception, match="don't fit their digest"):
        await store.read("lie")


def hold(plane: ControlPlane, namespace: str, name: str, *finalizers: str) -> None:
    """Set the finalizers of a Secret."""
    path, kind = f"/api/v1/namespaces/{namespace}/secrets/{name}", "application/merge-patch+json"
    plane.api().request("PATCH", path, {"metadata": {"finalizers": list(finalizers)}}, content_type=kind)


async def test_a_file_that_is_being_deleted_is_gone_and_not_written(
    control_plane: ControlPlane, namespace: str, store: Store
) -> None:
    """What replaced it, without its finalizers, would be removed at once."""
    await store.write(CONFIG, b"one")
    hold(control_plane, namespace, files.name_of(CONFIG), "example.com/held")
    version = (await store.read(CONFIG)).version
    await store.delete(CONFIG, expect=version)
    assert await keys_of(store) == []
    with pytest.raises(KeyNotFound):
        await store.read(CONFIG)
    await store.delete(CONFIG)
    for expect in (ANYTHING, ABSENT, version):
        with pytest.raises(StoreUnavailable, match=r"is being deleted.*example\.com/held.*remove its finalizers"):
            await store.write(CONFIG, b"two", expect=expect)
    hold(control_plane, namespace, files.name_of(CONFIG))
    await store.write(CONFIG, b"two", expect=ABSENT)
    assert (await store.read(CONFIG)).data == b"two"


async def test_a_part_that_is_being_deleted_is_not_relied_on(
    control_plane: ControlPlane, namespace: str, store: Store
) -> None:
    data = random.Random(1).randbytes(3 << 19)
    part = files.part_name(CONFIG, files.pack(data).parts[0])
    await store.write(CONFIG, data)
    hold(control_plane, namespace, part, "example.com/held")
    await store.write(CONFIG, b"small")
    with pytest.raises(StoreUnavailable, match=rf"{part}.*is being deleted.*example\.com/held"):
        await store.write(CONFIG, data)
    assert (await store.read(CONFIG)).data == b"small"
    hold(control_plane, namespace, part)
    await store.write(CONFIG, data)
    assert (await store.read(CONFIG)).data == data
