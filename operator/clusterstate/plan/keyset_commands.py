"""What a person's command makes of a keyset, by the rules of kops 1.35.2, or why it is refused. Pure.

They are those of `cmd/kops/{create,promote,distrust,trust}_keypair.go`, and of `AddItem` in `upup/pkg/fi/ca.go`. No
command leaves a keyset without a usable primary: trusted, with a certificate and the private key that belongs to it.
All refusals are `CommandInvalid` or `SpecInvalid`, with the keyset's name.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from clusterstate.errors import CommandInvalid
from clusterstate.plan.key_pairs import require_able
from clusterstate.state.keypair import KeyPair, facts_of, is_usable, newest_id, serial_at
from clusterstate.state.keyset import INTEGER, by_age, certificate_of, primary
from clusterstate.state.layout import FileId, FileKind, keyset_key, kind_of
from clusterstate.state.objects import Keyset, KeysetItem
from clusterstate.state.rotation import Step, StepKind, is_rotatable, is_whole, newest_able, take_step
from clusterstate.store.key import find_flaw

ALL: Final = "all"
"""In place of a keyset's name: every keyset of the state that kops rotates."""
CHANCE: Final = 32
"""Bits of a serial that are chance."""
_LAST: Final = (1 << CHANCE) - 1


@dataclass(frozen=True, slots=True)
class Addition:
    """A key pair that is to come into a keyset."""

    pair: KeyPair
    primary: bool
    chance: int
    """For the id, where the certificate's serial can't be it: 32 bits."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A step that a person asks for."""

    kind: StepKind
    ids: tuple[str, ...] = ()
    """None: those that kops would choose."""


def require_new_name(name: str) -> None:
    """Refuse names of keysets to which kops adds no key pair."""
    if not is_rotatable(name):
        raise CommandInvalid(_not_rotated(name))
    key = keyset_key(name)
    if kind_of(key) != FileId(FileKind.KEYSET, name) or find_flaw(key) or not name.isprintable():
        raise CommandInvalid(f"{name} is no name for a keyset, which becomes the name of a folder. Correct it.")


def require_wish(name: str, wish: Wish) -> None:
    """Refuse what kops does for no keyset of this name, whatever is in it."""
    if name == ALL and wish.kind is StepKind.TRUST:
        raise CommandInvalid("Key pairs are trusted again one by one. Name the keyset and the ids.")
    if name == ALL and wish.ids:
        raise CommandInvalid("With all, no id can be given: every keyset has its own. Name a keyset, or leave ids out.")
    if wish.kind is StepKind.PROMOTE and name != ALL and not is_rotatable(name):
        raise CommandInvalid(_not_rotated(name))


def _not_rotated(name: str) -> str:
    return (
        f"kops doesn't rotate the keyset {name}, but service-account and those with -ca in their name: others are made "
        "anew when what signs them is rotated. Name one of those, or all."
    )


def add_pair(name: str, keyset: Keyset | None, addition: Addition, now: datetime) -> Keyset:
    """Give the keyset with one more key pair, under the id that kops would give it."""
    if addition.pair.private_key is not None:
        require_able(name, addition.pair.facts, f"keyset {name}", now)
    elif addition.primary:
        raise CommandInvalid(f"A certificate without its private key can't be the primary of {name}. Give --key too.")
    if keyset is None and not addition.primary:
        raise CommandInvalid(
            f"There is no keyset {name}, and the first key pair of one has to be its primary. Say --primary, or "
            "correct the name."
        )
    item = KeysetItem(_choose_id(keyset, addition, now), addition.pair.certificate, addition.pair.private_key)
    others = _without(keyset, item) if keyset else ()
    before = primary(keyset) if keyset else None
    primary_id = item.id if addition.primary or before is None else before.id
    items = tuple(sorted((*others, item), key=by_age))
    return _sound(Keyset(name, primary_id, items, keyset.rest if keyset else {}), keyset)


def _without(keyset: Keyset, item: KeysetItem) -> tuple[KeysetItem, ...]:
    """Give the other items. The same certificate may be there without its private key, and is completed."""
    for each in keyset.items:
        known = facts_of(each)
        same = known is not None and certificate_of(each) == certificate_of(item)
        if same and (each.private_key is not None or item.private_key is None):
            raise CommandInvalid(
                f"The certificate is in keyset {keyset.name} already, as {each.id}. Promote or trust that one."
            )
        if each.id == item.id and not same:
            raise CommandInvalid(
                f"Keyset {keyset.name} has another key pair with the certificate's serial number, {each.id}. Have the "
                "certificate issued anew."
            )
    return tuple(each for each in keyset.items if each.id != item.id)


