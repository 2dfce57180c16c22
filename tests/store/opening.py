"""Stores as the operator opens them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from clusterstate.kube.client import Client
from clusterstate.store.base import Store
from clusterstate.store.counting import RequestCounts
from clusterstate.store.credentials import Credentials, from_environment, from_secret
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.open import backend_of, open_store
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions

LOOPBACK = EndpointPolicy(
    allowed=("127.0.0.1", "localhost"), memory_allowed=True, token_urls=("http://127.0.0.1", "https://localhost")
)


class Keys(Protocol):
    """Whoever has keys: a server (its owner) or a user."""

    @property
    def access_key(self) -> str: ...

    @property
    def secret_key(self) -> str: ...


@dataclass(frozen=True)
class SomeKeys:
    access_key: str
    secret_key: str


def secret(scheme: str, data: Mapping[str, str]) -> Credentials:
    """Give what a credentials Secret with this data makes."""
    return from_secret(scheme, backend_of(scheme).rules, {name: value.encode() for name, value in data.items()})


def ambient(scheme: str, environ: Mapping[str, str]) -> Credentials:
    """Give what the operator's environment makes."""
    return from_environment(backend_of(scheme).rules, environ)


@asynccontextmanager
async def opened(
    url: str,
    credentials: Credentials,
    options: StoreOptions | None = None,
    policy: EndpointPolicy = LOOPBACK,
    counts: RequestCounts | None = None,
    *,
    kube: Client | None = None,
) -> AsyncIterator[Store]:
    opening = Opening(Location.parse(url), options or StoreOptions(), credentials, policy, kube)
    store = await open_store(opening, counts)
    try:
        yield store
    finally:
        await store.close()
