"""Every way in which work on a state store can fail, and what follows from each.

    ClusterStateError                 reason, nature, message
    ├── SpecInvalid                   the declaration can't be carried out as it stands
    │   ├── SpecTooLarge              more than one Kubernetes object can hold
    │   ├── FileStoreIsForReview      a push to a folder on one machine
    │   └── CommandInvalid            a command can't be carried out as it was given
    ├── CredentialsInvalid            a credentials Secret is incomplete or holds what is refused
    ├── CredentialsNotFound           the credentials Secret isn't there (yet)
    ├── ReferenceNotFound             something else that the declaration names isn't there (yet)
    ├── AmbientRefused                the operator's own credentials may not be used here
    ├── EndpointRefused               a tenant may not send the operator to this address
    ├── StoreNotAllowed               the operator's policy gives the namespace no store there
    ├── StoreError                    the store answered, or failed to
    │   ├── KeyNotFound               no such file
    │   ├── LostRace                  somebody else wrote first
    │   ├── StoreNotFound             no such bucket
    │   ├── AccessDenied              known, but not allowed
    │   ├── AuthenticationFailed      unknown, or a wrong secret
    │   ├── StoreUnavailable          5xx, throttled, refused, too slow
    │   ├── IntegrityFailed           bytes arrived damaged
    │   ├── StoreRefused              any other answer that no retry mends
    │   └── StoreUnsupported          a scheme or option that this store doesn't have
    ├── StateError                    a file of the store doesn't mean what it must
    │   ├── MalformedFile             not the YAML or JSON that kops writes there
    │   ├── MalformedKeyset           a keyset that can't be read
    │   ├── UnusableKeyset            a keyset without a usable primary
    │   └── StateTooLarge             more files or bytes than one run reads
    ├── RunRefused                    a person must decide first
    │   ├── StateClaimed              an older ClusterState writes to this state
    │   ├── AdoptionRefused           state that others made is there already
    │   ├── ConflictFound             declaration and store disagree on a field
    │   ├── BreakerTripped            a plan would delete too much
    │   ├── DeletionBlocked           the state may not be deleted (yet)
    │   ├── AfterPushRefused          a Job may not be started here
    │   ├── MigrationRefused          the state can't move to where the spec says
    │   ├── RollbackRefused           somebody would undo it
    │   ├── CopyRefused               files of somebody else would be lost
    │   ├── Unconfirmed               nobody has agreed to it
    │   ├── KeysetGone                a generated key pair was there and isn't any more
    │   ├── MirrorConflict            a Secret of that name isn't ours
    │   └── MirrorRefused             what the source holds can't be a Secret
    ├── KubeError                     the Kubernetes API answered, or failed to
    │   ├── ObjectNotFound            404
    │   ├── ObjectExists              409 on a create
    │   ├── ObjectChanged             409 on an update: read again
    │   ├── KubeForbidden             401, 403
    │   ├── KubeRefused               400, 413, 422: the same request never passes
    │   │   └── Unreadable            a revision doesn't say any more what was applied
    │   └── KubeUnavailable           429, 5xx, no answer
    ├── FilesNotWritten               a set of files on a node stays as it is
    ├── DiskFull                      a large file doesn't fit onto the operator's own disk
    ├── MigrationRunning              the state is on its way to another place
    ├── RunUnfinished                 the next run goes on where this one had to stop
    ├── LeadershipLost                another process may lead by now
    └── RunTimedOut                   the run took longer than sync.timeout

The room's promise: foreign exceptions become one of these at the door they came through, no text holds
secret bytes, and the message says what happened, to which object, and what to do.
"""

import traceback
from typing import ClassVar

from clusterstate.reasons import Nature, Reason


class ClusterStateError(Exception):
    """An error that names its reason and what should be done about it.

    The message is one or two whole sentences for a person; it never holds secret bytes. `fact` is the message without
    what the operator does next, for those who are nobody's operator.
    """

    reason: ClassVar[Reason] = Reason.INTERNAL_ERROR
    nature: ClassVar[Nature] = Nature.TRANSIENT
    goes_on: ClassVar[str] = ""
    """How the operator goes on by itself, in a sentence; empty where the message says it."""

    def __init__(self, fact: str, *, retry_after: float | None = None) -> None:
        """Take the text for a person, and the seconds to wait where the other side named them."""
        self.fact = fact
        self.message = f"{fact} {self.goes_on}" if self.goes_on else fact
        super().__init__(self.message)
        self.retry_after = retry_after


class SpecInvalid(ClusterStateError):
    reason = Reason.SPEC_INVALID
    nature = Nature.STALLED


class SpecTooLarge(SpecInvalid):
    reason = Reason.SPEC_TOO_LARGE


class FileStoreIsForReview(SpecInvalid):
    reason = Reason.FILE_STORE_IS_FOR_REVIEW


class CommandInvalid(SpecInvalid):
    pass


class CredentialsInvalid(ClusterStateError):
    reason = Reason.CREDENTIALS_INVALID
    nature = Nature.STALLED


class CredentialsNotFound(ClusterStateError):
    reason = Reason.CREDENTIALS_NOT_FOUND
    nature = Nature.TRANSIENT


class ReferenceNotFound(ClusterStateError):
    reason = Reason.REFERENCE_NOT_FOUND
    nature = Nature.TRANSIENT


class AmbientRefused(ClusterStateError):
    reason = Reason.AMBIENT_CREDENTIALS_REFUSED
    nature = Nature.STALLED


