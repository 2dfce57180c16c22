"""A key pair on its way into a keyset, by kops's rules (`AddItem` in kops's `upup/pkg/fi/ca.go`). Pure."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from clusterstate.api.keysets import KeyAlgorithm
from clusterstate.state.keyset import (
    ODD_CERTIFICATE,
    by_age,
    certificate_not_after,
    certificate_of,
    primary,
)
from clusterstate.state.objects import Keyset, KeysetItem

BACK_DATED: Final = timedelta(hours=48)
"""How long before it makes a certificate kops has it begin, for clocks that go slow."""
AUTHORITY_USAGE: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
"""What kops's authorities, and its `service-account`, are for (`wellKnownCertificateTypes` in kops's `pkg/pki`)."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

T = TypeVar("T", bound=x509.ExtensionType)


@dataclass(frozen=True, slots=True)
class KeyPairFacts:
    """What may be told of a key pair."""

    public_key: str
    """SHA-256 over the public key (SubjectPublicKeyInfo), in hex: what a key pair is recognised by."""
    serial: int
    not_before: datetime
    not_after: datetime
    authority: bool
    """Whether the certificate is a CA's."""
    algorithm: KeyAlgorithm = KeyAlgorithm.RSA
    signs: bool = True
    """Whether nothing in the certificate forbids to sign others by its key."""
    kops_type: bool = True
    """Whether it is of the type that kops gives its authorities: a CA that signs certificates and CRLs, and no more."""
    common_name: str = ""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, as kops would write them."""

    facts: KeyPairFacts
    certificate: bytes = field(repr=False)
    private_key: bytes | None = field(repr=False)
    """None: somebody else has it."""


def make_key_pair(certificate: x509.Certificate, key: PrivateKey | None) -> KeyPair:
    """Give a certificate and its key, if any, as kops writes them: PKCS #1 or SEC 1."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()) if key else None
    return KeyPair(read_facts(certificate), certificate.public_bytes(Encoding.PEM), pem)


def is_usable(item: KeysetItem) -> bool:
    """Whether what the key pair's private key signs is what its certificate proves."""
    try:
        key = load_pem_private_key(item.private_key or b"", None)
        return key.public_key() == x509.load_pem_x509_certificate(item.certificate or b"").public_key()
    except (*ODD_CERTIFICATE, TypeError):
        return False


def facts_of(item: KeysetItem) -> KeyPairFacts | None:
    """Give what may be told of an item; None where it has no certificate, or one that can't be read."""
    try:
        return read_facts(x509.load_pem_x509_certificate(item.certificate or b""))
    except ODD_CERTIFICATE:
        return None


def read_facts(certificate: x509.Certificate) -> KeyPairFacts:
    """Give what may be told of a key pair with this certificate. Raises one of `ODD_CERTIFICATE`."""
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    authority = constraints is not None and constraints.ca
    return KeyPairFacts(
        public_key=_public_key(certificate),
        serial=certificate.serial_number,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        authority=authority,
        algorithm=KeyAlgorithm.RSA if isinstance(certificate.public_key(), RSAPublicKey) else KeyAlgorithm.ECDSA,
        signs=usage is None or usage.key_cert_sign,
        kops_type=authority and usage == AUTHORITY_USAGE and not _extension(certificate, x509.ExtendedKeyUsage),
        common_name=str(names[-1].value) if names else "",
    )


def _extension(certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _public_key(certificate: x509.Certificate) -> str:
    sha256 = Hash(SHA256())
    sha256.update(certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return sha256.finalize().hex()


def public_key_of(item: KeysetItem) -> str:
    """Give what a key pair is recognised by; empty where its certificate can't be read."""
    try:
        return _public_key(x509.load_pem_x509_certificate(item.certificate or b""))
    except ODD_CERTIFICATE:
        return ""


def public_keys_of(keyset: Keyset) -> frozenset[str]:
    """Give what the keyset's key pairs are recognised by; a certificate that can't be read has nothing."""
    return frozenset(public_key_of(item) for item in keyset.items) - {""}


def choose_id(facts: KeyPairFacts, keyset: Keyset | None, now: datetime) -> str:
    """Give the id under which kops would add a key pair: its serial, unless that is taken or greater than today's.

    Else kops makes one of the time and chance. Ours is made of the certificate instead, so that a plan is always the
    same, and greater than all others, as kops's would be.
    """
    ids = {item.id for item in keyset.items} if keyset else set()
    if facts.serial <= serial_at(now, 0) and str(facts.serial) not in ids:
        return str(facts.serial)
    return newest_id(serial_at(facts.not_before, int(facts.public_key[:8], 16)), keyset)


def newest_id(wanted: int, keyset: Keyset | None) -> str:
    """Give an id that makes a key pair the newest of its keyset: the wanted one, unless another is as high."""
    ids = (item.id for item in keyset.items) if keyset else ()
    highest = max((int(each) for each in ids if each.isascii() and each.isdigit()), default=0)
    return str(max(wanted, highest + 1))


def serial_at(time: datetime, chance: int) -> int:
    """Give the serial that kops builds at a time with 32 bits of chance (`BuildPKISerial` in kops's `pkg/pki`)."""
    nanoseconds = (time - _EPOCH) // (datetime.resolution) * 1000
    return max(0, nanoseconds) << 32 | chance


@dataclass(frozen=True, slots=True)
class Newest:
    """What is known of the newest key pairs of a keyset."""

    made: datetime
    """Of the newest one, distrusted or not."""
    ends: datetime
    """Of the newest one that is trusted."""


def find_newest(keyset: Keyset | None) -> Newest | None:
    """Give what is known of the newest key pairs; None where no trusted item has a certificate.

    Items without a private key count only where there is no other.
    """
    certified = [item for item in keyset.items if item.certificate] if keyset else []
    valid = [item for item in certified if item.trusted]
    if not valid:
        return None
    newest = max([item for item in certified if item.private_key] or certified, key=made_at)
    lasting = max([item for item in valid if item.private_key] or valid, key=made_at)
    ends = certificate_not_after(lasting)
    assert ends is not None, "it has a certificate"
    return Newest(made_at(newest), ends)


def made_at(item: KeysetItem) -> datetime:
    """Tell when an item with a certificate was made: its id or serial says so where kops, or we, built it.

    Else it is as kops would have dated it back. Raises `MalformedKeyset` on a certificate that can't be read.
    """
    certificate = certificate_of(item)
    assert certificate is not None, "asked of those only that have one"
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    told = (
        _time_of(int(item.id) if item.id.isascii() and item.id.isdigit() else 0),
        _time_of(certificate.serial_number),
    )
    return next((each for each in told if each is not None and begins <= each <= ends), begins + BACK_DATED)


def _time_of(serial: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=(serial >> 32) // 1000)
    except OverflowError:
        return None


def with_key_pair(keyset: Keyset | None, name: str, pair: KeyPair, key_id: str) -> Keyset:
    """Give the keyset with one more key pair, which is the primary only where there was none."""
    item = KeysetItem(key_id, pair.certificate, pair.private_key)
    if keyset is None:
        return Keyset(name, key_id, (item,))
    before = primary(keyset)
    return Keyset(
        keyset.name, before.id if before else key_id, tuple(sorted((*keyset.items, item), key=by_age)), keyset.rest
    )
