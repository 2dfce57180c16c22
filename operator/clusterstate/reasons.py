"""The one list of reasons, in conditions, Events, logs and metrics alike, and what follows from an error.

Users match on these words: one that is here stays, and has an entry in docs/troubleshooting.md.
"""

from enum import StrEnum


class Nature(StrEnum):
    """What the one who ran into an error should do next."""

    STALLED = "stalled"
    """A person must act; trying again sooner than the interval is useless."""
    WAITING = "waiting"
    """Somebody else's work is awaited; the next look is at the next interval."""
    TRANSIENT = "transient"
    """Likely to pass; try again, with a growing delay."""


class Reason(StrEnum):
    """The one list of reasons: in conditions, Events, logs and metrics alike."""

    SUCCEEDED = "Succeeded"
    PROGRESSING_WITH_RETRY = "ProgressingWithRetry"
    SUSPENDED = "Suspended"
    INTERNAL_ERROR = "InternalError"

    SPEC_INVALID = "SpecInvalid"
    SPEC_TOO_LARGE = "SpecTooLarge"
    FILE_STORE_IS_FOR_REVIEW = "FileStoreIsForReview"
    STORE_UNSUPPORTED = "StoreUnsupported"
    CREDENTIALS_INVALID = "CredentialsInvalid"
    CREDENTIALS_NOT_FOUND = "CredentialsNotFound"
    REFERENCE_NOT_FOUND = "ReferenceNotFound"
    AMBIENT_CREDENTIALS_REFUSED = "AmbientCredentialsRefused"
    ENDPOINT_REFUSED = "EndpointRefused"
    STORE_NOT_ALLOWED = "StoreNotAllowed"

    STORE_NOT_FOUND = "StoreNotFound"
    ACCESS_DENIED = "AccessDenied"
    AUTHENTICATION_FAILED = "AuthenticationFailed"
    STORE_UNAVAILABLE = "StoreUnavailable"
    INTEGRITY_FAILED = "IntegrityFailed"
    STORE_REFUSED = "StoreRefused"
    FILE_NOT_FOUND = "FileNotFound"
    LOST_RACE = "LostRace"

    MALFORMED_FILE = "MalformedFile"
    MALFORMED_KEYSET = "MalformedKeyset"
    UNUSABLE_KEYSET = "UnusableKeyset"
    STATE_TOO_LARGE = "StateTooLarge"

    STATE_CLAIMED = "StateClaimed"
    ADOPTION_REFUSED = "AdoptionRefused"
    CONFLICT = "Conflict"
    BREAKER_TRIPPED = "BreakerTripped"
    DELETION_BLOCKED = "DeletionBlocked"
    MIGRATION_REFUSED = "MigrationRefused"
    MIRROR_CONFLICT = "MirrorConflict"
    MIRROR_REFUSED = "MirrorRefused"

    IN_SYNC = "InSync"
    DRY_RUN = "DryRun"
    DRIFTED = "Drifted"
    PLANNED = "Planned"
    PUSHED = "Pushed"
    PULLED = "Pulled"
    PULL_BLOCKED = "PullBlocked"
    FIELD_DROPPED_BY_KOPS = "FieldDroppedByKops"
    MIGRATING = "Migrating"
    MIGRATED = "Migrated"
    AFTER_PUSH_REFUSED = "AfterPushRefused"
    AFTER_PUSH_STARTED = "AfterPushStarted"
    AFTER_PUSH_SUCCEEDED = "AfterPushSucceeded"
    AFTER_PUSH_FAILED = "AfterPushFailed"
    NOT_REACHED = "NotReached"
    MIRRORED = "Mirrored"
    MIRRORING_OFF = "MirroringOff"
    CERTIFICATES_VALID = "CertificatesValid"
    CERTIFICATE_EXPIRES = "CertificateExpires"
    CERTIFICATE_EXPIRED = "CertificateExpired"
    CLOUD_UPDATED = "CloudUpdated"
    KOPS_UPDATE_PENDING = "KopsUpdatePending"
    KOPS_NEVER_UPDATED = "KopsNeverUpdated"
    WAITING_FOR_ROLLOUT = "WaitingForRollout"
    RESTARTED = "Restarted"
    RESTART_FAILED = "RestartFailed"
    SOURCE_MISSING = "SourceMissing"

    FILES_NOT_WRITTEN = "FilesNotWritten"
    DISK_FULL = "DiskFull"
    KUBE_FORBIDDEN = "KubeForbidden"
    KUBE_REFUSED = "KubeRefused"
    KUBE_UNAVAILABLE = "KubeUnavailable"
    TIMED_OUT = "TimedOut"
    LEADERSHIP_LOST = "LeadershipLost"
