"""One namespace of one cluster: one request each, told as a store's.

The API server says of a namespace that isn't there what it says of an empty one, unless something is to be created
in it. So whoever finds nothing asks by `require`.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from clusterstate.errors import AccessDenied, KeyNotFound, StoreNotFound
from clusterstate.kube.calls import Verb
from clusterstate.kube.client import Client, Selection
from clusterstate.kube.kinds import NAMESPACES, JsonObject, Kind
from clusterstate.store.backends.kubernetes.errors import translating
from clusterstate.store.failures import Request
from clusterstate.store.listing import PAGE_SIZE, check_pages

OWN_CLUSTER: Final = "Kubernetes"
"""How messages call the API server of the operator's own cluster."""


class Namespace:
    """A namespace, used as one user; every method raises only `StoreError`s.

    A `key` is the file that a request is about, for its errors; empty where it is about the namespace.
    """

    def __init__(
        self,
        client: Client,
        name: str,
        *,
        endpoint: str = "",
        secrets: tuple[str, ...] = (),
        leave: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Take who asks, the URL of another cluster, what no text may show, and what `close` gives back."""
        self.name = name
        self.endpoint = endpoint
        self._client = client
        self._secrets = secrets
        self._leave = leave

    @property
    def url(self) -> str:
        """The URL of a store that has all of it."""
        return f"k8s:///{self.name}"

    async def get(self, kind: Kind, name: str, key: str) -> JsonObject:
        """Give an object; raise `KeyNotFound` where it isn't there."""
        with translating(self._request("get", kind, key)):
            return await self._client.get(kind, self.name, name)

    async def list(self, kind: Kind, *, labels: str = "", fields: str = "", key: str = "") -> list[JsonObject]:
        """Give every object that the selectors match."""
        found: list[JsonObject] = []
        with translating(self._request("list", kind, key)):
            async for page in self._client.pages(Selection(kind, self.name, labels, fields)):
                found += page.objects
                check_pages(len(found) // PAGE_SIZE, self.url)
        return found

    async def create(self, kind: Kind, body: JsonObject, key: str, *, strict: bool = False) -> JsonObject:
        """Create an object and give it as it is kept; raise `LostRace` where its name is taken.

        Raises `KeyNotFound` where the namespace is there, but not the kind.
        """
        try:
            with translating(self._request("create", kind, key)):
                return await self._client.create(kind, body, strict=strict)
        except KeyNotFound:
            await self.require()
            raise

    async def replace(self, kind: Kind, body: JsonObject, key: str, *, strict: bool = False) -> JsonObject:
        """Put an object in place of the version that it names; raise `LostRace` or `KeyNotFound`."""
        with translating(self._request("update", kind, key)):
            return await self._client.replace(kind, body, strict=strict)

    async def delete(self, kind: Kind, metadata: JsonObject, key: str) -> None:
        """Delete the object that has this metadata, in this very version; one that is gone already is no error.

        Raises `LostRace` where it has another version by now.
        """
        with suppress(KeyNotFound), translating(self._request("delete", kind, key)):
            await self._client.delete(
                kind,
                self.name,
                metadata["name"],
                uid=metadata["uid"],
                resource_version=metadata["resourceVersion"],
            )

    async def require(self) -> None:
        """Raise `StoreNotFound` where there is no such namespace; who may not ask takes it to be there."""
        with suppress(AccessDenied):
            try:
                with translating(self._request("get", NAMESPACES, "")):
                    await self._client.get(NAMESPACES.without_bodies, None, self.name)
            except StoreNotFound:
                raise StoreNotFound(
                    f"There is no namespace {self.name} at {self.endpoint or OWN_CLUSTER}. Create it, or correct the "
                    "store's URL."
                ) from None

    async def close(self) -> None:
        """Give the client back. Nothing may be called afterwards."""
        if self._leave is not None:
            await self._leave()

    def _request(self, verb: Verb, kind: Kind, key: str) -> Request:
        resource = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
        return Request(
            f"{verb} {resource}",
            self.url,
            key,
            self.endpoint or OWN_CLUSTER,
            permission=f"{verb} {resource} in namespace {self.name}",
            secrets=self._secrets,
        )
