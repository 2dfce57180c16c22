"""Shapes: from what a state holds and `spec.mirror` asks for to the mirrors that should be. Pure.

    keyset, Trust      Opaque: ca.crt, every trusted certificate
    keyset, KeyPair    kubernetes.io/tls: tls.crt and tls.key of the primary, ca.crt
    service-account    the same, and service-account.pub: the public keys of all that is trusted
    secret             Opaque: one key, named as the secret
    dockerconfig       kubernetes.io/dockerconfigjson where it is a JSON object, else as any secret
    SSH key            Opaque: ssh-publickey, the line as given

What can't be mirrored becomes a problem of that one mirror and doesn't hold up the others.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from clusterstate.api.spec import KeysetParts, MirrorSpec
from clusterstate.errors import ClusterStateError, MirrorConflict, MirrorRefused, StateError
from clusterstate.kube.owner import Owner
from clusterstate.mirror import names, rules
from clusterstate.mirror.objects import Mirror, MirrorProblem, Mirrors, SecretType
from clusterstate.state import keyset as keysets
from clusterstate.state.digests import Digests
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.state.objects import Keyset, KeysetItem, SshPublicKey, State, StoredSecret

MAX_SECRET = 1024 * 1024
"""Bytes of all values of a Secret: `MaxSecretSize` of the Kubernetes API."""
DOCKER_CONFIG = "dockerconfig"
"""The secret that `kops create secret dockerconfig` makes."""
_KINDS: Final = {FileKind.KEYSET: "keyset", FileKind.SECRET: "secret", FileKind.SSH_PUBLIC_KEY: "ssh"}


@dataclass(frozen=True, slots=True)
class _Content:
    type: SecretType
    data: dict[str, bytes] = field(repr=False)
    primary_id: str | None = None
    not_after: datetime | None = None

    @property
    def packed(self) -> bytes:
        """Type and data in one piece, which no other content has."""
        return msgspec.json.encode((self.type, sorted(self.data.items())))


@dataclass(frozen=True, slots=True)
class _Source:
    kind: str
    name: str
    content: Callable[[], _Content] = field(repr=False)

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.name}"


_Named: TypeAlias = tuple[str, _Source]


def needs_digests(spec: MirrorSpec | None) -> bool:
    """Whether digests of contents are in names of mirrors, or tell what Pods were started with."""
    return spec is not None and bool(spec.immutable or spec.restart)


def make_mirrors(
    spec: MirrorSpec | None,
    state: State,
    owner: Owner,
    broken: Mapping[str, StateError] = MappingProxyType({}),
    digests: Digests | None = None,
) -> Mirrors:
    """Give the mirrors of one ClusterState, and a problem for each that can't be made; no spec, no mirrors.

    `broken` tells why objects are missing in the state although their files, by key, are there. `digests` is given
    where `needs_digests` says so.
    """
    if spec is None:
        return Mirrors(owner, ())
    sources = (*_sources(spec, state), *_broken_sources(spec, broken))
    named = [(_secret_name(spec, owner, source), source) for source in sources]
    taken = Counter(name for name, _ in named)
    made = [_make(spec, each, taken, digests) for each in named]
    return Mirrors(
        owner,
        wanted=tuple(each for each in made if isinstance(each, Mirror)),
        problems=tuple(each for each in made if isinstance(each, MirrorProblem)),
        restart=spec.restart,
    )


def _broken_sources(spec: MirrorSpec, broken: Mapping[str, StateError]) -> Iterator[_Source]:
    for key, error in broken.items():
        kind, name = kind_of(key)
        if rules.is_asked_for(spec, _KINDS[kind], name):
            yield _Source(_KINDS[kind], name, partial(_fail, error))


def _fail(error: StateError) -> _Content:
    raise error


def _sources(spec: MirrorSpec, state: State) -> Iterator[_Source]:
    for keyset in state.keysets.values():
        if parts := rules.choose_parts(keyset, spec.keysets):
            yield _Source("keyset", keyset.name, partial(_keyset_content, keyset, parts))
    for secret in state.secrets.values():
        if spec.secrets and rules.is_chosen(secret.name, spec.secrets):
            yield _Source("secret", secret.name, partial(_secret_content, secret))
    for key in state.ssh_public_keys.values():
        if spec.ssh_public_keys and rules.is_chosen(key.fingerprint, spec.ssh_public_keys):
            yield _Source("ssh", key.fingerprint, partial(_ssh_content, key))


def _secret_name(spec: MirrorSpec, owner: Owner, source: _Source) -> str:
    fields = {"clusterState": owner.name, "kind": source.kind, "name": source.name}
    return names.mirror_name(spec.name_template, fields)


def _make(spec: MirrorSpec, named: _Named, taken: Counter[str], digests: Digests | None) -> Mirror | MirrorProblem:
    name, source = named
    try:
        _check_name(name, taken)
        content = source.content()
        _check_size(source, content)
    except ClusterStateError as error:
        return MirrorProblem.of(name, source.id, error)
    digest = digests.of(source.id, content.packed) if digests else ""
    return Mirror(
        name=names.stamped(name, digest) if spec.immutable else name,
        source=source.id,
        digest=digest,
        alias=name if spec.immutable else "",
        type=content.type,
        data=content.data,
        labels=spec.labels,
        annotations=spec.annotations,
        primary_id=content.primary_id,
        not_after=content.not_after,
    )


def _check_name(name: str, taken: Counter[str]) -> None:
    if taken[name] > 1:
        raise MirrorConflict(
            f"{taken[name]} mirrors of this ClusterState would be named {name}, so none of them is written. "
            "Let spec.mirror.nameTemplate hold {kind} and {name}."
        )


def _check_size(source: _Source, content: _Content) -> None:
    size = sum(map(len, content.data.values()))
    if size > MAX_SECRET:
        raise MirrorRefused(
            f"{source.id} has {size} bytes; a Secret holds at most {MAX_SECRET}. Exclude it in spec.mirror."
        )


def _keyset_content(keyset: Keyset, parts: KeysetParts) -> _Content:
    primary = keysets.require_primary(keyset, f"pki/private/{keyset.name}/keyset.yaml")
    data = {"ca.crt": keysets.trust_bundle(keyset)}
    if keyset.name in rules.SERVICE_ACCOUNTS:
        data["service-account.pub"] = keysets.public_keys(keyset)
    if parts is KeysetParts.KEY_PAIR:
        data |= _key_pair(keyset, primary)
    data = {key: value for key, value in data.items() if value}
    if not data:
        raise MirrorRefused(
            f"keyset/{keyset.name} has no trusted certificate in the store, so there is nothing to mirror."
        )
    secret_type = SecretType.TLS if data.keys() >= {"tls.crt", "tls.key"} else SecretType.OPAQUE
    return _Content(secret_type, data, primary.id, keysets.certificate_not_after(primary))


def _key_pair(keyset: Keyset, primary: KeysetItem) -> dict[str, bytes]:
    """Give the primary's halves; service accounts need no certificate, and old stores may have none for them."""
    certificate, private_key = primary.certificate or b"", primary.private_key or b""
    if not private_key or not (certificate or keyset.name in rules.SERVICE_ACCOUNTS):
        raise MirrorRefused(
            f"keyset/{keyset.name}: its primary {primary.id} has no {'certificate' if private_key else 'private key'} "
            "in the store, so there is no key pair to mirror. Mirror it with parts: Trust, or promote a whole key pair."
        )
    return {"tls.crt": certificate, "tls.key": private_key}


def _secret_content(secret: StoredSecret) -> _Content:
    if secret.name == DOCKER_CONFIG and _is_json_object(secret.data):
        return _Content(SecretType.DOCKER_CONFIG, {".dockerconfigjson": secret.data})
    return _Content(SecretType.OPAQUE, {names.data_key(secret.name): secret.data})


def _is_json_object(data: bytes) -> bool:
    """Whether the API server takes it as a Docker configuration (it refuses what Go can't put into a map)."""
    try:
        msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _ssh_content(key: SshPublicKey) -> _Content:
    return _Content(SecretType.OPAQUE, {"ssh-publickey": key.data})
