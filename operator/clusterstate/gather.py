"""The reading: everything that a run looks at before it decides. The only reader, and it writes nothing.

`Sources` opens the stores of one object and closes them again. In the steady state one list of the store is
all there is: `Known` carries over what the versions in that list prove to be unchanged.
"""

import asyncio
import base64
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from clusterstate.api.store import BundleKind, CaBundleReference, Layout, StoreSpec
from clusterstate.errors import (
    CredentialsInvalid,
    CredentialsNotFound,
    MalformedFile,
    ObjectNotFound,
    ReferenceNotFound,
    SpecInvalid,
    StoreNotFound,
)
from clusterstate.kube.kinds import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS
from clusterstate.plan.place import layout_of, led_by, locate_state, locate_store
from clusterstate.policy import OWN_CREDENTIALS, Policy
from clusterstate.settings import Settings
from clusterstate.state import layout
from clusterstate.state.objects import Document
from clusterstate.state.tree import OWN_PLACE, Listing, Tree, read_cluster
from clusterstate.store.base import Store, Version
from clusterstate.store.copying import most_of
from clusterstate.store.counting import RequestCounts
from clusterstate.store.credentials import Credentials, Given, ServiceAccount, Source, choose_credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.failures import listed_too_slowly
from clusterstate.store.location import Location
from clusterstate.store.open import backend_of, open_store
from clusterstate.store.opening import Opening
from clusterstate.store.options import Role, StoreOptions
from clusterstate.store.wrappers import ReadOnly

if TYPE_CHECKING:  # the command line reads stores without the Kubernetes API, whose packages take a second to load
    from clusterstate.kube.client import Client

KUBECONFIG_KEYS: Final = ("kubeconfig", "value")
"""Keys of a kubeconfig Secret: ours, and the one that Cluster API and Flux use."""


@dataclass(frozen=True, slots=True)
class Access:
    """How the stores of one object are reached, and as whom."""

    store: Location
    location: Location
    """Of the state, `{store}/{clusterName}`."""
    options: StoreOptions
    credentials: Credentials
    policy: EndpointPolicy
    layout: Layout = Layout.SECRETS
    """Of a store in Kubernetes."""
    trusting: bool = False
    """Whether who runs this answers for what `config` says: it may lead to any bucket, whoever gave the credentials."""

    @property
    def shared(self) -> tuple[Location, StoreOptions, Credentials, Layout]:
        """What objects have in common that reach the same store in the same way."""
        return self.store, self.options, self.credentials, self.layout

    @property
    def detoured(self) -> bool:
        """Whether somebody of the tenant's choice may answer in the store's place, which proves nothing to others."""
        rules = backend_of(self.store.scheme).rules
        proxied = bool(self.options.proxy or rules.proxy(self.credentials))
        return self.credentials.explicit and (proxied or rules.diverts(self.credentials))

    def acl_of_copies(self, old: "Access") -> Location | None:
        """Give the file whose ACL copies of that state get, where one account sees both; None: they get the usual."""
        same = old.store.scheme == self.store.scheme and old.credentials == self.credentials
        return old.location.child(layout.CONFIG) if same else None

    def elsewhere(self, url: str) -> Location:
        """Give the place of a URL that `config` names.

        Raises `MalformedFile` when nobody may be sent there, `StoreNotAllowed` when this object's namespace may not.
        """
        try:
            location = Location.parse(url)
        except SpecInvalid as error:
            raise MalformedFile(f"config names a place that is none: {error.message}") from None
        ambient = self.credentials.source is Source.AMBIENT and not self.trusting
        if location.scheme != self.store.scheme or (ambient and location.bucket != self.store.bucket):
            raise MalformedFile(
                f"config places a part of the state at {location.url}, but a state in {self.store.url} may only use "
                f"{'this bucket' if ambient else 'stores of its own scheme'}. Correct configBase, keyStore or "
                "secretStore in config."
            )
        self.policy.require_place(location, "config places a part of the state elsewhere. ")
        return location


