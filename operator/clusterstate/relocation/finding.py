"""Where a state is that its object leads away from."""

from clusterstate.api.sync import Direction
from clusterstate.api.types import ClusterState
from clusterstate.errors import CredentialsNotFound, ReferenceNotFound
from clusterstate.gather import Access, Reader, Sources
from clusterstate.kube.client import Client
from clusterstate.plan.place import Origin, as_plain, is_elsewhere


async def find_old_place(client: Client, reader: Reader, state: ClusterState, origin: Origin | None) -> Access | None:
    """Find out how to reach the place that the state has to leave; None where it is at its place.

    Raises what `Reader.access` raises; the message says what has to be put back.
    """
    spec = state.spec.store
    if origin is None or state.spec.sync.direction is Direction.PULL or as_plain(spec) == origin.store:
        return None
    if not is_elsewhere(origin.spec, spec, state.metadata.namespace, state.cluster_name):
        access = await reader.access(spec, state.cluster_name)
        if not origin.place or await _identity(client, access) in {origin.place, None}:
            return None
    try:
        return await reader.access(origin.spec, state.cluster_name)
    except (CredentialsNotFound, ReferenceNotFound) as error:
        raise type(error)(
            f"{error.message} It is needed because the state is still at {origin.spec.url} and has to be read there to "
            "move. Put back what is missing, or set spec.store back."
        ) from None


async def _identity(client: Client, access: Access) -> str | None:
    """Give what tells a place from others as far as is known before anything is asked there."""
    async with Sources(client, access, writes=False) as sources:
        return None if sources.endpoint is None else access.location.identity(sources.endpoint)
