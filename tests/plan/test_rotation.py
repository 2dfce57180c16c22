"""Which step a rotation takes: kops's procedure as a table, and promises that hold for any keyset and any nodes."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterstate.plan.changes import Action, Change, FieldChange
from clusterstate.plan.cloud import CloudUpdate
from clusterstate.plan.desired import Desired, Direction, Rotation
from clusterstate.plan.diff import make_plan, plan_digest
from clusterstate.plan.observed import Observed
from clusterstate.plan.rolled import Annotation
from clusterstate.plan.rollout import Rollout
from clusterstate.plan.rotation import Phase, Stage, find_stage
from clusterstate.plan.rotation_report import RotationReport, hold_for_rollout, report_rotations, turns_of
from clusterstate.reasons import Reason
from clusterstate.state.keypair import KeyPairFacts, made_at
from clusterstate.state.keyset import primary
from clusterstate.state.layout import CONFIG, keyset_key
from clusterstate.state.node_config import NodeConfig, fingerprint
from clusterstate.state.objects import Keyset, KeysetItem, State
from clusterstate.state.rotation import Step, StepKind, take_step
from clusterstate.store.base import Version
from tests.plan.states import NAME, NOW, cluster, declare, group
from tests.support.keypairs import certificate

CA = "kubernetes-ca"
DAY = timedelta(days=1)
UPDATE, ROLL = f"kops update cluster {NAME} --yes", f"kops rolling-update cluster {NAME} --yes"


def key_id(age: timedelta) -> str:
    """Give the id that kops makes at a time."""
    nanoseconds = int((NOW - age - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1000
    return str(nanoseconds << 32 | 5)


def make_item(age: timedelta) -> KeysetItem:
    key = ec.generate_private_key(ec.SECP256R1())
    made = certificate(key, begins=NOW - age - 2 * DAY, ends=NOW + 365 * DAY)
    return KeysetItem(key_id(age), made, b"private")


OLDER, OLD, NEW, NEWER = POOL = tuple(make_item(days * DAY) for days in (400, 300, 5, 1))
PRINTS = {item.id: fingerprint(CA, item) for item in POOL}


def distrusted(item: KeysetItem) -> KeysetItem:
    return replace(item, distrusted_at=NOW - DAY)


def keyset(*items: KeysetItem, primary: KeysetItem = OLD, name: str = CA) -> Keyset:
    return Keyset(name, primary.id, items)


def control_plane(*trusted: KeysetItem, uses: KeysetItem, name: str = CA) -> NodeConfig:
    return NodeConfig({name: frozenset(fingerprint(name, each) for each in trusted)}, {name: uses.id})


def worker(uses: KeysetItem) -> NodeConfig:
    return NodeConfig({}, {CA: uses.id})


def told(*configs: NodeConfig) -> dict[str, NodeConfig]:
    return {f"igconfig/node/{number}/nodeupconfig.yaml": each for number, each in enumerate(configs)}


BROKEN = NodeConfig(problem="It is broken.")
AUTO = Rotation(promote_after=DAY, distrust_after=DAY)
STAGED = (control_plane(OLD, NEW, uses=OLD), worker(OLD))
USED = (control_plane(OLD, NEW, uses=NEW), worker(NEW))
FIRST, SECOND = NEW.id, f"{NEW.id}/promoted"


def stage(
    found: Keyset, configs: Iterable[NodeConfig] = (), rolled: str = "", rotation: Rotation = AUTO, now: datetime = NOW
) -> Stage:
    return find_stage(found, rotation, Rollout(told(*configs), rolled=rolled), now)


CREATED, PROMOTED = keyset(OLD, NEW), keyset(OLD, NEW, primary=NEW)
PROMOTE, DISTRUST = (StepKind.PROMOTE, (NEW.id,)), (StepKind.DISTRUST, (OLD.id,))


@pytest.mark.parametrize(
    ("found", "configs", "rolled", "rotation", "phase", "step"),
    [
        (keyset(OLD), STAGED, FIRST, AUTO, Phase.STABLE, None),
        (CREATED, STAGED, FIRST, AUTO, Phase.CREATED, PROMOTE),
        (CREATED, STAGED, f" s3://a/b#3, {FIRST} ", AUTO, Phase.CREATED, PROMOTE),
        (CREATED, STAGED[:1], FIRST, AUTO, Phase.CREATED, PROMOTE),
        (CREATED, STAGED, "", AUTO, Phase.CREATED, None),
        (CREATED, STAGED, OLD.id, AUTO, Phase.CREATED, None),
        (CREATED, STAGED, FIRST[:-1], AUTO, Phase.CREATED, None),
        (CREATED, STAGED, f"{FIRST},{SECOND}", AUTO, Phase.CREATED, None),
        (CREATED, (), FIRST, AUTO, Phase.CREATED, None),
        (CREATED, STAGED[1:], FIRST, AUTO, Phase.CREATED, None),
        (CREATED, (*STAGED, BROKEN), FIRST, AUTO, Phase.CREATED, None),
        (CREATED, (*STAGED, control_plane(OLD, uses=OLD)), FIRST, AUTO, Phase.CREATED, None),
        (CREATED, STAGED, FIRST, replace(AUTO, promote_after=None), Phase.CREATED, None),
        (CREATED, STAGED, FIRST, replace(AUTO, promote_after=timedelta()), Phase.CREATED, PROMOTE),
        (CREATED, STAGED, FIRST, replace(AUTO, promote_after=6 * DAY), Phase.CREATED, None),
        (CREATED, STAGED, FIRST, replace(AUTO, promote_after=timedelta.max), Phase.CREATED, None),
        (CREATED, STAGED, FIRST, replace(AUTO, paused=True), Phase.CREATED, None),
        (CREATED, STAGED, FIRST, replace(AUTO, trust=frozenset({FIRST})), Phase.CREATED, None),
        (keyset(OLD, distrusted(NEW)), STAGED, FIRST, AUTO, Phase.STABLE, None),
        (keyset(OLD, replace(NEW, private_key=None)), STAGED, FIRST, AUTO, Phase.STABLE, None),
        (keyset(OLD, replace(NEW, certificate=None)), STAGED, FIRST, AUTO, Phase.STABLE, None),
        (keyset(OLD, replace(NEW, id="new")), STAGED, "new", AUTO, Phase.PROMOTED, None),
        (PROMOTED, USED, SECOND, AUTO, Phase.PROMOTED, DISTRUST),
        (PROMOTED, USED, f"{FIRST},{SECOND}", AUTO, Phase.PROMOTED, DISTRUST),
        (PROMOTED, USED[1:], SECOND, AUTO, Phase.PROMOTED, DISTRUST),
        (PROMOTED, USED, FIRST, AUTO, Phase.PROMOTED, None),
        (PROMOTED, STAGED, SECOND, AUTO, Phase.PROMOTED, None),
        (PROMOTED, (*USED, worker(OLD)), SECOND, AUTO, Phase.PROMOTED, None),
        (PROMOTED, (*USED, BROKEN), SECOND, AUTO, Phase.PROMOTED, None),
        (PROMOTED, (), SECOND, AUTO, Phase.PROMOTED, None),
        (PROMOTED, USED, SECOND, replace(AUTO, distrust_after=None), Phase.PROMOTED, None),
        (PROMOTED, USED, SECOND, replace(AUTO, distrust_after=6 * DAY), Phase.PROMOTED, None),
        (PROMOTED, USED, SECOND, replace(AUTO, trust=frozenset({OLD.id})), Phase.STABLE, None),
        (
            keyset(OLDER, OLD, NEW, primary=NEW),
            USED,
            SECOND,
            AUTO,
            Phase.PROMOTED,
            (StepKind.DISTRUST, (OLDER.id, OLD.id)),
        ),
        (
            keyset(distrusted(OLD), NEW, primary=NEW),
            (),
            "",
            Rotation(trust=frozenset({OLD.id})),
            Phase.STABLE,
            (StepKind.TRUST, (OLD.id,)),
        ),
        (
            keyset(distrusted(OLD), NEW, primary=NEW),
            (),
            "",
            Rotation(paused=True, trust=frozenset({OLD.id})),
            Phase.STABLE,
            None,
        ),
    ],
)
def test_the_step_that_is_taken(
    found: Keyset, configs: tuple[NodeConfig, ...], rolled: str, rotation: Rotation, phase: Phase, step: Any
) -> None:
    given_stage = stage(found, configs, rolled, rotation)
    taken = given_stage.step(NOW)
    assert (given_stage.phase, taken and (taken.kind, taken.ids)) == (phase, step)


@pytest.mark.parametrize("name", ["kubelet", "ca", "master"])
def test_what_kops_does_not_rotate_takes_no_step(name: str) -> None:
    found = keyset(OLD, NEW, name=name)
    assert stage(found, [control_plane(OLD, NEW, uses=OLD, name=name)], FIRST).step(NOW) is None
    (told_of,) = report(found)
    assert (told_of.phase, told_of.waits, told_of.due) == (Phase.CREATED, False, None)
    assert "kops" in told_of.message


def test_service_accounts_are_proven_by_their_public_keys() -> None:
    name = "service-account"
    found = keyset(OLD, NEW, name=name)
    assert stage(found, [control_plane(OLD, uses=OLD, name=name)], FIRST).step(NOW) is None
    taken = stage(found, [control_plane(OLD, NEW, uses=OLD, name=name)], FIRST).step(NOW)
    assert taken == Step(StepKind.PROMOTE, (NEW.id,), NOW)


whole_keysets = st.builds(
    lambda items, chosen: Keyset(CA, chosen.id, tuple(items)),
    st.tuples(*(st.sampled_from([each, distrusted(each), replace(each, private_key=None)]) for each in POOL)),
    st.sampled_from(POOL),
)
node_configs = st.just(BROKEN) | st.builds(
    lambda prints, uses: NodeConfig(
        {} if prints is None else {CA: frozenset(prints)}, {} if uses is None else {CA: uses}
    ),
    st.none() | st.sets(st.sampled_from(sorted(PRINTS.values())), min_size=2),
    st.none() | st.sampled_from([NEW.id, NEW.id, NEWER.id, OLD.id]),
)
tokens = st.sets(st.sampled_from([each.id + end for each in POOL[1:] for end in ("", "/promoted")]))
rotations = st.builds(
    Rotation,
    st.booleans(),
    st.none() | st.just(timedelta()) | st.just(2 * DAY),
    st.none() | st.just(timedelta()) | st.just(2 * DAY),
    st.frozensets(st.sampled_from([each.id for each in POOL]), max_size=2),
)


@settings(max_examples=500)
@given(whole_keysets, st.lists(node_configs, max_size=2), tokens, rotations)
def test_no_step_without_proof_and_none_that_harms(
    found: Keyset, configs: list[NodeConfig], confirmed: set[str], rotation: Rotation
) -> None:
    before = primary(found)
    if before is None:
        return
    step = stage(found, configs, ",".join(confirmed), rotation).step(NOW)
    if step is None:
        return
    assert not rotation.paused
    after = take_step(found, step)
    chosen = primary(after)
    assert chosen is not None
    assert chosen.trusted
    changed = {one.id for one, other in zip(found.items, after.items, strict=True) if one != other}
    if step.kind is StepKind.TRUST:
        assert changed == set(step.ids) <= rotation.trust
        assert chosen.id == before.id
        return
    assert not any(each.problem for each in configs)
    assert not any(item.id in rotation.trust for item in found.items if not item.trusted), "trusting comes first"
    if step.kind is StepKind.PROMOTE:
        assert not changed
        assert chosen.private_key
        assert int(chosen.id) > int(before.id)
        prints = [each.trusted[CA] for each in configs if CA in each.trusted]
        assert prints
        assert all(PRINTS[chosen.id] in each for each in prints)
        assert chosen.id in confirmed
        assert chosen.id + "/promoted" not in confirmed
        assert rotation.promote_after is not None
        assert made_at(chosen) + rotation.promote_after <= NOW
        return
    assert chosen.id == before.id
    assert (
        changed == {item.id for item in found.items if item.trusted and int(item.id) < int(before.id)} - rotation.trust
    )
    uses = [each.primaries[CA] for each in configs if CA in each.primaries]
    assert uses
    assert set(uses) == {before.id}
    assert before.id + "/promoted" in confirmed
    assert rotation.distrust_after is not None
    assert made_at(before) + rotation.distrust_after <= NOW


def desire(rolled: str = "", rotation: Rotation = AUTO, **policy: Any) -> Desired:
    return replace(declare(**policy), rotations={CA: rotation}, rolled=rolled)


def observe(found: Keyset, *configs: NodeConfig) -> Observed:
    groups = {str(number): group(str(number), {"role": "Node"}) for number, _ in enumerate(configs)}
    state = State(cluster=cluster({"cloudProvider": "gce"}), instance_groups=groups, keysets={CA: found})
    return Observed(state, {CONFIG: Version("c"), keyset_key(CA): Version("k")}, node_configs=told(*configs))


def test_a_plan_tells_of_a_promote() -> None:
    plan = make_plan(desire(FIRST), observe(CREATED, *STAGED), NOW)
    fields = (FieldChange("/spec/primaryId", Action.UPDATE, OLD.id, NEW.id),)
    step = Step(StepKind.PROMOTE, (NEW.id,), NOW)
    assert plan.changes == (Change(keyset_key(CA), Action.UPDATE, fields, expect=Version("k"), step=step),)


def test_a_plan_tells_of_a_distrust_and_is_the_same_at_any_time() -> None:
    plans = [make_plan(desire(SECOND), observe(PROMOTED, *USED), NOW + late) for late in (timedelta(), DAY)]
    (field,) = plans[0].changes[0].fields
    assert field == FieldChange(f"/spec/keys/{OLD.id}/distrustTimestamp", Action.CREATE)
    assert plan_digest(plans[0]) == plan_digest(plans[1])


def test_a_plan_tells_of_a_trust() -> None:
    found = keyset(distrusted(OLD), NEW, primary=NEW)
    plan = make_plan(desire(rotation=Rotation(trust=frozenset({OLD.id}))), observe(found), NOW)
    assert plan.changes[0].fields == (FieldChange(f"/spec/keys/{OLD.id}/distrustTimestamp", Action.DELETE),)


def test_a_run_takes_no_step_with_what_it_pulls_adds_or_configures() -> None:
    seen = observe(CREATED, *STAGED)
    assert make_plan(desire(FIRST, direction=Direction.PULL), seen, NOW).changes == ()
    added = KeyPairFacts("aa" * 32, 5, NOW - DAY, NOW + DAY, authority=True)
    plan = make_plan(replace(desire(FIRST), key_pairs={CA: added}), seen, NOW)
    assert [change.step for change in plan.changes] == [None]
    plan = make_plan(replace(desire(FIRST), cluster={"kubernetesVersion": "1.30.0"}), seen, NOW)
    assert [change.key for change in plan.changes] == [CONFIG]


def report(
    found: Keyset, configs: Iterable[NodeConfig] = (), rolled: str = "", rotation: Rotation = AUTO
) -> tuple[RotationReport, ...]:
    desired, keysets = replace(desire(), rotations={found.name: rotation}), {found.name: found}
    rollout = Rollout(told(*configs), rolled=rolled)
    return report_rotations(desired, Annotation("clusters", "prod", rolled), (keysets, keysets), rollout, NOW)


def commands(found: Keyset, configs: Iterable[NodeConfig], rolled: str = "", rotation: Rotation = AUTO) -> list[str]:
    """Give the commands that the message ends with."""
    (one,) = report(found, configs, rolled, rotation)
    _, _, listed = one.message.partition("one after the other: ")
    return listed.split(" ; ") if listed else []


def confirm(value: str) -> str:
    return f"kubectl annotate --overwrite -n clusters clusterstate/prod clusterstate.dev/rolled={value}"


STALE = (control_plane(OLD, uses=OLD), worker(OLD))


@pytest.mark.parametrize(
    ("found", "configs", "rolled", "rotation", "expected"),
    [
        (keyset(OLD), STALE, "", AUTO, []),
        (keyset(OLD), (), "", AUTO, []),
        (CREATED, STALE, "", AUTO, [UPDATE, ROLL, confirm(FIRST)]),
        (CREATED, STALE, "s3://a/b#3, 5", AUTO, [UPDATE, ROLL, confirm(f"s3://a/b#3,5,{FIRST}")]),
        (CREATED, STALE, "$(rm),5", AUTO, [UPDATE, ROLL, confirm(f"5,{FIRST}")]),
        (CREATED, STALE, f"5,{SECOND}", AUTO, [UPDATE, ROLL, confirm(f"5,{FIRST}")]),
        (CREATED, STAGED, "", AUTO, [ROLL, confirm(FIRST)]),
        (CREATED, STAGED, FIRST, AUTO, []),
        (
            CREATED,
            STAGED,
            FIRST,
            Rotation(),
            [f"kops promote keypair {CA} {NEW.id} --name {NAME}", UPDATE, ROLL],
        ),
        (PROMOTED, STAGED, FIRST, AUTO, [UPDATE, ROLL, confirm(SECOND)]),
        (PROMOTED, USED, f"{FIRST},5", AUTO, [ROLL, confirm(f"5,{SECOND}")]),
        (
            PROMOTED,
            USED,
            SECOND,
            Rotation(),
            [f"kops distrust keypair {CA} {OLD.id} --name {NAME}", UPDATE, ROLL],
        ),
        (keyset(distrusted(OLD), NEW, primary=NEW), USED, SECOND, AUTO, [UPDATE, ROLL]),
        (keyset(OLD, NEW, primary=NEW), STALE, "", Rotation(trust=frozenset({OLD.id})), [UPDATE, ROLL]),
    ],
)
def test_the_commands_that_people_are_told(
    found: Keyset, configs: tuple[NodeConfig, ...], rolled: str, rotation: Rotation, expected: list[str]
) -> None:
    assert commands(found, configs, rolled, rotation) == expected


def test_a_confirmation_that_came_too_early_is_to_be_taken_back() -> None:
    (early,) = report(CREATED, STALE, f"5,{FIRST}")
    assert f"Take it back: {confirm('5')} ." in early.message
    assert commands(CREATED, STALE, f"5,{FIRST}") == [UPDATE, ROLL, confirm(f"5,{FIRST}")]
    (undone,) = report(CREATED, STAGED, f"{FIRST},{SECOND}")
    assert undone.waits
    assert undone.message.endswith(f"Take it back: {confirm(FIRST)} .")


def test_what_is_due_is_told_and_looked_at_again() -> None:
    (later,) = report(CREATED, STAGED, FIRST, replace(AUTO, promote_after=6 * DAY))
    assert later.due == made_at(NEW) + 6 * DAY
    assert f"{later.due:%Y-%m-%dT%H:%M:%SZ}" in later.message
    assert turns_of([later], NOW, pushed=False) == [later.due]
    (now,) = report(CREATED, STAGED, FIRST)
    assert turns_of([now], NOW, pushed=False) == [], "a dry run would look again for ever"
    (soon,) = turns_of([now], NOW, pushed=True)
    assert NOW < soon < NOW + DAY
    (paused,) = report(CREATED, STAGED, FIRST, replace(AUTO, paused=True))
    assert paused.due is None
    assert "paused" in paused.message


def test_the_broken_file_is_told() -> None:
    (one,) = report(CREATED, (*STAGED, BROKEN), FIRST)
    assert "It is broken." in one.message


def test_a_keyset_that_is_not_there_is_told() -> None:
    (one,) = report_rotations(desire(), Annotation("clusters", "prod", ""), ({}, {}), Rollout(), NOW)
    assert (one.phase, one.primary_id, one.waits) == (Phase.STABLE, "", False)
    assert one.message


def test_the_cloud_waits_for_a_rollout_where_nothing_else_is_left() -> None:
    waiting, ready = report(CREATED, STALE), report(CREATED, STAGED, FIRST)
    updated = CloudUpdate(updated=True, reason=Reason.CLOUD_UPDATED, message="Good.")
    held = hold_for_rollout(updated, waiting * 2)
    assert (held.updated, held.reason) == (False, Reason.WAITING_FOR_ROLLOUT)
    assert held.message == f"{CA}: {waiting[0].message} (1 more in status.keysets)"
    assert hold_for_rollout(updated, ready) == updated
    for other in (None, False):
        pending = CloudUpdate(updated=other, reason=Reason.KOPS_UPDATE_PENDING, message="Run it.")
        assert hold_for_rollout(pending, waiting) == pending


@pytest.mark.parametrize(
    ("item", "age"),
    [
        (NEW, 5 * DAY),
        (replace(NEW, id="2"), 5 * DAY),
        (replace(NEW, id=str(1 << 158)), 5 * DAY),
        (replace(NEW, id="new"), 5 * DAY),
        (replace(NEW, id=key_id(300 * DAY)), 5 * DAY),
    ],
)
def test_the_age_of_a_key_pair(item: KeysetItem, age: timedelta) -> None:
    assert abs(NOW - age - made_at(item)) < timedelta(seconds=1)
