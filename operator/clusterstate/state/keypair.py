"""A key pair on its way into a keyset, by kops's rules (`AddItem` in kops's `upup/pkg/fi/ca.go`). Pure."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
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

from clusterstate.api.keysets import KeyAlgorithm
from clusterstate.errors import SpecInvalid
from clusterstate.state.keyset import ODD_CERTIFICATE, by_age, primary
from clusterstate.state.objects import Keyset, KeysetItem

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, as kops would write them."""

    facts: KeyPairFacts
    certificate: bytes = field(repr=False)
    private_key: bytes = field(repr=False)


def read_key_pair(certificate: bytes, private_key: bytes, where: str) -> KeyPair:
    """Read both from PEM; of a chain the first certificate.

    Raises `SpecInvalid`, which names `where`, for what can't be read, doesn't belong together, or kops can't use.
    """
    try:
        found = x509.load_pem_x509_certificate(certificate)
        _facts(found)
    except ODD_CERTIFICATE:
        raise SpecInvalid(f"{where}: tls.crt holds no certificate that can be read. Correct the Secret.") from None
    try:
        key = load_pem_private_key(private_key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SpecInvalid(f"{where}: tls.key holds no private key that can be read. Correct the Secret.") from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise SpecInvalid(f"{where}: kops takes RSA and ECDSA keys only, and tls.key is another one. Replace it.")
    if key.public_key() != found.public_key():
        raise SpecInvalid(f"{where}: tls.key isn't the key of tls.crt. Correct the Secret.")
    return make_key_pair(found, key)


def make_key_pair(certificate: x509.Certificate, key: RSAPrivateKey | EllipticCurvePrivateKey) -> KeyPair:
    """Give a certificate and its key as kops writes them: PKCS #1 or SEC 1."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return KeyPair(_facts(certificate), certificate.public_bytes(Encoding.PEM), pem)


def _facts(certificate: x509.Certificate) -> KeyPairFacts:
    try:
        authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        authority = False
    return KeyPairFacts(
        public_key=_public_key(certificate),
        serial=certificate.serial_number,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        authority=authority,
        algorithm=KeyAlgorithm.RSA if isinstance(certificate.public_key(), RSAPublicKey) else KeyAlgorithm.ECDSA,
    )


def _public_key(certificate: x509.Certificate) -> str:
    sha256 = Hash(SHA256())
    sha256.update(certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return sha256.finalize().hex()


def public_keys_of(keyset: Keyset) -> frozenset[str]:
    """Give what the keyset's key pairs are recognised by; a certificate that can't be read has nothing."""
    found = set()
    for item in keyset.items:
        try:
            found.add(_public_key(x509.load_pem_x509_certificate(item.certificate or b"")))
        except ODD_CERTIFICATE:
            continue
    return frozenset(found)


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
    """What is known of the newest key pair of a keyset."""

    made: datetime
    ends: datetime


def find_newest(keyset: Keyset | None) -> Newest | None:
    """Give the newest key pair, distrusted or not; None where no trusted one has a certificate and a private key."""
    items = keyset.items if keyset else ()
    pairs = [item for item in items if item.certificate and item.private_key]
    if not any(item.trusted for item in pairs):
        return None
    return max((_age_of(item) for item in pairs), key=lambda each: each.made)


def _age_of(item: KeysetItem) -> Newest:
    """Tell when a key pair was made: its id or serial says so where kops, or we, built it; else its certificate."""
    certificate = x509.load_pem_x509_certificate(item.certificate or b"")
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    told = (
        _time_of(int(item.id) if item.id.isascii() and item.id.isdigit() else 0),
        _time_of(certificate.serial_number),
    )
    return Newest(next((each for each in told if each is not None and begins <= each <= ends), begins), ends)


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
