"""The way of an object that is being deleted and takes its state along: look, decide, delete, let the object go.

access   = gather.Reader.access            as whom; else as whom the last run was
scene    = scene.look_around               every file, wherever the state has a place
deletion = plan.deletion.make_deletion     all guards, before the first delete
           apply.deletion.delete_files     stage after stage, `config` last
           kube.finalizer.release          the object may go

An attempt that fails is repeated until `Settings.deletion_timeout`; then the object goes, and what is left stays.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import msgspec

from clusterstate.api.annotations import CLOUD_RESOURCES_GONE
from clusterstate.api.durations import parse_duration
from clusterstate.api.load import load
from clusterstate.api.types import ClusterState, Metadata
from clusterstate.apply.deletion import delete_files
from clusterstate.context import Body, Context, Key, Memory, Result, take_access
from clusterstate.errors import (
    ClusterStateError,
    CredentialsNotFound,
    KubeError,
    KubeForbidden,
    ObjectChanged,
    ObjectNotFound,
    ReferenceNotFound,
    SpecInvalid,
)
from clusterstate.facts import store_facts
from clusterstate.gather import Access, Known, Sources
from clusterstate.kube.finalizer import is_held, release
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.kube.owner import Owner
from clusterstate.plan.deletion import Scene, is_meant, make_deletion, require_same_place
from clusterstate.plan.outcome import Outcome, Request, StoreFacts, make_bare_request, make_request
from clusterstate.scene import look_around
from clusterstate.state.tree import Tree
from clusterstate.store.location import Location
from clusterstate.way import LIST_SHARE, Staged, go_within_limits

log = logging.getLogger(__name__)

SHORTEST = 1.0
"""Seconds from one attempt to the next, however near the end is."""
STRANGER = "a ClusterState of another namespace"


async def remove(context: Context, body: Body, memory: Memory) -> Result:
    """Delete the state of an object that is being deleted, if that is meant, and let the object go."""
    metadata = msgspec.convert(body["metadata"], Metadata)
    if not is_held(metadata):
        return Result(None, None)
    ending = Ending(context, body, metadata)
    try:
        removal = Removal(context, load(body), memory)
    except SpecInvalid as error:
        return await ending.after(error, make_bare_request(body))
    try:
        await go_within_limits(removal)
    except ObjectNotFound:
        return Result(None, None, tuple(removal.freed))
    except ClusterStateError as error:
        result = await ending.after(error, removal.request, removal.facts)
        return replace(result, freed=tuple(removal.freed))
    return Result(None, None, tuple(removal.freed))


class Ending:
    """When an object goes although its state couldn't be deleted."""

    def __init__(self, context: Context, body: Body, metadata: Metadata) -> None:
        """Take the object and what time it is."""
        self._context = context
        self._metadata = metadata
        began = datetime.fromisoformat(body["metadata"]["deletionTimestamp"]).timestamp()
        self._end = began + context.settings.deletion_timeout

    async def after(self, error: ClusterStateError, request: Request, facts: StoreFacts | None = None) -> Result:
        """Give what follows from an attempt that failed: another one, or the end."""
        left = self._end - self._context.now().timestamp()
        if left <= 0:
            try:
                return await self._give_up(error)
            except KubeError as failure:
                error = failure
        told = Outcome(replace(request, deleting=True), self._with_end(error), facts)
        return Result(told, max(left, SHORTEST))

    async def _give_up(self, error: ClusterStateError) -> Result:
        who = f"{self._metadata.namespace}/{self._metadata.name}"
        await release(self._context.client, self._metadata)
        log.warning(
            "%s: given up deleting the state %d seconds after the object; what is left of it stays: %s",
            who,
            self._context.settings.deletion_timeout,
            error.message,
        )
        return Result(None, None)

    def _with_end(self, error: ClusterStateError) -> ClusterStateError:
        minutes = self._context.settings.deletion_timeout / 60
        text = f"{error.fact} The object goes {minutes:g} minutes after its deletion; what is left of the state stays."
        return type(error)(text, retry_after=error.retry_after)