class Reader:
    """Reads what one object's store refers to in its namespace."""

    def __init__(
        self,
        client: "Client | None",
        settings: Settings,
        environ: Mapping[str, str],
        namespace: str,
        policy: Policy = OWN_CREDENTIALS,
    ) -> None:
        """Take whose eyes these are, and where the object lives. No client is needed for a store without references."""
        self._allowed = policy.of(namespace)
        self._client = client
        self._settings = settings
        self._environ = environ
        self._namespace = namespace

    @property
    def _api(self) -> "Client":
        assert self._client is not None, "whoever gives none refers to nothing"
        return self._client

    async def access(self, spec: StoreSpec, cluster_name: str) -> Access:
        """Find out how to reach a state.

        Raises `SpecInvalid`, `StoreUnsupported`, `ReferenceNotFound`, `CredentialsNotFound`, `CredentialsInvalid` or
        `AmbientRefused`, and before any of them `StoreNotAllowed`.
        """
        store = locate_store(spec, self._namespace, cluster_name)
        location = locate_state(spec, self._namespace, cluster_name)
        policy = self._policy()
        policy.require_place(location)
        credentials = choose_credentials(
            store.scheme,
            backend_of(store.scheme).rules,
            await self._given(spec),
            self._environ,
            ambient_allowed=self._allowed.permits(location, ambient=True),
        )
        if credentials.source is Source.AMBIENT:
            policy = replace(policy, places=self._allowed.places(ambient=True))
        return Access(store, location, await self._options(spec), credentials, policy, layout_of(spec))

    def _policy(self) -> EndpointPolicy:
        """Give what holds for a store that is reached with credentials of the object's own."""
        settings, allowed = self._settings, self._allowed
        return EndpointPolicy(
            allowed=settings.allowed_endpoints,
            file_roots=settings.file_roots,
            memory_allowed=settings.memory_allowed,
            token_urls=settings.token_urls,
            namespaces=allowed.kubernetes,
            places=allowed.places(ambient=False),
        )

    async def _options(self, spec: StoreSpec) -> StoreOptions:
        return StoreOptions(
            endpoint=spec.endpoint,
            region=spec.region,
            acl=spec.acl.value if spec.acl else "",
            encryption=spec.encryption,
            kms_key_id=spec.kms_key_id,
            expected_bucket_owner=spec.expected_bucket_owner,
            roles=tuple(Role(each.arn, each.external_id) for each in spec.assume_role),
            ca_bundle=await self._ca_bundle(spec.ca_bundle_ref) if spec.ca_bundle_ref else "",
            proxy=spec.proxy,
        )

    async def _given(self, spec: StoreSpec) -> Given:
        if spec.credentials_secret_ref is not None:
            return Given(secret=await self._secret(spec.credentials_secret_ref.name, "credentialsSecretRef"))
        if spec.service_account_ref is not None:
            name = spec.service_account_ref.name
            account = await self._account(name)
            from clusterstate.kube.tokens import AccountTokens  # noqa: PLC0415 (as above)

            return Given(account=account, issuer=AccountTokens(self._api, self._namespace, name))
        if spec.k8s is not None and spec.k8s.kubeconfig_secret_ref is not None:
            return await self._kubeconfig(spec.k8s.kubeconfig_secret_ref.name)
        return Given()

    async def _secret(self, name: str, field: str) -> Mapping[str, bytes]:
        try:
            secret = await self._api.get(SECRETS, self._namespace, name)
        except ObjectNotFound:
            raise CredentialsNotFound(
                f"Secret {self._namespace}/{name} with the store's credentials isn't there. Create it, or correct "
                f"spec.store.{field}."
            ) from None
        return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}

    async def _kubeconfig(self, name: str) -> Given:
        data = await self._secret(name, "k8s.kubeconfigSecretRef")
        for key in KUBECONFIG_KEYS:
            if key in data:
                return Given(secret={KUBECONFIG_KEYS[0]: data[key]})
        raise CredentialsInvalid(
            f"Secret {self._namespace}/{name} holds neither of {' and '.join(KUBECONFIG_KEYS)}. Put the kubeconfig "
            "under one of these keys."
        )

    async def _account(self, name: str) -> ServiceAccount:
        try:
            found = await self._api.get(SERVICE_ACCOUNTS.without_bodies, self._namespace, name)
        except ObjectNotFound:
            raise CredentialsNotFound(
                f"ServiceAccount {self._namespace}/{name} isn't there. Create it, or correct "
                "spec.store.serviceAccountRef."
            ) from None
        metadata = found["metadata"]
        return ServiceAccount(self._namespace, name, metadata["uid"], metadata.get("annotations") or {})

    async def _ca_bundle(self, ref: CaBundleReference) -> str:
        secret = ref.kind is BundleKind.SECRET
        where = f"{ref.kind.value} {self._namespace}/{ref.name}"
        try:
            found = await self._api.get(SECRETS if secret else CONFIG_MAPS, self._namespace, ref.name)
        except ObjectNotFound:
            raise ReferenceNotFound(
                f"{where} with the CA bundle isn't there. Create it, or correct spec.store.caBundleRef."
            ) from None
        text = (found.get("data") or {}).get(ref.key, "")
        bundle = base64.b64decode(text).decode(errors="replace") if secret else text
        if not bundle.strip():
            raise ReferenceNotFound(
                f"{where} has no {ref.key} in its data. Put the certificates there, or correct spec.store.caBundleRef."
            )
        return bundle


