"""Key pairs and SSH keys for tests, made anew for each, and the Secrets that carry them."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)


def pem(key: PrivateKey | ed25519.Ed25519PrivateKey, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def certificate(
    key: PrivateKey,
    *,
    authority: bool = True,
    serial: int | None = None,
    begins: datetime = NOW - DAY,
    ends: datetime = NOW + 365 * DAY,
    usage: x509.KeyUsage | None = None,
) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial or x509.random_serial_number(), begins, ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    builder = builder.add_extension(issuer, critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


def usage(*names: str) -> x509.KeyUsage:
    """Give a key usage with these of its fields."""
    parts = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    parts = (*parts, "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{part: part in names for part in parts})


CERT_MANAGERS_USAGE = usage("digital_signature", "key_encipherment", "key_cert_sign")
"""What cert-manager gives a CA where its `usages` are left out."""


def tls_secret(name: str, certificate: bytes, key: bytes, kind: str = "kubernetes.io/tls") -> dict[str, Any]:
    return secret(name, {"tls.crt": certificate, "tls.key": key}, kind)


def secret(name: str, data: dict[str, bytes], kind: str = "Opaque") -> dict[str, Any]:
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind, "data": encoded}


def ssh_line(comment: str = "admin@test") -> str:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    return f"{key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}"
