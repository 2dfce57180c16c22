"""What is asked of Kubernetes: which namespace, of which cluster, as whom. Pure."""

import re
from dataclasses import dataclass, replace
from typing import Final

from clusterstate.errors import EndpointRefused, SpecInvalid, StoreNotAllowed
from clusterstate.store.backends.kubernetes.kubeconfig import Kubeconfig, parse_kubeconfig
from clusterstate.store.backends.kubernetes.rules import KUBECONFIG
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.location import KUBERNETES, Location
from clusterstate.store.opening import Opening
from clusterstate.store.wire import Wire, make_wire

_NAMESPACE: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""A DNS label (RFC 1123). It becomes a part of URLs, so nothing else may pass."""


@dataclass(frozen=True, slots=True)
class ClientInputs:
    """All that a client of another cluster is made from: equal inputs may share one, others never."""

    who: Kubeconfig
    wire: Wire


@dataclass(frozen=True, slots=True)
class Config:
    """Everything about one namespace's use."""

    namespace: str
    inputs: ClientInputs | None
    """None: the operator's own cluster, as the operator."""


def make_config(opening: Opening) -> Config:
    """Put location, options and credentials together; raise `SpecInvalid`, `CredentialsInvalid` or `EndpointRefused`.

    A namespace of the operator's own cluster must be allowed; in another cluster its own RBAC decides.
    """
    namespace = opening.location.prefix.partition("/")[0]
    if not _NAMESPACE.fullmatch(namespace):
        raise SpecInvalid(f"{opening.location.url} names no namespace. Write k8s:///NAMESPACE/PREFIX.")
    text = opening.credentials.get(KUBECONFIG)
    if not text:
        _require_allowed(opening.location, opening.policy)
        return Config(namespace, None)
    who = parse_kubeconfig(text)
    _require_tls(who, opening.policy)
    options = replace(opening.options, proxy=opening.options.proxy or who.proxy)
    return Config(namespace, ClientInputs(who, make_wire(options, opening.credentials, opening.policy, named=True)))


def _require_tls(who: Kubeconfig, policy: EndpointPolicy) -> None:
    server = Endpoint.parse(who.server)
    if server.scheme != "https" and not policy.has(server.host):
        raise EndpointRefused(
            f"The kubeconfig's server {who.server} has no TLS, so that anybody on the way could read the credentials. "
            "Give one with https, or have it added to the operator's allowed endpoints."
        )


def _require_allowed(location: Location, policy: EndpointPolicy) -> None:
    if not location.is_within(Location(KUBERNETES, "", each) for each in policy.namespaces):
        raise StoreNotAllowed(
            f"{location.url} is in a namespace of this cluster that may not hold states of this object. Use the "
            "object's own namespace, or have the place added to the stores of the operator's policy."
        )
