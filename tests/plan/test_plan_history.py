"""Long lives of one state: people edit the declaration, others edit the store, runs are killed anywhere."""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from clusterstate.plan.desired import ConflictPolicy, DesiredGroup
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.observed import Applied, specs_of
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


CLUSTER = specs("Cluster").map(without_kept).map(lambda spec: spec | RBAC)
NODES = specs("InstanceGroup").map(without_kept)
NAMES = st.sampled_from(["a", "b"])


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

    @rule(name=NAMES, spec=st.none() | NODES, labels=st.dictionaries(NAMES, NAMES))
    def declare_group(self, name: str, spec: dict[str, Any] | None, labels: dict[str, str]) -> None:
        groups = {key: value for key, value in self.desired.instance_groups.items() if key != name}
        if spec is not None:
            groups[name] = DesiredGroup(name, canonical("InstanceGroup", spec, partial=True).spec, labels)
        self.desired = replace(self.desired, instance_groups=groups)

    @rule(spec=CLUSTER)
    def others_edit_the_cluster(self, spec: dict[str, Any]) -> None:
        assert self.state.cluster is not None
        self.state = replace(self.state, cluster=replace(self.state.cluster, spec=written("Cluster", spec)))

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
        _check_spec("Cluster", base and base.cluster, self.desired.cluster, before.cluster, after.cluster, base)
        for name, wanted in self.desired.instance_groups.items():
            was, had = before.instance_groups.get(name), base.instance_groups.get(name) if base else None
            now = after.instance_groups[name]
            _check_spec("InstanceGroup", had and had.spec, wanted.spec, was and was.spec, now.spec, base)
            assert wanted.labels.items() <= now.labels.items()
        for name in before.instance_groups.keys() - self.desired.instance_groups.keys():
            assert after.instance_groups[name] == before.instance_groups[name]


def _check_spec(kind: Any, applied: Any, declared: Any, before: Any, after: Any, base: Applied | None) -> None:
    assert covers(rules_of(kind), after, declared or {})
    if base is not None and before is not None:
        had = ABSENT if applied is None else applied
        assert untouched(rules_of(kind), had, declared or {}, before, after)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=40, stateful_step_count=12, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
