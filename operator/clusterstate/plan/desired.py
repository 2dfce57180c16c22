"""What should be: the declaration as the decision needs it, canonical and free of the resource that carried it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from clusterstate.api.keysets import KeyAlgorithm
from clusterstate.api.sync import AdoptionPolicy, ConflictPolicy, Direction, DriftPolicy
from clusterstate.state.keypair import KeyPairFacts
from clusterstate.state.objects import JsonObject

__all__ = [
    "AdoptionPolicy",
    "ConflictPolicy",
    "Desired",
    "DesiredGroup",
    "Direction",
    "DriftPolicy",
    "Generation",
    "KeyRequest",
    "Metadata",
    "Policy",
    "Rotation",
]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the declaration says about disagreements (`spec.sync`)."""

    direction: Direction = Direction.PUSH
    drift: DriftPolicy = DriftPolicy.CORRECT
    conflict: ConflictPolicy = ConflictPolicy.FAIL
    adoption: AdoptionPolicy = AdoptionPolicy.MERGE
    dry_run: bool = False
    prune: bool = False
    """Whether an instance group goes from the store with its declaration."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is declared of a Cluster's metadata."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is."""
        return bool(self.labels or self.annotations)


@dataclass(frozen=True, slots=True)
class DesiredGroup:
    """One declared document, mostly an instance group: a canonical spec, in whole or in part, and its metadata."""

    name: str
    spec: JsonObject
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    """A ClusterState declares those of a Cluster only."""


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A key pair that is to be made: a self-signed authority."""

    algorithm: KeyAlgorithm
    size: int
    """Bits of the key."""
    common_name: str
    validity: timedelta
    """From the moment at which it is made."""


@dataclass(frozen=True, slots=True)
class Generation:
    """When a keyset gets another key pair, and what kind of one."""

    request: KeyRequest
    newer_than: datetime | None = None
    """The newest key pair must have been made after it."""
    renew_before: timedelta | None = None
    """How long before the end of the newest certificate there must be another one."""

    @property
    def asked(self) -> str:
        """The moment as people write it, empty where there is none."""
        return f"{self.newer_than:%Y-%m-%dT%H:%M:%SZ}" if self.newer_than else ""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What the operator may do with the key pairs of a keyset."""

    paused: bool = False
    promote_after: timedelta | None = None
    """Age of a key pair from which on it may be promoted; None: people promote."""
    distrust_after: timedelta | None = None
    """Age of the primary from which on older key pairs may be distrusted; None: people do."""
    trust: frozenset[str] = frozenset()
    """Ids of key pairs that are trusted in any case."""


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything that one declaration says about a state."""

    cluster_name: str
    store_url: str
    """Of the store, e.g. `s3://bucket/prefix`."""
    cluster: JsonObject | None = None
    """Canonical part of a Cluster spec; None declares nothing about it."""
    instance_groups: Mapping[str, DesiredGroup] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    names_place: bool = True
    """Whether a created cluster gets `{store_url}/{cluster_name}` as configBase; False where kops can't use that."""
    contents: Mapping[str, str] = field(default_factory=dict)
    """Digests of secrets, SSH keys and files, by their key in the state."""
    key_pairs: Mapping[str, KeyPairFacts] = field(default_factory=dict)
    """Key pairs that must be in a keyset, by its name."""
    generate: Mapping[str, Generation] = field(default_factory=dict)
    """Keysets that must have a key pair of the operator's making, or any other one, by their names."""
    one_ssh_key: bool = False
    """Whether the store has room for one SSH key only, so that the old one goes before the new one comes."""
    cluster_metadata: Metadata = field(default_factory=Metadata)
    absent: frozenset[str] = frozenset()
    """JSON pointers, as plans spell them, to what must not be in the Cluster."""

    rotations: Mapping[str, Rotation] = field(default_factory=dict)
    """By the keyset's name."""
    rolled: str = ""
    """The annotation `clusterstate.dev/rolled`: what people say that rolling updates have brought to all nodes."""
    ignored: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What of it hasn't counted so far, by the keyset's name, as the run before told."""

    @property
    def state_url(self) -> str:
        """Where the state of this cluster lies: `{store}/{clusterName}`."""
        return f"{self.store_url.rstrip('/')}/{self.cluster_name}"
