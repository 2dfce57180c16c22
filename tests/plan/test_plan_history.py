"""Long lives of one state: people edit the declaration, others edit the store, runs are killed anywhere."""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from clusterstate.plan.absence import find_problems
from clusterstate.plan.desired import ConflictPolicy, DesiredGroup, Metadata
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.observed import Applied, specs_of
from clusterstate.plan.pointers import find, path_of
from clusterstate.plan.values import MISSING
from clusterstate.state.canonical import canonical
from clusterstate.state.complete import complete
from clusterstate.state.objects import State
from clusterstate.state.schema import Kind
from tests.plan.relations import ABSENT, covers, untouched
from tests.plan.specs import specs
from tests.plan.states import carry_out, cluster, declare, group, plan

# What every state has and nobody undeclares: a plan without it is refused, which is another test's matter.
RBAC = {"authorization": {"rbac": {}}}
KEPT = {"etcdClusters", "cloudProvider", "kubernetesVersion", "role"}


def without_kept(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in KEPT}


def without_limits(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key not in {"subnets", "minSize"}}


CLUSTER = specs("Cluster").map(without_kept).map(lambda spec: spec | RBAC)
# What kops would refuse is another test's matter too.
NODES = specs("InstanceGroup").map(without_kept).map(lambda spec: without_limits(spec) | {"role": "Node"})
NAMES = st.sampled_from(["a", "b"])
TEXTS = st.dictionaries(NAMES, NAMES)
POINTERS = st.sampled_from(
    [
        "/spec/channel",
        "/spec/kubelet",
        "/spec/kubelet/maxPods",
        "/spec/api/loadBalancer",
        "/spec/subnets/name=a",
        "/spec/subnets/name=b/zone",
        "/spec/packages/a",
        "/spec/externalPolicies",
        "/spec/cloudLabels/x.y~1z~01",
        "/spec/sshAccess",
    ]
)


RULES = rules_of("Cluster")


def written(kind: Kind, spec: dict[str, Any]) -> Any:
    """A spec as kops writes it."""
    return complete(kind, canonical(kind, spec).spec)


