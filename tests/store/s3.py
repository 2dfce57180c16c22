"""Stores on the suite's S3 servers, opened as the operator opens them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from clusterstate.store.base import Store
from clusterstate.store.credentials import Credentials, from_secret
from clusterstate.store.location import Location
from clusterstate.store.open import Encryption, EndpointPolicy, StoreOptions, open_store
from clusterstate.store.s3.bucket import Bucket
from clusterstate.store.s3.clients import Clients
from clusterstate.store.s3.config import ClientInputs, Config
from clusterstate.store.s3.store import S3Store
from clusterstate.store.wrappers import RequestCounts

LOOPBACK = EndpointPolicy(allowed=("127.0.0.1",), memory_allowed=True)


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


def s3_secret(keys: Keys, endpoint: str, **more: str) -> Credentials:
    data = {"S3_ENDPOINT": endpoint, "S3_ACCESS_KEY_ID": keys.access_key, "S3_SECRET_ACCESS_KEY": keys.secret_key}
    return secret(data | more)


def secret(data: Mapping[str, str]) -> Credentials:
    return from_secret("s3", {name: value.encode() for name, value in data.items()})


@asynccontextmanager
async def opened(
    url: str,
    credentials: Credentials,
    options: StoreOptions | None = None,
    policy: EndpointPolicy = LOOPBACK,
    counts: RequestCounts | None = None,
) -> AsyncIterator[Store]:
    store = await open_store(Location.parse(url), options or StoreOptions(), credentials, policy, counts)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def bare(bucket: str, config: Config) -> AsyncIterator[S3Store]:
    """Give a store without wrappers, by a client of its own."""
    clients = Clients()
    client = clients.get(config.inputs)
    store = S3Store(Bucket(bucket, config, clients, client), client.lane)
    try:
        yield store
    finally:
        await store.close()


def config_of(inputs: ClientInputs, *, ask_region: bool = False, encryption: Encryption = Encryption.NONE) -> Config:
    return Config(inputs, ask_region=ask_region, acl="", encryption=encryption, kms_key_id="", owner="")
