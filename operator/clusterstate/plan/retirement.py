"""What becomes of a state's old place after it has moved: when its files may go, which of them, and what is told. Pure.

Nodes that run read the old place until `kops update cluster` has written their configuration for the new one and a
rolling update has replaced them. The first shows in `cluster-completed.spec`, the second only people know.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from clusterstate.api.annotations import ROLLED
from clusterstate.api.store import Layout
from clusterstate.api.sync import Cleanup
from clusterstate.api.types import ClusterState
from clusterstate.plan.departure import Departure
from clusterstate.plan.migration import Migration
from clusterstate.plan.naming import named
from clusterstate.plan.rewriting import DISCOVERY, urls_below
from clusterstate.plan.rolled import Annotation, confirmations, is_confirmed
from clusterstate.state.layout import CONFIG, FileKind, kind_of
from clusterstate.state.objects import Document
from clusterstate.state.tree import Listing
from clusterstate.store.base import Entry
from clusterstate.store.location import Location


def is_updated(completed: Document | None, old: Location, new: Location) -> bool:
    """Whether `kops update cluster` has been run with the new place."""
    spec = completed.spec if completed else {}
    left = any(name != DISCOVERY for name, _ in urls_below(spec, old))
    return not left and any(name == "configBase" for name, _ in urls_below(spec, new))


def confirmation(new: str, departure: Departure) -> str:
    """Give what a person confirms the rolling update of this very move by; a former one to the same place is none."""
    return f"{new}#{departure.generation}"


def is_rolled(state: ClusterState, new: Location, departure: Departure) -> bool:
    """Whether a person has confirmed the rolling update."""
    return is_confirmed(state.metadata.annotations.get(ROLLED, ""), confirmation(new.url, departure))


def find_reason_to_keep(state: ClusterState, cluster: Document | None, old: Location, new: Location) -> str:
    """Give why the old files can't be deleted ever, empty where they can."""
    if state.spec.sync.migration.cleanup is not Cleanup.DELETE:
        return "spec.sync.migration.cleanup is Keep"
    if (old.bucket, old.prefix) == (new.bucket, new.prefix):
        return "both places have the same name, so that they may be one"
    named_still = [name for name, _ in urls_below(cluster.spec if cluster else {}, old) if name != DISCOVERY]
    return f"{named_still[0]} of config still names it" if named_still else ""


def deletable(listing: Listing, departure: Departure, spared: Sequence[str]) -> tuple[list[Entry], list[str]]:
    """Give the files that are as they were copied, `config` last, and the keys of those that stay.

    While nothing has changed since the switch, that is all that kops knows; else those that are older than the youngest
    was then, and as old once deleting has begun, since nothing had changed until that. `spared` are the beginnings of
    keys that somebody still reads. What kops doesn't know may be another's, such as a state that lies below this one.
    """
    unchanged = listing.digest == departure.digest
    youngest = datetime.fromisoformat(departure.last_change) if departure.last_change else None
    gone, kept = [], []
    for entry in sorted(listing.entries.values(), key=lambda each: (each.key == CONFIG, each.key)):
        same_age = departure.cleaning and entry.modified == youngest
        copied = unchanged or same_age or (youngest is not None and entry.modified < youngest)
        known = kind_of(entry.key).kind is not FileKind.UNKNOWN
        if copied and known and not entry.key.startswith(tuple(spared)):
            gone.append(entry)
        else:
            kept.append(entry.key)
    return gone, kept


def spared_keys(cluster: Document | None, old: Location) -> list[str]:
    """Give the beginnings of the old place's keys that `config` still leads to: those of the discovery store."""
    places = (place for _, place in urls_below(cluster.spec if cluster else {}, old))
    folders = (place.prefix.removeprefix(old.prefix).strip("/") for place in places)
    return [f"{folder}/" if folder else "" for folder in folders]


def tell(state: ClusterState, departure: Departure, old: str, new: str, keeping: str) -> Migration:
    """Give what status says of a state that has moved; `keeping` is why the old files stay."""
    earlier = f" Files of {named(departure.earlier)}, where it was before, stay too." if departure.earlier else ""
    rest = (
        f"The old files stay: {keeping}."
        if keeping
        else f"After both confirm with: {_confirm(state, departure, new)}; then the old files are deleted."
    )
    return Migration(
        old,
        new,
        "Switched",
        files=departure.files,
        copied=departure.files,
        bytes=departure.bytes,
        message=f"The state is at {new} now. {_tell_readers(state, departure, old)} {rest}{earlier}",
    )


def _confirm(state: ClusterState, departure: Departure, new: str) -> str:
    """Give the command, which drops what confirmed an earlier move and keeps what confirms rotations."""
    value = state.metadata.annotations.get(ROLLED, "")
    moves = [part for part in confirmations(value) if "#" in part]
    annotation = Annotation(state.metadata.namespace, state.metadata.name, value)
    return annotation.command([confirmation(new, departure)], without=moves)


def _tell_readers(state: ClusterState, departure: Departure, old: str) -> str:
    name = state.cluster_name
    objects = (departure.store.get("k8s") or {}).get("layout") == Layout.KOPS_RESOURCES.value
    read = "what configBase, keyStore and secretStore named before, where files stay," if objects else old
    return (
        f"Nodes read {read} until kops update cluster {name} --yes and kops rolling-update cluster {name} --yes have "
        "been run with the new store."
    )


def tell_cleaned(before: Migration, kept: Iterable[str]) -> Migration:
    """Give what status says once the old files are gone, but those that were kept."""
    keys = sorted(kept)
    rest = (
        f" {named(keys)} stayed: changed after the switch, still read, unknown to kops, or no copies." if keys else ""
    )
    return Migration(
        before.old,
        before.new,
        "CleanedUp",
        before.files,
        before.copied,
        before.bytes,
        f"The copied files at {before.old} are deleted.{rest}",
    )
