"""ClusterStates on their way into a store: what the operator would push, planned and made as it does.

What needs the operator stays with it: mirrors, Jobs after a push, the steps of rotations, the move to another store,
and the removal of what an earlier declaration had brought. A directory is for review of what may be a stranger's:
nothing of a cluster is read at its word, to be shown next.
"""

import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs

from clusterstate.api.annotations import CONFIRM_PLAN
from clusterstate.api.spec import Spec
from clusterstate.api.store import StoreSpec
from clusterstate.api.types import ClusterState
from clusterstate.cli.change.declarations import Declaration, without_references
from clusterstate.cli.change.writing import Job, Make, Prepared, Seen
from clusterstate.cli.manners import warn
from clusterstate.cli.opening import Shop
from clusterstate.cli.words import StoreWords
from clusterstate.errors import KubeError, ReferenceNotFound
from clusterstate.gather import Access, Reader, Sources
from clusterstate.kube.installation import LENGTH
from clusterstate.plan.naming import named
from clusterstate.plan.references import references_of
from clusterstate.planning import decide, foresee, sight_of, wanted_of, with_contents, with_generated
from clusterstate.policy import EVERYTHING
from clusterstate.settings import Settings
from clusterstate.state.digests import Digests
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import KUBERNETES, Location

if TYPE_CHECKING:
    from clusterstate.kube.client import Client


class Opener:
    """Opens the stores of declarations until the command ends."""

    def __init__(self, shop: Shop, stack: AsyncExitStack, words: StoreWords) -> None:
        """Take the command's stores; one that `words` name by `--state` is that of all declarations."""
        self._shop = shop
        self._stack = stack
        self._words = words
        self._state = bool(words.state)

    async def open(self, found: Declaration) -> Job:
        """Open the store of a declaration. Raises `ReferenceNotFound` for what only a cluster could tell."""
        store = self._shop.address().spec if self._state else found.state.spec.store
        spec = _own_part(found, store)
        state = structs.replace(found.state, spec=spec)
        client = await self._client(replace(found, state=state))
        if client is not None and not found.namespaced:
            state = self._at_home(state)
        access = await self._access(state, client)
        sources = Sources(client, access, writes=True, creates=bool(state.spec.cluster), counts=self._shop.counts)
        await self._stack.enter_async_context(sources)
        return Job(state.cluster_name, access, sources, _make(state, client), wanted_of(state))

    def _at_home(self, state: ClusterState) -> ClusterState:
        """Give a declaration the namespace that kubectl would take for it."""
        from clusterstate.kube.login import home_namespace  # noqa: PLC0415 (most declarations need no cluster)

        namespace = home_namespace(self._words.kubeconfig, self._words.context)
        return structs.replace(state, metadata=structs.replace(state.metadata, namespace=namespace))

    async def _client(self, found: Declaration) -> "Client | None":
        store = found.state.spec.store
        if self._state and store.url.startswith(f"{KUBERNETES}://"):
            return await self._shop.client(self._shop.address())
        needed = [f"{each.kind} {each.name}" for each in sorted(references_of(found.state))]
        needed += [f"ServiceAccount {store.service_account_ref.name}"] if store.service_account_ref else []
        needed += [f"the store {store.url}"] if store.url.startswith(f"{KUBERNETES}://") else []
        if not needed:
            return None
        try:
            return await self._shop.kube(self._words.context)
        except KubeError as error:
            raise ReferenceNotFound(
                f"{found.title} refers to {named(needed)}, which only a Kubernetes cluster can tell: {error.message} "
                "Name one by --kubeconfig or --context, or leave the references out."
            ) from None

    async def _access(self, state: ClusterState, client: "Client | None") -> Access:
        if self._state:
            return self._shop.access(state.cluster_name)
        environ, namespace = self._shop.environ, state.metadata.namespace
        # Whoever calls is who the store sees: their own credentials and addresses are theirs to use.
        reader = Reader(client, Settings.from_env(environ), environ, namespace, EVERYTHING)
        access = await reader.access(state.spec.store, state.cluster_name)
        return replace(access, policy=EndpointPolicy.trusting(access.store.folder), trusting=True)


def _own_part(found: Declaration, store: StoreSpec) -> Spec:
    """Give a spec without what is left to the operator, for which nothing has to be read then."""
    spec = structs.replace(found.state.spec, store=store, mirror=None, after_push=None, suspend=False)
    if Location.parse(store.url).scheme != "file":
        return spec
    spec, left_out = without_references(spec)
    if left_out:
        warn(f"{found.title}: left out of a copy for review, as it is in a cluster: {named(left_out)}.")
    return spec


def _make(state: ClusterState, client: "Client | None") -> Make:
    async def digests() -> Digests:
        return Digests(secrets.token_bytes(LENGTH))

    async def make(seen: Seen) -> Prepared:
        sight = sight_of(state, seen.access, seen.tree, seen.read)
        sight = replace(sight, desired=replace(sight.desired, rotations={}))
        sight = await with_contents(client, state, sight, digests)
        plan = decide(sight, seen.now)
        foreseen = foresee(sight, plan)

        async def finish() -> Mapping[str, bytes]:
            return (await with_generated(sight, plan, foreseen, seen.now)).bodies

        confirmed = state.metadata.annotations.get(CONFIRM_PLAN, "")
        return Prepared(plan, foreseen.bodies, finish, confirmed)

    return make
