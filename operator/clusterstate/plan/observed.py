"""What is: the state that was read, the versions it was read at, and what was applied to it before."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from clusterstate.plan.departure import Departure
from clusterstate.plan.desired import DesiredGroup, Metadata
from clusterstate.plan.items import with_whole_items
from clusterstate.state.canonical import canonical
from clusterstate.state.node_config import NodeConfig
from clusterstate.state.objects import Document, Json, JsonObject, State
from clusterstate.store.base import Version


@dataclass(frozen=True, slots=True)
class Applied:
    """What a declaration left in the store: the base of the next merge. Specs are canonical."""

    cluster: JsonObject | None = None
    instance_groups: Mapping[str, DesiredGroup] = field(default_factory=dict)
    created: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Per key of the state, JSON pointers of the maps and list items that exist only because a push made them.

    They go when the last field declared in them goes; a parent that was there before stays.
    """
    shown: "Applied | None" = None
    """The store's side as it was then, where Pull brings it into the spec (`direction: Both`): no declaration."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Digests of secrets, SSH keys and files, by their key in the state."""
    key_pairs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Public keys of key pairs, as `state.keypair` tells them, by their keyset's name."""
    generated: Mapping[str, str] = field(default_factory=dict)
    """Keysets that had a key pair as `Desired.generate` asks for, by their names, with `newerThan` then, or nothing.

    On the store's side it is the moment at which the newest key pair was made.
    """
    undeclared: frozenset[str] = frozenset()
    """Names of those instance groups that were declared once, aren't any more, and stay in the store."""
    cluster_metadata: Metadata = field(default_factory=Metadata)
    absent: frozenset[str] = frozenset()
    """Pointers of `Desired.absent` that were enforced: what is there again was put there by others."""
    store: Mapping[str, Any] | None = None
    """`spec.store` under which it was written: references, never secrets. None in revisions of older versions."""
    place: str = ""
    """`Location.identity` of the state then; empty where it wasn't known."""
    departure: Departure | None = None
    """Where the state was before its last migration."""
    declared: "Applied | None" = None
    """What was declared of documents, where the store had its way in a part of it; None: what is here."""

    def as_json(self) -> dict[str, Any]:
        """Give plain JSON that `from_json` reads back to an equal object."""
        groups = self.instance_groups.items()
        metadata = {"labels": self.cluster_metadata.labels, "annotations": self.cluster_metadata.annotations}
        more = {
            "clusterMetadata": {name: dict(sorted(part.items())) for name, part in metadata.items() if part},
            "absent": sorted(self.absent),
            "generated": dict(sorted(self.generated.items())),
            "store": self.store,
            "place": self.place,
            "departure": self.departure.as_json() if self.departure else None,
        }
        return {
            "cluster": self.cluster,
            "instanceGroups": {
                name: {"spec": group.spec, "labels": dict(sorted(group.labels.items()))}
                for name, group in sorted(groups)
            },
            "created": {key: sorted(pointers) for key, pointers in sorted(self.created.items()) if pointers},
            **({"undeclared": sorted(self.undeclared)} if self.undeclared else {}),
            **({} if self.shown is None else {"shown": self.shown.as_json()}),
            **({} if self.declared is None else {"declared": self.declared.as_json()}),
            "contents": dict(sorted(self.contents.items())),
            "keyPairs": {name: sorted(keys) for name, keys in sorted(self.key_pairs.items())},
            # What is empty is left out, as in revisions of versions that didn't know it: equal stays equal.
            **{name: part for name, part in more.items() if part},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Applied":
        """Read what `as_json` gave. Missing parts are empty."""
        groups = content.get("instanceGroups", {})
        metadata = content.get("clusterMetadata", {})
        departure = content.get("departure")
        return cls(
            cluster=content.get("cluster"),
            instance_groups={
                name: DesiredGroup(name, group.get("spec", {}), group.get("labels", {}))
                for name, group in groups.items()
            },
            created={key: frozenset(pointers) for key, pointers in content.get("created", {}).items()},
            store=content.get("store"),
            place=content.get("place", ""),
            departure=Departure.from_json(departure) if departure else None,
            undeclared=frozenset(content.get("undeclared", ())),
            shown=None if content.get("shown") is None else cls.from_json(content["shown"]),
            declared=None if content.get("declared") is None else cls.from_json(content["declared"]),
            contents=content.get("contents", {}),
            key_pairs={name: frozenset(keys) for name, keys in content.get("keyPairs", {}).items()},
            generated=content.get("generated", {}),
            cluster_metadata=Metadata(metadata.get("labels", {}), metadata.get("annotations", {})),
            absent=frozenset(content.get("absent", ())),
        )

    @property
    def declaration(self) -> "Applied":
        """What was declared of documents, without what is only known of them."""
        if self.declared is not None:
            return self.declared
        groups = {name: each for name, each in self.instance_groups.items() if name not in self.undeclared}
        return Applied(self.cluster or None, groups, cluster_metadata=self.cluster_metadata)

    def declaring(self, declaration: "Applied") -> "Applied":
        """Give the same base, which says what was declared where it isn't that itself."""
        base, said = replace(self, declared=None), replace(declaration, cluster=declaration.cluster or None)
        return base if base.declaration == said else replace(base, declared=said)

    @property
    def digest(self) -> str:
        """SHA-256 in hex; equal exactly when `as_json` is."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that was read before a decision."""

    state: State
    versions: Mapping[str, Version]
    """Of each file that was read, by its key in the state."""
    applied: Applied | None = None
    """The newest settled one; None makes the run an adoption."""
    intents: tuple[Applied, ...] = ()
    """Recorded after `applied`, oldest first, by runs that didn't come to their end."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Digests of those secrets, SSH keys and files that were read, by their key in the state."""
    node_configs: Mapping[str, NodeConfig] = field(default_factory=dict)
    """What nodes are set up from, by the file's key, where a rotation is declared."""


def specs_of(state: State) -> Applied:
    """Give the store's side of a merge: every spec and label that is there, specs canonical, as declared ones are."""
    cluster = state.cluster
    return Applied(
        None if cluster is None else with_whole_items("Cluster", canonical("Cluster", cluster.spec).spec),
        {
            name: DesiredGroup(
                name,
                with_whole_items("InstanceGroup", canonical("InstanceGroup", document.spec).spec),
                texts_of(document)[0],
            )
            for name, document in sorted(state.instance_groups.items())
        },
        cluster_metadata=Metadata() if cluster is None else Metadata(*texts_of(cluster)),
    )


def texts_of(document: Document) -> tuple[dict[str, str], dict[str, str]]:
    """Give a document's labels and annotations."""
    labels, annotations = (document.metadata.get(name) for name in ("labels", "annotations"))
    return _texts(labels), _texts(annotations)


def _texts(values: Json) -> dict[str, str]:
    known = values if isinstance(values, dict) else {}
    return {key: value for key, value in known.items() if isinstance(value, str)}
