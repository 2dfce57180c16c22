"""kops's rules for keysets: which key pair is primary, which are trusted, what is published. Pure.

The primary is the trusted item with an integer id that `primaryId` names, else the trusted one with the highest
integer id (`FindPrimary` in kops's `upup/pkg/fi/clientset_castore.go`). What nodes get is sorted by age
(`KeysetItemIdOlder` in `upup/pkg/fi/ca.go`).
"""

import re
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clusterstate.errors import MalformedKeyset, UnusableKeyset
from clusterstate.state.objects import Keyset, KeysetItem

INTEGER: Final = re.compile(r"[+-]?[0-9]{1,1000}")
"""An id that counts as a number. Python refuses to convert thousands of digits; real ids have 28."""

ODD_CERTIFICATE: Final = (
    ValueError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
"""What `cryptography` raises on a certificate that is damaged, or that nobody should have made."""


def trusted(keyset: Keyset) -> tuple[KeysetItem, ...]:
    """Give the items that nodes still trust, oldest first."""
    return tuple(sorted((item for item in keyset.items if item.trusted), key=by_age))


def by_age(item: KeysetItem) -> tuple[int, int, str]:
    """Give the sort key by age: ids that aren't integers are older than all that are."""
    return (1, int(item.id), "") if INTEGER.fullmatch(item.id) else (0, 0, item.id)


def primary(keyset: Keyset) -> KeysetItem | None:
    """Give the item that signs what is new, None where no trusted item has an integer id."""
    able = [item for item in keyset.items if item.trusted and INTEGER.fullmatch(item.id)]
    named = [item for item in able if item.id == keyset.primary_id]
    return named[0] if named else max(able, key=by_age, default=None)


def require_primary(keyset: Keyset, key: str) -> KeysetItem:
    """Give the primary. Raise `UnusableKeyset`, which names the file, where there is none: kops would crash."""
    if item := primary(keyset):
        return item
    why, advice = _why_unusable(keyset)
    raise UnusableKeyset(
        f"{key} has no usable primary: {why}. kops itself crashes on it. Restore the file from a backup{advice}."
    )


def _why_unusable(keyset: Keyset) -> tuple[str, str]:
    """Give what is wrong with a keyset that has no primary, and what helps beside a backup."""
    if not keyset.items:
        return "it holds no key pair", ""
    if any(item.trusted for item in keyset.items):
        return "none of its trusted key pairs has an integer id", ""
    return (
        "all of its key pairs are distrusted",
        ", or remove the distrustTimestamp of the key pair that the cluster still uses",
    )


def require_usable(keyset: Keyset, key: str) -> None:
    """Raise `UnusableKeyset` like `require_primary`, or `MalformedKeyset` on a certificate that can't be read.

    Both name the file. kops refuses the whole keyset where one certificate is damaged, a distrusted one too.
    """
    require_primary(keyset, key)
    for item in keyset.items:
        try:
            certificate_not_after(item)
        except MalformedKeyset as error:
            raise MalformedKeyset(f"{key}: {error.message}") from None


def trust_bundle(keyset: Keyset) -> bytes:
    """Give every trusted certificate as PEM, oldest first, as kops publishes them; empty where there is none.

    Raises `MalformedKeyset` on a certificate that can't be read.
    """
    certificates = (certificate_of(item) for item in trusted(keyset))
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates if each)


def public_keys(keyset: Keyset) -> bytes:
    """Give the public key of every trusted certificate as PEM, oldest first; empty where there is none.

    This is what an API server needs to check service-account tokens. Raises `MalformedKeyset` like `trust_bundle`.
    """
    certificates = (certificate_of(item) for item in trusted(keyset))
    try:
        keys = [each.public_key() for each in certificates if each]
    except ODD_CERTIFICATE:
        raise MalformedKeyset(
            f"keyset/{keyset.name}: the public key of a trusted certificate can't be read. Restore the keyset from a "
            "backup, or distrust that key pair."
        ) from None
    return b"".join(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in keys)


def certificate_not_after(item: KeysetItem) -> datetime | None:
    """Give the time, with its zone, at which the certificate ends, None where the item has none.

    Raises `MalformedKeyset` like `trust_bundle`.
    """
    certificate = certificate_of(item)
    try:
        return certificate.not_valid_after_utc if certificate else None
    except ODD_CERTIFICATE:
        raise _unreadable(item) from None


def certificate_of(item: KeysetItem) -> x509.Certificate | None:
    """Give the certificate, None where the item has none. Raises `MalformedKeyset` like `trust_bundle`."""
    if item.certificate is None:
        return None
    try:
        return x509.load_pem_x509_certificate(item.certificate)
    except ODD_CERTIFICATE:
        raise _unreadable(item) from None


def _unreadable(item: KeysetItem) -> MalformedKeyset:
    return MalformedKeyset(f"The certificate with id {item.id} can't be read. Restore the keyset from a backup.")
