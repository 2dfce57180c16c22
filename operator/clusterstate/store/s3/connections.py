"""The connections under a client: who is called, how long it may take, and how much it may say.

The SDK offers no way to bring one's own connections, so `use` reaches into it; tests see when that ends.
"""

import socket
from collections.abc import Generator
from typing import Any, ClassVar, Final

from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.response import HTTPResponse

from clusterstate.errors import StoreRefused, StoreUnavailable
from clusterstate.store.base import LARGEST_FILE
from clusterstate.store.endpoints import EndpointPolicy
from clusterstate.store.resolver import RESOLVER
from clusterstate.store.threads import expose

LARGEST_ANSWER: Final = LARGEST_FILE
"""Bytes of an answer that is no file. A page of 1,000 keys of 1,024 bytes, percent-encoded, has half of that."""


def use(client: Any, policy: EndpointPolicy | None) -> None:  # noqa: ANN401 (the SDK's inside has no types)
    """Let the client's connections be ours; a policy judges each address before anything goes there.

    A name that resolves to something harmless first and to the metadata service next gets nowhere.
    """
    manager = client._endpoint.http_session._manager  # noqa: SLF001
    manager.pool_classes_by_scheme = {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": _ours(pool.ConnectionCls, policy)})
        for scheme, pool in (("http", AWSHTTPConnectionPool), ("https", AWSHTTPSConnectionPool))
    }


def _ours(connection: Any, policy: EndpointPolicy | None) -> type:  # noqa: ANN401 (see `use`)
    return type(connection.__name__, (_Connection, connection), {"policy": policy})


class _Connection(HTTPConnection):
    """What is mixed into the SDK's connections."""

    policy: ClassVar[EndpointPolicy | None] = None

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
    """An answer that the SDK takes whole by `stream`; files come in parts by `read`, which `Bucket.get` counts."""

    host: str

    def stream(self, amt: int | None = 1 << 16, decode_content: bool | None = None) -> Generator[bytes, None, None]:  # noqa: FBT001
        size = 0
        for part in super().stream(amt, decode_content):
            size += len(part)
            if size > LARGEST_ANSWER:
                self.close()
                raise StoreRefused(
                    f"{self.host} gave an answer of more than {LARGEST_ANSWER} bytes, where a short one was due. "
                    "Correct the store's endpoint, or have its service corrected."
                )
            yield part
