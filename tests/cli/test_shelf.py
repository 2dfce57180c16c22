"""The clusters of a store are its folders, and none is left out in silence."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from clusterstate.cli.opening import Shop
from clusterstate.cli.shelf import list_clusters
from clusterstate.cli.words import StoreWords
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.base import Page, Store

CONFIG = b"apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\n"


class Crooked(MemoryStore):
    """A store with a folder that somebody else has made, by a name that we write to none."""

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        async for page in super().list(prefix, after=after, shallow=shallow):
            yield replace(page, prefixes=(*page.prefixes, "odd\x1b/"))


class Crookeds(Shop):
    async def store(self, url: str = "") -> Store:
        store = Crooked(url)
        await store.write("prod/config", CONFIG)
        return store


async def test_a_folder_that_cannot_be_reached_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    async with Crookeds(StoreWords(), {}) as shop:
        assert await list_clusters(shop, "memfs://crooked") == ["prod"]
    assert r"The folder 'odd\x1b' is left out: its name holds a control character" in capsys.readouterr().err
