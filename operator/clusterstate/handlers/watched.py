"""One object that is watched, and what of its body matters to whom."""

from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from clusterstate.api.annotations import GROUP
from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.context import Body, Key, Memory
from clusterstate.errors import SpecInvalid
from clusterstate.handlers.distance import Distance
from clusterstate.plan.shards import Place


@dataclass
class Watched:
    """One object: its newest body and what runs remember of it."""

    body: Body
    place: Place
    """Whose it is."""
    memory: Memory = field(default_factory=Memory)
    failures: int = 0
    told: bytes | None = None
    """Digest of the status that the last run left."""
    repairs: Distance = field(default_factory=Distance)
    """Of mirrors that others changed."""
    rereads: Distance = field(default_factory=Distance)
    """Of what it refers to."""


def key_of(body: Body) -> Key:
    """Give namespace and name."""
    return body["metadata"]["namespace"], body["metadata"]["name"]


def readable(body: Body) -> ClusterState | None:
    """Give an object as its text reads; None for one that can't be used."""
    try:
        return load(body)
    except SpecInvalid:
        return None


def uid_of(body: Body) -> str:
    """Give what tells an object from its namesakes."""
    uid: str = body["metadata"]["uid"]
    return uid


def version_of(body: Body) -> int:
    """Give a number that grows with each change."""
    return int(body["metadata"]["resourceVersion"])


def digest_status(body: Body) -> bytes:
    """Give a digest of the whole status."""
    return sha256(msgspec.json.encode(body.get("status"), order="sorted")).digest()


def inputs_of(body: Body) -> tuple[object, ...]:
    """Give what of an object a run depends on."""
    metadata = body["metadata"]
    ours = {name: value for name, value in metadata.get("annotations", {}).items() if name.startswith(GROUP)}
    return metadata.get("generation"), metadata.get("deletionTimestamp"), ours
