"""Tokens of a service account for others than the Kubernetes API: what workload identities are exchanged for."""

import asyncio
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Final

from clusterstate.errors import CredentialsInvalid, KubeUnavailable
from clusterstate.kube.client import TIMEOUT, Client

_OWN_NAMES: Final = ("https://kubernetes.default", "kubernetes.default")
"""What many an API server is called, though not each: another one of this cluster may be."""


class AccountTokens:
    """Tokens of one service account, for code that waits in threads while the event loop goes on."""

    def __init__(self, client: Client, namespace: str, name: str) -> None:
        """Take whose tokens they are; the running event loop asks for them."""
        self._client = client
        self._namespace = namespace
        self._name = name
        self._loop = asyncio.get_running_loop()

    def issue(self, audience: str) -> str:
        """Give a fresh token that lives ten minutes; never to be called in the event loop's own thread.

        Raises a `KubeError`, or `CredentialsInvalid` for an audience at which the token would open the Kubernetes API.
        """
        request = asyncio.run_coroutine_threadsafe(self._request(audience), self._loop)
        try:
            return request.result(TIMEOUT)
        except FutureTimeout:
            request.cancel()
            raise KubeUnavailable(f"No token of {self._namespace}/{self._name} came in time.") from None

    async def _request(self, audience: str) -> str:
        own = await self._client.own_audiences(self._namespace, self._name)
        if audience.startswith(_OWN_NAMES) or audience in own:
            raise CredentialsInvalid(
                f"The audience {audience} is the Kubernetes API itself, whose tokens leave the cluster for nobody. "
                f"Name another by an annotation of service account {self._namespace}/{self._name}, where there is one "
                "for that, or take it out of the API server's --api-audiences."
            )
        return await self._client.create_token(self._namespace, self._name, audience)
