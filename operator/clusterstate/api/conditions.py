"""The conditions of a ClusterState: what each says when it is True, False, Unknown or absent.

They follow kstatus, so that `kubectl wait`, Argo CD and Flux read them right. Every condition carries the
observedGeneration, a reason of `reasons.Reason` and a message. This text is part of the promise to users.
"""

from enum import StrEnum


class ConditionType(StrEnum):
    """The types, in the order in which status shows them."""

    READY = "Ready"
    """True: the last run did all that the spec asks for, or found it done; also in a dry run and with
    `drift: Report`. False: it didn't, and the message says why."""
    RECONCILING = "Reconciling"
    """True: the run will be tried again by itself. Absent otherwise; never False."""
    STALLED = "Stalled"
    """True: a person must act before another run can help. Absent otherwise; never False."""
    STORE_REACHABLE = "StoreReachable"
    """True: the store answered the last run. False: it could not be opened, read or written. Unknown: no run
    has come that far."""
    IN_SYNC = "InSync"
    """True: every declared field stands in the store. False: fields differ, since they drifted, conflict,
    are only planned, or could not be written. Unknown: the store could not be read."""
    MIRRORED = "Mirrored"
    """True: every mirror that the spec asks for is equal to what the store holds. False: one is not. Unknown: the
    run didn't come that far."""
    CERTIFICATES_VALID = "CertificatesValid"
    """True: no primary certificate of a keyset ends within `spec.expiryWarning`. False: one does, or has
    ended. Unknown: keysets could not be read. Never affects Ready."""
    CLOUD_UPDATED = "CloudUpdated"
    """True: `kops update cluster` has run on what the store holds. False: it must be run before machines
    change. Unknown: it never ran on this state, or the store could not be read."""
