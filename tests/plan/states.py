"""States and declarations for tests of whole plans."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clusterstate.plan.changes import Action, Plan
from clusterstate.plan.desired import Desired, DesiredGroup, Metadata, Policy
from clusterstate.plan.diff import make_plan
from clusterstate.plan.observed import Applied, Observed
from clusterstate.state import codec
from clusterstate.state.layout import CONFIG, instance_group_key, kind_of
from clusterstate.state.objects import Document, State
from clusterstate.store.base import Version

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
NAME = "complex.example.com"
URL = "s3://state"
DATA = Path(__file__).parents[1] / "data"
NO_METADATA = Metadata()
VERSION = "kops.k8s.io/v1alpha2"


def read(path: str) -> Document:
    return codec.decode_document((DATA / path).read_bytes(), path)


def golden(name: str = NAME) -> State:
    """A state that the real kops wrote."""
    folder = DATA / "kops-store" / name
    groups = sorted((folder / "instancegroup").iterdir())
    return State(
        cluster=read(f"kops-store/{name}/config"),
        instance_groups={each.name: read(f"kops-store/{name}/instancegroup/{each.name}") for each in groups},
    )


def cluster(spec: Mapping[str, Any], **metadata: Any) -> Document:
    return Document(VERSION, "Cluster", {"name": NAME, **metadata}, dict(spec))


def group(name: str, spec: Mapping[str, Any], **metadata: Any) -> Document:
    return Document(VERSION, "InstanceGroup", {"name": name, **metadata}, dict(spec))


def declare(
    spec: Mapping[str, Any] | None = None,
    groups: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    absent: Iterable[str] = (),
    metadata: Metadata = NO_METADATA,
    **policy: Any,
) -> Desired:
    wanted = {name: DesiredGroup(name, dict(each)) for name, each in (groups or {}).items()}
    declared = Desired(NAME, URL, None if spec is None else dict(spec), wanted, Policy(**policy))
    return replace(declared, absent=frozenset(absent), cluster_metadata=metadata)


def observe(state: State, applied: Applied | None = None, *intents: Applied) -> Observed:
    keys = [CONFIG] if state.cluster else []
    keys += [instance_group_key(name) for name in state.instance_groups]
    return Observed(state, {key: Version(f"v-{key}") for key in keys}, applied, intents)


def plan(desired: Desired, state: State, applied: Applied | None = None, *intents: Applied) -> Plan:
    return make_plan(desired, observe(state, applied, *intents), NOW)


def carry_out(state: State, done: Plan, writes: int | None = None) -> State:
    """The state after the plan's first writes, all of them by default."""
    for change in done.changes[:writes]:
        if change.action is Action.DELETE:
            gone = kind_of(change.key).name
            left = {name: each for name, each in state.instance_groups.items() if name != gone}
            state = replace(state, instance_groups=left)
            continue
        assert change.document is not None
        if change.key == CONFIG:
            state = replace(state, cluster=change.document)
        else:
            groups = {**state.instance_groups, change.document.name: change.document}
            state = replace(state, instance_groups=dict(sorted(groups.items())))
    return state
