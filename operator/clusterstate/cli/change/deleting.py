"""`clusterstate delete`: a cluster's whole state, as `kops delete cluster --unregister` does, or one instance group.

Nothing is deleted before every guard of the operator's has been passed, and nothing in the cloud at all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from clusterstate.api.sync import DeletionPolicy, SyncSpec
from clusterstate.apply.deletion import delete_files
from clusterstate.cli.asking import agreed_by_name
from clusterstate.cli.change.documents import Subject
from clusterstate.cli.change.writing import LIST_SECONDS, Prepared, Seen, change_states, open_job
from clusterstate.cli.choice import CLUSTER_VARIABLE
from clusterstate.cli.manners import say
from clusterstate.cli.opening import Shop
from clusterstate.cli.output import echo
from clusterstate.cli.words import Consent, Extent, StoreWords
from clusterstate.errors import CommandInvalid
from clusterstate.gather import Access
from clusterstate.plan.deletion import Deletion, Scene, Ways, make_deletion, url_of
from clusterstate.plan.replacing import delete_group
from clusterstate.scene import look_around
from clusterstate.state.tree import Tree

WAYS: Final = Ways(instead="", confirm="say --cloud-resources-gone")


def require_named(subject: Subject, environ: Mapping[str, str], *said: str | None) -> Subject:
    """Give what goes. Raises `CommandInvalid` for a cluster that only kubectl's context names, as kops does."""
    if subject.group is None and subject.cluster not in {*said, environ.get(CLUSTER_VARIABLE)}:
        raise CommandInvalid(f"Say which cluster goes: give its name, or {CLUSTER_VARIABLE}.")
    return subject


async def delete_cluster(
    words: StoreWords, environ: Mapping[str, str], cluster: str, extent: Extent, consent: Consent
) -> int:
    """Delete a cluster's state, and give the exit code.

    Raises `CommandInvalid` where nothing is there, `DeletionBlocked` where a person must act first, `Unconfirmed` where
    nobody agrees, and `LostRace` where somebody writes to it: nothing of theirs is deleted.
    """
    async with Shop(words, environ) as shop:
        access, sources = shop.access(cluster), await shop.sources(cluster, writes=True)
        tree, _, known = await sources.list_state(None, LIST_SECONDS)
        scene = replace(await look_around(access, tree, known, _sync(extent)), cloud_gone=extent.cloud_gone, ways=WAYS)
        deletion = make_deletion(scene)
        return await _delete(access, tree, (scene, deletion), cluster, consent)


async def delete_instance_group(
    words: StoreWords, environ: Mapping[str, str], subject: Subject, consent: Consent
) -> int:
    """Delete an instance group, and give the exit code. Raises what `delete_group` and `change_states` do."""
    group = subject.group
    assert group is not None, "it is one"

    async def make(seen: Seen) -> Prepared:
        subject.find_in(seen)
        return Prepared(delete_group(seen.observed, group))

    async with Shop(words, environ) as shop:
        job = await open_job(shop, subject.cluster, make)
        return await change_states([replace(job, breaker=False)], consent, f"Delete {subject.title}?")


async def _delete(access: Access, tree: Tree, found: tuple[Scene, Deletion], cluster: str, consent: Consent) -> int:
    scene, deletion = found
    url = access.location.url
    if not deletion.files:
        raise CommandInvalid(f"There is nothing of cluster {cluster} at {url}. Correct the name, or the store.")
    for place in sorted(url_of(scene, file) for stage in deletion.stages for file in stage):
        echo(f"- {place}", "red")
    for line in _staying(scene):
        echo(line)
    echo(f"{deletion.files} to delete in {url}.")
    question = f"This can't be undone. Type the name of the cluster, {cluster}, to delete its state"
    if agreed_by_name(question, cluster, consent):
        await delete_files(tree.parts(), deletion)
        say(f"{deletion.files} deleted in {url}.")
    return 0


def _sync(extent: Extent) -> SyncSpec:
    """Say it as a declaration does."""
    return SyncSpec(
        deletion_policy=DeletionPolicy.DELETE,
        delete_external_stores=extent.external,
        keep_backups=not extent.backups,
    )


def _staying(scene: Scene) -> Iterator[str]:
    places = scene.places
    outside = (each for each in (places.key_store, places.secret_store) if each and each not in scene.listings)
    yield from (f"Stays, without --external-stores: {each}" for each in dict.fromkeys(outside))
    if scene.sync.keep_backups:
        yield "Stays, without --backups: what is in backups/"
