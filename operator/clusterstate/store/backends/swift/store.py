"""The asynchronous store over a blocking container: each call is one visit to the client's lane of threads."""

from collections.abc import AsyncIterator
from typing import Final

from clusterstate.store.backends.swift import expect as expectations
from clusterstate.store.backends.swift.client import Client
from clusterstate.store.backends.swift.config import make_inputs
from clusterstate.store.backends.swift.container import Container
from clusterstate.store.backends.swift.own import read_own
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Expect, Page, Version
from clusterstate.store.clients import CLIENTS, Clients
from clusterstate.store.key import check_key, check_prefix
from clusterstate.store.listing import follow
from clusterstate.store.opening import Opening
from clusterstate.store.threads import Lane

_CAPABILITIES: Final = Capabilities(atomic_create=False, atomic_update=False, atomic_delete=False, creates_bucket=True)
"""See `expect`."""
_MAKING: Final = Lane()
"""Threads that read the operator's files and make clients."""


class SwiftStore:
    """A container of Swift."""

    def __init__(self, container: Container) -> None:
        self._container = container

    @property
    def capabilities(self) -> Capabilities:
        """Nothing is promised: Swift keeps no conditions."""
        return _CAPABILITIES

    @property
    def endpoint(self) -> str | None:
        """The account's public URL, since each account has containers of its own; None until a token told."""
        place = self._container.client.place
        return place.identity if place else None

    async def read(self, key: str) -> Blob:
        """See `Store.read`. Two requests where nothing is there: the second tells a file from its container."""
        return await self._container.lane.run(self._container.get, check_key(key))

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`. A create makes the container too, where there is none."""
        return await self._container.lane.run(expectations.write, self._container, check_key(key), data, expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        await self._container.lane.run(expectations.delete, self._container, check_key(key), expect)

    def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`. One request per page."""

        async def fetch(behind: str) -> tuple[Page, str | None]:
            return await self._container.lane.run(self._container.page, check_prefix(prefix), behind, shallow=shallow)

        return follow(fetch, after, self._container.url)

    async def close(self) -> None:
        """Leave the client to the next store with equal inputs."""


async def open_container(opening: Opening, clients: Clients = CLIENTS) -> SwiftStore:
    """Open a container without asking anything of it; errors as `open.open_store`."""
    inputs = make_inputs(opening, await _MAKING.run(read_own, opening.credentials))
    await inputs.wire.admit(inputs.auth_url)
    client = await _MAKING.run(clients.get, inputs, opening.credentials, Client)
    return SwiftStore(Container(opening.location.bucket, client))