def own_access(spec: StoreSpec, namespace: str, cluster_name: str, environ: Mapping[str, str]) -> Access:
    """Say how a state is reached by whoever runs this, with the credentials of the environment, as kops does.

    Of `spec` only URL and layout count. Raises `SpecInvalid` or `StoreUnsupported`.
    """
    store = locate_store(spec, namespace, cluster_name)
    credentials = own_credentials(store.scheme, environ)
    location = locate_state(spec, namespace, cluster_name)
    policy = EndpointPolicy.trusting(store.folder)
    return Access(store, location, StoreOptions(), credentials, policy, layout_of(spec), trusting=True)


def own_credentials(scheme: str, environ: Mapping[str, str]) -> Credentials:
    """Give those of whoever runs this, for a scheme; raise `StoreUnsupported` for one that is none."""
    return choose_credentials(scheme, backend_of(scheme).rules, Given(), environ, ambient_allowed=True)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a state's shape as long as `config` keeps its version."""

    config: Version
    places: layout.Places


def known_of(config: Version, cluster: Document | None, access: Access) -> Known:
    """Give what a `config` of that version tells of the state's shape."""
    return Known(config, places_of(cluster, access))


def places_of(cluster: Document | None, access: Access) -> layout.Places:
    """Give where the parts of a state are that is reached so.

    What kops keeps as objects lies together, whatever `config` says: its places are where kops copies keys and
    secrets to for the nodes (kops, upup/pkg/fi/cloudup/populate_cluster_spec.go). A copy in a folder, for review, lies
    together too: its `config` still names the place that it was copied from, or whatever a stranger wrote into it. No
    other folder of this machine is read or written at its word.
    """
    if access.layout is Layout.KOPS_RESOURCES:
        return OWN_PLACE
    places = layout.Places.of(cluster.spec if cluster else {}, access.location.url)
    return places.below(access.store.url) if access.store.scheme == "file" else places


def require_places(cluster: Document | None, access: Access) -> None:
    """Raise what the next run would say of a `config` that is about to be written: then nobody could read it any more.

    That is `MalformedFile` or `StoreNotAllowed`.
    """
    for url in places_of(cluster, access).urls():
        access.elsewhere(url)


