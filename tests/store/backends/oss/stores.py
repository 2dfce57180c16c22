"""Stores on the suite's OSS server, and at OSS's own names."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from ssl import SSLContext

from clusterstate.store.backends.oss.bucket import Bucket
from clusterstate.store.backends.oss.clients import Client
from clusterstate.store.backends.oss.config import AccountToken, ClientInputs, Config, FederatedRole
from clusterstate.store.backends.oss.config import Keys as ClientKeys
from clusterstate.store.backends.oss.store import make_store
from clusterstate.store.buckets import BucketStore
from clusterstate.store.clients import Clients
from clusterstate.store.credentials import NO_CREDENTIALS, Credentials, ServiceAccount
from clusterstate.store.options import StoreOptions
from clusterstate.store.wire import Wire
from tests.store.opening import LOOPBACK, Keys
from tests.store.opening import secret as secret_of
from tests.support.faultproxy import FaultProxy
from tests.support.forwardproxy import ForwardProxy
from tests.support.oss.server import REGION, OssServer

ROLE = "acs:ram::1:role/state"
GUARDED = Wire(guard=LOOPBACK)
GIVEN = {
    "Credentials": {
        "AccessKeyId": "STS.1",
        "AccessKeySecret": "canary-secret",
        "SecurityToken": "canary-token",
        "Expiration": "2099-01-01T00:00:00Z",
    }
}
"""What the token service answers where it gives a role."""


def oss_secret(keys: Keys, endpoint: str = "", **more: str) -> Credentials:
    data = {"ALIYUN_ACCESS_KEY_ID": keys.access_key, "ALIYUN_ACCESS_KEY_SECRET": keys.secret_key}
    token = getattr(keys, "token", "")
    return secret_of(
        "oss",
        data
        | ({"OSS_ENDPOINT": endpoint} if endpoint else {})
        | ({"ALIYUN_SECURITY_TOKEN": token} if token else {})
        | more,
    )


@asynccontextmanager
async def bare(bucket: str, config: Config) -> AsyncIterator[BucketStore]:
    """Give a store without wrappers, by clients of its own."""
    clients = Clients()
    made = Bucket(f"oss://{bucket}", config, lambda inputs: clients.get(inputs, NO_CREDENTIALS, Client))
    store = make_store(made)
    try:
        yield store
    finally:
        await store.close()


def custom(endpoint: str, wire: Wire = GUARDED, keys: ClientKeys | None = None) -> Config:
    """Give the use of a custom endpoint."""
    who = keys or ClientKeys("access", "canary-secret", "canary-token")
    return Config(ClientInputs(who, endpoint, REGION, wire), own=False)


class Tokens:
    """An issuer of tokens that are all the same."""

    def __init__(self) -> None:
        self.audiences: list[str] = []

    def issue(self, audience: str) -> str:
        self.audiences.append(audience)
        return "canary-oidc-token"


def role_at(endpoint: str, tokens: Tokens | None = None) -> FederatedRole:
    """Give a role of a service account, lent at this token service."""
    source = AccountToken(ServiceAccount("clusters", "state", "uid-1"), tokens or Tokens())
    return FederatedRole(ROLE, "acs:ram::1:oidc-provider/ack", source, endpoint)


def by_role(endpoint: str) -> Config:
    """Give the use of a custom endpoint, which is the token service too, by that role."""
    config = custom(endpoint)
    return replace(config, inputs=replace(config.inputs, who=role_at(endpoint)))


@dataclass(frozen=True)
class OwnNames:
    """A way to OSS's own names, which here lead to the test's server: through a proxy, to a front with TLS."""

    proxy: ForwardProxy
    front: FaultProxy
    ca_bundle: str

    def options(self, region: str = "") -> StoreOptions:
        return StoreOptions(region=region, ca_bundle=self.ca_bundle, proxy=self.proxy.url)


@contextmanager
def own_names(server: OssServer, tls: SSLContext, certificates: Path) -> Iterator[OwnNames]:
    with FaultProxy(server.endpoint, context=tls) as front:
        target = front.endpoint.removeprefix("https://")
        with ForwardProxy(routes={"*.aliyuncs.com:443": target}) as proxy:
            yield OwnNames(proxy, front, (certificates / "ca.crt").read_text())
