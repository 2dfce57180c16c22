"""`ClusterState` manifests: what they declare, read and checked without any cluster or store."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from msgspec import structs

from clusterstate.api.load import load
from clusterstate.api.spec import Spec
from clusterstate.api.types import API_VERSION, KIND, ClusterState
from clusterstate.cli.manifests import Manifest
from clusterstate.errors import SpecInvalid
from clusterstate.plan.naming import named

TOP: Final = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
DEFAULT_NAMESPACE: Final = "default"


@dataclass(frozen=True, slots=True)
class Declaration:
    """One ClusterState, and where it stands."""

    place: str
    state: ClusterState
    namespaced: bool = True
    """Whether it names its namespace, or somebody did for it."""

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return f"{self.place}: {KIND} {self.state.metadata.name}"


def is_declaration(manifest: Manifest) -> bool:
    """Whether a manifest is a ClusterState."""
    return (manifest.api_version, manifest.kind) == (API_VERSION, KIND)


def read_declaration(manifest: Manifest, namespace: str | None) -> Declaration:
    """Read a ClusterState; `namespace` is that of one that names none. Raises `SpecInvalid`, which names it."""
    unknown = sorted(manifest.content.keys() - TOP)
    if unknown:
        raise SpecInvalid(f"{manifest.place}: {KIND} has no field {named(unknown)}. Correct it.")
    metadata: dict[str, Any] = {"namespace": namespace or DEFAULT_NAMESPACE, **manifest.metadata, "uid": ""}
    try:
        state = load({"metadata": metadata, "spec": manifest.content.get("spec")})
    except SpecInvalid as error:
        raise type(error)(f"{manifest.place}: {error.fact}") from None
    return Declaration(manifest.place, state, bool(namespace or manifest.metadata.get("namespace")))


def require_written(found: Declaration, *, dry_run: bool) -> None:
    """Raise `SpecInvalid` for a declaration of which the operator would write nothing; a dry run shows it anyway."""
    sync = found.state.spec.sync
    why = "spec.suspend is set" if found.state.spec.suspend else "spec.sync.dryRun is set" if sync.dry_run else ""
    if not sync.writes and not why:
        why = f"spec.sync.direction is {sync.direction.value}"
    if why and not dry_run:
        raise SpecInvalid(f"{found.title}: {why}, so nothing of it is written. --dry-run shows what would be.")


def without_references(spec: Spec) -> tuple[Spec, list[str]]:
    """Give a spec without what it takes from Secrets and ConfigMaps, and the fields that do."""
    kept = structs.replace(
        spec,
        secrets=(),
        keysets=tuple(each for each in spec.keysets if each.tls_secret_ref is None),
        ssh_public_keys=tuple(each for each in spec.ssh_public_keys if each.value),
        files=tuple(each for each in spec.files if each.content is not None),
    )
    return kept, list(_references(spec))


def _references(spec: Spec) -> Iterator[str]:
    yield from (f"spec.secrets[{each.name}]" for each in spec.secrets)
    yield from (f"spec.keysets[{each.name}]" for each in spec.keysets if each.tls_secret_ref is not None)
    yield from (f"spec.sshPublicKeys[{place}]" for place, each in enumerate(spec.ssh_public_keys) if not each.value)
    yield from (f"spec.files[{each.path}]" for each in spec.files if each.content is None)
