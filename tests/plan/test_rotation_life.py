"""A keyset's whole life, with people who roll, forget, undo and confirm too early: nodes never lose each other.

Nodes know what was published when they were last replaced. Two of them get along while each trusts what the other uses.
"""

import re
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from clusterstate.plan.desired import Rotation
from clusterstate.plan.rolled import Annotation
from clusterstate.plan.rollout import Rollout
from clusterstate.plan.rotation import Stage, find_stages
from clusterstate.plan.rotation_report import report_rotations
from clusterstate.state.keypair import KeyPairFacts, public_key_of
from clusterstate.state.keyset import primary, trusted
from clusterstate.state.objects import Keyset, KeysetItem
from clusterstate.state.rotation import Step, StepKind, take_step
from tests.plan.states import NOW
from tests.plan.test_rotation import CA, DAY, NEW, NEWER, OLD, OLDER, control_plane, desire, keyset, told

LOW = replace(OLDER, id="7")
"""Of a small serial number, which kops takes as its id."""
POOL = (LOW, OLD, NEW, NEWER)
FACTS = KeyPairFacts(public_key_of(LOW), 7, NOW - DAY, NOW + DAY, authority=True)
PARTS = [item.id + end for item in POOL for end in ("", "/promoted")]
View = tuple[frozenset[str], str]
"""Ids that are trusted, and the one that is used."""
items = st.sampled_from(POOL)


class Life(RuleBasedStateMachine):
    """One keyset, its files, two nodes, the annotation, and an operator that looks whenever something has changed."""

    def __init__(self) -> None:
        super().__init__()
        self.keyset = keyset(OLD)
        self.published = view_of(self.keyset)
        self.nodes = [self.published, self.published]
        self.rolled = ""
        self.ignored: frozenset[str] = frozenset()
        self.declared = ""
        self.message = ""
        self.noted = ""
        self.look()

    def rollout(self) -> Rollout:
        ids, used = self.published
        by_id = {item.id: item for item in POOL}
        config = control_plane(*(by_id[each] for each in ids), uses=by_id[used])
        return Rollout(told(config), rolled=self.rolled, ignored={CA: self.ignored})

    def stage(self) -> Stage:
        desired = desire(self.rolled, Rotation(promote_after=0 * DAY, distrust_after=0 * DAY))
        if self.declared:
            desired = replace(desired, key_pairs={CA: FACTS})
        self.desired = desired
        return find_stages(desired, {CA: self.keyset}, self.rollout(), NOW)[CA]

    def look(self, *, killed: bool = False) -> None:
        """Run as the operator does: at most one step, then a report; until nothing is left to be done."""
        step, before = self.stage().step(NOW), self.keyset
        if step is not None:
            self.judge(step)
            self.keyset = take_step(self.keyset, step)
        if step is None or not killed:
            sides = ({CA: before}, {CA: self.keyset})
            annotation = Annotation("clusters", "prod", self.rolled)
            (report,) = report_rotations(self.desired, annotation, sides, self.rollout(), NOW)
            self.ignored, self.message = frozenset(report.ignored), report.message
        if step is not None:
            self.look()

    def judge(self, step: Step) -> None:
        if step.kind is StepKind.PROMOTE:
            assert all(step.ids[0] in ids for ids, _ in self.nodes), "not all nodes trust it"
            return
        assert not any(used in step.ids for _, used in self.nodes), "a node uses what is distrusted"
        assert self.declared not in {public_key_of(self.item(each)) for each in step.ids}, "it is wanted"

    def item(self, key_id: str) -> KeysetItem:
        return next(item for item in self.keyset.items if item.id == key_id)

    def uses(self) -> str:
        chosen = primary(self.keyset)
        assert chosen is not None
        return chosen.id

    @rule(item=items, killed=st.booleans())
    def add(self, item: KeysetItem, *, killed: bool) -> None:
        """`kops create keypair`, or a renewal."""
        if item.id not in {each.id for each in self.keyset.items}:
            self.keyset = replace(self.keyset, primary_id=self.uses(), items=(*self.keyset.items, item))
        if item is LOW:
            self.declared = public_key_of(LOW)
        self.look(killed=killed)

    @rule(item=items)
    def promote(self, item: KeysetItem) -> None:
        """`kops promote keypair` by somebody who knows that all nodes follow."""
        known = all(item.id in ids for ids, _ in (*self.nodes, self.published))
        if known and item.id in {each.id for each in trusted(self.keyset)}:
            self.keyset = take_step(self.keyset, Step(StepKind.PROMOTE, (item.id,), NOW))
        self.look()

    @rule(item=items)
    def distrust(self, item: KeysetItem) -> None:
        """`kops distrust keypair` by somebody who knows that no node uses it."""
        if item.id not in {used for _, used in (*self.nodes, self.published)}:
            self.keyset = take_step(self.keyset, Step(StepKind.DISTRUST, (item.id,), NOW))
        self.look()

    @rule(item=items)
    def trust(self, item: KeysetItem) -> None:
        self.keyset = take_step(self.keyset, Step(StepKind.TRUST, (item.id,), NOW))
        self.look()

    @rule()
    def update(self) -> None:
        """`kops update cluster`."""
        self.published = view_of(self.keyset)
        self.look()

    @rule(number=st.sampled_from([0, 1]))
    def replace_node(self, number: int) -> None:
        self.nodes[number] = self.published

    @rule(part=st.sampled_from(PARTS), killed=st.booleans())
    def confirm(self, part: str, *, killed: bool) -> None:
        """Confirm what is true, or what the operator can know to be untrue."""
        key_id, _, promoted = part.partition("/")
        true = all(used == key_id if promoted else key_id in ids for ids, used in self.nodes)
        stage = self.stage()
        waited = part == stage.confirmation and not stage.lack and part not in stage.ignored
        if true or not waited:
            self.rolled = ",".join({*filter(None, self.rolled.split(",")), part})
        self.look(killed=killed)

    @rule()
    def forget(self) -> None:
        self.rolled = ""
        self.look()

    @rule()
    def note(self) -> None:
        """Write down what status says, to do it another day."""
        self.noted = self.message

    @precondition(lambda self: self.message)
    @rule(late=st.booleans())
    def follow(self, *, late: bool) -> None:
        """Do what status says, or what it said once."""
        text = self.noted if late else self.message
        if "take it back: " in text.lower():
            self.rolled = re.findall(r"rolled=(\S*) \.", text)[0]
            self.look()
        commands = text.partition("one after the other: ")[2].split(" ; ")
        for command in commands:
            if command.startswith("kops update"):
                self.update()
            elif command.startswith("kops rolling-update"):
                self.nodes = [self.published, self.published]
            elif command.startswith("kubectl annotate"):
                self.rolled = command.partition("rolled=")[2]
                self.look()

    @invariant()
    def nodes_get_along(self) -> None:
        assert all(used in ids for ids, _ in self.nodes for _, used in self.nodes)

    @invariant()
    def the_keyset_is_one_that_nodes_can_follow(self) -> None:
        assert all(self.uses() in ids for ids, _ in self.nodes)


def view_of(found: Keyset) -> View:
    chosen = primary(found)
    assert chosen is not None
    return frozenset(item.id for item in trusted(found)), chosen.id


def test_nodes_never_meet_a_keyset_that_they_can_not_follow() -> None:
    run_state_machine_as_test(Life, settings=settings(max_examples=150, stateful_step_count=30, deadline=None))
