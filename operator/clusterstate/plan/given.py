"""Objects of kops as people hand them in: what is in them, to which cluster they belong, what is wrong with them. Pure.

Cluster        of kops.k8s.io/v1alpha2, or kops/v1alpha2 as old versions wrote it
InstanceGroup  names its cluster by the label kops.k8s.io/cluster
SSHCredential  the same
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from clusterstate.api.basics import DNS_NAME, FILE_NAME
from clusterstate.errors import MalformedFile, SpecInvalid
from clusterstate.plan.naming import named
from clusterstate.state.canonical import Canonical, canonical
from clusterstate.state.codec import API_VERSION, CLUSTER_LABEL, LEGACY_API_VERSION, ssh_fingerprint
from clusterstate.state.objects import Document, Json, JsonObject
from clusterstate.state.schema import Kind

VERSIONS: Final = (API_VERSION, LEGACY_API_VERSION)
CLUSTER: Final = "Cluster"
INSTANCE_GROUP: Final = "InstanceGroup"
SSH_CREDENTIAL: Final = "SSHCredential"
KINDS: Final = (CLUSTER, INSTANCE_GROUP, SSH_CREDENTIAL)
NAMES: Final = {CLUSTER: re.compile(DNS_NAME), INSTANCE_GROUP: re.compile(FILE_NAME)}
TEXTS: Final = ("labels", "annotations")
IGNORED: Final = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})


@dataclass(frozen=True, slots=True)
class Given:
    """One Cluster or InstanceGroup."""

    place: str
    """Where it stands, such as `cluster.yaml, document 2`."""
    document: Document

    @property
    def kind(self) -> Kind:
        """Which of both."""
        return "Cluster" if self.document.kind == CLUSTER else "InstanceGroup"

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return f"{self.place}: {self.document.kind} {self.document.name}"

    def texts(self, name: str) -> dict[str, str]:
        """Give its `labels` or `annotations`."""
        found = self.document.metadata.get(name) or {}
        assert isinstance(found, dict), "it was read so"
        return {key: str(value) for key, value in found.items()}

    def refused(self, known: Canonical | None = None) -> list[str]:
        """Give what kops couldn't read, or would drop without a word, by its field.

        A field that `known`, what the store has of the object, holds unknown to us is known to a newer kops.
        """
        found = canonical(self.kind, self.document.spec)
        kept = frozenset(known.unknown) if known else frozenset()
        unknown = [pointer for pointer in found.unknown if pointer not in kept]
        problems = [f"{each.pointer}: {each.message}" for each in found.problems]
        return [*problems, *(f"{pointer}: kops knows no such field and would drop it" for pointer in unknown)]

    def forgotten(self) -> list[str]:
        """Give the fields that kops reads and never writes, which old manifests have."""
        return [*canonical(self.kind, self.document.spec).dropped]


@dataclass(frozen=True, slots=True)
class Handed:
    """Everything that was handed in for one cluster."""

    cluster_name: str
    cluster: Given | None = None
    groups: Mapping[str, Given] = field(default_factory=dict)
    ssh_keys: Mapping[str, bytes] = field(default_factory=dict)
    """Lines as given, by fingerprint."""

    @property
    def documents(self) -> tuple[Given, ...]:
        """All documents: the cluster first, then groups by name."""
        groups = [given for _, given in sorted(self.groups.items())]
        return (self.cluster, *groups) if self.cluster else tuple(groups)


@dataclass(frozen=True, slots=True)
class Single:
    """One object, and the cluster that it belongs to: a document or an SSH key."""

    place: str
    cluster_name: str
    given: Given | None = None
    fingerprint: str = ""
    ssh_key: bytes = b""


def read_object(place: str, content: JsonObject) -> Single:
    """Read one object. Raises `SpecInvalid`, which names it, where it is none of kops's."""
    kind = content.get("kind")
    if content.get("apiVersion") not in VERSIONS or kind not in KINDS:
        raise SpecInvalid(f"{place}: {tell_kind(content)} is none of kops's {', '.join(KINDS)} in {API_VERSION}.")
    metadata, spec = (_mapping(content.get(name), f"{place}: {name}") for name in ("metadata", "spec"))
    for name in TEXTS:
        _require_texts(metadata.get(name), f"{place}: /metadata/{name}")
    unknown = sorted(set(content) - IGNORED)
    if unknown:
        raise SpecInvalid(f"{place}: {kind} has no field {named(unknown)}. Correct it.")
    if kind == SSH_CREDENTIAL:
        return _ssh_key(place, metadata, spec)
    given = Given(place, Document(API_VERSION, str(kind), metadata, spec))
    if not NAMES[str(kind)].match(given.document.name):
        raise SpecInvalid(f"{place}: {kind} has no metadata.name that can be the name of a file. Correct it.")
    return Single(place, given.document.name if kind == CLUSTER else _cluster_of(given.title, metadata), given)


