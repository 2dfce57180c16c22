"""Where a state is that its object leads away from."""

from contextlib import suppress

from clusterstate.api.durations import parse_duration
from clusterstate.api.sync import Direction
from clusterstate.api.types import ClusterState
from clusterstate.errors import CredentialsNotFound, ReferenceNotFound, StoreNotFound
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
        seconds = parse_duration(state.spec.sync.timeout).total_seconds()
        if not origin.place or await _identity(client, access, seconds) == origin.place:
            return None
    try:
        return await reader.access(origin.spec, state.cluster_name)
    except (CredentialsNotFound, ReferenceNotFound) as error:
        raise type(error)(
            f"{error.message} It is needed because the state is still at {origin.spec.url} and has to be read there to "
            "move. Put back what is missing, or set spec.store back."
        ) from None


async def _identity(client: Client, access: Access, seconds: float) -> str:
    """Give what tells a place from others; it is asked for a list where only its answer tells."""
    async with Sources(client, access, writes=False) as sources:
        if sources.endpoint is None:
            with suppress(StoreNotFound):  # that is an answer too
                await sources.list_state(None, seconds)
        return access.location.identity(sources.endpoint or "")