class EndpointRefused(ClusterStateError):
    reason = Reason.ENDPOINT_REFUSED
    nature = Nature.STALLED


class StoreNotAllowed(ClusterStateError):
    reason = Reason.STORE_NOT_ALLOWED
    nature = Nature.STALLED


class StoreError(ClusterStateError):
    """The store answered with an error, or didn't answer."""

    alone = False
    """Whether it tells others who use the same store nothing: they ask for other places, or have more time."""


class KeyNotFound(StoreError):
    reason = Reason.FILE_NOT_FOUND
    nature = Nature.TRANSIENT


class LostRace(StoreError):
    reason = Reason.LOST_RACE
    nature = Nature.TRANSIENT
    goes_on = "It is read again."


class StoreNotFound(StoreError):
    reason = Reason.STORE_NOT_FOUND
    nature = Nature.STALLED


class AccessDenied(StoreError):
    reason = Reason.ACCESS_DENIED
    nature = Nature.STALLED


class AuthenticationFailed(StoreError):
    reason = Reason.AUTHENTICATION_FAILED
    nature = Nature.STALLED


class StoreUnavailable(StoreError):
    reason = Reason.STORE_UNAVAILABLE
    nature = Nature.TRANSIENT
    goes_on = "It is tried again."


class IntegrityFailed(StoreError):
    reason = Reason.INTEGRITY_FAILED
    nature = Nature.TRANSIENT
    goes_on = "It is tried again."


class StoreRefused(StoreError):
    reason = Reason.STORE_REFUSED
    nature = Nature.STALLED


class StoreUnsupported(StoreError):
    reason = Reason.STORE_UNSUPPORTED
    nature = Nature.STALLED


class StateError(ClusterStateError):
    """A file of the store doesn't mean what it must."""

    nature = Nature.STALLED


class MalformedFile(StateError):
    reason = Reason.MALFORMED_FILE


class MalformedKeyset(StateError):
    reason = Reason.MALFORMED_KEYSET


class UnusableKeyset(StateError):
    reason = Reason.UNUSABLE_KEYSET


class StateTooLarge(StateError):
    reason = Reason.STATE_TOO_LARGE


class RunRefused(ClusterStateError):
    """A person must decide before anything is written."""

    nature = Nature.STALLED


class StateClaimed(RunRefused):
    reason = Reason.STATE_CLAIMED


class AdoptionRefused(RunRefused):
    reason = Reason.ADOPTION_REFUSED


class ConflictFound(RunRefused):
    reason = Reason.CONFLICT


class RollbackRefused(RunRefused):
    reason = Reason.CONFLICT


class CopyRefused(RunRefused):
    reason = Reason.CONFLICT


class Unconfirmed(RunRefused):
    reason = Reason.CONFLICT


class BreakerTripped(RunRefused):
    reason = Reason.BREAKER_TRIPPED


class DeletionBlocked(RunRefused):
    reason = Reason.DELETION_BLOCKED


class AfterPushRefused(RunRefused):
    reason = Reason.AFTER_PUSH_REFUSED


class MigrationRefused(RunRefused):
    reason = Reason.MIGRATION_REFUSED


class KeysetGone(RunRefused):
    reason = Reason.UNUSABLE_KEYSET


class MirrorConflict(RunRefused):
    reason = Reason.MIRROR_CONFLICT


class MirrorRefused(RunRefused):
    reason = Reason.MIRROR_REFUSED


class KubeError(ClusterStateError):
    """The Kubernetes API answered with an error, or didn't answer."""

    reason = Reason.KUBE_UNAVAILABLE
    nature = Nature.TRANSIENT

    def __init__(self, message: str, *, retry_after: float | None = None, words: str = "") -> None:
        """Take what the server itself said, as far as it may be shown, beside what every error takes."""
        super().__init__(message, retry_after=retry_after)
        self.words = words or message


class ObjectNotFound(KubeError):
    pass


class ObjectExists(KubeError):
    pass


class ObjectChanged(KubeError):
    pass


class KubeForbidden(KubeError):
    reason = Reason.KUBE_FORBIDDEN
    nature = Nature.STALLED


class KubeRefused(KubeError):
    reason = Reason.KUBE_REFUSED
    nature = Nature.STALLED


class Unreadable(KubeRefused):
    """A revision doesn't say any more what was applied."""


class KubeUnavailable(KubeError):
    pass


class FilesNotWritten(ClusterStateError):
    reason = Reason.FILES_NOT_WRITTEN
    nature = Nature.TRANSIENT


class DiskFull(ClusterStateError):
    reason = Reason.DISK_FULL
    nature = Nature.TRANSIENT


class MigrationRunning(ClusterStateError):
    reason = Reason.MIGRATING
    nature = Nature.WAITING


class RunUnfinished(ClusterStateError):
    reason = Reason.PROGRESSING_WITH_RETRY
    nature = Nature.TRANSIENT


class LeadershipLost(ClusterStateError):
    reason = Reason.LEADERSHIP_LOST
    nature = Nature.TRANSIENT


class RunTimedOut(ClusterStateError):
    reason = Reason.TIMED_OUT
    nature = Nature.TRANSIENT


def describe_bug(bug: BaseException) -> str:
    """Give type and place of an exception, of each in a group, without any text of theirs."""
    if isinstance(bug, BaseExceptionGroup):
        return "\n".join(map(describe_bug, bug.exceptions))
    return f"{type(bug).__name__} at\n{''.join(traceback.format_tb(bug.__traceback__))}"
