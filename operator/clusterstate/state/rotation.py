"""The steps of a rotation, as kops's `promote`, `distrust` and `trust keypair` leave a keyset. Pure.

kops sorts the key pairs and names the primary whenever it writes a keyset (`ToAPIObject` in kops's
`upup/pkg/fi/vfs_castore.go`), and so does every step here.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from clusterstate.state.keypair import public_key_of
from clusterstate.state.keyset import INTEGER, by_age, primary
from clusterstate.state.node_config import SERVICE_ACCOUNT
from clusterstate.state.objects import Keyset, KeysetItem


class StepKind(StrEnum):
    """What is done to a keyset; the words are kops's."""

    PROMOTE = "promote"
    DISTRUST = "distrust"
    TRUST = "trust"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the rotation of one keyset."""

    kind: StepKind
    ids: tuple[str, ...]
    """Of the key pairs that it is done to; one to promote."""
    at: datetime
    """When it is taken."""


def is_rotatable(name: str) -> bool:
    """Whether kops rotates keysets of this name; others it makes anew when what signs them is rotated."""
    return name == SERVICE_ACCOUNT or "-ca" in name


def take_step(keyset: Keyset, step: Step) -> Keyset:
    """Give the keyset after a step. The primary is never distrusted, and changes only by a promote."""
    before = primary(keyset)
    assert before is not None, "a keyset without a primary isn't even read"
    if step.kind is StepKind.PROMOTE:
        (chosen,) = step.ids
        return _ordered(replace(keyset, primary_id=chosen))
    at = step.at if step.kind is StepKind.DISTRUST else None
    changed = {item.id for item in keyset.items if item.id in step.ids} - {before.id}
    items = (replace(item, distrusted_at=at) if item.id in changed else item for item in keyset.items)
    return _ordered(replace(keyset, primary_id=before.id, items=tuple(items)))


def _ordered(keyset: Keyset) -> Keyset:
    return replace(keyset, items=tuple(sorted(keyset.items, key=by_age)))


def newest_able(keyset: Keyset) -> KeysetItem | None:
    """Give the newest of the key pairs that may be the primary, which it may be already."""
    able = [item for item in keyset.items if item.trusted and is_whole(item) and INTEGER.fullmatch(item.id)]
    return max(able, key=by_age, default=None)


def promotable(keyset: Keyset) -> KeysetItem | None:
    """Give the newest key pair, where that is newer than the primary and can take its place; kops chooses it too."""
    before, newest = primary(keyset), newest_able(keyset)
    newer = newest and (before is None or by_age(newest) > by_age(before))
    return newest if newer else None


def older_trusted(keyset: Keyset, declared: str = "") -> tuple[KeysetItem, ...]:
    """Give the trusted key pairs that are older than the primary, where that is whole: else kops writes nothing.

    A certificate without a private key is somebody else's who is trusted, and `declared`, the public key that the
    declaration asks for, isn't done with: neither is a former primary.
    """
    return tuple(item for item in _below_primary(keyset) if not declared or public_key_of(item) != declared)


def passed_over(keyset: Keyset, declared: str) -> KeysetItem | None:
    """Give the declared key pair, where it is no next primary since its id is below the primary's."""
    return next((item for item in _below_primary(keyset) if public_key_of(item) == declared), None)


def _below_primary(keyset: Keyset) -> list[KeysetItem]:
    before = primary(keyset)
    if before is None or not is_whole(before):
        return []
    older = (item for item in keyset.items if item.trusted and is_whole(item) and by_age(item) < by_age(before))
    return sorted(older, key=by_age)


def is_whole(item: KeysetItem) -> bool:
    """Whether it has both, certificate and private key."""
    return item.certificate is not None and item.private_key is not None
