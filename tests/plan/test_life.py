"""The life of a state: the spec, kops and a person change it in any order, and runs bring both sides together.

The API server is played as far as it decides who owns which field; what is decided from that is the real thing.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecInvalid
from clusterstate.plan.changes import Plan
from clusterstate.plan.declare import declare
from clusterstate.plan.desired import ConflictPolicy, Desired, Direction, DriftPolicy
from clusterstate.plan.items import with_whole_items
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.observed import Applied, specs_of
from clusterstate.plan.ownership import ownership_of
from clusterstate.plan.pull import Pull, make_pull
from clusterstate.plan.rollback import restorable
from clusterstate.plan.settle import settle
from clusterstate.plan.values import equal
from clusterstate.state.canonical import canonical
from clusterstate.state.complete import complete
from clusterstate.state.objects import Document, State
from clusterstate.state.schema import Kind
from tests.plan.relations import ABSENT, covers, untouched
from tests.plan.specs import narrow, specs
from tests.plan.states import NAME, URL, carry_out, cluster, group
from tests.plan.states import plan as make_plan
from tests.plan.test_pull import entry

CASES = 170
"""For each direction: together more than 500."""
MANY_CASES = 3400
"""More than 10,000."""
GROUPS = ("n1", "n2")
BORN = {"authorization": {"rbac": {}}, "cloudProvider": "aws", "kubernetesVersion": "1.30.0"}

FIELDS = ("channel", "kubernetesVersion", "sshAccess", "subnets", "hooks", "networking", "cloudLabels", "iam")
CLUSTERS = st.one_of(narrow("Cluster", *FIELDS), narrow("Cluster", *FIELDS[:5]), specs("Cluster"))
NODES = st.tuples(st.sampled_from(GROUPS), narrow("InstanceGroup", "minSize", "taints", "nodeLabels", "subnets"))
DEEDS = st.one_of(
    *(st.tuples(st.just(name), CLUSTERS) for name in ("declare_fields", "declare_anew", "kops_sets_fields")),
    *(st.tuples(st.just(name), NODES) for name in ("declare_group", "kops_replaces_a_group")),
    st.tuples(st.just("declare_less"), st.sampled_from(["cluster", "instanceGroups"])),
    st.tuples(st.just("a_person_removes_a_field"), st.sampled_from(FIELDS)),
    st.tuples(st.just("a_newer_kops_adds_what_we_do_not_know"), st.sampled_from(["a", "b"])),
    st.tuples(st.just("kops_deletes_a_group"), st.sampled_from(GROUPS)),
)
"""What may happen between two runs, with its detail."""


class Life(RuleBasedStateMachine):
    """One object and one state, from the moment when somebody declares the first field."""

    def __init__(self, direction: Direction) -> None:
        super().__init__()
        self.direction = direction
        self.declared: dict[str, Any] = {}
        self.pulled: dict[str, Any] = {}
        self.applied: Applied | None = None
        self.intents: tuple[Applied, ...] = ()
        self.store = State(cluster(rewritten("Cluster", BORN)), {"n1": group("n1", {"role": "Node"})})
        self.sync: dict[str, Any] = {}

    @initialize(drift=st.sampled_from(DriftPolicy), conflict=st.sampled_from(ConflictPolicy))
    def decide(self, drift: DriftPolicy, conflict: ConflictPolicy) -> None:
        self.sync = {"direction": self.direction.value, "drift": drift.value, "conflict": conflict.value}

    @rule(deeds=st.lists(DEEDS, max_size=3), writes=st.none() | st.none() | st.integers(0, 2))
    def a_day(self, deeds: list[tuple[str, Any]], writes: int | None) -> None:
        """Some changes and a run, which ends, or is killed after some writes."""
        for deed, detail in deeds:
            getattr(self, deed)(detail)
        if writes is None:
            self.run_to_the_end()
        else:
            self.run_until_killed(writes)

    def declare_fields(self, spec: dict[str, Any]) -> None:
        self.apply({**self.declared, "cluster": {**self.declared.get("cluster", {}), **spec}})

    def declare_anew(self, spec: dict[str, Any]) -> None:
        self.apply({**self.declared, "cluster": spec})

    def declare_group(self, named: tuple[str, dict[str, Any]]) -> None:
        name, spec = named
        others = [each for each in self.declared.get("instanceGroups", ()) if each["name"] != name]
        self.apply({**self.declared, "instanceGroups": [*others, {"name": name, "spec": {"role": "Node", **spec}}]})

    def declare_less(self, what: str) -> None:
        self.apply({key: value for key, value in self.declared.items() if key != what})

    def kops_sets_fields(self, spec: dict[str, Any]) -> None:
        self.keep_cluster(rewritten("Cluster", {**self.cluster().spec, **spec}))

    def a_person_removes_a_field(self, name: str) -> None:
        self.keep_cluster({key: value for key, value in self.cluster().spec.items() if key != name})

    def a_newer_kops_adds_what_we_do_not_know(self, value: str) -> None:
        self.keep_cluster({**self.cluster().spec, "fromTheFuture": {"field": value}})

    def kops_replaces_a_group(self, named: tuple[str, dict[str, Any]]) -> None:
        name, spec = named
        made = group(name, rewritten("InstanceGroup", {"role": "Node", **spec}))
        self.store = State(self.store.cluster, dict(sorted({**self.store.instance_groups, name: made}.items())))

    def kops_deletes_a_group(self, gone: str) -> None:
        left = {name: each for name, each in self.store.instance_groups.items() if name != gone}
        self.store = State(self.store.cluster, left)

    def run_until_killed(self, writes: int) -> None:
        try:
            desired, plan = self.look()
        except SpecInvalid:
            return
        if self.direction is not Direction.PULL and plan.changes:
            before = self.store
            self.store = carry_out(self.store, plan, writes)
            self.check_untouched(desired, before)
            self.intents = (*self.intents, plan.applied)

    def run_to_the_end(self) -> None:
        before = self.store
        try:
            desired, plan = self.look()
        except SpecInvalid:
            return
        if self.direction is not Direction.PULL:
            self.store = carry_out(self.store, plan)
            self.check_untouched(desired, before)
            self.applied, self.intents = plan.applied, ()
            self.check_declared(desired, plan)
            self.check_revision(desired, plan)
        else:
            assert not plan.changes
        pull = self.bring(desired)
        self.check_converged(plan, pull)
        self.check_second_run(pull)

    def look(self) -> tuple[Desired, Plan]:
        desired = declare(self.object(), URL)
        return desired, make_plan(desired, self.store, self.applied, *self.intents)

    def bring(self, desired: Desired) -> Pull:
        if self.direction is Direction.PUSH:
            return Pull()
        object_ = self.object()
        pull = make_pull(object_, ownership_of(object_.metadata), desired, specs_of(self.store))
        self.pulled = dict(pull.content)
        return pull

    def check_untouched(self, desired: Desired, before: State) -> None:
        """What was neither declared nor applied is as it was."""
        base = settle(self.applied, self.intents, specs_of(before)) or Applied()
        was, now = specs_of(before), specs_of(self.store)
        decided = self.sync["conflict"] == "PreferSpec"
        ours = (base.cluster if base.cluster is not None else ABSENT, desired.cluster or ABSENT)
        assert untouched(rules_of("Cluster"), *ours, was.cluster, now.cluster, decided=decided)
        for name, each in was.instance_groups.items():
            sides = (side.instance_groups.get(name) for side in (base, desired))
            ours_then, wanted = (ABSENT if side is None else side.spec for side in sides)
            after, rules = now.instance_groups[name].spec, rules_of("InstanceGroup")
            assert untouched(rules, ours_then, wanted, each.spec, after, decided=decided)

    def check_declared(self, desired: Desired, plan: Plan) -> None:
        """What is declared is there, unless a policy lets the store have its way."""
        if plan.conflicts or self.sync["drift"] == "Report" or self.sync["conflict"] == "PreferStore":
            return
        now = specs_of(self.store)
        if desired.cluster is not None:
            assert covers(rules_of("Cluster"), now.cluster, desired.cluster)
        for name, wanted in desired.instance_groups.items():
            assert covers(rules_of("InstanceGroup"), now.instance_groups[name].spec, wanted.spec)

    def check_revision(self, desired: Desired, plan: Plan) -> None:
        """A rollback to what was applied declares what was declared, whoever had the say in the store."""
        if not plan.conflicts:
            declared = Applied(desired.cluster, desired.instance_groups, cluster_metadata=desired.cluster_metadata)
            assert restorable(plan.applied.as_json()) == restorable(declared.as_json())

    def check_converged(self, plan: Plan, pull: Pull) -> None:
        """The spec shows the store, but where somebody declares otherwise."""
        if self.direction is Direction.PUSH or plan.conflicts or plan.drift or pull.blocked:
            return
        shown, there = self.object().spec, specs_of(self.store)
        spec = with_whole_items("Cluster", canonical("Cluster", shown.cluster).spec)
        assert equal(rules_of("Cluster"), spec, there.cluster)
        assert {each.name for each in shown.instance_groups} == {*there.instance_groups}
        for each in shown.instance_groups:
            spec = with_whole_items("InstanceGroup", canonical("InstanceGroup", each.spec).spec)
            assert equal(rules_of("InstanceGroup"), spec, there.instance_groups[each.name].spec)

    def check_second_run(self, pull: Pull) -> None:
        desired, plan = self.look()
        assert not plan.changes
        if self.direction is not Direction.PULL:
            assert plan.applied == self.applied
        again = self.bring(desired)
        assert (again.changes, again.blocked) == ((), pull.blocked)

    def apply(self, declared: dict[str, Any]) -> None:
        """Apply on the server's side by force: whoever declares another value takes it away from Pull."""
        self.declared = declared
        self.pulled = lost(self.pulled, declared)

    def object(self) -> ClusterState:
        spec = {"store": {"url": URL}, "sync": self.sync, **both(self.pulled, self.declared)}
        entries = [entry(self.declared, "kubectl"), entry(self.pulled)]
        metadata = {"name": NAME, "namespace": "a", "uid": "b", "managedFields": entries}
        return load({"metadata": metadata, "spec": spec})

    def cluster(self) -> Document:
        assert self.store.cluster is not None
        return self.store.cluster

    def keep_cluster(self, spec: dict[str, Any]) -> None:
        self.store = State(cluster(spec, **self.cluster().metadata), self.store.instance_groups)


