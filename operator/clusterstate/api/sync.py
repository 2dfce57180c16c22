"""`spec.sync`: how and how often the store and the declaration are brought together. See `spec` for how to read it."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from clusterstate.api.basics import Declared, Duration


class Direction(StrEnum):
    """Which side the other one follows."""

    PUSH = "Push"
    PULL = "Pull"
    BOTH = "Both"


class DriftPolicy(StrEnum):
    """What becomes of a declared field that somebody changed in the store."""

    CORRECT = "Correct"
    REPORT = "Report"


class ConflictPolicy(StrEnum):
    """Who is right about a field that changed on both sides."""

    FAIL = "Fail"
    PREFER_SPEC = "PreferSpec"
    PREFER_STORE = "PreferStore"


class AdoptionPolicy(StrEnum):
    """What happens to a state that others made."""

    MERGE = "Merge"
    FAIL = "Fail"


class Validation(StrEnum):
    """What happens to fields that kops 1.35 doesn't know."""

    STRICT = "Strict"
    WARN = "Warn"


class DeletionPolicy(StrEnum):
    """What becomes of the state when the object is deleted."""

    RETAIN = "Retain"
    DELETE = "Delete"


class Cleanup(StrEnum):
    """What becomes of the old files after a migration."""

    KEEP = "Keep"
    DELETE = "Delete"


class Backups(StrEnum):
    """Which backups of etcd a migration takes along."""

    LATEST = "Latest"
    ALL = "All"
    NONE = "None"


class MigrationSpec(Declared, frozen=True, kw_only=True):
    """How a state moves when spec.store.url changes."""

    cleanup: Cleanup = Cleanup.KEEP
    """Keep leaves the old files where they are; Delete removes them once kops update has seen the new place and the
    rolling update is confirmed by the annotation clusterstate.dev/rolled."""
    backups: Backups = Backups.LATEST
    """Which backups of etcd are copied: the Latest of each etcd cluster, All or None."""
    discovery_store: bool = False
    """Also rewrite the URL of the discovery store, although it is the issuer of service account tokens."""


class SyncSpec(Declared, frozen=True, kw_only=True):
    """How and how often the store and the declaration are brought together."""

    direction: Direction = Direction.PUSH
    """Push writes the declaration into the store; Pull writes what the store holds into spec.cluster and
    spec.instanceGroups, where nobody else declared it; Both does both, field by field."""
    interval: Duration = "10m"
    """Time between two checks of the store, at least 10s; it varies a little, so that stores aren't hit by
    all at once."""
    timeout: Duration = "2m"
    """Time that one run may take, from 1s to 30m."""
    drift: DriftPolicy = DriftPolicy.CORRECT
    """What happens when a declared field has been changed in the store: Correct puts it back, Report only
    shows it in status."""
    conflict: ConflictPolicy = ConflictPolicy.FAIL
    """What happens when a field was changed in the declaration and, to another value, in the store: Fail
    stalls until a person decides."""
    adoption: AdoptionPolicy = AdoptionPolicy.MERGE
    """What happens when others made the state: Merge changes the declared fields in it, Fail stalls until a
    person decides."""
    prune: bool = False
    """Remove an instance group from the store when it is no longer declared. Never one that an etcd member names."""
    validation: Validation = Validation.STRICT
    """What happens to fields that kops 1.35 doesn't know: Strict refuses them, Warn pushes them, and reports
    those that kops drops."""
    dry_run: bool = False
    """Plan and report only; nothing is written to the store, nor to the spec."""
    require_cloud_update: bool = False
    """Ready waits until kops update cluster has seen what was pushed."""
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    """What becomes of the state when the ClusterState is deleted. Delete does what kops delete cluster
    --unregister does, and is refused while cloud resources may live."""
    delete_external_stores: bool = False
    """With deletionPolicy Delete: also delete keys and secrets that keyStore and secretStore keep elsewhere."""
    keep_backups: bool = True
    """With deletionPolicy Delete: keep the backups of etcd."""
    migration: MigrationSpec = MigrationSpec()
    """How the state moves when spec.store.url changes."""

    @property
    def writes(self) -> bool:
        """Whether anything may be written to the store."""
        return self.direction is not Direction.PULL and not self.dry_run

    revision_history_limit: Annotated[int, Meta(ge=1, le=100)] = 10
    """Number of applied declarations that are kept."""
