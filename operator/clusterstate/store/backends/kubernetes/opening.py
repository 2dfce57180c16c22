"""A namespace, ready for use, with nothing asked of it yet."""

from typing import Final

from clusterstate.errors import SpecInvalid
from clusterstate.store.backends.kubernetes.clients import LARGEST_ANSWER, Shared
from clusterstate.store.backends.kubernetes.config import ClientInputs, make_config
from clusterstate.store.backends.kubernetes.namespace import Namespace
from clusterstate.store.clients import CLIENTS, Clients
from clusterstate.store.opening import Opening
from clusterstate.store.threads import Lane

_MAKING: Final = Lane()
"""Threads that make clients: the usual authorities take 30 ms to read."""


async def open_namespace(opening: Opening, clients: Clients = CLIENTS) -> Namespace:
    """Give the namespace of a location; errors as `open.open_store`. Whoever gets it closes it."""
    config = make_config(opening)
    if config.inputs is not None:
        return await _open_remote(opening, config.namespace, config.inputs, clients)
    if opening.kube is None:
        raise SpecInvalid(
            f"{opening.location.url} is in this cluster, which isn't at hand here. Lead to it by a kubeconfig in "
            "spec.store.k8s.kubeconfigSecretRef."
        )
    return Namespace(opening.kube.once(LARGEST_ANSWER), config.namespace)


async def _open_remote(opening: Opening, name: str, inputs: ClientInputs, clients: Clients) -> Namespace:
    await inputs.wire.admit(inputs.who.server)
    shared = await _MAKING.run(clients.get, inputs, opening.credentials, Shared)
    return Namespace(shared.enter(), name, endpoint=inputs.who.server, secrets=(inputs.who.token,), leave=shared.leave)
