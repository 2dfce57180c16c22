"""What is declared of a keyset: where its newest key pair comes from, and how that takes over. See `spec`."""

from enum import StrEnum
from typing import Annotated, TypeAlias

from msgspec import Meta

from clusterstate.api.basics import Declared, Duration
from clusterstate.api.contents import ObjectName
from clusterstate.api.store import SecretReference

SUBJECT = r"^[^\x00-\x1f\x7f]+\Z"
KEY_ID = r"^[0-9]+\Z"
MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z"

KeyId: TypeAlias = Annotated[str, Meta(pattern=KEY_ID, min_length=1, max_length=64)]
Moment: TypeAlias = Annotated[str, Meta(pattern=MOMENT, min_length=20, max_length=20)]
"""RFC 3339 in UTC, to the second."""


class KeyAlgorithm(StrEnum):
    """What kops takes as a private key."""

    RSA = "RSA"
    ECDSA = "ECDSA"


SIZES = {KeyAlgorithm.RSA: (2048, 3072, 4096), KeyAlgorithm.ECDSA: (256, 384, 521)}
"""Bits that a key may have; the first are the default."""


class Generate(Declared, frozen=True, kw_only=True):
    """A key pair that the operator makes as kops does: a self-signed authority of this keyset's own.

    One that was in the store and is lost is not made again before a later newerThan asks for it.
    """

    algorithm: KeyAlgorithm = KeyAlgorithm.RSA
    """Of the private key. kops itself makes RSA; service-account and etcd's keysets take nothing else."""
    size: Annotated[int, Meta(ge=256, le=4096)] | None = None
    """Bits of the key: 2048, 3072 or 4096 of RSA (default 2048), 256, 384 or 521 of ECDSA (default 256)."""
    common_name: Annotated[str, Meta(pattern=SUBJECT, max_length=64)] = ""
    """Common name of the certificate's subject. Defaults to the keyset's name, as with kops."""
    validity: Duration = "87600h"
    """How long, at least 1h, the certificate is valid from now; it begins two days before, for clocks that go slow."""
    newer_than: Moment | None = None
    """The newest key pair must have been made after this moment, else another one is generated. Set it to now to begin
    a rotation; the same value never makes two. One that is yet to come, within a day, is waited for."""
    renew_before: Duration | None = None
    """Generate another key pair so long before the certificate of the newest trusted one ends. Absent: a person
    begins."""


class Rotation(Declared, frozen=True, kw_only=True):
    """How the newest key pair of a keyset takes over: it is promoted, then older ones are distrusted.

    Each step waits until kops update cluster has published what it needs and a person has confirmed a rolling update by
    the annotation clusterstate.dev/rolled. Nothing is ever removed.
    """

    paused: bool = False
    """Take no step; the status goes on telling what the next one waits for."""
    promote_after: Duration | None = None
    """Promote the newest key pair once it was made, not added, at least so long ago, and all nodes trust it. Absent: a
    person promotes."""
    distrust_after: Duration | None = None
    """Distrust older key pairs once the primary was made, not promoted, at least so long ago, and all nodes use it.
    Absent: a person does."""
    trust: Annotated[tuple[KeyId, ...], Meta(max_length=64)] = ()
    """Ids of key pairs that are trusted whatever the rest says: a distrust of them is undone."""


class Keyset(Declared, frozen=True, kw_only=True):
    """A keyset of the store."""

    name: ObjectName
    """Name of the keyset, for example kubernetes-ca."""
    tls_secret_ref: SecretReference | None = None
    """A Secret of type kubernetes.io/tls whose key pair must be in the keyset. It is added where it isn't, and
    becomes the primary only of a keyset that is new."""
    generate: Generate | None = None
    """A key pair that is made where the keyset has none."""
    rotation: Rotation | None = None
    """How a newer key pair takes over. Absent: people rotate with kops."""