def gather(objects: Iterable[Single]) -> list[Handed]:
    """Sort objects by cluster, in the order in which the clusters come. Raises `SpecInvalid` for one given twice."""
    found: dict[str, Handed] = {}
    places: dict[tuple[str, ...], str] = {}
    for each in objects:
        key = _identity(each)
        if key in places:
            raise SpecInvalid(f"{each.place} is about the same {key[1]} as {places[key]}. Hand it in once.")
        places[key] = each.place
        found[each.cluster_name] = _with(found.get(each.cluster_name) or Handed(each.cluster_name), each)
    return [*found.values()]


def tell_kind(content: JsonObject) -> str:
    """Give what a foreign object calls itself."""
    kind, version = (content.get(name) for name in ("kind", "apiVersion"))
    return f"kind {kind or 'none'} of apiVersion {version or 'none'}"


def _identity(each: Single) -> tuple[str, ...]:
    if each.given is None:
        return each.cluster_name, f"{SSH_CREDENTIAL} {each.fingerprint}"
    return each.cluster_name, f"{each.given.document.kind} {each.given.document.name}"


def _with(handed: Handed, each: Single) -> Handed:
    if each.given is None:
        return replace(handed, ssh_keys={**handed.ssh_keys, each.fingerprint: each.ssh_key})
    if each.given.kind == CLUSTER:
        return replace(handed, cluster=each.given)
    return replace(handed, groups={**handed.groups, each.given.document.name: each.given})


def _ssh_key(place: str, metadata: JsonObject, spec: JsonObject) -> Single:
    title = f"{place}: {SSH_CREDENTIAL}"
    text = spec.get("publicKey")
    if not isinstance(text, str) or not text:
        raise SpecInvalid(f"{title} has no spec.publicKey, the line of a public key. Give it.")
    try:
        fingerprint = ssh_fingerprint(text.encode(), f"{title}: spec.publicKey")
    except MalformedFile as error:
        raise SpecInvalid(f"{error.message} Correct it.") from None
    return Single(place, _cluster_of(title, metadata), fingerprint=fingerprint, ssh_key=text.encode())


def _cluster_of(title: str, metadata: JsonObject) -> str:
    labels = metadata.get("labels")
    name = labels.get(CLUSTER_LABEL) if isinstance(labels, dict) else None
    if not isinstance(name, str) or not NAMES[CLUSTER].match(name):
        raise SpecInvalid(f"{title} lacks the label {CLUSTER_LABEL}, which names its cluster, as kops demands it.")
    return name


def _mapping(value: Json, where: str) -> JsonObject:
    if value is not None and not isinstance(value, dict):
        raise SpecInvalid(f"{where} isn't a map. Correct it.")
    return value or {}


def _require_texts(value: Json, where: str) -> None:
    for key, each in _texts(value, where):
        if not isinstance(each, str):
            raise SpecInvalid(f"{where}: {key} isn't text. Put it in quotes.")


def _texts(value: Json, where: str) -> Iterator[tuple[str, Json]]:
    yield from _mapping(value, where).items()
