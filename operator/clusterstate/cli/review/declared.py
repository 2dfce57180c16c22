"""Declarations as one side of a review: a part of a state, merged into the other side by the operator's own planner.

Nothing is taken for applied: what would change is what the first run of the operator would change. Whatever the
declaration says about who wins, it does here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.apply.contents import make_bodies
from clusterstate.cli.reading import reading
from clusterstate.cli.words import Target
from clusterstate.declared import Contents, read_contents
from clusterstate.errors import ConflictFound
from clusterstate.plan.changes import Action, Plan
from clusterstate.plan.comparison import Files
from clusterstate.plan.conflict import tell_conflicts
from clusterstate.plan.declare import declare
from clusterstate.plan.desired import Desired, Policy
from clusterstate.plan.diff import make_plan
from clusterstate.plan.observed import Observed
from clusterstate.state import codec
from clusterstate.state.bundle import read_bundle
from clusterstate.state.digests import Digests
from clusterstate.state.layout import CONFIG, FileKind, instance_group_key, kind_of
from clusterstate.state.objects import Document, JsonObject, stored
from clusterstate.state.schema import Kind

NOTHING_APPLIED: Final = Policy()
Make = Callable[[str], Desired]
"""Gives what is declared, for a store at this URL where the declaration names none. Raises `SpecInvalid`."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What somebody declares of one cluster."""

    word: str
    cluster: str
    make: Make
    contents: Contents = field(default_factory=Contents)
    """What is declared beside documents, with its bytes."""
    warnings: tuple[str, ...] = ()

    def plan(self, files: Files, url: str, digests: Digests) -> Plan:
        """Decide what it would change in the state at a URL. Raises what `make_plan` and `read_bundle` do."""
        bundle = read_bundle(files)
        observed = Observed(bundle.state, bundle.versions, contents=_digests_of(files, self.contents, digests))
        desired = replace(
            self.make(url.rpartition("/")[0]),
            policy=NOTHING_APPLIED,
            contents=self.contents.digests,
            key_pairs=self.contents.facts,
        )
        plan = make_plan(desired, observed, datetime.now(UTC))
        return replace(plan, warnings=(*plan.warnings, *self.warnings))

    def merge(self, files: Files, url: str, digests: Digests) -> Files:
        """Give a state's files as they would be then; key pairs that are still to be made aren't among them.

        Raises `ConflictFound`, and what `plan` does.
        """
        plan = self.plan(files, url, digests)
        if plan.conflicts:
            raise ConflictFound(tell_conflicts(plan))
        bodies = make_bodies(plan, read_bundle(files).state, self.contents.bodies, self.contents.key_pairs)
        written = {
            change.key: codec.encode_document(change.document) for change in plan.changes if change.document is not None
        }
        gone = {change.key for change in plan.changes if change.action is Action.DELETE}
        return {key: data for key, data in {**files, **written, **bodies}.items() if key not in gone}

    @property
    def files(self) -> Files:
        """What is declared as files of their own, to be compared with another declaration."""
        desired = self.make("")
        files = {
            instance_group_key(name): _document("InstanceGroup", name, group.spec, labels=dict(group.labels))
            for name, group in desired.instance_groups.items()
        }
        metadata = desired.cluster_metadata
        if desired.cluster is not None or metadata:
            texts = {"labels": dict(metadata.labels), "annotations": dict(metadata.annotations)}
            files[CONFIG] = _document("Cluster", self.cluster, desired.cluster or {}, **texts)
        return {**files, **self.contents.bodies}


def _document(kind: Kind, name: str, spec: JsonObject, **texts: dict[str, str]) -> bytes:
    metadata: JsonObject = {"name": name, **{part: JsonObject(values) for part, values in texts.items() if values}}
    whole = stored(spec)
    assert isinstance(whole, dict)
    return codec.encode_document(Document(codec.API_VERSION, kind, metadata, whole))


async def read_object(word: str, target: Target, digests: Digests) -> Declaration:
    """Read a ClusterState of a cluster, and what it refers to there, as whoever calls."""
    async with reading(target) as (client, body):
        state = load(body)
        contents = await read_contents(client, state.metadata.namespace, state.spec, digests)
    return Declaration(word, state.cluster_name, _declaring(state), contents)


def _declaring(state: ClusterState) -> Make:
    return lambda _: declare(state, state.spec.store.url)


def _digests_of(files: Files, contents: Contents, digests: Digests) -> dict[str, str]:
    """Digest what the state has of that which is declared, as declarations are digested."""
    there = {key: files[key] for key in contents.digests if key in files}
    return {key: _digest(key, data, digests) for key, data in there.items()}


def _digest(key: str, data: bytes, digests: Digests) -> str:
    kind, name = kind_of(key)
    if kind is FileKind.SECRET:
        return digests.of(key, codec.decode_secret(data, key).data)
    return name if kind is FileKind.SSH_PUBLIC_KEY else digests.of(key, data)
