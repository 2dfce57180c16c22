"""What holds for every merge, over specs drawn from kops's schema."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterstate.plan.desired import ConflictPolicy, DriftPolicy, Policy
from clusterstate.plan.merge import merge
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.settle import settle_spec
from clusterstate.state.schema import Kind
from tests.plan.relations import ABSENT, covers, fresh, keeps_more, untouched
from tests.plan.specs import KINDS, shuffled, specs

FIRM = Policy(conflict=ConflictPolicy.PREFER_SPEC)
policies = st.builds(Policy, drift=st.sampled_from(DriftPolicy), conflict=st.sampled_from(ConflictPolicy))
deciding = policies.filter(lambda policy: policy.conflict is not ConflictPolicy.FAIL)
kinds = pytest.mark.parametrize("kind", KINDS)
SLOW_DRAWS = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def sides(data: st.DataObject, kind: Kind) -> tuple[dict[str, Any] | None, dict[str, Any], dict[str, Any]]:
    drawn = specs(kind)
    return data.draw(st.none() | drawn, "applied"), data.draw(drawn, "declared"), data.draw(drawn, "observed")


@kinds
@SLOW_DRAWS
@given(data=st.data())
def test_what_is_declared_is_in_the_store_afterwards(kind: Kind, data: st.DataObject) -> None:
    applied, declared, observed = sides(data, kind)
    assert covers(rules_of(kind), merge(kind, applied, declared, observed, FIRM).spec, declared)


@kinds
@SLOW_DRAWS
@given(data=st.data(), policy=policies)
def test_nothing_undeclared_changes(kind: Kind, data: st.DataObject, policy: Policy) -> None:
    applied, declared, observed = sides(data, kind)
    before = ABSENT if applied is None else applied
    merged = merge(kind, applied, declared, observed, policy)
    decided = policy.conflict is ConflictPolicy.PREFER_SPEC
    assert untouched(rules_of(kind), before, declared, observed, merged.spec, decided=decided)


@kinds
@SLOW_DRAWS
@given(data=st.data())
def test_an_adoption_removes_nothing(kind: Kind, data: st.DataObject) -> None:
    _, declared, observed = sides(data, kind)
    merged = merge(kind, None, declared, observed, FIRM)
    assert not [change for change in merged.changes if change.action == "delete"]
    assert not merged.drift
    # Only a list without clear keys that holds items of others.
    assert all(isinstance(each.observed, list) for each in merged.conflicts)


@kinds
@SLOW_DRAWS
@given(data=st.data(), policy=deciding)
def test_a_second_run_changes_nothing(kind: Kind, data: st.DataObject, policy: Policy) -> None:
    applied, declared, observed = sides(data, kind)
    first = merge(kind, applied, declared, observed, policy)
    second = merge(kind, first.applied, declared, first.spec, policy, first.created)
    assert second.changes == ()
    assert (second.spec, second.applied, second.created) == (first.spec, first.applied, first.created)


@kinds
@SLOW_DRAWS
@given(data=st.data())
def test_declared_and_undeclared_again_leaves_the_store_as_it_was(kind: Kind, data: st.DataObject) -> None:
    _, drawn, observed = sides(data, kind)
    declared = fresh(rules_of(kind), drawn, observed)
    pushed = merge(kind, None, {} if declared is ABSENT else declared, observed, FIRM)
    undone = merge(kind, pushed.applied, {}, pushed.spec, Policy(), pushed.created)
    assert undone.spec == observed
    assert (undone.applied, undone.created, undone.conflicts) == ({}, frozenset(), ())


@kinds
@SLOW_DRAWS
@given(data=st.data(), policy=policies)
def test_the_order_of_keys_in_maps_means_nothing(kind: Kind, data: st.DataObject, policy: Policy) -> None:
    applied, declared, observed = sides(data, kind)
    merged = merge(kind, applied, declared, observed, policy)
    mixed = data.draw(st.composite(lambda draw: [shuffled(draw, side) for side in (applied, declared, observed)])())
    assert merge(kind, *mixed, policy) == merged


@kinds
@SLOW_DRAWS
@given(data=st.data(), policy=policies)
def test_nothing_given_is_changed(kind: Kind, data: st.DataObject, policy: Policy) -> None:
    given_sides = sides(data, kind)
    before = copy.deepcopy(given_sides)
    merge(kind, *given_sides, policy)
    assert given_sides == before


@kinds
@SLOW_DRAWS
@given(data=st.data(), drift=st.sampled_from(DriftPolicy))
def test_a_kill_after_the_write_makes_no_difference(kind: Kind, data: st.DataObject, drift: DriftPolicy) -> None:
    policy = Policy(drift=drift, conflict=ConflictPolicy.PREFER_SPEC)
    applied, declared, observed = sides(data, kind)
    done = merge(kind, applied, declared, observed, policy)
    base = settle_spec(kind, applied, done.applied, done.spec)
    later = data.draw(specs(kind), "declared later")
    unkilled = merge(kind, done.applied, later, done.spec, policy, done.created)
    assert merge(kind, base, later, done.spec, policy, done.created) == unkilled


@kinds
@SLOW_DRAWS
@given(data=st.data(), policy=deciding)
def test_a_kill_before_the_write_makes_no_difference(kind: Kind, data: st.DataObject, policy: Policy) -> None:
    applied, declared, observed = sides(data, kind)
    unkilled = merge(kind, applied, declared, observed, policy)
    base = settle_spec(kind, applied, unkilled.applied, observed)
    again = merge(kind, base, declared, observed, policy, unkilled.created)
    assert again.spec == unkilled.spec or keeps_more(again.spec, unkilled.spec, observed)
    assert again.spec != unkilled.spec or again.created == unkilled.created
