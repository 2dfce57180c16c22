"""One namespace of one cluster: one request each, told as a store's.

The API server says of a namespace that isn't there what it says of an empty one, unless something is to be created
in it. So whoever finds nothing asks by `require`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

from clusterstate.errors import AccessDenied, IntegrityFailed, KeyNotFound, StoreNotFound
from clusterstate.kube.calls import Verb
from clusterstate.kube.client import CHUNK, Bounds, Client, Selection
from clusterstate.kube.kinds import NAMESPACES, JsonObject, Kind
from clusterstate.store.backends.kubernetes.errors import translating
from clusterstate.store.backends.kubernetes.objects import Found, Identity, look_at, name_told
from clusterstate.store.failures import Request
from clusterstate.store.listing import PAGE_SIZE, check_pages
from clusterstate.store.texts import quote_foreign

OWN_CLUSTER: Final = "Kubernetes"
"""How messages call the API server of the operator's own cluster."""
BOUNDS: Final = Bounds(requests=1000, size=256 << 20)
"""Of one listing: pages without objects have no end either, and metadata may have 256 KiB."""


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

    async def get(self, kind: Kind, name: str, key: str) -> Found:
        """Give an object; raise `KeyNotFound` where it isn't there."""
        with translating(self._request("get", kind, key)):
            body = await self._client.get(kind, self.name, name)
        return self._look_at(kind, body, name)

    async def pages(
        self, kind: Kind, *, labels: str = "", fields: str = "", key: str = "", chunk: int = CHUNK
    ) -> AsyncIterator[list[Found]]:
        """Give every object that the selectors match, `chunk` at a time. Whoever asks keeps no more than he needs."""
        count = 0
        with translating(self._request("list", kind, key)):
            selection = Selection(kind, self.name, labels, fields)
            async for page in self._client.pages(selection, chunk=chunk, bounds=BOUNDS):
                count += len(page.objects)
                check_pages(count // PAGE_SIZE, self.url)
                yield [self._look_at(kind, body) for body in page.objects]

    async def create(self, kind: Kind, body: JsonObject, key: str, *, strict: bool = False) -> Found:
        """Create an object and give it as it is kept; raise `LostRace` where its name is taken.

        Raises `KeyNotFound` where the namespace is there, but not the kind.
        """
        try:
            with translating(self._request("create", kind, key)):
                kept = await self._client.create(kind, body, strict=strict)
        except KeyNotFound:
            await self.require()
            raise
        return self._look_at(kind, kept, body["metadata"]["name"])

    async def replace(self, kind: Kind, body: JsonObject, key: str, *, strict: bool = False) -> Found:
        """Put an object in place of the version that it names; raise `LostRace` or `KeyNotFound`."""
        with translating(self._request("update", kind, key)):
            kept = await self._client.replace(kind, body, strict=strict)
        return self._look_at(kind, kept, body["metadata"]["name"])

    async def delete(self, kind: Kind, identity: Identity, key: str) -> None:
        """Delete an object in this very version; one that is gone already is no error.

        Raises `LostRace` where it has another version by now.
        """
        with suppress(KeyNotFound), translating(self._request("delete", kind, key)):
            await self._client.delete(
                kind, self.name, identity.name, uid=identity.uid, resource_version=identity.version.token
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

    def _look_at(self, kind: Kind, body: JsonObject, name: str = "") -> Found:
        """Give what the API server told; raise `IntegrityFailed` where it can't be, or isn't what was asked for."""
        try:
            found = look_at(body)
        except ValueError:
            told = quote_foreign(name or name_told(body), self._secrets)
            raise IntegrityFailed(
                f"{kind.kind} {told or 'without a name'} in namespace {self.name} has metadata that isn't what "
                "Kubernetes sends."
            ) from None
        if name not in {"", found.identity.name}:
            raise IntegrityFailed(
                f"{self.endpoint or OWN_CLUSTER} told of another {kind.kind} than {name} in namespace {self.name}. "
            )
        return found

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
