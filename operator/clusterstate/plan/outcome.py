"""What a run came to: inert data that every path through a run ends in, and that status is made from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from clusterstate.api.annotations import RECONCILE_REQUESTED_AT
from clusterstate.api.durations import parse_duration
from clusterstate.api.types import ClusterState
from clusterstate.errors import ClusterStateError
from clusterstate.plan.changes import Change, Difference, Plan
from clusterstate.plan.cloud import CloudUpdate
from clusterstate.plan.diff import summarise
from clusterstate.plan.hook import HookReport
from clusterstate.plan.migration import Migration
from clusterstate.plan.pull import Pull
from clusterstate.plan.rotation_report import RotationReport
from clusterstate.reasons import Nature, Reason
from clusterstate.state.keyset import certificate_not_after, primary
from clusterstate.state.objects import State


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The state as it lies in the store, `backups/` left out."""

    url: str
    """Of the state, `{store}/{cluster}`; never with credentials."""
    files: int
    bytes: int
    digest: str
    last_change: datetime | None
    unproven: tuple[str, ...] = ()
    """Guarantees (`create`, `update`, `delete`) that this endpoint has not been seen to give."""
    endpoint: str = ""
    """Of the service that was asked; empty for the provider's own."""
    detoured: bool = False
    """Whether somebody of the object's own choice may have answered in its place: what was seen proves no claim."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificate that a keyset signs or serves with now."""

    keyset: str
    key_id: str
    not_after: datetime


def primary_certificates(state: State) -> Iterator[Certificate]:
    """Give the certificate of each keyset's primary, where it has one that can be read."""
    for keyset in state.keysets.values():
        item = primary(keyset)
        not_after = certificate_not_after(item) if item else None
        if item and not_after:
            yield Certificate(keyset.name, item.id, not_after)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something isn't as it should be."""

    reason: Reason
    nature: Nature
    message: str
    retry_after: float | None = None
    """Seconds, where the other side named them."""
    about: str = ""
    """Which of many things, in as few words as tell it."""

    @classmethod
    def of(cls, error: ClusterStateError) -> "Failure":
        """Keep what an error says."""
        return cls(error.reason, error.nature, error.message, error.retry_after)


@dataclass(frozen=True, slots=True)
class Mirrored:
    """One Secret that is equal to its source now."""

    secret: str
    source: str
    """`keyset/NAME`, `secret/NAME` or `ssh/NAME`."""
    primary_id: str | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class MirrorReport:
    """All mirrors of one object after a run."""

    mirrors: tuple[Mirrored, ...] = ()
    written: tuple[str, ...] = ()
    """Names of the Secrets that this run created, changed or removed."""
    problems: tuple[Failure, ...] = ()
    """Why mirrors could not be made, or workloads could not be rolled."""
    restarted: tuple[str, ...] = ()
    """Workloads that this run has rolled, each with what its Pods get anew."""
    missing: str = ""
    """Which Secrets are kept without a source, and why; empty: none is."""
    remarks: tuple[str, ...] = ()
    """What else is worth telling, in whole sentences."""


@dataclass(frozen=True, slots=True)
class AppliedRevision:
    """One declaration that was applied."""

    number: int
    time: str
    """RFC 3339."""
    changes: int
    """Files written."""
    by: str = ""
    """The field manager that had changed the declaration last."""
    what: str = ""
    """Names of the files and fields that were written; never a value."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the object asks of its status, beyond the run's own results."""

    generation: int
    cluster_name: str = ""
    reconcile_token: str | None = None
    dry_run: bool = False
    suspended: bool = False
    mirroring: bool = False
    require_cloud_update: bool = False
    expiry_warning: timedelta = timedelta(days=30)
    deleting: bool = False
    """Whether the object waits for its state to be deleted."""


def make_request(state: ClusterState) -> Request:
    """Give what an object asks for."""
    return Request(
        generation=state.metadata.generation,
        cluster_name=state.cluster_name,
        reconcile_token=state.metadata.annotations.get(RECONCILE_REQUESTED_AT),
        dry_run=state.spec.sync.dry_run,
        suspended=state.spec.suspend,
        mirroring=state.spec.mirror is not None,
        require_cloud_update=state.spec.sync.require_cloud_update,
        expiry_warning=parse_duration(state.spec.expiry_warning),
    )


def is_called_for(state: ClusterState) -> bool:
    """Whether a person asked for a run by annotation, and hasn't got it."""
    token = state.metadata.annotations.get(RECONCILE_REQUESTED_AT)
    return token is not None and token != state.status.last_handled_reconcile_at


def make_bare_request(body: Mapping[str, Any]) -> Request:
    """Give what even an object with an unusable spec asks for."""
    metadata = body["metadata"]
    token = metadata.get("annotations", {}).get(RECONCILE_REQUESTED_AT)
    suspended = isinstance(body.get("spec"), dict) and body["spec"].get("suspend") is True
    return Request(metadata.get("generation", 0), reconcile_token=token, suspended=suspended)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run. What it didn't reach is None; `error` tells why it ended there."""

    request: Request
    error: ClusterStateError | None = None
    store: StoreFacts | None = None
    plan: Plan | None = None
    pushed: bool = False
    """Whether the plan's changes are in the store now."""
    history: tuple[AppliedRevision, ...] | None = None
    """Declarations that were applied, the newest first."""
    certificates: tuple[Certificate, ...] | None = None
    unread: tuple[str, ...] = ()
    """Keysets that can't be read: of their certificates `certificates` has what was known before."""
    mirrors: MirrorReport | None = None
    cloud: CloudUpdate | None = None
    migration: Migration | None = None
    hook: HookReport | None = None
    """The newest Job after a push; None: there was none."""
    rotations: tuple[RotationReport, ...] | None = None
    pull: Pull | None = None
    """What Pull brings into the spec; None under Push."""

    @property
    def failure(self) -> Failure | None:
        """What keeps the object from being Ready: the run's error, else the first mirror's."""
        if self.error is not None:
            return Failure.of(self.error)
        if self.mirrors is not None and self.mirrors.problems:
            return self.mirrors.problems[0]
        if self.request.require_cloud_update and self.cloud is not None and not self.cloud.updated:
            return Failure(self.cloud.reason, Nature.WAITING, self.cloud.message)
        return None

    @property
    def left(self) -> Plan | None:
        """What of the plan is not so in the store after the run: of a push only drift that it didn't correct."""
        if self.plan is None or not self.pushed:
            return self.plan
        done = self.plan.changes
        stays = (each for each in self.plan.drift if not any(_corrects(change, each) for change in done))
        return replace(self.plan, changes=(), drift=tuple(stays))

    @property
    def message(self) -> str:
        """The run in a sentence or two: what Ready says."""
        if self.request.suspended:
            return "Suspended: nothing is read or written until spec.suspend is false."
        if self.failure is not None:
            return self.failure.message
        return f"{self.summary[0].upper()}{self.summary[1:]}."

    @property
    def summary(self) -> str:
        """What is left to be done, as a part of a sentence."""
        text = summarise(self.left or Plan(), self.store.url if self.store else "")
        if self.pull is None or self.pull.written or not self.pull.changes:
            return text
        return f"{text}, {len(self.pull.changes)} to bring into the spec"


def _corrects(change: Change, drift: Difference) -> bool:
    """Whether a change puts a drifted field back; the policy may leave another field of the same file as it is."""
    place = f"{drift.pointer}/"
    fields = (f"{field.pointer}/" for field in change.fields)
    return change.key == drift.key and any(each.startswith(place) or place.startswith(each) for each in fields)
