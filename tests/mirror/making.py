"""Keysets and states to mirror, with keys made on the spot."""

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clusterstate.api.spec import KeysetParts, KeysetRule, MirrorSpec, NameRule
from clusterstate.kube.owner import Owner
from clusterstate.mirror.objects import Mirror, MirrorProblem
from clusterstate.mirror.shapes import make_mirrors
from clusterstate.state.digests import Digests
from clusterstate.state.objects import Keyset, KeysetItem, SshPublicKey, State, StoredSecret

OWNER = Owner("clusters", "prod", "5f0f6c2e-0000-4000-8000-000000000001")
ENDS = datetime(2036, 1, 1, tzinfo=UTC)
DISTRUSTED = datetime(2026, 1, 1, tzinfo=UTC)

DIGESTS = Digests(b"the installation's key")

NO_JSON_OBJECTS = [
    b"", b"[]", b"null", b'"text"', b"{", b"{} x", b'{"a": NaN}', b'{"a": 1e999}', b"\xef\xbb\xbf{}", b'{"a": "\xff"}',
    b'{"a":' * 100_000, "{}".encode("utf-16"), b"auths: {}",
]  # fmt: skip
"""Contents of a secret that the API server would refuse as a Docker configuration."""


@cache
def key_pair(number: int, *, ca: bool) -> tuple[bytes, bytes]:
    """Certificate and private key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"made-{number}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(ENDS - timedelta(days=3650))
        .not_valid_after(ENDS)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def item(number: int, *, ca: bool = False, trusted: bool = True, private: bool = True) -> KeysetItem:
    certificate, key = key_pair(number, ca=ca)
    return KeysetItem(str(number), certificate, key if private else None, None if trusted else DISTRUSTED)


def keyset(name: str, *items: KeysetItem) -> Keyset:
    items = items or (item(1),)
    return Keyset(name, items[-1].id, items)


def state(*things: Keyset | StoredSecret | SshPublicKey) -> State:
    return State(
        keysets={each.name: each for each in things if isinstance(each, Keyset)},
        secrets={each.name: each for each in things if isinstance(each, StoredSecret)},
        ssh_public_keys={each.fingerprint: each for each in things if isinstance(each, SshPublicKey)},
    )


def trust(*include: str, exclude: tuple[str, ...] = ()) -> KeysetRule:
    return KeysetRule(include=include, exclude=exclude)


def pair(*include: str, exclude: tuple[str, ...] = ()) -> KeysetRule:
    return KeysetRule(include=include, exclude=exclude, parts=KeysetParts.KEY_PAIR)


EVERYTHING = MirrorSpec(
    keysets=(trust("*"),), secrets=NameRule(include=("*",)), ssh_public_keys=NameRule(include=("*",))
)


def mirror_of(thing: Keyset | StoredSecret | SshPublicKey, spec: MirrorSpec = EVERYTHING) -> Mirror:
    """The one mirror that a state of one thing gives."""
    mirrors = make_mirrors(spec, state(thing), OWNER)
    assert mirrors.problems == ()
    (mirror,) = mirrors.wanted
    return mirror


def problem_of(thing: Keyset | StoredSecret | SshPublicKey, spec: MirrorSpec = EVERYTHING) -> MirrorProblem:
    """The one problem that a state of one thing gives."""
    mirrors = make_mirrors(spec, state(thing), OWNER)
    assert mirrors.wanted == ()
    (problem,) = mirrors.problems
    return problem