class Sources:
    """The open stores of one object, for the length of one run (an asynchronous context manager)."""

    def __init__(
        self,
        client: "Client | None",
        access: Access,
        *,
        writes: bool,
        creates: bool = False,
        acl_from: Location | None = None,
        counts: RequestCounts | None = None,
    ) -> None:
        """Take how to reach them, and whether anything may be written, a new state too; nothing is opened yet.

        No client is needed but for stores in the operator's own cluster. `acl_from` is the file whose ACL new files
        get; its usual place is the state's own `config`. What is asked of the stores is added to `counts`.
        """
        self._client = client
        self._access = access
        self._writes = writes
        self._creates = writes and creates
        self._acl_from = acl_from or access.location.child(layout.CONFIG)
        self._counts = counts or RequestCounts()
        self._stack = AsyncExitStack()
        self._trunk: Store | None = None
        self.config: Document | None = None
        """What `config` says, where a list had to read it."""

    async def __aenter__(self) -> Self:
        try:
            self._trunk = await self._open(self._access.location)
        except BaseException:
            await self._stack.aclose()  # a store of two halves may have opened one
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    @property
    def endpoint(self) -> str | None:
        """Where the store's service is, as far as is known; see `Store.endpoint`."""
        return self._opened.endpoint

    @property
    def most(self) -> int:
        """Bytes of the largest file that can be copied from the store or to it."""
        return most_of(self._opened)

    async def list_state(self, known: Known | None, seconds: float) -> tuple[Tree, Listing, Known | None]:
        """List the state wherever its parts lie; `config` is read only when it has another version than `known`.

        Raises `StoreUnavailable` where that takes longer than so many seconds.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._list_state(known)
        except TimeoutError:
            raise listed_too_slowly(self._access.location.url, seconds) from None

    async def _list_state(self, known: Known | None) -> tuple[Tree, Listing, Known | None]:
        trunk = Tree(self._opened)
        listing = await self._list(trunk)
        config = listing.entries.get(layout.CONFIG)
        if config is None:
            return trunk, listing, None
        if known is None or known.config != config.version:
            self.config = await read_cluster(trunk, listing)
            known = known_of(config.version, self.config, self._access)
        others = {url: await self._open(self._access.elsewhere(url)) for url in known.places.urls()}
        if not others:
            return trunk, listing, known
        tree = Tree(trunk.trunk, known.places, others)
        with led_by(self._access.location.child(layout.CONFIG), known.places.urls()):
            return tree, await tree.list_files(trunk=listing), known

    async def list_at(self, places: layout.Places) -> tuple[Tree, Listing]:
        """List all files with the state's parts at these places, whatever its `config` says or is going to say."""
        others = {url: await self._open(self._access.elsewhere(url)) for url in places.urls()}
        tree, trunk = Tree(self._opened, places, others), await self._list(Tree(self._opened), backups=True)
        with led_by(self._access.location.child(layout.CONFIG), places.urls()):
            return tree, await tree.list_files(trunk=trunk, backups=True)

    async def _list(self, trunk: Tree, *, backups: bool = False) -> Listing:
        """List a state. A bucket that isn't there is empty to whoever creates a state, where that makes the bucket."""
        try:
            return await trunk.list_files(backups=backups)
        except StoreNotFound:
            if self._creates and self._opened.capabilities.creates_bucket:
                return Listing({})
            raise

    @property
    def _opened(self) -> Store:
        assert self._trunk is not None, "entered first"
        return self._trunk

    async def _open(self, location: Location) -> Store:
        access = self._access
        options = replace(access.options, acl_from=self._acl_from)
        opening = Opening(location, options, access.credentials, access.policy, self._client)
        store = await open_store(opening, self._counts)
        self._stack.push_async_callback(store.close)
        if access.layout is Layout.KOPS_RESOURCES:
            from clusterstate.state.kops_resources.store import open_divided  # noqa: PLC0415 (as above)

            store = await open_divided(opening, store, self._counts)
            self._stack.push_async_callback(store.close)
        return store if self._writes else ReadOnly(store)
