"""Which file of a state is which object, as kops 1.35.2 has it. Pure.

kops (pkg/client/simple/api/clientset.go, upup/pkg/fi/clientset_castore.go, and secrets/clientset_secretstore.go beside
it) keeps these in the namespace that it derives from the cluster's name:

    config                             Cluster NAME
    instancegroup/NAME                 InstanceGroup NAME
    pki/private/NAME/keyset.yaml       Keyset NAME, of type Keypair
    secrets/NAME                       Keyset token-NAME, of type Secret
    pki/ssh/public/admin/FINGERPRINT   SSHCredential admin

A name that no object may have (`system:scheduler`) leaves its file a file like any other.
"""

import re
from dataclasses import dataclass
from typing import Final

from clusterstate.kube.kinds import Kind
from clusterstate.state.layout import FileKind, kind_of

GROUP: Final = "kops.k8s.io"
VERSION: Final = "v1alpha2"
CLUSTERS: Final = Kind(GROUP, VERSION, "clusters", "Cluster")
INSTANCE_GROUPS: Final = Kind(GROUP, VERSION, "instancegroups", "InstanceGroup")
KEYSETS: Final = Kind(GROUP, VERSION, "keysets", "Keyset", confidential=True)
SSH_CREDENTIALS: Final = Kind(GROUP, VERSION, "sshcredentials", "SSHCredential")
KINDS: Final = (CLUSTERS, INSTANCE_GROUPS, KEYSETS, SSH_CREDENTIALS)

ADMIN: Final = "admin"
"""Name of the one SSHCredential that kops knows."""
TOKEN: Final = "token-"  # noqa: S105 - the beginning of a name
"""How names of Keysets begin that hold a secret."""

_NAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
"""A DNS subdomain (RFC 1123), which names of custom resources have to be. It becomes a part of URLs."""


@dataclass(frozen=True, slots=True)
class Place:
    """The object that a file is."""

    file: FileKind
    kind: Kind
    name: str


def place_of(key: str, cluster: str) -> Place | None:
    """Give the object that a file of the cluster's state is; None where it is none."""
    file, name = kind_of(key)
    match file:
        case FileKind.CONFIG:
            place = Place(file, CLUSTERS, cluster)
        case FileKind.INSTANCE_GROUP:
            place = Place(file, INSTANCE_GROUPS, name)
        case FileKind.KEYSET:
            place = Place(file, KEYSETS, name)
        case FileKind.SECRET:
            place = Place(file, KEYSETS, TOKEN + name)
        case FileKind.SSH_PUBLIC_KEY:
            place = Place(file, SSH_CREDENTIALS, ADMIN)
        case _:
            return None
    return place if _NAME.fullmatch(place.name) else None
