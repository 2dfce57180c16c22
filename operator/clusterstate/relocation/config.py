"""`config` on its way: written last, with the URLs of the new place, and only when all other files are there."""

from dataclasses import replace

from clusterstate.api.store import Layout
from clusterstate.api.types import ClusterState
from clusterstate.apply.migration import Copying
from clusterstate.errors import FileStoreIsForReview, MalformedFile, MigrationRunning
from clusterstate.gather import Access
from clusterstate.plan.documents import changed
from clusterstate.plan.rewriting import Move, require_movable, urls_of
from clusterstate.plan.values import equal_json
from clusterstate.state import codec
from clusterstate.state.canonical import canonical
from clusterstate.state.layout import CONFIG
from clusterstate.state.objects import JsonObject
from clusterstate.state.tree import Listing
from clusterstate.store.base import Version
from clusterstate.store.copying import Freight


def plan_move(state: ClusterState, old: Access, new: Access, spec: JsonObject, declared: JsonObject) -> Move:
    """Give which URLs of the source's `config` follow the state; `declared` is what somebody declares of it.

    Raises `FileStoreIsForReview` where nodes couldn't read it, `MigrationRefused` where a URL can neither follow nor
    stay.
    """
    discovery = state.spec.sync.migration.discovery_store
    return plan_move_between(old, new, spec, declared, discovery=discovery)


def plan_move_between(
    old: Access, new: Access, spec: JsonObject, declared: JsonObject, *, discovery: bool = False
) -> Move:
    """Do the same, told whether the discovery store's URL follows too."""
    if new.location.scheme == "file":
        raise FileStoreIsForReview(
            f"{new.location.url} is a folder on one machine, which the nodes of a cluster can't read: a state "
            "can't move there. Choose another URL."
        )
    move = Move(
        old=old.location,
        new=new.location,
        old_store=old.store,
        new_store=new.store,
        discovery=discovery,
        names_place=new.layout is not Layout.KOPS_RESOURCES,
        holds_all=old.layout is Layout.KOPS_RESOURCES,
    ).of(spec)
    require_movable(move, spec, declared)
    return move


class Config:
    """One migration's `config`."""

    def __init__(self, move: Move, copying: Copying, spec: JsonObject) -> None:
        """Take which URLs follow, the files of both places, and what `config` said when they were chosen."""
        self._move = move
        self._copying = copying
        self._urls = list(urls_of(spec))
        self._written: Version | None = None

    def is_written(self, listing: Listing) -> bool:
        """Whether the source's `config` as the listing shows it is at the target."""
        return listing.entries[CONFIG].version == self._written

    async def is_rewritten(self) -> bool:
        """Whether the target's `config` is the source's with its new URLs already: a person may have seen to that."""
        if CONFIG not in self._copying.there:
            return False
        wanted = rewritten((await self._copying.source.read(CONFIG)).data, self._move)
        return _mean_same((await self._copying.target.read(CONFIG)).data, wanted)

    async def write(self, listing: Listing) -> None:
        """Have the target hold it; one that means the same stays as it is.

        Raises `MigrationRunning` where it names other places by now: what moves has to be chosen anew.
        """
        source = await self._copying.source.read(CONFIG)
        if list(urls_of(canonical("Cluster", codec.decode_document(source.data, CONFIG).spec).spec)) != self._urls:
            raise MigrationRunning("config names other places since the copying began. The next run begins with them.")
        data = rewritten(source.data, self._move)
        if CONFIG in self._copying.there:
            found = (await self._copying.target.read(CONFIG)).data
            data = found if _mean_same(found, data) else data
        await self._copying.write(
            listing.entries[CONFIG], Freight.of(replace(source, data=data), self._copying.form_of(CONFIG))
        )
        self._written = source.version


def rewritten(data: bytes, move: Move) -> bytes:
    """Give the file with every URL that follows; where none does, the same bytes."""
    document = codec.decode_document(data, CONFIG)
    spec = canonical("Cluster", document.spec).spec
    after = changed(document, spec, move.rewrite(spec), {})
    return data if after is None else codec.encode_document(after)


def _mean_same(one: bytes, other: bytes) -> bool:
    try:
        specs = [canonical("Cluster", codec.decode_document(data, CONFIG).spec).spec for data in (one, other)]
    except MalformedFile:
        return False
    return equal_json(*specs)
