"""Makes key pairs as kops does: `pkg/pki/issue.go`, `csr.go` and `cmd/kops/create_keypair.go` of kops 1.35.2.

A self-signed CA, byte for byte what Go's `crypto/x509` writes for the same fields. Keys are made in threads: a long
one takes seconds, in which the event loop has other work.
"""

import asyncio
import hashlib
import secrets
import string
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from clusterstate.api.keysets import KeyAlgorithm
from clusterstate.plan.changes import Plan
from clusterstate.plan.desired import KeyRequest
from clusterstate.state.keypair import AUTHORITY_USAGE, BACK_DATED, KeyPair, PrivateKey, make_key_pair, serial_at
from clusterstate.state.layout import kind_of

CURVES: Final[Mapping[int, tuple[ec.EllipticCurve, SHA256 | SHA384 | SHA512]]] = {
    256: (ec.SECP256R1(), SHA256()),
    384: (ec.SECP384R1(), SHA384()),
    521: (ec.SECP521R1(), SHA512()),
}
"""By bits, with the hash that Go signs with."""
PRINTABLE: Final = frozenset(string.ascii_letters + string.digits + " '()+,-./:=?")
"""Texts of these alone are a PrintableString to Go's `encoding/asn1`, others a UTF8String."""


async def make_key_pairs(plan: Plan, now: datetime) -> dict[str, KeyPair]:
    """Make every key pair that a plan generates, by its keyset's name."""
    wanted = {kind_of(change.key).name: change.generate for change in plan.changes if change.generate}
    return {name: await asyncio.to_thread(issue, request, now) for name, request in wanted.items()}


def issue(request: KeyRequest, now: datetime) -> KeyPair:
    """Make one key pair; takes long."""
    return issue_for(_make_key(request), request, now)


def issue_for(key: PrivateKey, request: KeyRequest, now: datetime) -> KeyPair:
    """Make a certificate for a key that is there; algorithm and size of the request are the key's."""
    serial = serial_at(now, secrets.randbits(32))
    return make_key_pair(certify(request, key, serial, now), key)


def _make_key(request: KeyRequest) -> PrivateKey:
    if request.algorithm is KeyAlgorithm.RSA:
        return rsa.generate_private_key(65537, request.size)
    return ec.generate_private_key(CURVES[request.size][0])


def certify(request: KeyRequest, key: PrivateKey, serial: int, now: datetime) -> x509.Certificate:
    """Sign a key's own certificate; nothing of it is left to chance, but the signature of an ECDSA key."""
    name = x509.Name(
        [_attribute(NameOID.COMMON_NAME, request.common_name), _attribute(NameOID.SERIAL_NUMBER, str(serial))]
    )
    begins, ends = now - BACK_DATED, now + request.validity
    public = key.public_key()
    builder = x509.CertificateBuilder(name, name, public, serial, begins, ends)
    builder = builder.add_extension(AUTHORITY_USAGE, critical=True)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier(_identify(public)), critical=False)
    return builder.sign(key, SHA256() if isinstance(key, rsa.RSAPrivateKey) else CURVES[request.size][1])


def _attribute(kind: x509.ObjectIdentifier, text: str) -> x509.NameAttribute[str]:
    printable = PRINTABLE.issuperset(text)
    return x509.NameAttribute(kind, text, _ASN1Type.PrintableString if printable else _ASN1Type.UTF8String)


def _identify(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    """Give the key's identifier as Go has it since 1.25: RFC 7093, the first of its ways."""
    if isinstance(key, rsa.RSAPublicKey):
        bits = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    else:
        bits = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return hashlib.sha256(bits).digest()[:20]
