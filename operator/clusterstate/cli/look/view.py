"""Everything that `clusterstate show` tells of one cluster, as inert data, and as JSON. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from clusterstate.cli.look.certificates import KeyPair
from clusterstate.cli.look.documents import cluster_cells, objects, part, text, texts
from clusterstate.cli.look.sheet import Item
from clusterstate.cli.sizes import days_left
from clusterstate.plan.cloud import CloudUpdate
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.state.objects import Document, Json, JsonObject
from clusterstate.state.tree import Listing
from clusterstate.status.texts import stamp


@dataclass(frozen=True, slots=True)
class View:
    """One cluster at one moment."""

    name: str
    url: str
    cluster: Document | None
    """None: `config` isn't there, or is broken."""
    groups: Sequence[Item]
    key_pairs: Sequence[KeyPair]
    secrets: Sequence[str]
    ssh_keys: Sequence[str]
    addons: Sequence[Item]
    listing: Listing
    broken: Mapping[str, str]
    """What is wrong with files, by key."""
    update: CloudUpdate | None
    """None: without `config` nothing can be told."""
    updated_at: datetime | None
    """When kops update ran last; None: never."""
    kops: str
    """The version of that kops; empty where it isn't known."""
    now: datetime
    elsewhere: Sequence[str] = field(default=())
    """URLs of parts that don't lie in the cluster's own folder."""

    @property
    def unknown(self) -> list[str]:
        """Files that kops doesn't know: it refuses to delete a cluster that has one."""
        return [key for key in sorted(self.listing.entries) if kind_of(key).kind is FileKind.UNKNOWN]


def content_of(view: View) -> JsonObject:
    """Give all of it for programs; what isn't there is null or empty."""
    spec = view.cluster.spec if view.cluster else {}
    return {
        "name": view.name,
        "url": view.url,
        "elsewhere": [*view.elsewhere],
        "kubernetesVersion": text(spec, "kubernetesVersion"),
        "cloud": text(spec, "cloudProvider"),
        "zones": zones_of(view),
        "networkCIDR": text(spec, "networkCIDR"),
        "networking": networking_of(spec),
        "api": part(spec, "api"),
        "apiAccess": [*texts(spec.get("kubernetesApiAccess"))],
        "subnets": [*objects(spec.get("subnets"))],
        "instanceGroups": [each.content for each in view.groups],
        "keysets": _keysets(view),
        "secrets": [*view.secrets],
        "sshPublicKeys": [*view.ssh_keys],
        "addons": [{name: each.content[name] for name in ("name", "kind", "version", "from")} for each in view.addons],
        "files": _files(view),
        "kopsUpdate": _update(view),
    }


def zones_of(view: View) -> list[Json]:
    """Give the zones of the cluster's subnets."""
    return [each for each in cluster_cells(view.cluster, "")[2].split(",") if each] if view.cluster else []


def networking_of(spec: JsonObject) -> str:
    """Give the name of the network's kind: `cilium`."""
    return ",".join(sorted(part(spec, "networking")))


def _keysets(view: View) -> list[Json]:
    by_name: dict[str, list[Json]] = {}
    for pair in view.key_pairs:
        by_name.setdefault(pair.keyset, []).append(_key_pair(pair, view.now))
    return [{"name": name, "keyPairs": pairs} for name, pairs in by_name.items()]


def _key_pair(pair: KeyPair, now: datetime) -> JsonObject:
    end = pair.certificate.not_after if pair.certificate else None
    return {
        "id": pair.item.id,
        "state": pair.state,
        "hasPrivateKey": pair.item.private_key is not None,
        "notAfter": stamp(end) if end else None,
        "daysLeft": days_left(end, now) if end else None,
    }


def _files(view: View) -> JsonObject:
    listing = view.listing
    return {
        "count": listing.files,
        "bytes": listing.bytes,
        "lastChange": stamp(listing.last_change) if listing.last_change else None,
        "unknown": [*view.unknown],
        "broken": [{"key": key, "message": view.broken[key]} for key in sorted(view.broken)],
    }


def _update(view: View) -> JsonObject:
    return {
        "time": stamp(view.updated_at) if view.updated_at else None,
        "kopsVersion": view.kops or None,
        "upToDate": view.update.updated if view.update else None,
        "message": view.update.message if view.update else None,
    }
