"""What was applied from a declaration, kept in the cluster as `ControllerRevision`s owned by the ClusterState.

They can't lie in the store: kops refuses to delete a cluster that holds files it doesn't know. A revision is
created before the first write of a push (an intent) and marked settled when the push is complete, so that the
run after a crash knows what may have been written. What stands in a revision's data is `contents`' to know; only what
a run needs is unpacked.

The newest settled revision is kept whole, with all after it; an older one leads back from a newer one. The API server
refuses changes of a revision's data, so one that is to be kept in another form is written anew under another name,
and only then deleted under the first: at no moment is there neither. A reader takes whichever it finds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from clusterstate.api.annotations import GROUP, OWNER_UID_LABEL
from clusterstate.errors import ObjectChanged, ObjectExists, ObjectNotFound, Unreadable
from clusterstate.kube.client import Client
from clusterstate.kube.contents import SPOILT, pack_back, unpack, unpack_back
from clusterstate.kube.kinds import CONTROLLER_REVISIONS
from clusterstate.kube.owner import Owner

SETTLED = f"{GROUP}/settled"
GROUPS_PUSHED = f"{GROUP}/instance-groups-pushed"
CHANGES = f"{GROUP}/changes"
BY = f"{GROUP}/changed-by"
WHAT = f"{GROUP}/changed"
HOOK = f"{GROUP}/after-push"
"""That a Job was asked for when it was pushed, then the Job's uid."""
HOOK_RESULT = f"{GROUP}/after-push-result"
HOOK_MESSAGE = f"{GROUP}/after-push-message"
CREATED = f"{GROUP}/created"
"""When it was first written; only where it was written anew."""
WHOLE = "gzip"
BACK = "back"
FROM = "from"
TYPE = {"apiVersion": "apps/v1", "kind": "ControllerRevision"}
NAME_PART = 200
"""Characters of the owner's name in a revision's name; a name may have 253 in all."""


