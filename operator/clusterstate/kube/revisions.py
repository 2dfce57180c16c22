"""What was applied from a declaration, kept in the cluster as `ControllerRevision`s owned by the ClusterState.

They can't lie in the store: kops refuses to delete a cluster that holds files it doesn't know. A revision is
created before the first write of a push (an intent) and marked settled when the push is complete, so that the
run after a crash knows what may have been written. The API server refuses changes of a revision's data, so a
revision says the same for ever. What stands in its data is `contents`' to know; only what a run needs is unpacked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from clusterstate.api.annotations import GROUP, OWNER_UID_LABEL
from clusterstate.errors import ObjectExists, ObjectNotFound
from clusterstate.kube.client import Client
from clusterstate.kube.contents import Unreadable, unpack
from clusterstate.kube.kinds import CONTROLLER_REVISIONS
from clusterstate.kube.owner import Owner

SETTLED = f"{GROUP}/settled"
GROUPS_PUSHED = f"{GROUP}/instance-groups-pushed"
CHANGES = f"{GROUP}/changes"
TYPE = {"apiVersion": "apps/v1", "kind": "ControllerRevision"}
NAME_PART = 200
"""Characters of the owner's name in a revision's name; a name may have 253 in all."""


@dataclass(frozen=True)
class Revision:
    """One declaration as it was applied, or was about to be."""

    number: int
    settled: bool
    packed: str = field(repr=False)
    """The content, as `contents.pack` gives it."""
    groups_pushed: int = 0
    """Number of the newest revision, up to this one, whose push changed an instance group; 0: none did.

    No file of the store tells whether `kops update cluster` has seen an instance group.
    """
    changes: int = 0
    """Files written."""
    created: str = ""
    """RFC 3339."""
    stored: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The object as the API server gave it."""

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """`Applied.as_json()`. Raises `Unreadable` where it was damaged."""
        return unpack(self.packed)

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
    revisions = sorted(filter(None, (_parse(item, owner) for item in found)), key=lambda revision: revision.number)
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
        if not await _is_spoilt(client, owner, revision.number):
            raise
        await delete_revision(client, owner, revision.number)
        created = await client.create(CONTROLLER_REVISIONS, manifest)
    return replace(revision, created=created["metadata"]["creationTimestamp"], stored=created)


async def settle_revision(client: Client, revision: Revision) -> Revision:
    """Mark a push as complete.

    By a replacement: the API server takes every patch of a ControllerRevision for a change of its data, which it
    refuses (seen with 1.36).
    """
    metadata = revision.stored["metadata"]
    annotations = {**metadata["annotations"], SETTLED: "true"}
    body = {**revision.stored, **TYPE, "metadata": {**metadata, "annotations": annotations}}
    return replace(revision, settled=True, stored=await client.replace(CONTROLLER_REVISIONS, body))


async def delete_revision(client: Client, owner: Owner, number: int) -> None:
    """Remove a revision; one that is gone already is no error."""
    try:
        await client.delete(CONTROLLER_REVISIONS, owner.namespace, _name(owner, number))
    except ObjectNotFound:
        return


async def _is_spoilt(client: Client, owner: Owner, number: int) -> bool:
    """Whether the revision of that number is the owner's and says nothing any more."""
    there = await client.get(CONTROLLER_REVISIONS, owner.namespace, _name(owner, number))
    revision = _parse(there, owner)
    return _is_controlled(there["metadata"], owner) and not (revision and revision.readable)


def _name(owner: Owner, number: int) -> str:
    return f"{owner.name[:NAME_PART].rstrip('.-')}-{owner.uid[:8]}-{number}"


def _manifest(owner: Owner, revision: Revision) -> dict[str, Any]:
    return {
        **TYPE,
        "metadata": {
            "name": _name(owner, revision.number),
            "namespace": owner.namespace,
            "labels": {OWNER_UID_LABEL: owner.uid},
            "annotations": {
                SETTLED: str(revision.settled).lower(),
                GROUPS_PUSHED: str(revision.groups_pushed),
                CHANGES: str(revision.changes),
            },
            "ownerReferences": [owner.reference()],
        },
        "revision": revision.number,
        "data": {"gzip": revision.packed},
    }


def _parse(item: Mapping[str, Any], owner: Owner) -> Revision | None:
    """Read what says of a revision more than its content does; None where it isn't the owner's, or was spoilt."""
    metadata = item["metadata"]
    annotations = metadata.get("annotations") or {}
    if not _is_controlled(metadata, owner):
        return None
    try:
        return Revision(
            number=item["revision"],
            settled=annotations.get(SETTLED) == "true",
            packed=str(item["data"]["gzip"]),
            groups_pushed=int(annotations.get(GROUPS_PUSHED, "0")),
            changes=int(annotations.get(CHANGES, "0")),
            created=metadata.get("creationTimestamp", ""),
            stored=item,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _is_controlled(metadata: Mapping[str, Any], owner: Owner) -> bool:
    """Whether it belongs to this ClusterState: a label can be put onto anything."""
    references = metadata.get("ownerReferences", ())
    return any(each.get("controller") and each.get("uid") == owner.uid for each in references)
