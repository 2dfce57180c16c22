"""What counts as proof that nodes follow: confirmations that came in time, and files of groups that are there."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from clusterstate.plan.desired import Rotation
from clusterstate.plan.observed import Observed
from clusterstate.plan.rolled import Annotation
from clusterstate.plan.rollout import MOST_PARTS, Rollout, rollout_of
from clusterstate.plan.rotation import find_stage
from clusterstate.plan.rotation_report import report_rotations
from clusterstate.state.keypair import public_key_of
from clusterstate.state.node_config import NodeConfig
from clusterstate.state.objects import Keyset, State
from tests.plan.states import NAME, NOW, group
from tests.plan.test_rotation import (
    AUTO,
    BROKEN,
    CA,
    CREATED,
    FIRST,
    NEW,
    OLD,
    OLDER,
    PROMOTED,
    ROLL,
    SECOND,
    STAGED,
    STALE,
    UPDATE,
    USED,
    confirm,
    control_plane,
    desire,
    distrusted,
    keyset,
    told,
    worker,
)

MASTER, OLD_MASTER = (f"igconfig/{role}/m/nodeupconfig.yaml" for role in ("control-plane", "master"))
GONE = "igconfig/node/gone/nodeupconfig.yaml"


def rolling(configs: tuple[NodeConfig, ...], rolled: str, *ignored: str) -> Rollout:
    return Rollout(told(*configs), rolled=rolled, ignored={CA: frozenset(ignored)})


@pytest.mark.parametrize(
    ("found", "rollout", "counted", "ignored"),
    [
        (CREATED, rolling(STAGED, FIRST), FIRST, set()),
        (CREATED, rolling(STAGED, FIRST, FIRST), "", {FIRST}),
        (CREATED, rolling(STALE, FIRST), "", {FIRST}),
        (CREATED, rolling(STAGED, f"{FIRST},{SECOND},{OLD.id},5"), FIRST, {SECOND, OLD.id}),
        (CREATED, rolling(STAGED, "5", FIRST), "", set()),
        (PROMOTED, rolling(USED, f"{FIRST},{SECOND}"), SECOND, {FIRST}),
        (PROMOTED, rolling(USED, SECOND, SECOND), "", {SECOND}),
        (keyset(distrusted(OLD), NEW, primary=NEW), rolling(USED, SECOND), "", {SECOND}),
        (keyset(OLD, distrusted(NEW)), rolling(STAGED, FIRST), "", {FIRST}),
        (CREATED, rolling(STAGED, ",".join([FIRST, *map(str, range(MOST_PARTS))])), FIRST, set()),
    ],
)
def test_a_confirmation_counts_once_and_in_time(
    found: Keyset, rollout: Rollout, counted: str, ignored: set[str]
) -> None:
    stage = find_stage(found, AUTO, rollout, NOW)
    assert (stage.counted, set(stage.ignored)) == (counted, ignored)


def test_where_more_is_confirmed_than_can_be_remembered_nothing_counts() -> None:
    many = tuple(replace(OLDER, id=str(number)) for number in range(MOST_PARTS + 1))
    found = keyset(*many, OLD, NEW)
    stage = find_stage(found, AUTO, rolling(STAGED, ",".join([FIRST, *(each.id for each in many)])), NOW)
    assert (stage.counted, len(stage.ignored)) == ("", MOST_PARTS + 2)


def test_what_a_step_was_taken_on_does_not_count_again() -> None:
    rollout = rolling(STAGED, FIRST)
    (report,) = report_rotations(
        desire(FIRST), Annotation("", "", FIRST), ({CA: CREATED}, {CA: PROMOTED}), rollout, NOW
    )
    assert report.ignored == (FIRST,)
    undone = find_stage(CREATED, AUTO, rolling(STAGED, FIRST, *report.ignored), NOW)
    assert undone.step(NOW) is None
    back = keyset(OLD, distrusted(NEW))
    (report,) = report_rotations(desire(FIRST), Annotation("", "", FIRST), ({CA: back}, {CA: CREATED}), rollout, NOW)
    assert report.ignored == (FIRST,), "distrusted before the run, and trusted again by it"
    (report,) = report_rotations(
        desire(FIRST), Annotation("", "", FIRST), ({}, {}), replace(rollout, ignored={CA: frozenset({FIRST, "5"})}), NOW
    )
    assert report.ignored == (FIRST,), "the keyset may come back"


def test_the_declared_key_pair_is_never_distrusted() -> None:
    low = replace(OLDER, id="7")
    found, declared = keyset(low, OLD, NEW, primary=NEW), public_key_of(low)
    rollout = rolling((control_plane(low, OLD, NEW, uses=NEW), worker(NEW)), SECOND)
    step = find_stage(found, AUTO, rollout, NOW, declared).step(NOW)
    assert step is not None
    assert step.ids == (OLD.id,)
    found = keyset(low, replace(OLD, private_key=None), NEW, primary=NEW)
    stage = find_stage(found, AUTO, rollout, NOW, declared)
    assert (stage.kind, stage.passed_over) == (None, "7"), "nor is a certificate that somebody else has the key of"
    assert find_stage(keyset(low, primary=low), AUTO, rollout, NOW, declared).passed_over == ""


def state(configs: Mapping[str, NodeConfig], **roles: str) -> Observed:
    groups = {name: group(name, {"role": role}) for name, role in roles.items()}
    return Observed(State(instance_groups=groups, keysets={CA: CREATED}), {}, node_configs=configs)


@pytest.mark.parametrize(
    ("configs", "roles", "leftovers"),
    [
        ({MASTER: BROKEN, GONE: BROKEN}, {"m": "Master"}, {GONE}),
        ({MASTER: BROKEN, OLD_MASTER: BROKEN}, {"m": "Master"}, {OLD_MASTER}),
        ({MASTER: BROKEN, OLD_MASTER: BROKEN}, {"m": "ControlPlane"}, {OLD_MASTER}),
        ({OLD_MASTER: BROKEN}, {"m": "Master"}, set()),
        ({"igconfig/apiserver/m/nodeupconfig.yaml": BROKEN}, {"m": "APIServer"}, set()),
    ],
)
def test_what_kops_has_left_behind(configs: dict[str, NodeConfig], roles: dict[str, str], leftovers: set[str]) -> None:
    assert rollout_of(desire(), state(configs, **roles)).leftovers == leftovers


def message(configs: Mapping[str, NodeConfig], rolled: str = "", found: Keyset = CREATED) -> str:
    observed = state(configs, m="Master", n="Node")
    rollout = rollout_of(desire(rolled), observed)
    (report,) = report_rotations(
        desire(rolled), Annotation("clusters", "prod", rolled), ({CA: found}, {CA: found}), rollout, NOW
    )
    assert report.waits
    assert report.due is None
    return report.message


@pytest.mark.parametrize("left", [worker(OLD), control_plane(OLD, uses=OLD), BROKEN])
def test_a_leftover_is_to_be_deleted_and_withdraws_nothing(left: NodeConfig) -> None:
    configs = {MASTER: STAGED[0], "igconfig/node/n/nodeupconfig.yaml": STAGED[1], GONE: left}
    if left.trusted or left.problem:
        text = message(configs, FIRST)
        assert f"{GONE} is left over: kops has no such group any more" in text
        assert "Delete it" in text
        assert "kops update" not in text
        assert "Take it back" not in text
        assert message(configs).endswith(f"{ROLL} ; {confirm(FIRST)}")
    used = {MASTER: USED[0], "igconfig/node/n/nodeupconfig.yaml": USED[1], GONE: left}
    assert "Delete it" in message(used, SECOND, PROMOTED)


def test_what_kops_publishes_to_no_node_is_left_to_people() -> None:
    text = message({MASTER: NodeConfig({"other-ca": frozenset({"a"})}, {"other-ca": "1"})}, FIRST)
    assert "kops publishes it to no node" in text
    assert text.endswith(f"run: kops promote keypair {CA} {NEW.id} --name {NAME}")
    assert UPDATE not in text
    assert UPDATE in message({}), "but without any file an update is due"


def test_one_command_confirms_all_keysets() -> None:
    other = "other-ca"
    names = {CA: Rotation(), other: Rotation()}
    configs = {
        "igconfig/node/0/nodeupconfig.yaml": NodeConfig(
            {CA: STAGED[0].trusted[CA], other: control_plane(OLD, uses=OLD, name=other).trusted[other]},
            {CA: OLD.id, other: OLD.id},
        )
    }
    second = keyset(OLD, replace(NEW, id="99" + NEW.id), name=other)
    keysets = {CA: CREATED, other: second}
    rolled = f"s3://a/b#1,{OLD.id}"
    rollout = Rollout(configs, rolled=rolled)
    desired = replace(desire(rolled), rotations=names)
    reports = report_rotations(desired, Annotation("clusters", "prod", rolled), (keysets, keysets), rollout, NOW)
    ending = f"{UPDATE} ; {ROLL} ; {confirm(f's3://a/b#1,{FIRST},99{FIRST}')}"
    assert [each.message.endswith(ending) for each in reports] == [True, True]
    rolled = f"{FIRST},5"
    reports = report_rotations(
        replace(desired, rolled=rolled),
        Annotation("clusters", "prod", rolled),
        (keysets, keysets),
        replace(rollout, rolled=rolled),
        NOW,
    )
    assert reports[1].message.endswith(confirm(f"{FIRST},5,99{FIRST}")), "what counts elsewhere stays"
