"""The reading: everything that a run looks at before it decides. The only reader, and it writes nothing.

`Sources` opens the stores of one object and closes them again. In the steady state one list of the store is
all there is: `Known` carries over what the versions in that list prove to be unchanged.
"""

import base64
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from clusterstate.api.spec import StoreSpec
from clusterstate.errors import CredentialsNotFound, MalformedFile, ObjectNotFound, SpecInvalid
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import SECRETS
from clusterstate.settings import Settings
from clusterstate.state import layout
from clusterstate.state.objects import Document
from clusterstate.state.tree import Listing, Tree, read_cluster
from clusterstate.store.base import Store, Version
from clusterstate.store.credentials import Credentials, Source, choose_credentials
from clusterstate.store.endpoints import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.open import open_store
from clusterstate.store.options import StoreOptions, endpoint_of
from clusterstate.store.wrappers import ReadOnly


@dataclass(frozen=True, slots=True)
class Access:
    """How the stores of one object are reached, and as whom."""

    store: Location
    location: Location
    """Of the state, `{store}/{clusterName}`."""
    options: StoreOptions
    credentials: Credentials
    policy: EndpointPolicy

    @property
    def endpoint(self) -> str:
        """Where the bucket is; empty for the provider's own."""
        return endpoint_of(self.options, self.credentials)

    @property
    def service(self) -> tuple[str, str]:
        """Whose slowness would be whose: one endpoint, or one bucket of a provider."""
        return self.endpoint, "" if self.endpoint else f"{self.store.scheme}://{self.store.bucket}"

    def elsewhere(self, url: str) -> Location:
        """Give the place of a URL that `config` names; raise `MalformedFile` when nobody may be sent there."""
        try:
            location = Location.parse(url)
        except SpecInvalid as error:
            raise MalformedFile(f"config names a place that is none: {error.message}") from None
        ambient = self.credentials.source is Source.AMBIENT
        if location.scheme != self.store.scheme or (ambient and location.bucket != self.store.bucket):
            raise MalformedFile(
                f"config places a part of the state at {location.url}, but a state in {self.store.url} may only use "
                f"{'this bucket' if ambient else 'stores of its own scheme'}. Correct configBase, keyStore or "
                "secretStore in config."
            )
        return location


async def read_access(
    client: Client, settings: Settings, environ: Mapping[str, str], namespace: str, state: tuple[StoreSpec, str]
) -> Access:
    """Find out how to reach a state, given its store and the cluster's name.

    Raises `SpecInvalid`, `CredentialsNotFound`, `CredentialsInvalid` or `AmbientRefused`.
    """
    spec, cluster_name = state
    store = Location.parse(spec.url)
    secret = await _read_secret(client, namespace, spec)
    allowed = settings.ambient_allowed(namespace)
    credentials = choose_credentials(store.scheme, secret, environ, ambient_allowed=allowed)
    options = StoreOptions(
        endpoint=spec.endpoint,
        region=spec.region,
        acl=spec.acl.value if spec.acl else "",
        encryption=spec.encryption,
        kms_key_id=spec.kms_key_id,
        expected_bucket_owner=spec.expected_bucket_owner,
    )
    policy = EndpointPolicy(settings.allowed_endpoints, settings.file_roots, settings.memory_allowed)
    return Access(store, store.child(cluster_name), options, credentials, policy)


async def _read_secret(client: Client, namespace: str, spec: StoreSpec) -> Mapping[str, bytes] | None:
    if spec.credentials_secret_ref is None:
        return None
    name = spec.credentials_secret_ref.name
    try:
        secret = await client.get(SECRETS, namespace, name)
    except ObjectNotFound:
        raise CredentialsNotFound(
            f"Secret {namespace}/{name} with the store's credentials isn't there. Create it, or correct "
            "spec.store.credentialsSecretRef."
        ) from None
    return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a state's shape as long as `config` keeps its version."""

    config: Version
    places: layout.Places


def known_of(config: Version, cluster: Document | None, access: Access) -> Known:
    """Give what a `config` of that version tells of the state's shape."""
    return Known(config, layout.Places.of(cluster.spec if cluster else {}, access.location.url))


class Sources:
    """The open stores of one object, for the length of one run (an asynchronous context manager)."""

    def __init__(self, access: Access, *, writes: bool) -> None:
        """Take how to reach them, and whether anything may be written; nothing is opened yet."""
        self._access = access
        self._writes = writes
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def list_state(self, known: Known | None) -> tuple[Tree, Listing, Known | None]:
        """List the state wherever its parts lie; `config` is read only when it has another version than `known`."""
        trunk = Tree(await self._open(self._access.location))
        listing = await trunk.list_files()
        config = listing.entries.get(layout.CONFIG)
        if config is None:
            return trunk, listing, None
        if known is None or known.config != config.version:
            known = known_of(config.version, await read_cluster(trunk, listing), self._access)
        others = {url: await self._open(self._access.elsewhere(url)) for url in known.places.urls()}
        if not others:
            return trunk, listing, known
        tree = Tree(trunk.trunk, known.places, others)
        return tree, await tree.list_files(trunk=listing), known

    async def _open(self, location: Location) -> Store:
        access = self._access
        store = await open_store(location, access.options, access.credentials, access.policy)
        self._stack.push_async_callback(store.close)
        return store if self._writes else ReadOnly(store)