@dataclass(frozen=True)
class Revision:
    """One declaration as it was applied, or was about to be."""

    number: int
    settled: bool
    packed: str = field(repr=False)
    """The content, as `contents.pack` or `contents.pack_back` gives it."""
    origin: int = 0
    """Number of the newer revision that `packed` leads back from; 0: it says everything itself."""
    groups_pushed: int = 0
    """Number of the newest revision, up to this one, whose push changed an instance group; 0: none did.

    No file of the store tells whether `kops update cluster` has seen an instance group.
    """
    changes: int = 0
    """Files written."""
    by: str = ""
    """The field manager that had changed the declaration last."""
    what: str = ""
    """Names of the files and fields that were written; never a value."""
    hook: str = ""
    """See `plan.hook.Hook.job`."""
    hook_result: str = ""
    """How that Job ended; empty: it hasn't, as far as is known."""
    hook_message: str = ""
    created: str = ""
    """RFC 3339."""
    stored: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The object as the API server gave it."""
    newer: "Revision | None" = field(default=None, repr=False, compare=False)
    """The revision numbered `origin`, where it is there."""

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """`Applied.as_json()`. Raises `Unreadable` where it was damaged, or what it leads back from is gone."""
        if not self.origin:
            return unpack(self.packed)
        if self.newer is None:
            raise Unreadable(SPOILT)
        return unpack_back(self.newer.content, self.packed)

    @property
    def readable(self) -> bool:
        """Whether `content` can be had."""
        try:
            _ = self.content
        except Unreadable:
            return False
        return True


async def list_revisions(client: Client, owner: Owner) -> tuple[Revision, ...]:
    """Give the owner's revisions, oldest first.

    Left out is what isn't the owner's whatever its label says, and what can't be read any more down to the newest
    settled one that can. Older ones weren't unpacked: their content may raise `Unreadable`.
    """
    labels = f"{OWNER_UID_LABEL}={owner.uid}"
    found = [item async for item in client.list(CONTROLLER_REVISIONS, owner.namespace, labels=labels)]
    revisions = _linked(filter(None, (_parse(item, owner) for item in found)))
    kept: list[Revision] = []
    while revisions and not (kept and kept[-1].settled):
        newest = revisions.pop()
        kept += [newest] if newest.readable else []
    return (*revisions, *reversed(kept))


async def create_revision(client: Client, owner: Owner, revision: Revision) -> Revision:
    """Write a new revision and give it as it is kept; raise `ObjectExists` when another process was faster.

    A revision of ours with that number that can't be read any more gives way.
    """
    manifest = _manifest(owner, revision)
    try:
        created = await client.create(CONTROLLER_REVISIONS, manifest)
    except ObjectExists:
        if not await _is_spoilt(client, owner, manifest["metadata"]["name"]):
            raise
        created = await _create_anew(client, manifest)
    return replace(revision, created=created["metadata"]["creationTimestamp"], stored=created)


async def rebase_revision(client: Client, owner: Owner, revision: Revision, newer: Revision) -> Revision:
    """Keep a revision as what leads back to it from a newer one, and no more as it was kept.

    Raises `Unreadable` where one of the two doesn't say what it was, and `SpecTooLarge` where no object can hold the
    way back.
    """
    packed = pack_back(newer.content, revision.content)
    rebased = replace(revision, packed=packed, origin=newer.number, newer=newer)
    manifest = _manifest(owner, rebased)
    try:
        stored = await client.create(CONTROLLER_REVISIONS, manifest)
    except ObjectExists:  # of a run that was killed before it deleted the other one
        stored = await _create_anew(client, manifest)
    rebased = replace(rebased, stored=stored)
    metadata = revision.stored["metadata"]
    try:
        await _delete(client, owner.namespace, metadata["name"], metadata["resourceVersion"])
    except ObjectChanged:  # somebody marked it meanwhile: what was written anew doesn't say so
        await delete_revision(client, rebased)
        raise
    return rebased


async def settle_revision(client: Client, revision: Revision) -> Revision:
    """Mark a push as complete."""
    return await _annotate(client, replace(revision, settled=True))


async def mark_hook(client: Client, revision: Revision, job: str, result: str = "", message: str = "") -> Revision:
    """Mark which Job followed a push, and how it ended. Raises `ObjectChanged` when somebody else was faster."""
    return await _annotate(client, replace(revision, hook=job, hook_result=result, hook_message=message))


async def _annotate(client: Client, revision: Revision) -> Revision:
    """Write what a revision says beside its content.

    By a replacement: the API server takes every patch of a ControllerRevision for a change of its data, which it
    refuses (seen with 1.36).
    """
    metadata = revision.stored["metadata"]
    annotations = {**metadata["annotations"], **_annotations(revision)}
    body = {**revision.stored, **TYPE, "metadata": {**metadata, "annotations": annotations}}
    return replace(revision, stored=await client.replace(CONTROLLER_REVISIONS, body))


async def delete_revision(client: Client, revision: Revision) -> None:
    """Remove a revision; one that is gone already is no error."""
    await _delete(client, revision.stored["metadata"]["namespace"], revision.stored["metadata"]["name"])


async def _delete(client: Client, namespace: str, name: str, version: str = "") -> None:
    try:
        await client.delete(CONTROLLER_REVISIONS, namespace, name, resource_version=version)
    except ObjectNotFound:
        return


async def _create_anew(client: Client, manifest: dict[str, Any]) -> dict[str, Any]:
    await _delete(client, manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    return await client.create(CONTROLLER_REVISIONS, manifest)


async def _is_spoilt(client: Client, owner: Owner, name: str) -> bool:
    """Whether the revision of that name is the owner's and says nothing any more.

    By a list of one: the operator has to be allowed to list revisions anyway, and `get` would be one right more.
    """
    selected = client.list(CONTROLLER_REVISIONS, owner.namespace, fields=f"metadata.name={name}")
    mine = [each async for each in selected if owner.controls(each["metadata"])]
    return any(not (revision and revision.readable) for revision in (_parse(each, owner) for each in mine))


def _linked(found: Iterable[Revision]) -> list[Revision]:
    """Give one revision of each number, oldest first, each with the newer one that it leads back from.

    Where a run was killed while it wrote one anew, both forms are there, and say the same.
    """
    linked: dict[int, Revision] = {}
    for each in sorted(found, key=lambda revision: (revision.number, not revision.origin, revision.origin)):
        linked[each.number] = each
    for number in sorted(linked, reverse=True):
        linked[number] = replace(linked[number], newer=linked.get(linked[number].origin))
    return list(linked.values())


def _name(owner: Owner, revision: Revision) -> str:
    tail = f"{revision.number}-from-{revision.origin}" if revision.origin else f"{revision.number}"
    return f"{owner.name[:NAME_PART].rstrip('.-')}-{owner.uid[:8]}-{tail}"


def _manifest(owner: Owner, revision: Revision) -> dict[str, Any]:
    data = {BACK: revision.packed, FROM: revision.origin} if revision.origin else {WHOLE: revision.packed}
    return {
        **TYPE,
        "metadata": {
            "name": _name(owner, revision),
            "namespace": owner.namespace,
            "labels": {OWNER_UID_LABEL: owner.uid},
            "annotations": _annotations(revision),
            "ownerReferences": [owner.reference()],
        },
        "revision": revision.number,
        "data": data,
    }


def _annotations(revision: Revision) -> dict[str, str]:
    given = {
        BY: revision.by,
        WHAT: revision.what,
        HOOK: revision.hook,
        HOOK_RESULT: revision.hook_result,
        HOOK_MESSAGE: revision.hook_message,
        CREATED: revision.created,
    }
    return {
        SETTLED: str(revision.settled).lower(),
        GROUPS_PUSHED: str(revision.groups_pushed),
        CHANGES: str(revision.changes),
        **{name: text for name, text in given.items() if text},
    }


def _parse(item: Mapping[str, Any], owner: Owner) -> Revision | None:
    """Read what says of a revision more than its content does; None where it isn't the owner's, or was spoilt."""
    metadata = item["metadata"]
    annotations = metadata.get("annotations") or {}
    if not owner.controls(metadata):
        return None
    try:
        packed, origin = _data(item["revision"], item["data"])
        return Revision(
            number=item["revision"],
            settled=annotations.get(SETTLED) == "true",
            packed=packed,
            origin=origin,
            groups_pushed=int(annotations.get(GROUPS_PUSHED, "0")),
            changes=int(annotations.get(CHANGES, "0")),
            by=annotations.get(BY, ""),
            what=annotations.get(WHAT, ""),
            hook=annotations.get(HOOK, ""),
            hook_result=annotations.get(HOOK_RESULT, ""),
            hook_message=annotations.get(HOOK_MESSAGE, ""),
            created=annotations.get(CREATED) or metadata.get("creationTimestamp", ""),
            stored=item,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _data(number: int, data: Mapping[str, Any]) -> tuple[str, int]:
    """Give what is packed, and the number of what it leads back from; whatever doesn't lead back is a `ValueError`."""
    if WHOLE in data:
        return str(data[WHOLE]), 0
    origin = int(data[FROM])
    if origin <= number:
        raise ValueError
    return str(data[BACK]), origin
