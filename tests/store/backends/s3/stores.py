"""Stores on the suite's S3 servers."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from clusterstate.api.store import Encryption
from clusterstate.store.backends.s3.bucket import Bucket
from clusterstate.store.backends.s3.clients import Client
from clusterstate.store.backends.s3.config import ClientInputs, Config
from clusterstate.store.backends.s3.store import make_store
from clusterstate.store.buckets import BucketStore
from clusterstate.store.clients import Clients
from clusterstate.store.credentials import NO_CREDENTIALS, Credentials
from clusterstate.store.wire import Wire
from tests.store.opening import LOOPBACK, Keys
from tests.store.opening import secret as secret_of

GUARDED = Wire(guard=LOOPBACK)


def s3_secret(keys: Keys, endpoint: str, *, scheme: str = "s3", **more: str) -> Credentials:
    data = {"S3_ENDPOINT": endpoint, "S3_ACCESS_KEY_ID": keys.access_key, "S3_SECRET_ACCESS_KEY": keys.secret_key}
    return secret_of(scheme, data | more)


def secret(data: Mapping[str, str]) -> Credentials:
    return secret_of("s3", data)


@asynccontextmanager
async def bare(bucket: str, config: Config) -> AsyncIterator[BucketStore]:
    """Give a store without wrappers, by a client of its own."""
    clients = Clients()
    store = make_store(Bucket(f"s3://{bucket}", config, lambda inputs: clients.get(inputs, NO_CREDENTIALS, Client)))
    try:
        yield store
    finally:
        await store.close()


def config_of(inputs: ClientInputs, *, ask_region: bool = False, encryption: Encryption = Encryption.NONE) -> Config:
    return Config(inputs, ask_region=ask_region, acl="", encryption=encryption, kms_key_id="", owner="")
