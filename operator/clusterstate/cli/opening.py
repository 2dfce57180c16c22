"""The stores of one command, opened as whoever calls it, with the credentials that kops would take.

`Shop` opens what is asked for and closes all of it at the end. A URL means what it means to kops: `k8s://CONTEXT` is
the cluster of that kubeconfig context, in which kops keeps its own objects (kops, cmd/kops/util/factory.go);
`k8s:///NAMESPACE/PREFIX` is our own way to keep files in Secrets.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from clusterstate.api.store import KubernetesSpec, Layout, StoreSpec
from clusterstate.cli.choice import Chosen, choose_store
from clusterstate.cli.manners import mention
from clusterstate.cli.sizes import count_of
from clusterstate.cli.words import StoreWords
from clusterstate.errors import CommandInvalid, SpecInvalid
from clusterstate.gather import Access, Sources, own_access, own_credentials
from clusterstate.store.base import Store
from clusterstate.store.counting import RequestCounts
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import KUBERNETES, Location
from clusterstate.store.open import open_store
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions

if TYPE_CHECKING:  # its packages take a second to load, and most stores aren't in Kubernetes
    from clusterstate.kube.client import Client

_KOPS_OWN: Final = f"{KUBERNETES}://"


@dataclass(frozen=True, slots=True)
class Address:
    """What a store's URL means on the command line."""

    spec: StoreSpec
    context: str | None
    """Of the kubeconfig; None: the current one."""

    @property
    def keeps_objects(self) -> bool:
        """Whether the store is kops's own objects in Kubernetes, each cluster in a namespace of its own."""
        return self.spec.k8s is not None

    @classmethod
    def of(cls, url: str, context: str | None = None) -> Self:
        """Read a URL; `context` is for one that names none."""
        named = url.removeprefix(_KOPS_OWN)
        if not url.startswith(_KOPS_OWN) or named.startswith("/"):
            return cls(StoreSpec(url=url), context)
        return cls(StoreSpec(url=_KOPS_OWN, k8s=KubernetesSpec(layout=Layout.KOPS_RESOURCES)), named or context)


def require_url(url: str, by: str) -> None:
    """Raise `CommandInvalid` for a URL that is none, an empty one too, without the credentials that may stand in it.

    `by` is what gave it, such as `--state`.
    """
    try:
        Location.parse(Address.of(url).spec.url)
    except SpecInvalid as error:
        raise CommandInvalid(f"{error.message} It was given by {by}.") from None


class Shop:
    """Opens stores and states until the command ends (an asynchronous context manager)."""

    def __init__(self, words: StoreWords, environ: Mapping[str, str]) -> None:
        """Take what was said; nothing is chosen or opened yet."""
        self.environ = environ
        self.counts: Final = RequestCounts()
        """What was asked of all stores so far."""
        self._words = words
        self._stack = AsyncExitStack()
        self._chosen: Chosen | None = None
        self._clients: dict[str | None, Client] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        mention_requests(self.counts)

    @property
    def chosen(self) -> Chosen:
        """The store that the command is about. Raises `CommandInvalid` where none is chosen."""
        if self._chosen is None:
            self._chosen = choose_store(self._words, self.environ)
            require_url(self._chosen.url, self._chosen.by)
            mention(f"The store is {self._chosen.url}, by {self._chosen.by}.")
        return self._chosen

    def address(self, url: str = "") -> Address:
        """Give what a URL means; none is the chosen store's."""
        return Address.of(url or self.chosen.url, self._words.context)

    async def client(self, address: Address) -> "Client | None":
        """Give a client of the Kubernetes API where the store lies in it."""
        if not address.spec.url.startswith(_KOPS_OWN):
            return None
        return await self.kube(address.context)

    async def kube(self, context: str | None = None) -> "Client":
        """Give a client of the Kubernetes API, as whom the kubeconfig says."""
        from clusterstate.kube.client import connect  # noqa: PLC0415 (as above)

        if context not in self._clients:
            client = await connect(self._words.kubeconfig, context)
            self._clients[context] = await self._stack.enter_async_context(client)
        return self._clients[context]

    async def store(self, url: str = "") -> Store:
        """Open a whole store; nothing is asked of it yet. Errors as `open_store`."""
        location = self.location(url)
        credentials = own_credentials(location.scheme, self.environ)
        kube = await self.client(self.address(url))
        opening = Opening(location, StoreOptions(), credentials, EndpointPolicy.trusting(location.folder), kube)
        store = await open_store(opening, self.counts)
        self._stack.push_async_callback(store.close)
        return store

    def location(self, url: str = "") -> Location:
        """Say where a whole store is, in Kubernetes with its namespace. Raises `SpecInvalid` for a URL that is none."""
        address = self.address(url)
        return Location.parse(address.spec.url).within(self._namespace(address))

    def access(self, cluster: str, url: str = "") -> Access:
        """Say how the state of a cluster is reached. Raises `SpecInvalid` or `StoreUnsupported`."""
        address = self.address(url)
        return own_access(address.spec, self._namespace(address), cluster, self.environ)

    async def sources(self, cluster: str, url: str = "", *, writes: bool = False, creates: bool = False) -> Sources:
        """Open the state of a cluster, to be read, or written too, a new one only where it `creates`."""
        return await self.sources_at(self.access(cluster, url), url, writes=writes, creates=creates)

    async def sources_at(
        self, access: Access, url: str = "", *, writes: bool, creates: bool = False, acl_from: Location | None = None
    ) -> Sources:
        """Do the same for an access that is known, that of the same URL; see `Sources`."""
        client = await self.client(self.address(url))
        sources = Sources(client, access, writes=writes, creates=creates, acl_from=acl_from, counts=self.counts)
        return await self._stack.enter_async_context(sources)

    def _namespace(self, address: Address) -> str:
        if not address.spec.url.startswith(_KOPS_OWN):
            return ""
        from clusterstate.kube.login import home_namespace  # noqa: PLC0415 (as above)

        return home_namespace(self._words.kubeconfig, address.context)


def mention_requests(counts: RequestCounts) -> None:
    """Tell those who asked for more what was asked of stores."""
    asked = {"list": counts.lists, "read": counts.reads, "write": counts.writes, "deletion": counts.deletes}
    if counts.total:
        mention(f"stores got {', '.join(count_of(number, kind) for kind, number in asked.items() if number)}.")
