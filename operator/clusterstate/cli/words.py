"""What a command was told, as records: which store, which cluster, which object, whose consent. Loads nothing."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoreWords:
    """Which store is meant, as far as the command line says; environment and configuration say the rest."""

    state: str | None = None
    """`--state`, a URL."""
    config: Path | None = None
    """`--config`, a configuration file of kops's."""
    kubeconfig: Path | None = None
    """For stores in Kubernetes; None: where kubectl looks."""
    context: str | None = None
    """The context for `k8s:///NAMESPACE`; None: the current one."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which object a command is about, and where it is."""

    name: str
    namespace: str | None
    """None: that of the kubeconfig's context."""
    kubeconfig: Path | None
    context: str | None


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether anything is to be written, and who has agreed to it."""

    yes: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be shown of a store, and how."""

    store: StoreWords
    output: str
    cluster: str | None = None
    """None: environment and kubeconfig say."""
    names: tuple[str, ...] = ()
    """Only these; none: all."""


@dataclass(frozen=True, slots=True)
class Files:
    """Which manifests are meant."""

    paths: tuple[str, ...]
    """Files, folders, `-` for stdin."""
    recursive: bool = False


@dataclass(frozen=True, slots=True)
class Handing:
    """How kops's objects go into a store."""

    whole: bool = False
    """Whether they take the place of what is there, instead of being merged into it."""
    force: bool = False
    """Whether whole ones also come where none is."""


@dataclass(frozen=True, slots=True)
class Materials:
    """Where a new key pair comes from, and whether it becomes the primary."""

    cert: Path | None = None
    """None: it is made, and signed by its own key."""
    key: Path | None = None
    """None: it is made, unless there is a certificate, which comes alone then."""
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the deletion of a cluster's state goes."""

    cloud_gone: bool = False
    """Whether a person says that nothing of the cluster is left in the cloud."""
    external: bool = False
    """Whether keys and secrets that are kept elsewhere go too."""
    backups: bool = False
    """Whether the backups of etcd go too."""
