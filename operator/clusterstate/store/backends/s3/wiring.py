"""The SDK's clients on our wire: connections, times, proxy and trust."""

from typing import Any, Final

from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool
from botocore.config import Config as SdkConfig

from clusterstate.store.connections import pool_classes
from clusterstate.store.threads import LANE
from clusterstate.store.wire import CONNECT_SECONDS, Wire

_POOLS: Final = {"http": AWSHTTPConnectionPool, "https": AWSHTTPSConnectionPool}


def sdk_config(wire: Wire) -> SdkConfig:
    """Give what every client of the SDK is told: times, proxy, no retries."""
    own: dict[str, Any] = {}
    if wire.sealed:
        proxies = {"http": wire.proxy, "https": wire.proxy} if wire.proxy else {}
        own = {"proxies": proxies, "ignore_configured_endpoint_urls": True}
    return SdkConfig(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=wire.read_seconds,
        max_pool_connections=LANE,
        tcp_keepalive=True,
        retries={"mode": "standard", "total_max_attempts": 1},
        **own,
    )


def use(client: Any, wire: Wire) -> None:  # noqa: ANN401 (the SDK's inside has no types)
    """Let the client's connections be ours, straight ones and those through a proxy alike."""
    http = client._endpoint.http_session  # noqa: SLF001
    http._pool_classes_by_scheme = http._manager.pool_classes_by_scheme = pool_classes(wire, _POOLS)  # noqa: SLF001