def _choose_id(keyset: Keyset | None, addition: Addition, now: datetime) -> str:
    serial = addition.pair.facts.serial
    highest = max((int(each.id) for each in keyset.items if INTEGER.fullmatch(each.id)), default=0) if keyset else 0
    if serial > serial_at(now, _LAST) or (addition.primary and serial <= highest):
        chosen = newest_id(serial_at(now, addition.chance), keyset)
    else:
        chosen = str(serial)
    if addition.pair.private_key is None and keyset is not None and _primary_serial(keyset) <= int(chosen):
        taken = {each.id for each in keyset.items}
        chosen = next(str(number) for number in range(len(taken) + 1) if str(number) not in taken)
    return chosen


def _primary_serial(keyset: Keyset) -> int:
    before = primary(keyset)
    facts = facts_of(before) if before else None
    if facts is None:
        raise CommandInvalid(f"The primary of keyset {keyset.name} has no certificate. Promote one that has.")
    return facts.serial


def take_wish(keyset: Keyset, wish: Wish, now: datetime) -> Keyset | None:
    """Give the keyset after the step; None where it is as it should be already."""
    match wish.kind:
        case StepKind.PROMOTE:
            ids = _find_promoted(keyset, wish.ids)
        case StepKind.DISTRUST:
            ids = _find_distrusted(keyset, wish.ids)
        case StepKind.TRUST:
            ids = [item.id for item in _named(keyset, wish.ids) if not item.trusted]
    return _sound(take_step(keyset, Step(wish.kind, tuple(ids), now)), keyset) if ids else None


def _named(keyset: Keyset, ids: Iterable[str]) -> list[KeysetItem]:
    items = {item.id: item for item in keyset.items}
    missing = [each for each in ids if each not in items]
    if missing:
        raise CommandInvalid(
            f"Keyset {keyset.name} has no key pair {', '.join(missing)}, but {', '.join(items)}. Correct the id."
        )
    return [items[each] for each in dict.fromkeys(ids)]


def _find_promoted(keyset: Keyset, ids: Sequence[str]) -> list[str]:
    before = primary(keyset)
    item = _named(keyset, ids)[0] if ids else newest_able(keyset)
    if item is None:
        raise CommandInvalid(
            f"Keyset {keyset.name} has no trusted key pair with a certificate and a private key. Create one with "
            "clusterstate keyset create."
        )
    lacks = [
        *(["it is distrusted: trust it first"] if not item.trusted else []),
        *(["it has no certificate"] if item.certificate is None else []),
        *(["it has no private key"] if item.private_key is None else []),
        *(["its id is no number, and kops takes no other"] if not INTEGER.fullmatch(item.id) else []),
    ]
    if lacks:
        raise CommandInvalid(f"Key pair {item.id} of {keyset.name} can't be promoted: {', '.join(lacks)}.")
    return [] if before == item and keyset.primary_id == item.id else [item.id]


def _find_distrusted(keyset: Keyset, ids: Sequence[str]) -> list[str]:
    before = primary(keyset)
    named = _named(keyset, ids) if ids else list(_older(keyset))
    if before is not None and before in named:
        raise CommandInvalid(
            f"Key pair {before.id} is the primary of {keyset.name}, and can't be distrusted. Promote another one first."
        )
    return [item.id for item in named if item.trusted]


def _older(keyset: Keyset) -> Iterator[KeysetItem]:
    """Give those with a smaller serial number than the primary's, which is how kops tells here what is older."""
    limit = _primary_serial(keyset)
    for item in sorted(keyset.items, key=by_age):
        facts = facts_of(item)
        if facts is not None and facts.serial < limit:
            yield item


def _sound(after: Keyset, before: Keyset | None) -> Keyset:
    """Give the keyset back. Refuse one whose primary signs nothing that anybody would accept."""
    chosen, earlier = primary(after), primary(before) if before else None
    if chosen is None or not is_whole(chosen):
        raise CommandInvalid(
            f"The primary of keyset {after.name} has no certificate or no private key, and kops writes no such keyset. "
            "Promote one that has both."
        )
    if chosen != earlier and not is_usable(chosen):
        raise CommandInvalid(
            f"The private key of key pair {chosen.id} of {after.name} can't be read, or isn't its certificate's. Name "
            "another one."
        )
    return after


def renamed(keyset: Keyset, name: str) -> Keyset:
    """Give a keyset under its current name, where the store has it under an old one; kops writes it so too."""
    return keyset if keyset.name == name else replace(keyset, name=name, rest={})
