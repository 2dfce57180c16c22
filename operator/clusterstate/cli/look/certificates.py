"""Key pairs as `kops get keypairs` shows them (cmd/kops/get_keypairs.go, 1.35.2): certificates, never keys. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

from clusterstate.cli.look.sheet import Item
from clusterstate.cli.sizes import days_left
from clusterstate.errors import MalformedKeyset
from clusterstate.state.keyset import ODD_CERTIFICATE, certificate_of, primary
from clusterstate.state.objects import JsonObject, Keyset, KeysetItem
from clusterstate.status.texts import stamp

KEY_PAIRS: Final = ("NAME", "ID", "ISSUED", "EXPIRES", "PRIMARY", "HASPRIVATE")
WITH_DISTRUSTED: Final = ("NAME", "ID", "ISSUED", "EXPIRES", "DISTRUSTED", "PRIMARY", "HASPRIVATE")
MORE_OF_KEY_PAIRS: Final = ("DAYSLEFT", "SUBJECT")
_ORDER: Final = (
    (NameOID.SERIAL_NUMBER, "SERIALNUMBER"),
    (NameOID.COMMON_NAME, "CN"),
    (NameOID.POSTAL_CODE, "POSTALCODE"),
    (NameOID.STREET_ADDRESS, "STREET"),
    (NameOID.STATE_OR_PROVINCE_NAME, "ST"),
    (NameOID.LOCALITY_NAME, "L"),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, "OU"),
    (NameOID.ORGANIZATION_NAME, "O"),
    (NameOID.COUNTRY_NAME, "C"),
)
"""In which Go's crypto/x509/pkix tells a name, whatever its order in the certificate."""
_NAMES: Final = dict(_ORDER)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What may be told of a certificate."""

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    authority: bool
    key_length: int | None
    """Bits of an RSA key."""
    names: tuple[str, ...]
    """Alternative names."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """One key pair of a keyset."""

    keyset: str
    item: KeysetItem
    primary: bool
    certificate: Certificate | None
    """None: there is none, or it can't be read."""

    @property
    def state(self) -> str:
        """What it is to nodes: primary, trusted or distrusted."""
        return "primary" if self.primary else "trusted" if self.item.trusted else "distrusted"


def key_pairs_of(keyset: Keyset) -> Iterator[KeyPair]:
    """Give every key pair in the keyset's order."""
    first = primary(keyset)
    for item in keyset.items:
        yield KeyPair(keyset.name, item, item is first, read_certificate(item))


def read_certificate(item: KeysetItem) -> Certificate | None:
    """Give what a key pair's certificate says; None where there is none, or it can't be read."""
    try:
        found = certificate_of(item)
        return _certificate(found) if found else None
    except (MalformedKeyset, *ODD_CERTIFICATE):
        return None


def _certificate(found: x509.Certificate) -> Certificate:
    key = found.public_key()
    return Certificate(
        subject=_told(found.subject),
        issuer=_told(found.issuer),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        authority=_is_authority(found),
        key_length=key.key_size if isinstance(key, RSAPublicKey) else None,
        names=_alternative_names(found),
    )


def _told(name: x509.Name) -> str:
    """Give a name as Go tells it: what it has no word for at the end."""
    known = [x509.RelativeDistinguishedName(found) for oid, _ in _ORDER if (found := name.get_attributes_for_oid(oid))]
    others = [each for each in name.rdns if all(attribute.oid not in _NAMES for attribute in each)]
    return ",".join(each.rfc4514_string(_NAMES) for each in (*known, *others))


def _is_authority(found: x509.Certificate) -> bool:
    try:
        return found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _alternative_names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    texts = (*names.get_values_for_type(x509.DNSName), *names.get_values_for_type(x509.RFC822Name))
    return tuple(sorted((*texts, *addresses)))


def key_pair_item(pair: KeyPair, now: datetime, *, distrusted: bool) -> Item:
    """Give a key pair's row, and what programs may know of it; `distrusted`: the table has that column."""
    certificate, when = pair.certificate, pair.item.distrusted_at
    dates = (_date(certificate.not_before), _date(certificate.not_after)) if certificate else ("", "")
    column = (_date(when) if when else "",) if distrusted else ()
    marks = ("*" if pair.primary else "", "*" if pair.item.private_key is not None else "")
    left = str(days_left(certificate.not_after, now)) if certificate else ""
    more = (left, certificate.subject if certificate else "")
    return Item(pair.keyset, (pair.keyset, pair.item.id, *dates, *column, *marks), more, key_pair_content(pair))


def _date(when: datetime) -> str:
    """Give the day where this machine is, as kops does."""
    return f"{when.astimezone():%Y-%m-%d}"


def key_pair_content(pair: KeyPair) -> JsonObject:
    """Give what kops tells of a key pair in YAML and JSON."""
    item, certificate = pair.item, pair.certificate
    content: JsonObject = {"name": pair.keyset, "id": item.id}
    if item.distrusted_at is not None:
        content["distrustTimestamp"] = stamp(item.distrusted_at)
    if pair.primary:
        content["isPrimary"] = True
    if certificate is not None:
        content |= _certificate_content(certificate)
    if item.private_key is not None:
        content["hasPrivateKey"] = True
    return content


def _certificate_content(certificate: Certificate) -> JsonObject:
    content: JsonObject = {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "alternateNames": [*certificate.names],
        "isCA": certificate.authority,
        "notBefore": stamp(certificate.not_before),
        "notAfter": stamp(certificate.not_after),
        "keyLength": certificate.key_length,
    }
    return {name: value for name, value in content.items() if value}
