"""A certificate and a private key as people hand them over, by kops's rules. Pure; no message has a byte of a key."""

from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clusterstate.errors import SpecInvalid
from clusterstate.state.keypair import KeyPair, PrivateKey, make_key_pair, read_facts
from clusterstate.state.keyset import ODD_CERTIFICATE


@dataclass(frozen=True, slots=True)
class Holder:
    """What a certificate and a private key come in, as messages call it."""

    certificate: str = "tls.crt"
    private_key: str = "tls.key"
    remedy: str = "Correct the Secret."


IN_SECRET: Final = Holder()


def read_key_pair(certificate: bytes, private_key: bytes, where: str) -> KeyPair:
    """Read both from the PEM of a TLS Secret; of a chain the first certificate.

    Raises `SpecInvalid`, which names `where`, for what can't be read, doesn't belong together, or kops can't use.
    """
    return join_key_pair(read_certificate(certificate, where), read_private_key(private_key, where), where)


def read_certificate(data: bytes, where: str, held: Holder = IN_SECRET) -> x509.Certificate:
    """Read a certificate from PEM, the first of a chain. Raises `SpecInvalid`, which names `where`."""
    try:
        found = x509.load_pem_x509_certificate(data)
        read_facts(found)
    except ODD_CERTIFICATE:
        raise SpecInvalid(f"{where}: {held.certificate} holds no certificate that can be read. {held.remedy}") from None
    return found


def read_private_key(data: bytes, where: str, held: Holder = IN_SECRET) -> PrivateKey:
    """Read a private key from PEM. Raises `SpecInvalid`, which names `where`, also for one that kops can't use."""
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SpecInvalid(f"{where}: {held.private_key} holds no private key that can be read. {held.remedy}") from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise SpecInvalid(
            f"{where}: kops takes RSA and ECDSA keys only, and {held.private_key} is another one. Replace it."
        )
    return key


def join_key_pair(certificate: x509.Certificate, key: PrivateKey, where: str, held: Holder = IN_SECRET) -> KeyPair:
    """Give both as a pair. Raises `SpecInvalid`, which names `where`, where they don't belong together."""
    if key.public_key() != certificate.public_key():
        raise SpecInvalid(f"{where}: {held.private_key} isn't the key of {held.certificate}. {held.remedy}")
    return make_key_pair(certificate, key)
