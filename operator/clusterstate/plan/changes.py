"""The plan: an ordered list of changes that would make the store match the declaration.

Inert data: it can be printed, compared and digested, and holds no secret byte. `diff` makes it, `apply` carries
it out, `status` and the command line show it.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from clusterstate.plan.desired import KeyRequest
from clusterstate.plan.observed import Applied
from clusterstate.state.layout import CONFIG, instance_group_key
from clusterstate.state.objects import Document, Json, State
from clusterstate.state.rotation import Step
from clusterstate.store.base import Version


class Action(StrEnum):
    """What happens to a file or to one field of it."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one file: what it is and what it becomes."""

    pointer: str
    """JSON pointer below the document, e.g. `/spec/subnets/name=us-east-1a/zone`; items of keyed lists by key."""
    action: Action
    old: Json = None
    new: Json = None


@dataclass(frozen=True, slots=True)
class Change:
    """One file: what happens to it, field by field."""

    key: str
    """Relative to the cluster's own prefix, e.g. `instancegroup/nodes-1a`."""
    action: Action
    fields: tuple[FieldChange, ...] = ()
    document: Document | None = field(default=None, repr=False)
    """The whole new content of a Cluster or InstanceGroup; None for a delete."""
    expect: Version | None = None
    """The version that the plan was made from; None: the file must not exist."""
    content: str = ""
    """Digest of what is written into a file that is no document; of a keyset, the public key that is added."""
    key_id: str = ""
    """The id under which a key pair is added to a keyset."""
    generate: KeyRequest | None = None
    """What key pair is made and added; its id and bytes come to be when it is, and no plan knows them."""
    step: Step | None = None
    """What a rotation does to a keyset."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A declared field whose value in the store is another one."""

    key: str
    pointer: str
    declared: Json = None
    observed: Json = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run means to do, and what it found on the way."""

    changes: tuple[Change, ...] = ()
    drift: tuple[Difference, ...] = ()
    """Fields that we had applied and that somebody changed since, whether or not this plan corrects them."""
    conflicts: tuple[Difference, ...] = ()
    """Fields that both sides changed since applied and that a person must decide on: a plan with any has no changes.

    Where the policy decides (`PreferSpec`, `PreferStore`), such a field is drift.
    """
    dropped: tuple[Difference, ...] = ()
    """Declared fields that kops dropped from the store, and that aren't written again."""
    unpruned: tuple[str, ...] = ()
    """Keys that were declared once and aren't any more, but stay in the store."""
    warnings: tuple[str, ...] = ()
    held: bool = False
    """Whether secrets, keysets, SSH keys and files wait for the next run, which sees them at their new place."""
    applied: Applied = field(default_factory=Applied, repr=False)
    """The base of the next plan, once all changes are written: recorded before the first, settled after the last."""

    @property
    def rotates(self) -> bool:
        """Whether a step of a rotation is among the changes: it was decided by what people confirm."""
        return any(change.step is not None for change in self.changes)

    def state_after(self, state: State) -> State:
        """Give a state as it is once all changes are written."""
        written = {change.key: change.document for change in self.changes if change.document is not None}
        gone = {change.key for change in self.changes if change.action is Action.DELETE}
        groups = {document.name: document for key, document in written.items() if key != CONFIG}
        return replace(
            state,
            cluster=written.get(CONFIG, state.cluster),
            instance_groups={
                name: document
                for name, document in {**state.instance_groups, **groups}.items()
                if instance_group_key(name) not in gone
            },
        )
