"""What was applied from a declaration, kept in the cluster as `ControllerRevision`s owned by the ClusterState.

They can't lie in the store: kops refuses to delete a cluster that holds files it doesn't know. A revision is
created before the first write of a push (an intent) and marked settled when the push is complete, so that the
run after a crash knows what may have been written. The API server refuses changes of a revision's data, so a
revision says the same for ever.
"""

import base64
import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from clusterstate.api.annotations import GROUP, OWNER_UID_LABEL
from clusterstate.errors import ObjectExists, ObjectNotFound, SpecTooLarge
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CONTROLLER_REVISIONS
from clusterstate.kube.owner import Owner

SETTLED = f"{GROUP}/settled"
GROUPS_PUSHED = f"{GROUP}/instance-groups-pushed"
CHANGES = f"{GROUP}/changes"
MAX_ENCODED = 1024 * 1024
"""Bytes of one revision's content: Kubernetes keeps objects of up to 1.5 MiB with all their metadata."""
TYPE = {"apiVersion": "apps/v1", "kind": "ControllerRevision"}
NAME_PART = 200
"""Characters of the owner's name in a revision's name; a name may have 253 in all."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One declaration as it was applied, or was about to be."""

    number: int
    settled: bool
    content: Mapping[str, Any]
    """`Applied.as_json()`."""
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


async def list_revisions(client: Client, owner: Owner) -> tuple[Revision, ...]:
    """Give the owner's revisions, oldest first; one that can't be read any more is left out."""
    labels = f"{OWNER_UID_LABEL}={owner.uid}"
    found = [item async for item in client.list(CONTROLLER_REVISIONS, owner.namespace, labels=labels)]
    revisions = (_parse(item) for item in found)
    return tuple(sorted((each for each in revisions if each), key=lambda revision: revision.number))


async def create_revision(client: Client, owner: Owner, revision: Revision) -> Revision:
    """Write a new revision and give it as it is kept; raise `ObjectExists` when another process was faster.

    A revision of that number that can't be read any more gives way.
    """
    manifest = _manifest(owner, revision)
    try:
        created = await client.create(CONTROLLER_REVISIONS, manifest)
    except ObjectExists:
        if any(each.number == revision.number for each in await list_revisions(client, owner)):
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
        "data": {"gzip": _pack(revision.content)},
    }


def _pack(content: Mapping[str, Any]) -> str:
    packed = base64.b64encode(gzip.compress(msgspec.json.encode(content), mtime=0)).decode()
    if len(packed) > MAX_ENCODED:
        raise SpecTooLarge(
            f"The declaration has {len(packed)} bytes after compression, more than the {MAX_ENCODED} that one "
            "Kubernetes object may hold. Declare less in one ClusterState."
        )
    return packed


def _parse(item: Mapping[str, Any]) -> Revision | None:
    annotations = item["metadata"].get("annotations", {})
    try:
        packed = gzip.decompress(base64.b64decode(item["data"]["gzip"]))
        return Revision(
            number=item["revision"],
            settled=annotations.get(SETTLED) == "true",
            content=msgspec.json.decode(packed, type=dict[str, Any]),
            groups_pushed=int(annotations.get(GROUPS_PUSHED, "0")),
            changes=int(annotations.get(CHANGES, "0")),
            created=item["metadata"].get("creationTimestamp", ""),
            stored=item,
        )
    except (KeyError, TypeError, ValueError, OSError, EOFError, zlib.error):
        return None
