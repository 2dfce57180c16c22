"""Which secrets and SSH keys a person's command may put into a state, by the rules of kops 1.35.2. Pure.

They are those of `cmd/kops/create_secret_*.go` and `create_sshpublickey.go`. No message holds a byte of a secret.
"""

from collections.abc import Callable, Collection, Mapping
from itertools import pairwise
from typing import Final

import msgspec

from clusterstate.errors import CommandInvalid, MalformedFile
from clusterstate.plan.ssh_keys import CLOUDS
from clusterstate.state import codec, yaml
from clusterstate.state.layout import FileId, FileKind, kind_of, secret_key
from clusterstate.state.objects import Document
from clusterstate.store.key import find_flaw

SSH_ALGORITHMS: Final = frozenset(
    {
        "ssh-rsa",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
"""Of public keys that kops can parse (`golang.org/x/crypto/ssh`)."""
ON_AWS: Final = frozenset({"ssh-rsa", "ssh-ed25519"})
"""Of public keys that Amazon EC2 imports, and so `kops update cluster` takes there (`pkg/pki/sshkey.go`)."""


def require_secret_name(name: str) -> None:
    """Refuse what can't be the name of a file among the secrets."""
    key = secret_key(name)
    if kind_of(key) != FileId(FileKind.SECRET, name) or find_flaw(key) or not name.isprintable():
        raise CommandInvalid(f"{name} is no name for a secret, which becomes the name of a file. Correct it.")


def require_secret(name: str, data: bytes, source: str) -> None:
    """Refuse what kops couldn't use as this secret; `source` is what it was read from. Others may be any bytes."""
    if not data:
        raise CommandInvalid(f"{source} is empty, and so would be the secret {name}. Give its content.")
    if check := _CHECKS.get(name):
        check(data, source)


def _require_json(data: bytes, source: str) -> None:
    try:
        msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CommandInvalid(
            f"{source} isn't a JSON object, which a Docker configuration is. Correct it; nothing was written."
        ) from None


def _require_yaml(data: bytes, source: str) -> None:
    try:
        yaml.load(data, source)
    except MalformedFile as error:
        raise CommandInvalid(f"{error.message.removesuffix(' Correct the file or restore a backup.')}") from None


_CHECKS: Final[Mapping[str, Callable[[bytes, str], None]]] = {
    "dockerconfig": _require_json,
    "encryptionconfig": _require_yaml,
    "ciliumpassword": _require_yaml,
}


def find_fingerprint(data: bytes, source: str) -> str:
    """Give the fingerprint of an SSH public key, by which kops names its file; refuse what kops couldn't parse."""
    if b"PRIVATE KEY" in data:
        raise CommandInvalid(f"{source} is a private key, which belongs into no state store. Give its .pub file.")
    try:
        fingerprint = codec.ssh_fingerprint(data, source)
    except MalformedFile as error:
        raise CommandInvalid(f"{error.message} Correct it.") from None
    if ssh_algorithm(data) not in SSH_ALGORITHMS:
        raise CommandInvalid(f"{source} holds an SSH key of a kind that kops doesn't know. Give an ed25519 or RSA key.")
    return fingerprint


def ssh_algorithm(data: bytes) -> str:
    """Give the algorithm that an SSH public key names, empty where it is none that is known."""
    words = data.decode(errors="replace").split()
    return next((name for name, key in pairwise(words) if name in SSH_ALGORITHMS and key.startswith("AAAA")), "")


def find_ssh_warnings(data: bytes, cluster: Document | None, others: Collection[str]) -> list[str]:
    """Give what will stop `kops update cluster`, though a state may hold it; `others` are the keys beside this one."""
    cloud = _cloud_of(cluster)
    warnings = []
    if others and cloud in CLOUDS:
        warnings.append(
            f"kops update cluster refuses a second SSH key on {cloud}, and the state has {', '.join(sorted(others))} "
            "too. Delete them all with clusterstate sshpublickey delete, and create the one that you want."
        )
    if cloud == "aws" and ssh_algorithm(data) not in ON_AWS:
        warnings.append("On AWS kops update cluster takes RSA and ed25519 keys only, and this is another one.")
    return warnings


def _cloud_of(cluster: Document | None) -> str:
    return str(cluster.spec.get("cloudProvider", "")) if cluster else ""