def rewritten(kind: Kind, spec: dict[str, Any]) -> dict[str, Any]:
    """As kops writes it."""
    return complete(kind, canonical(kind, spec).spec)


def both(pulled: Any, declared: Any) -> Any:
    """Give what stands in the spec: maps by key, instance groups by name, everything else as declared."""
    if isinstance(pulled, dict) and isinstance(declared, dict):
        keys = dict.fromkeys([*pulled, *declared])
        return {
            key: (
                both_groups(pulled.get(key, ()), declared.get(key, ()))
                if key == "instanceGroups"
                else both(pulled[key], declared[key])
                if key in pulled and key in declared
                else declared.get(key, pulled.get(key))
            )
            for key in keys
        }
    return declared


def both_groups(pulled: Any, declared: Any) -> list[Any]:
    theirs, ours = ({each["name"]: each for each in groups} for groups in (declared, pulled))
    return [both(ours.get(name, {}), theirs.get(name, {})) for name in dict.fromkeys([*theirs, *ours])]


def lost(pulled: Any, declared: Any) -> Any:
    """Give what Pull still owns once somebody has declared that by force."""
    if not isinstance(pulled, dict) or not isinstance(declared, dict):
        return pulled
    kept = {}
    for key, value in pulled.items():
        if key == "instanceGroups":
            theirs = {each["name"]: each for each in declared.get(key, ())}
            kept[key] = [lost(each, theirs.get(each["name"], {})) for each in value]
        elif key not in declared or isinstance(value, dict) or value == declared[key]:
            kept[key] = lost(value, declared.get(key, {}))
    return kept


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "cases", [CASES, pytest.param(MANY_CASES, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)
@pytest.mark.parametrize("direction", Direction)
def test_both_sides_come_together(direction: Direction, cases: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Life(direction),
        settings=settings(
            max_examples=cases,
            stateful_step_count=8,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )
