"""What deleting a state means: which files go, in which order, and every reason not to begin. Pure.

It does what `kops delete cluster --unregister` does (kops, pkg/client/simple/vfsclientset/clientset.go), with more
reasons to refuse: kops asks nobody whether the cloud's resources are gone, leaves no backups, and empties a key store
and a secret store elsewhere, whoever else keeps files there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from clusterstate.api.annotations import CLOUD_RESOURCES_GONE
from clusterstate.api.status import StoreStatus
from clusterstate.api.sync import DeletionPolicy, SyncSpec
from clusterstate.api.types import ClusterState
from clusterstate.errors import DeletionBlocked
from clusterstate.plan.naming import named
from clusterstate.state.layout import CONFIG, FileKind, Places, kind_of
from clusterstate.state.tree import Listing
from clusterstate.store.base import Version
from clusterstate.store.key import find_flaw
from clusterstate.store.location import Location

OWN: Final = ""
"""The cluster's own prefix, among the URLs of a state's places."""

_PROOFS: Final = frozenset({FileKind.COMPLETED, FileKind.LEGACY_COMPLETED})
"""What `kops update cluster` leaves, so that resources may live in the cloud."""
_TRUNK_ONLY: Final = frozenset({FileKind.CONFIG, FileKind.INSTANCE_GROUP, FileKind.CLUSTER_ADDON})
"""Never anywhere but at a cluster's own prefix: elsewhere they are another cluster's."""
_OF_KEYS: Final = ("pki/private/", "pki/issued/", "pki/ssh/")
"""All that kops ever kept in a key store."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """One file to delete."""

    place: str
    """URL, or `OWN`."""
    key: str
    """At that place."""
    version: Version


@dataclass(frozen=True, slots=True)
class Deletion:
    """All files to delete, in stages: one ends before the next begins.

    The proof of resources in the cloud goes late, and `config` last: whoever goes on after a killed deletion knows
    from them what that one knew.
    """

    stages: tuple[tuple[Doomed, ...], ...]

    @property
    def files(self) -> int:
        """How many."""
        return sum(map(len, self.stages))


@dataclass(frozen=True, slots=True)
class Ways:
    """What messages advise, in the words of whoever asked for the deletion."""

    instead: str = ", or set spec.sync.deletionPolicy to Retain"
    """How to keep the state."""
    confirm: str = f"set the annotation {CLOUD_RESOURCES_GONE} to true"
    """How to say that the cluster's cloud is gone."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that decides about a deletion."""

    own: Location
    """The cluster's own prefix."""
    places: Places
    listings: Mapping[str, Listing]
    """Every file at each of the places that `searched` names; backups only where they are to be deleted."""
    sharers: tuple[str, ...]
    """Other objects that refer to one of these places, as people may know them."""
    unseen_base: str
    """Where kops keeps what an update leaves, if that is a place that isn't looked at; empty: everything is seen."""
    cloud_gone: bool
    """Whether a person has said that nothing of the cluster is left in the cloud."""
    sync: SyncSpec
    ways: Ways = Ways()


def is_meant(state: ClusterState) -> bool:
    """Whether the state goes with its object: nothing does of one that may not write now, or is suspended."""
    return deletes(state.spec.sync) and not state.spec.suspend


def deletes(sync: SyncSpec) -> bool:
    """Whether the policy is to delete, of an object that writes at all."""
    return sync.writes and sync.deletion_policy is DeletionPolicy.DELETE


def searched(own: Location, places: Places, sync: SyncSpec) -> Iterator[str]:
    """Give the places whose files go, `OWN` first: what kops keeps outside only where that is asked for."""
    yield OWN
    bases = [own.url]
    if places.config_base:
        yield places.config_base
        bases.append(_normal(places.config_base))
    for place in dict.fromkeys((places.key_store, places.secret_store)):
        inside = place is not None and any(_normal(place).startswith(f"{base}/") for base in bases)
        if place is not None and sync.delete_external_stores and not inside:
            yield place


def require_same_place(told: StoreStatus | None, own: Location, endpoint: str | None) -> None:
    """Raise `DeletionBlocked` where the object names another place than its last run; an endpoint may be unknown."""
    if told is None or (told.url == own.url and endpoint in {told.endpoint, None}):
        return
    there, here = (" at ".join(filter(None, each)) for each in ((told.url, told.endpoint), (own.url, endpoint)))
    raise DeletionBlocked(
        f"The object's last run was at {there}, but spec.store names {here} now; this attempt deleted nothing. Set "
        "spec.store back, or set spec.sync.deletionPolicy to Retain and delete the files yourself."
    )


def make_deletion(scene: Scene) -> Deletion:
    """Give the files to delete; raise `DeletionBlocked` where a person must act first."""
    doomed = [
        Doomed(place, key, entry.version)
        for place, listing in scene.listings.items()
        for key, entry in listing.entries.items()
    ]
    known = [each for each in doomed if _is_known(scene, each)]
    if known:
        _require_alone(scene)
        _require_known([url_of(scene, each) for each in doomed if not _is_known(scene, each)], scene.ways)
        _require_no_cloud(scene, known)
    return Deletion(tuple(_stages(scene, known)))


def _stages(scene: Scene, doomed: list[Doomed]) -> Iterator[tuple[Doomed, ...]]:
    last = Doomed(OWN, CONFIG, scene.listings[OWN].entries[CONFIG].version) if _has_config(scene) else None
    proofs = [each for each in doomed if _kind(scene, each) in _PROOFS]
    others = [each for each in doomed if each not in proofs and each != last]
    for stage in (others, proofs, [last] if last else []):
        if stage:
            yield tuple(stage)


def _has_config(scene: Scene) -> bool:
    return CONFIG in scene.listings[OWN].entries


def _is_known(scene: Scene, file: Doomed) -> bool:
    if find_flaw(file.key) is not None:
        return False
    key, kind = scene.places.folder_of(file.place) + file.key, _kind(scene, file)
    if file.place in {OWN, scene.places.config_base}:
        return kind is not FileKind.UNKNOWN and (file.place == OWN or kind not in _TRUNK_ONLY)
    if file.place == scene.places.secret_store:
        return kind is FileKind.SECRET and kind_of(file.key).kind is FileKind.UNKNOWN
    return key.startswith(_OF_KEYS)


def _kind(scene: Scene, file: Doomed) -> FileKind:
    return kind_of(scene.places.folder_of(file.place) + file.key).kind


def _require_alone(scene: Scene) -> None:
    if scene.sharers:
        others = named(list(scene.sharers), " and ")
        raise DeletionBlocked(
            f"{scene.own.url}, or a place that its config names, is also that of {others}; this attempt deleted "
            "nothing. Delete that object first, or set spec.sync.deletionPolicy to Retain."
        )


def _require_known(unknown: list[str], ways: Ways) -> None:
    if unknown:
        raise DeletionBlocked(
            f"There are files that kops doesn't know: {named(sorted(unknown))}; this attempt deleted nothing. "
            f"Move or delete them{ways.instead}."
        )


def _require_no_cloud(scene: Scene, doomed: list[Doomed]) -> None:
    proof = next((url_of(scene, each) for each in doomed if _kind(scene, each) in _PROOFS), None)
    if scene.cloud_gone or not (proof or scene.unseen_base):
        return
    why = f"{proof} says that kops update cluster has run"
    if proof is None:
        why = f"kops update cluster may have run: what it leaves lies at {scene.unseen_base}, where nobody looks"
    raise DeletionBlocked(
        f"{why}, so resources of the cluster may live in the cloud; this attempt deleted nothing. Run kops delete "
        f"cluster, or, when nothing is left there, {scene.ways.confirm}."
    )


def url_of(scene: Scene, file: Doomed) -> str:
    """Give a file's whole URL."""
    return f"{scene.own.url if file.place == OWN else _normal(file.place)}/{file.key}"


def _normal(url: str) -> str:
    return Location.parse(url).url
