"""A declaration as one side of a review: a part of a state, merged into the other side by the operator's own planner.

Nothing is taken for applied: what would change is what the first run of the operator would change. Whatever the
declaration says about who wins, it does here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from clusterstate.apply.contents import make_bodies
from clusterstate.errors import ConflictFound
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.plan.comparison import Files
from clusterstate.plan.conflict import OF_DECLARATIONS, Ways, tell_conflicts
from clusterstate.plan.desired import Desired, Policy
from clusterstate.plan.diff import make_plan
from clusterstate.plan.observed import Observed
from clusterstate.state import codec
from clusterstate.state.bundle import read_bundle
from clusterstate.state.digests import Digests
from clusterstate.state.keypair import KeyPair
from clusterstate.state.layout import CONFIG, FileKind, instance_group_key, kind_of
from clusterstate.state.objects import Document, JsonObject, stored
from clusterstate.state.schema import Kind

Decide = Callable[[Observed, str, datetime], Plan]
"""Decides what a declaration changes of a state, in the store at a URL. Raises what `make_plan` does."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What somebody declares of one cluster."""

    word: str
    """As it was named."""
    cluster: str
    decide: Decide
    documents: Files = field(repr=False)
    """What is declared, as files of their own: to be compared with another declaration."""
    bodies: Files = field(default_factory=dict, repr=False)
    """The final bytes of what is declared beside documents, by key."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Of the same files; an SSH key's is its fingerprint."""
    key_pairs: Mapping[str, KeyPair] = field(default_factory=dict)
    """What belongs into keysets, by their name."""
    hidden: frozenset[str] = frozenset()
    """Keys of those that come from a Secret."""
    warnings: tuple[str, ...] = ()
    ways: Ways = OF_DECLARATIONS
    """What ends a conflict."""

    @property
    def files(self) -> Files:
        """All of it as files of their own, as far as they are whole."""
        return {**self.documents, **self.bodies}

    def plan(self, files: Files, url: str, digests: Digests) -> Plan:
        """Decide what it would change in the state at a URL. Raises what `make_plan` and `read_bundle` do."""
        bundle = read_bundle(files)
        observed = Observed(bundle.state, bundle.versions, contents=_digests_of(files, self.digests, digests))
        plan = self.decide(observed, url.rpartition("/")[0], datetime.now(UTC))
        return replace(plan, warnings=(*plan.warnings, *self.warnings))

    def merge(self, files: Files, url: str, digests: Digests) -> tuple[Files, tuple[Change, ...]]:
        """Give a state's files as they would be then, and what would become of those whose key pair isn't made yet.

        Raises `ConflictFound`, and what `plan` does.
        """
        plan = self.plan(files, url, digests)
        if plan.conflicts:
            raise ConflictFound(tell_conflicts(plan, self.ways))
        bodies = make_bodies(plan, read_bundle(files).state, self.bodies, self.key_pairs)
        documents = {each.key: codec.encode_document(each.document) for each in plan.changes if each.document}
        gone = {change.key for change in plan.changes if change.action is Action.DELETE}
        after = {key: data for key, data in {**files, **documents, **bodies}.items() if key not in gone}
        return after, tuple(change for change in plan.changes if change.generate is not None)


def deciding(desired: Desired) -> Decide:
    """Give how a whole declaration decides: as one whose policy says nothing, and without what rotations would do."""
    whole = replace(desired, policy=Policy(), rotations={})
    return lambda observed, _, now: make_plan(whole, observed, now)


def documents_of(desired: Desired) -> dict[str, bytes]:
    """Give declared documents as files of their own."""
    files = {
        instance_group_key(name): _document("InstanceGroup", name, group.spec, {"labels": group.labels})
        for name, group in desired.instance_groups.items()
    }
    metadata = desired.cluster_metadata
    if desired.cluster is not None or metadata:
        texts = {"labels": metadata.labels, "annotations": metadata.annotations}
        files[CONFIG] = _document("Cluster", desired.cluster_name, desired.cluster or {}, texts)
    return files


def _document(kind: Kind, name: str, spec: JsonObject, texts: Mapping[str, Mapping[str, str]]) -> bytes:
    metadata: JsonObject = {"name": name, **{part: JsonObject(values) for part, values in texts.items() if values}}
    whole = stored(spec)
    assert isinstance(whole, dict)
    return codec.encode_document(Document(codec.API_VERSION, kind, metadata, whole))


def _digests_of(files: Files, declared: Mapping[str, str], digests: Digests) -> dict[str, str]:
    """Digest what the state has of that which is declared, as declarations are digested."""
    return {key: _digest(key, files[key], digests) for key in declared if key in files}


def _digest(key: str, data: bytes, digests: Digests) -> str:
    kind, name = kind_of(key)
    if kind is FileKind.SECRET:
        return digests.of(key, codec.decode_secret(data, key).data)
    return name if kind is FileKind.SSH_PUBLIC_KEY else digests.of(key, data)
