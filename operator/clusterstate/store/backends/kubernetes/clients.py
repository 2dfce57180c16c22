"""Clients of other clusters, shared by all stores with equal inputs while any of them is open.

A client belongs to one event loop, and its connections must be closed in it: so the last store to close closes them.
What outlives that, and is cached, is what takes time: certificates and keys, parsed.
"""

import asyncio
import os
import ssl
from dataclasses import dataclass
from functools import partial
from typing import Final
from weakref import WeakKeyDictionary

from clusterstate.errors import CredentialsInvalid
from clusterstate.kube.client import PARALLEL, Client
from clusterstate.kube.remote import Server, connect_remote
from clusterstate.kube.transport import Limits
from clusterstate.store.backends.kubernetes.config import ClientInputs
from clusterstate.store.backends.kubernetes.kubeconfig import Kubeconfig
from clusterstate.store.connections import trusting
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.resolver import RESOLVER

LARGEST_ANSWER: Final = 16 << 20
"""Bytes of an answer. A Secret takes 1.5 MiB, and so does a page of 500 Secrets without their data."""


@dataclass(slots=True)
class _Use:
    """A client in one event loop."""

    client: Client
    stores: int = 0


class Shared:
    """One way to one cluster as one user; safe to use from many event loops."""

    def __init__(self, inputs: ClientInputs) -> None:
        """Read the certificates; raise `SpecInvalid` or `CredentialsInvalid` for those that can't be used."""
        who, wire = inputs.who, inputs.wire
        self._server = Server(
            url=who.server,
            trust=make_context(who, wire.ca_bundle),
            resolve=partial(_resolve, wire.guard),
            token=who.token,
            proxy=wire.proxy,
            tls_name=who.tls_name,
        )
        self._limits = Limits(
            wire.call_seconds, PARALLEL, silence=wire.read_seconds, largest=LARGEST_ANSWER, repeats=False
        )
        self._uses: WeakKeyDictionary[asyncio.AbstractEventLoop, _Use] = WeakKeyDictionary()

    def enter(self) -> Client:
        """Give the running event loop's client; whoever gets it calls `leave` in the same loop."""
        loop = asyncio.get_running_loop()
        use = self._uses.get(loop)
        if use is None:
            use = self._uses[loop] = _Use(connect_remote(self._server, self._limits))
        use.stores += 1
        return use.client

    async def leave(self) -> None:
        """Give the client back; the last one closes it."""
        loop = asyncio.get_running_loop()
        use = self._uses[loop]
        use.stores -= 1
        if not use.stores:
            del self._uses[loop]
            await use.client.close()


def make_context(who: Kubeconfig, ca_bundle: str) -> ssl.SSLContext:
    """Give what the server's certificate is judged by, and what shows ours; a bundle of `spec.store` comes first.

    Raises `SpecInvalid` for a bundle that is none, `CredentialsInvalid` for a kubeconfig's certificates.
    """
    if ca_bundle:
        trusting(ca_bundle)  # which says whose fault it is
    try:
        context = ssl.create_default_context(cadata=ca_bundle or who.authority or None)
        if who.certificate:
            _load_certificate(context, who)
    except (ssl.SSLError, ValueError):
        raise CredentialsInvalid(
            "The kubeconfig can't be used: certificate-authority-data, client-certificate-data or client-key-data "
            "holds no certificate or unencrypted key in PEM, or certificate and key don't fit. Set them again."
        ) from None
    return context


def _load_certificate(context: ssl.SSLContext, who: Kubeconfig) -> None:
    """Give the context our certificate. It reads files only: this one is in memory, and no other process sees it."""
    descriptor = os.memfd_create("kubeconfig")
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{who.certificate}\n{who.key}\n")
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}", password=_no_password)


def _no_password() -> str:
    """Keep OpenSSL from asking at a terminal."""
    return ""


async def _resolve(guard: EndpointPolicy | None, host: str) -> tuple[str, ...]:
    addresses = await RESOLVER.addresses(host)
    if guard is not None:
        for address in addresses:
            guard.check_address(host, address)
    return addresses
