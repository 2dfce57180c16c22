"""The words of the room: a mirror as it should be, and what kept one from being so. Plain frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from clusterstate.api.spec import RestartTarget
from clusterstate.errors import ClusterStateError
from clusterstate.kube.owner import Owner
from clusterstate.reasons import Nature, Reason


class SecretType(StrEnum):
    """Every type that a mirror may have; none of them grants access to the Kubernetes API."""

    OPAQUE = "Opaque"
    TLS = "kubernetes.io/tls"
    DOCKER_CONFIG = "kubernetes.io/dockerconfigjson"


@dataclass(frozen=True, slots=True)
class Mirror:
    """One Secret as it should be."""

    name: str
    """The Secret's."""
    source: str
    """`keyset/NAME`, `secret/NAME` or `ssh/FINGERPRINT`."""
    type: SecretType
    data: Mapping[str, bytes] = field(repr=False)
    labels: Mapping[str, str]
    """What the declaration asks for; the mirror's own come on top and win."""
    annotations: Mapping[str, str]
    """The same."""
    digest: str = ""
    """Of type and data, under the installation's key; empty where nobody needs it."""
    alias: str = ""
    """What stands for the mirror in Pod templates whatever its content is, if its own name goes with the content."""
    primary_id: str | None = None
    """Id of a keyset's primary key pair."""
    not_after: datetime | None = None
    """When the primary's certificate ends."""

    @property
    def immutable(self) -> bool:
        """Whether its name goes with its content."""
        return bool(self.alias)


@dataclass(frozen=True, slots=True)
class MirrorProblem:
    """Why one mirror isn't as it should be; the last good one, if any, stays."""

    secret: str
    source: str
    reason: Reason
    nature: Nature
    message: str

    @classmethod
    def of(cls, secret: str, source: str, error: ClusterStateError) -> "MirrorProblem":
        """Keep what an error says for the one mirror that it happened to."""
        return cls(secret, source, error.reason, error.nature, error.message)


@dataclass(frozen=True, slots=True)
class Mirrors:
    """All that one ClusterState should have in its namespace."""

    owner: Owner
    wanted: tuple[Mirror, ...]
    problems: tuple[MirrorProblem, ...] = ()
    """Sources whose mirror can't be made; what was mirrored of them before is left alone."""
    kept: frozenset[str] = frozenset()
    """Names of the Secrets that stay although nothing in the store makes them."""
    missing: str = ""
    """Why they stay, in whole sentences."""
    restart: tuple[RestartTarget, ...] = ()
    """Workloads that are rolled when a mirror that their Pods use changes."""
