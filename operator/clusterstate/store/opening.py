"""All that it takes to open one store, as one record. Pure."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clusterstate.store.credentials import Credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.options import StoreOptions

if TYPE_CHECKING:
    from clusterstate.kube.client import Client


@dataclass(frozen=True, slots=True)
class Opening:
    """What is to be opened, how, as whom, and who may not be asked."""

    location: Location
    options: StoreOptions
    credentials: Credentials
    policy: EndpointPolicy
    """Judges what a tenant chose; it doesn't apply to what stands in the operator's own environment."""
    kube: "Client | None" = field(default=None, compare=False)
    """The operator's own client of the Kubernetes API, where there is one."""