class Life(RuleBasedStateMachine):
    """The spec is preferred in conflicts, so that every run has one right result."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State(cluster(RBAC))
        self.applied: Applied | None = None
        self.intents: list[Applied] = []
        self.desired = declare(RBAC, conflict=ConflictPolicy.PREFER_SPEC)

    @initialize(spec=CLUSTER)
    def found(self, spec: dict[str, Any]) -> None:
        self.state = State(cluster(written("Cluster", spec)))

    @rule(spec=CLUSTER)
    def declare_cluster(self, spec: dict[str, Any]) -> None:
        self.desired = replace(self.desired, cluster=canonical("Cluster", spec, partial=True).spec)
        self.declare_absent(self.desired.absent)

    @rule(pointers=st.frozensets(POINTERS, max_size=3))
    def declare_absent(self, pointers: frozenset[str]) -> None:
        absent = [each for each in pointers if not list(find_problems([each], self.desired.cluster or {}))]
        self.desired = replace(self.desired, absent=frozenset(absent))

    @rule(labels=TEXTS, annotations=TEXTS)
    def declare_metadata(self, labels: dict[str, str], annotations: dict[str, str]) -> None:
        self.desired = replace(self.desired, cluster_metadata=Metadata(labels, annotations))

    @rule(prune=st.booleans())
    def decide_on_pruning(self, *, prune: bool) -> None:
        self.desired = replace(self.desired, policy=replace(self.desired.policy, prune=prune))

    @rule(name=NAMES, spec=st.none() | NODES, labels=TEXTS)
    def declare_group(self, name: str, spec: dict[str, Any] | None, labels: dict[str, str]) -> None:
        groups = {key: value for key, value in self.desired.instance_groups.items() if key != name}
        if spec is not None:
            groups[name] = DesiredGroup(name, canonical("InstanceGroup", spec, partial=True).spec, labels)
        self.desired = replace(self.desired, instance_groups=groups)

    @rule(spec=CLUSTER)
    def others_edit_the_cluster(self, spec: dict[str, Any]) -> None:
        assert self.state.cluster is not None
        self.state = replace(self.state, cluster=replace(self.state.cluster, spec=written("Cluster", spec)))

    @rule(labels=TEXTS, annotations=TEXTS)
    def others_edit_metadata(self, labels: dict[str, str], annotations: dict[str, str]) -> None:
        assert self.state.cluster is not None
        metadata: Any = {**self.state.cluster.metadata, "labels": labels, "annotations": annotations}
        self.state = replace(self.state, cluster=replace(self.state.cluster, metadata=metadata))

    @rule(name=NAMES, spec=NODES)
    def others_edit_a_group(self, name: str, spec: dict[str, Any]) -> None:
        made = group(name, written("InstanceGroup", spec), labels={"theirs": "1"})
        self.state = replace(self.state, instance_groups={**self.state.instance_groups, name: made})

    @precondition(lambda self: self.state.instance_groups)
    @rule()
    def others_remove_a_group(self) -> None:
        self.state = replace(self.state, instance_groups=dict(list(self.state.instance_groups.items())[1:]))

    @rule()
    def run(self) -> None:
        before, base = specs_of(self.state), self._base()
        done = plan(self.desired, self.state, self.applied, *self.intents)
        self.state = carry_out(self.state, done)
        self.applied, self.intents = done.applied, []
        self._check(before, base)

    @rule(writes=st.integers(0, 3), again=st.booleans())
    def run_and_be_killed(self, writes: int, *, again: bool) -> None:
        unkilled = plan(self.desired, self.state, self.applied, *self.intents)
        whole = carry_out(self.state, unkilled)
        self.state = carry_out(self.state, unkilled, writes)
        self.intents.append(unkilled.applied)
        if again:
            self.run()
            assert self.state == whole

    def _base(self) -> Applied | None:
        return self.applied if not self.intents else None

    def _check(self, before: Applied, base: Applied | None) -> None:
        after = specs_of(self.state)
        again = plan(self.desired, self.state, self.applied)
        assert (again.changes, again.drift, again.conflicts, again.applied) == ((), (), (), self.applied)
        was_there = [find(RULES, before.cluster or {}, path_of(each)[1:]) for each in self.desired.absent]
        known = base if all(each is MISSING for each in was_there) else None
        _check_spec("Cluster", base and base.cluster, self.desired.cluster, before.cluster, after.cluster, known)
        for pointer in self.desired.absent:
            assert find(RULES, after.cluster or {}, path_of(pointer)[1:]) is MISSING
        assert self.desired.cluster_metadata.labels.items() <= after.cluster_metadata.labels.items()
        assert self.desired.cluster_metadata.annotations.items() <= after.cluster_metadata.annotations.items()
        for name, wanted in self.desired.instance_groups.items():
            was, had = before.instance_groups.get(name), base.instance_groups.get(name) if base else None
            now = after.instance_groups[name]
            _check_spec("InstanceGroup", had and had.spec, wanted.spec, was and was.spec, now.spec, base)
            assert wanted.labels.items() <= now.labels.items()
        for name in before.instance_groups.keys() - self.desired.instance_groups.keys():
            if self.desired.policy.prune and (base is None or name in base.instance_groups):
                assert base is None or name not in after.instance_groups
                continue
            assert after.instance_groups[name] == before.instance_groups[name]


def _check_spec(kind: Any, applied: Any, declared: Any, before: Any, after: Any, base: Applied | None) -> None:
    assert covers(rules_of(kind), after, declared or {})
    if base is not None and before is not None:
        had = ABSENT if applied is None else applied
        assert untouched(rules_of(kind), had, declared or {}, before, after, decided=True)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=12, suppress_health_check=[HealthCheck.too_slow])
