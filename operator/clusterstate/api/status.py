"""`ClusterState.status`: what the operator reports. The docstrings become the descriptions of the CRD.

Nothing here may hold secret bytes. Times are RFC 3339 in UTC, as Kubernetes writes them. Unlike in the spec,
unknown fields are passed over: a newer operator may have written them.
"""

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct, field

LISTED: Final = 50
"""How many changes and drifted fields status lists; the numbers beside them count all."""
TEXT_LENGTH: Final = 4096
"""Characters of a path, a field or a value: far more than anybody should write, since a refused status is none."""
MESSAGE_LENGTH: Final = 32768
"""Characters of a condition's message, as in Kubernetes' own conditions."""

Text: TypeAlias = Annotated[str, Meta(max_length=TEXT_LENGTH)]
Time: TypeAlias = Annotated[str, Meta(max_length=64, extra_json_schema={"format": "date-time"})]
Count: TypeAlias = Annotated[int, Meta(ge=0)]

UNSEEN: Final = -1
"""The generation of an object that no run has looked at: of every new one, since that is the API server's default.

kstatus, and with it Flux, takes an object without any status for current.
"""


class Reported(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The base of everything that the operator reports."""


class Condition(Reported, frozen=True, kw_only=True):
    """One aspect of the object, in the form of Kubernetes' own conditions."""

    type: Annotated[str, Meta(min_length=1, max_length=316)]
    """Name of the condition."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, Meta(min_length=1, max_length=1024)]
    """Why, in one CamelCase word for programs."""
    message: Annotated[str, Meta(max_length=MESSAGE_LENGTH)]
    """What happened, to which object, and what to do, for people."""
    last_transition_time: Time
    """When status became what it is."""
    observed_generation: Count = 0
    """metadata.generation that this was said about."""


class StoreStatus(Reported, frozen=True, kw_only=True):
    """What the store held when it was last listed; backups are left out."""

    url: Text = ""
    """URL of the state, never with credentials."""
    endpoint: Text = ""
    """URL of the service that the bucket was reached at; empty for the provider's own."""
    files: Count = 0
    """Number of files."""
    bytes: Count = 0
    """Their size in all."""
    digest: Annotated[str, Meta(max_length=128)] = ""
    """Digest of all files' names and versions: equal digests, equal state."""
    last_change_time: Time = ""
    """When the youngest file was written."""
    unproven: Annotated[tuple[Text, ...], Meta(max_length=16)] = ()
    """Guarantees that this store is not known to give, for example atomic updates."""
    detoured: bool | None = None
    """Whether a proxy or catalog of the object's own choice may have answered in the store's place; absent: no."""


class FieldPlan(Reported, frozen=True, kw_only=True):
    """One field that a plan would change; secret values are never shown."""

    path: Text
    """File in the state, for example config or instancegroup/nodes."""
    field: Text = ""
    """JSON pointer of the field in it; empty when the whole file is meant."""
    action: Literal["create", "update", "delete"]
    """What would happen to it."""
    old: Text = ""
    """The value now, as JSON, cut when it is long."""
    new: Text = ""
    """The value afterwards, as JSON, cut when it is long."""


class PlanStatus(Reported, frozen=True, kw_only=True):
    """What a run would do, or was prevented from doing, to the store."""

    create: Count = 0
    """Number of files to be created."""
    update: Count = 0
    """Number of files to be changed."""
    delete: Count = 0
    """Number of files to be deleted."""
    digest: Annotated[str, Meta(max_length=128)] = ""
    """Names this very plan; the annotation clusterstate.dev/confirm-plan repeats it where a plan needs a person's
    consent."""
    changes: Annotated[tuple[FieldPlan, ...], Meta(max_length=LISTED)] = ()
    """The first 50 fields."""


class DifferenceStatus(Reported, frozen=True, kw_only=True):
    """One declared field that has another value in the store."""

    path: Text
    """File in the state."""
    field: Text
    """JSON pointer of the field in it."""
    declared: Text = ""
    """The declared value, as JSON, cut when it is long."""
    observed: Text = ""
    """The value in the store, as JSON, cut when it is long."""


class BlockedStatus(Reported, frozen=True, kw_only=True):
    """One field of the store that Pull leaves out, since somebody else declares it."""

    path: Text
    """File in the state."""
    field: Text
    """JSON pointer of the field in it."""
    manager: Text = ""
    """The field manager that owns it in the spec."""


class DroppedStatus(Reported, frozen=True, kw_only=True):
    """One declared field that kops has dropped."""

    path: Text
    """File in the state."""
    field: Text
    """JSON pointer of the field in it."""


class MigrationStatus(Reported, frozen=True, kw_only=True):
    """How far a state has moved."""

    from_: Text = field(name="from")
    """URL of the state at its old place."""
    to: Text = ""
    """URL of the state at its new place."""
    phase: Literal["Planned", "Copying", "Switched", "CleanedUp"]
    """Planned: a dry run. Copying: the old place still counts. Switched: the new place counts, and nodes follow with
    the next kops update and rolling update. CleanedUp: the old files are gone."""
    files: Count = 0
    """Number of files to be copied."""
    copied: Count = 0
    """Number of those that are at the new place, verified by their hash."""
    bytes: Count = 0
    """Bytes copied and verified."""
    message: Annotated[str, Meta(max_length=MESSAGE_LENGTH)] = ""
    """What is next, and who has to do it."""


class AfterPushStatus(Reported, frozen=True, kw_only=True):
    """The Job of the newest pushed revision that had one."""

    revision: Count
    """Number of the revision that was pushed."""
    job: Text = ""
    """Name of the Job."""
    state: Literal["Running", "Succeeded", "Failed"]
    """How the Job is doing."""
    message: Annotated[str, Meta(max_length=MESSAGE_LENGTH)] = ""
    """Why it failed."""


class MirrorStatus(Reported, frozen=True, kw_only=True):
    """One Secret that is kept equal to a part of the store."""

    secret: Annotated[str, Meta(min_length=1, max_length=253)]
    """Name of the Secret."""
    from_: Text = field(name="from")
    """Kind and name of what it mirrors, for example keyset/kubernetes-ca."""
    primary_id: Annotated[str, Meta(max_length=128)] = ""
    """Id of the keyset's primary certificate."""
    not_after: Time = ""
    """When the primary's certificate ends."""


class CertificateStatus(Reported, frozen=True, kw_only=True):
    """The certificate of a keyset's primary."""

    keyset: Text
    """Name of the keyset."""
    primary_id: Annotated[str, Meta(max_length=128)] = ""
    """Id of its primary key pair."""
    not_after: Time
    """When the certificate ends."""
    phase: Literal["Valid", "Expires", "LastWeek", "LastDay", "Expired"]
    """Valid: for longer than spec.expiryWarning. Expires: within that. LastWeek, LastDay: within seven days, one day.
    Expired: it has ended. Each but the first is told once, by an Event."""

    @property
    def not_after_time(self) -> datetime:
        """When the certificate ends; raises `ValueError` where that is no time."""
        return datetime.fromisoformat(self.not_after)


class KeysetStatus(Reported, frozen=True, kw_only=True):
    """How far the rotation of one keyset is."""

    name: Annotated[str, Meta(max_length=253)]
    """Name of the keyset."""
    phase: Literal["Stable", "Created", "Promoted"]
    """Stable: the primary is the newest key pair, and the only trusted one. Created: a newer key pair waits to be
    promoted. Promoted: older key pairs wait to be distrusted."""
    primary_id: Annotated[str, Meta(max_length=128)] = ""
    """Id of the primary key pair."""
    next_id: Annotated[str, Meta(max_length=128)] = ""
    """Id of the key pair that is promoted next."""
    message: Annotated[str, Meta(max_length=MESSAGE_LENGTH)] = ""
    """What the next step waits for, and who has to do it."""
    ignored_confirmations: Annotated[tuple[Annotated[str, Meta(max_length=128)], ...], Meta(max_length=64)] = ()
    """Parts of the annotation clusterstate.dev/rolled that don't count for this keyset until they are taken out of it:
    they came too early, or a step that is done was taken on them."""


class HistoryEntry(Reported, frozen=True, kw_only=True):
    """One declaration that was applied."""

    revision: Count
    """Number of the revision."""
    time: Time
    """When it was applied."""
    changes: Count = 0
    """Number of files that it changed."""
    by: Text = ""
    """The field manager that last changed the declaration before it was applied."""
    what: Text = ""
    """The files and fields that it changed, cut when there are many; never a value."""


class Status(Reported, frozen=True, kw_only=True):
    """What the operator found and did."""

    cluster_name: Annotated[str, Meta(max_length=253)] = ""
    """Name of the cluster whose state this object was first used for; spec.clusterName can't leave it."""
    observed_generation: Annotated[int, Meta(ge=UNSEEN)] = UNSEEN
    """metadata.generation that the last run worked from; -1 until one has looked."""
    last_handled_reconcile_at: Annotated[str, Meta(max_length=256 * 1024)] = ""
    """The last value of the annotation clusterstate.dev/reconcile-requested-at that was served."""
    conditions: Annotated[tuple[Condition, ...], Meta(max_length=16)] = ()
    """The aspects of the object; Ready sums them up."""
    summary: Text = ""
    """The state of things in one sentence."""
    shard: Annotated[str, Meta(max_length=253)] = ""
    """Name of the Lease whose holder alone works on this object."""
    store: StoreStatus | None = None
    """What the store holds."""
    plan: PlanStatus | None = None
    """What is yet to be written to the store; absent when nothing is."""
    drift: Annotated[tuple[DifferenceStatus, ...], Meta(max_length=LISTED)] = ()
    """Declared fields that had been applied and were changed in the store; the first 50."""
    conflicts: Annotated[tuple[DifferenceStatus, ...], Meta(max_length=LISTED)] = ()
    """Declared fields that changed on both sides, to different values; the first 50."""
    pull_blocked: Annotated[tuple[BlockedStatus, ...], Meta(max_length=LISTED)] = ()
    """Fields of the store that Pull and Both leave out of the spec, since somebody else declares them; the first 50."""
    dropped: Annotated[tuple[DroppedStatus, ...], Meta(max_length=LISTED)] = ()
    """Declared fields that kops has dropped from the store, and that aren't pushed again; the first 50."""
    migration: MigrationStatus | None = None
    """The last change of spec.store.url."""
    after_push: AfterPushStatus | None = None
    """What came of spec.afterPush."""
    mirrors: Annotated[tuple[MirrorStatus, ...], Meta(max_length=5000)] = ()
    """The Secrets that mirror parts of the store."""
    certificates: Annotated[tuple[CertificateStatus, ...], Meta(max_length=256)] = ()
    """Certificates of the keysets' primaries; the first 100, in the order in which they end."""
    keysets: Annotated[tuple[KeysetStatus, ...], Meta(max_length=256)] = ()
    """Keysets with spec.keysets[].rotation, and what their rotation waits for."""
    history: Annotated[tuple[HistoryEntry, ...], Meta(max_length=100)] = ()
    """Applied declarations, the newest first."""