class Removal(Staged):
    """One attempt to delete the state of one object."""

    def __init__(self, context: Context, state: ClusterState, memory: Memory) -> None:
        """Take what is shared, the object, and what its last run remembered."""
        self._context = context
        self._state = state
        self._memory = memory
        self.owner = Owner(state.metadata.namespace, state.metadata.name, state.metadata.uid)
        self._key = (self.owner.namespace, self.owner.name)
        self.seconds = parse_duration(state.spec.sync.timeout).total_seconds()
        self.request = make_request(state)
        self.facts: StoreFacts | None = None
        self.freed: list[Key] = []

    async def go(self) -> None:
        """Do it all; `ObjectNotFound` means that the object has gone, so that nothing is left to do."""
        if is_meant(self._state):
            access = await self._find_access()
            async with Sources(self._context.client, access, writes=True) as sources:
                await self._delete(access, sources)
        else:
            log.info("%s: the object goes, its state stays: it is suspended, or may not delete it", self.owner)
        self.enter("release", "letting the object go")
        await release(self._context.client, self._state.metadata)

    async def _find_access(self) -> Access:
        """Find out how to reach the store; where that went before the object, as the last run found out."""
        spec, kept = self._state.spec.store, self._memory.access
        reader = self._context.reader(self.owner.namespace)
        try:
            access = await reader.access(spec, self._state.cluster_name)
        except (CredentialsNotFound, ReferenceNotFound, KubeForbidden):
            if kept is None or not self._is_told(kept):
                raise
            return kept
        take_access(self._context, self._key, self._memory, access)
        return access

    def _is_told(self, access: Access) -> bool:
        told = self._state.status.store
        return told is not None and told.url == access.location.url

    async def _delete(self, access: Access, sources: Sources) -> None:
        told = self._state.status.store
        require_same_place(told, access.location, sources.endpoint)
        self.enter("list", f"listing {access.location.url}")
        with self._context.health.look(access.shared, self._key) as freed:
            tree, listing, known = await sources.list_state(self._memory.known, self.seconds * LIST_SHARE)
        self.freed += freed
        self.facts = store_facts(access, tree, listing)
        require_same_place(told, access.location, self.facts.endpoint)
        deletion = make_deletion(await self._look(access, tree, known))
        self.enter("delete", f"deleting from {access.location.url}")
        if deletion.files:
            await self._require_unchanged()
            await delete_files(tree.parts(), deletion)
        log.info("%s: deleted %d files of %s", self.owner, deletion.files, access.location.url)

    async def _look(self, access: Access, tree: Tree, known: Known | None) -> Scene:
        """Look at everything that decides."""
        scene = await look_around(access, tree, known, self._state.spec.sync)
        gone = self._state.metadata.annotations.get(CLOUD_RESOURCES_GONE) == "true"
        return replace(scene, sharers=self._sharers(access, scene.listings), cloud_gone=gone)

    def _sharers(self, access: Access, urls: Iterable[str]) -> tuple[str, ...]:
        places = [(Location.parse(url) if url else access.location).common.url for url in urls]
        others = self._context.claims.sharers(self._key, places)
        names = (f"ClusterState {name}" if space == self._key[0] else STRANGER for space, name in others)
        return tuple(dict.fromkeys(names))

    async def _require_unchanged(self) -> None:
        """Raise `ObjectChanged` when somebody changed the object, which may be to stop this; else it may begin."""
        there = await self._context.client.get(CLUSTER_STATES.without_bodies, *self._key)
        known = self._state.metadata
        if (there["metadata"]["uid"], there["metadata"]["resourceVersion"]) != (known.uid, known.resource_version):
            raise ObjectChanged(f"ClusterState {self.owner} was changed during the attempt. The next one sees it.")
