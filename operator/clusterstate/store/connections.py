"""The connections under the SDKs: who is called, how long it may take, how much may come back, and who may write.

Every SDK for object stores calls through urllib3, but none offers a way to bring one's own connections, so each
backend puts `pool_classes` under its SDK's pools; tests see when that ends.
"""

import socket
import ssl
from collections.abc import Generator, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Final

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.response import HTTPResponse

from clusterstate.errors import SpecInvalid, StoreRefused, StoreUnavailable
from clusterstate.fence import READS, require_leadership
from clusterstate.store.base import LARGEST_COPY, LARGEST_FILE
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.resolver import RESOLVER
from clusterstate.store.threads import expose
from clusterstate.store.wire import Wire

LARGEST_ANSWER: Final = LARGEST_FILE + (1 << 16)
"""Bytes of an answer: a little more than any file's, so that whoever reads one can still tell which is too large. A
page of 1,000 keys of 1,024 bytes, percent-encoded, has half of that."""

PoolClasses = Mapping[str, type[HTTPConnectionPool]]
USUAL_POOLS: Final[PoolClasses] = {"http": HTTPConnectionPool, "https": HTTPSConnectionPool}


def pool_classes(wire: Wire, pools: PoolClasses = USUAL_POOLS) -> dict[str, type[HTTPConnectionPool]]:
    """Give pools like those of an SDK, by scheme, whose connections are ours.

    A guard judges each address before anything goes there, so a name that resolves to something harmless first and
    to the metadata service next gets nowhere. Raises `SpecInvalid` for a CA bundle that is none.
    """
    context = trusting(wire.ca_bundle) if wire.ca_bundle else None
    return {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": _ours(pool.ConnectionCls, wire.guard, context)})
        for scheme, pool in pools.items()
    }


@lru_cache(maxsize=64)
def trusting(ca_bundle: str) -> ssl.SSLContext:
    """Give a context that trusts the certificates of a bundle in PEM and no others; raise `SpecInvalid`."""
    try:
        return ssl.create_default_context(cadata=ca_bundle)
    except (ssl.SSLError, ValueError):
        raise SpecInvalid(
            "The CA bundle of spec.store.caBundleRef holds no certificates. Give them in PEM, one after the other."
        ) from None


def _ours(connection: Any, policy: EndpointPolicy | None, context: ssl.SSLContext | None) -> type:  # noqa: ANN401 (an SDK's inside has no types)
    return type(connection.__name__, (_Connection, connection), {"policy": policy, "context": context})


class _Connection(HTTPConnection):
    """What is mixed into an SDK's connections."""

    policy: ClassVar[EndpointPolicy | None] = None
    context: ClassVar[ssl.SSLContext | None] = None
    writes = False
    """Whether the request that is being sent is no mere question."""

    def putrequest(self, method: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (passed on)
        self.writes = method not in READS
        super().putrequest(method, *args, **kwargs)

    def send(self, data: Any) -> None:  # noqa: ANN401 (passed on)
        """Send the next bytes of a request, which the process must still be allowed to make when it is connected."""
        if self.sock is None and self.auto_open:
            self.connect()
        if self.writes:
            require_leadership()
        super().send(data)

    def connect(self) -> None:
        if self.context is not None:  # in place of whatever bundle the SDK has put into its pool
            vars(self).update(ssl_context=self.context, ca_certs=None, ca_cert_dir=None, ca_cert_data=None)
            if self.proxy_config is not None:
                self.proxy_config = self.proxy_config._replace(ssl_context=self.context)
        super().connect()

    def request(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (passed on)
        if self.sock is not None:
            expose(self.sock)
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3
        response = super().getresponse()
        response.__class__ = _Answer
        vars(response)["host"] = self.host
        return response

    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn() if self.policy is None else self._call_judged(self.policy)
        try:
            expose(connection)
        except StoreUnavailable:
            connection.close()
            raise
        return connection

    def _call_judged(self, policy: EndpointPolicy) -> socket.socket:
        """Try the host's addresses one after the other, as long as the policy allows them."""
        host = self._dns_host
        addresses = RESOLVER.addresses_blocking(host)
        for address in addresses:
            policy.check_address(host, address)
        try:
            for self._dns_host in addresses[:-1]:
                try:
                    return super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError):
                    continue
            self._dns_host = addresses[-1]
            return super()._new_conn()
        finally:
            self._dns_host = host


class _Answer(HTTPResponse):
    """An answer that an SDK takes whole by `stream`; who takes files in parts by `read` counts them."""

    host: str
    most: int = LARGEST_ANSWER

    def stream(self, amt: int | None = 1 << 16, decode_content: bool | None = None) -> Generator[bytes, None, None]:  # noqa: FBT001
        size = 0
        for part in super().stream(amt, decode_content):
            size += len(part)
            if size > self.most:
                self.close()
                raise StoreRefused(
                    f"{self.host} gave an answer of more than {self.most} bytes, the most that is read. Correct "
                    "the store's endpoint, or have its service corrected or the file replaced."
                )
            yield part


def expect_file(answer: HTTPResponse) -> None:
    """Let an answer have as many bytes as a file may that is copied: whoever takes it counts them too."""
    vars(answer)["most"] = LARGEST_COPY
