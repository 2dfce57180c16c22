"""The reading of what a declaration refers to: secrets, SSH keys, files and key pairs in Secrets and ConfigMaps.

Each object is read once a run, however many of its keys are named. The bytes go beside the plan, which only sees
their digests.
"""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from clusterstate.api.contents import File, KeyReference, SshPublicKey, Value
from clusterstate.api.spec import Spec
from clusterstate.errors import MalformedFile, ObjectNotFound, ReferenceNotFound, SpecInvalid, SpecTooLarge
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CONFIG_MAPS, SECRETS, JsonObject, Kind
from clusterstate.state import codec
from clusterstate.state.digests import Digests
from clusterstate.state.key_material import read_key_pair
from clusterstate.state.keypair import KeyPair, KeyPairFacts
from clusterstate.state.layout import FileKind, kind_of, secret_key, ssh_public_key_key
from clusterstate.state.limits import MAX_BYTES
from clusterstate.state.objects import StoredSecret
from clusterstate.state.tree import Read, Wanted

FOLDERS: Final = frozenset({FileKind.ADDON, FileKind.CLUSTER_ADDON, FileKind.MANIFEST})
"""What files that are declared by their path can be."""
TLS: Final = "kubernetes.io/tls"


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that is declared beside `config` and instance groups."""

    digests: Mapping[str, str] = field(default_factory=dict)
    """Of secrets, SSH keys and files, by their key in the state; an SSH key's is its fingerprint."""
    bodies: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The final bytes of the same files."""
    key_pairs: Mapping[str, KeyPair] = field(default_factory=dict)
    """What belongs into keysets, by their name."""

    @property
    def facts(self) -> dict[str, KeyPairFacts]:
        """What may be told of the key pairs."""
        return {name: pair.facts for name, pair in self.key_pairs.items()}


def declares_contents(spec: Spec) -> bool:
    """Whether anything is declared that this reads."""
    return bool(spec.secrets or spec.ssh_public_keys or spec.files or spec.keysets)


async def read_contents(client: Client | None, namespace: str, spec: Spec, digests: Digests) -> Contents:
    """Read everything that a declaration refers to; no client is needed where it refers to nothing.

    Raises `ReferenceNotFound` for an object or key that isn't there, `SpecInvalid` or `SpecTooLarge` for a value that
    the store can't hold; both name where it is declared.
    """
    reader = _Reader(client, namespace, digests)
    for secret in spec.secrets:
        where = f"spec.secrets[{secret.name}].valueFrom.secretKeyRef"
        data = await reader.value(SECRETS, secret.value_from.secret_key_ref, where)
        key, body = secret_key(secret.name), codec.encode_secret(StoredSecret(secret.name, data))
        reader.add(key, body, digests.of(key, data), where)
    for number, ssh_key in enumerate(spec.ssh_public_keys):
        await reader.add_ssh_key(ssh_key, f"spec.sshPublicKeys[{number}]")
    for file in spec.files:
        await reader.add_file(file, f"spec.files[{file.path}]")
    pairs = {
        each.name: await reader.key_pair(each.tls_secret_ref.name, f"spec.keysets[{each.name}].tlsSecretRef")
        for each in spec.keysets
        if each.tls_secret_ref is not None
    }
    return Contents(reader.digests, reader.bodies, pairs)


def wanted_for(spec: Spec, applied: Collection[str]) -> Wanted:
    """Give what has to be read of a state to know whether contents, declared or `applied` before, are the same."""
    declared = {*(secret_key(each.name) for each in spec.secrets), *(each.path for each in spec.files)}
    names = {key: kind_of(key) for key in (*declared, *applied)}
    secrets = frozenset(name for kind, name in names.values() if kind is FileKind.SECRET)
    ssh_keys = spec.ssh_public_keys or any(kind is FileKind.SSH_PUBLIC_KEY for kind, _ in names.values())
    files = frozenset(key for key, (kind, _) in names.items() if kind in FOLDERS)
    return Wanted(secrets.__contains__, bool(ssh_keys), files)


def digests_of(read: Read, digests: Digests) -> dict[str, str]:
    """Give the digests of what was read of a state, as those of declared contents."""
    state = read.state
    secrets = {secret_key(name): secret.data for name, secret in state.secrets.items()}
    ssh_keys = {ssh_public_key_key(name): name for name in state.ssh_public_keys}
    return {**ssh_keys, **{key: digests.of(key, data) for key, data in {**secrets, **read.files}.items()}}


class _Reader:
    """Reads each object once, and collects what is made of them."""

    def __init__(self, client: Client | None, namespace: str, digests: Digests) -> None:
        self.digests: dict[str, str] = {}
        self.bodies: dict[str, bytes] = {}
        self._digests = digests
        self._client = client
        self._namespace = namespace
        self._objects: dict[tuple[Kind, str], JsonObject] = {}

    def add(self, key: str, body: bytes, digest: str, where: str) -> None:
        longest = MAX_BYTES[kind_of(key).kind]
        if len(body) > longest:
            raise SpecTooLarge(f"{where} gives {len(body)} bytes for {key}, which may have {longest}. Make it smaller.")
        self.bodies[key], self.digests[key] = body, digest

    async def add_ssh_key(self, declared: SshPublicKey, where: str) -> None:
        data = declared.value.encode() or await self._from(declared.value_from, f"{where}.valueFrom")
        try:
            fingerprint = codec.ssh_fingerprint(data, where)
        except MalformedFile as error:
            raise SpecInvalid(f"{error.message} Correct it.") from None
        self.add(ssh_public_key_key(fingerprint), data, fingerprint, where)

    async def add_file(self, declared: File, where: str) -> None:
        given = declared.content
        data = await self._from(declared.content_from, f"{where}.contentFrom") if given is None else given.encode()
        self.add(declared.path, data, self._digests.of(declared.path, data), where)

    async def _from(self, value: Value | None, where: str) -> bytes:
        if value is not None and value.secret_key_ref is not None:
            return await self.value(SECRETS, value.secret_key_ref, f"{where}.secretKeyRef")
        assert value is not None, "the rules of the resource see to that"
        assert value.config_map_key_ref is not None, "the same"
        return await self.value(CONFIG_MAPS, value.config_map_key_ref, f"{where}.configMapKeyRef")

    async def value(self, kind: Kind, ref: KeyReference, where: str) -> bytes:
        found = await self._object(kind, ref.name, where)
        data, binary = found.get("data") or {}, found.get("binaryData") or {}
        if ref.key in binary:
            return base64.b64decode(binary[ref.key])
        if ref.key not in data:
            raise ReferenceNotFound(
                f"{kind.kind} {self._namespace}/{ref.name} has no {ref.key} in its data. Put it there, or correct "
                f"{where}."
            )
        text: str = data[ref.key]
        return base64.b64decode(text) if kind is SECRETS else text.encode()

    async def key_pair(self, name: str, where: str) -> KeyPair:
        found = await self._object(SECRETS, name, where)
        if found.get("type") != TLS:
            raise SpecInvalid(f"{where}: Secret {self._namespace}/{name} isn't of type {TLS}. Name one that is.")
        certificate = await self.value(SECRETS, KeyReference(name=name, key="tls.crt"), where)
        key = await self.value(SECRETS, KeyReference(name=name, key="tls.key"), where)
        return read_key_pair(certificate, key, where)

    async def _object(self, kind: Kind, name: str, where: str) -> JsonObject:
        assert self._client is not None, "whoever gives none declares no reference"
        if (kind, name) not in self._objects:
            try:
                self._objects[kind, name] = await self._client.get(kind, self._namespace, name)
            except ObjectNotFound:
                raise ReferenceNotFound(
                    f"{kind.kind} {self._namespace}/{name} isn't there. Create it, or correct {where}."
                ) from None
        return self._objects[kind, name]
