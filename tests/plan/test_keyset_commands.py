"""What a command makes of a keyset: kops's rules one by one, and what holds after any row of commands."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import ClusterStateError, CommandInvalid, SpecInvalid
from clusterstate.plan.keyset_commands import (
    Addition,
    Wish,
    add_pair,
    renamed,
    require_new_name,
    require_wish,
    take_wish,
)
from clusterstate.plan.keyset_telling import find_added, tell_changes, tell_next, tell_nothing
from clusterstate.state.key_material import read_key_pair
from clusterstate.state.keypair import KeyPair, is_usable, serial_at
from clusterstate.state.keyset import primary
from clusterstate.state.objects import Keyset, KeysetItem
from clusterstate.state.rotation import StepKind, is_whole
from tests.support.keypairs import DAY, certificate, pem

CA = "kubernetes-ca"
PROMOTE, DISTRUST, TRUST = StepKind
FUTURE = 1 << 150
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def pair_of(serial: int, ends: timedelta = 365 * DAY, *, authority: bool = True) -> KeyPair:
    key = ec.generate_private_key(ec.SECP256R1())
    made = certificate(key, serial=serial, begins=NOW - DAY, ends=NOW + ends, authority=authority)
    return read_key_pair(made, pem(key), "")


def serial_of(days: int) -> int:
    return serial_at(NOW - days * DAY, 7)


POOL = {days: pair_of(serial_of(days)) for days in (400, 300, 200, 100)}


def item(days: int, **fields: object) -> KeysetItem:
    pair = POOL[days]
    return replace(KeysetItem(str(serial_of(days)), pair.certificate, pair.private_key), **fields)  # type: ignore[arg-type]


OLDEST, OLD, MIDDLE, NEW = map(item, POOL)
GONE = {"distrusted_at": NOW - DAY}
ALONE = replace(NEW, private_key=None)


def keyset(*items: KeysetItem, first: KeysetItem = OLD, name: str = CA) -> Keyset:
    return Keyset(name, first.id, items)


def alone(pair: KeyPair) -> KeyPair:
    return replace(pair, private_key=None)


def add(found: Keyset | None, pair: KeyPair, *, first: bool = False, name: str = CA) -> Keyset:
    return add_pair(name, found, Addition(pair, first, chance=5), NOW)


def ids(found: Keyset) -> list[str]:
    return [each.id for each in found.items]


def trusted(found: Keyset) -> list[str]:
    return [each.id for each in found.items if each.trusted]


def take(found: Keyset, kind: StepKind, *named: KeysetItem | str) -> Keyset | None:
    wanted = tuple(each if isinstance(each, str) else each.id for each in named)
    return take_wish(found, Wish(kind, wanted), NOW)


TODAY = str(serial_at(NOW, 5))


@pytest.mark.parametrize(
    ("pair", "first", "expected"),
    [
        (POOL[100], False, NEW.id),
        (POOL[400], False, OLDEST.id),
        (POOL[100], True, NEW.id),
        (POOL[400], True, TODAY),
        (pair_of(FUTURE), False, TODAY),
        (pair_of(FUTURE), True, TODAY),
        (alone(POOL[400]), False, OLDEST.id),
        (alone(POOL[100]), False, "0"),
        (alone(pair_of(FUTURE)), False, "0"),
    ],
)
def test_a_new_key_pair_gets_the_id_that_kops_gives_it(pair: KeyPair, expected: str, *, first: bool) -> None:
    after = add(keyset(OLD, MIDDLE), pair, first=first)
    assert find_added(keyset(OLD, MIDDLE), after) == expected
    assert ids(after) == sorted(ids(after), key=int)
    assert after.primary_id == (expected if first else OLD.id)


def test_certificates_without_keys_take_the_first_free_ids_below_the_primary() -> None:
    found = keyset(OLD)
    for expected in ("0", "1", "2"):
        found = add(found, alone(pair_of(FUTURE)))
        assert expected in ids(found)


def test_an_id_of_today_is_the_newest_also_where_clocks_go_wrong() -> None:
    ahead = replace(NEW, id=str(serial_at(NOW + 30 * DAY, 1)))
    after = add(keyset(OLD, ahead), pair_of(FUTURE), first=True)
    assert after.primary_id == str(int(ahead.id) + 1)


def test_a_certificate_is_completed_by_its_private_key_and_trusted_again() -> None:
    after = add(keyset(OLD, replace(ALONE, **GONE)), POOL[100])
    assert after.items == (OLD, NEW)


def test_the_first_key_pair_of_a_keyset_is_its_primary() -> None:
    assert add(None, POOL[100], first=True) == Keyset(CA, NEW.id, (NEW,))
    with pytest.raises(CommandInvalid, match="Say --primary"):
        add(None, POOL[100])


BROKEN = replace(OLD, private_key=None)


@pytest.mark.parametrize(
    ("found", "pair", "first", "why"),
    [
        (keyset(OLD), alone(POOL[100]), True, "Give --key too"),
        (None, alone(POOL[100]), True, "Give --key too"),
        (keyset(OLD, NEW), POOL[100], False, f"already, as {NEW.id}"),
        (keyset(OLD, ALONE), alone(POOL[100]), False, f"already, as {NEW.id}"),
        (keyset(OLD, NEW), alone(POOL[100]), False, f"already, as {NEW.id}"),
        (keyset(OLD, replace(NEW, id="77")), POOL[100], False, "already, as 77"),
        (keyset(OLD, NEW), pair_of(serial_of(100)), False, "another key pair with the certificate's serial"),
        (keyset(BROKEN), POOL[100], False, "kops writes no such keyset"),
        (keyset(replace(OLD, certificate=None)), alone(POOL[100]), False, "has no certificate"),
        (keyset(OLD), pair_of(serial_of(100), timedelta(hours=-1)), False, "the certificate ended"),
        (keyset(OLD), pair_of(serial_of(100), authority=False), False, "isn't a CA's"),
    ],
)
def test_what_would_do_harm_is_not_added(found: Keyset | None, pair: KeyPair, why: str, *, first: bool) -> None:
    with pytest.raises(SpecInvalid, match=re.escape(why)):
        add(found, pair, first=first)


def test_a_primary_without_its_key_is_replaced_by_one_that_has() -> None:
    assert add(keyset(BROKEN), POOL[100], first=True).primary_id == NEW.id
    promoted = take(keyset(replace(MIDDLE, private_key=None), OLD, first=MIDDLE), PROMOTE)
    assert promoted
    assert promoted.primary_id == OLD.id, "older, and the only one that signs"


@pytest.mark.parametrize(
    ("found", "named", "expected"),
    [
        (keyset(OLD, MIDDLE, NEW), (), NEW),
        (keyset(OLD, MIDDLE, NEW), (MIDDLE,), MIDDLE),
        (keyset(OLD, OLDEST), (OLDEST,), OLDEST),
        (keyset(OLD, MIDDLE, item(100, **GONE)), (), MIDDLE),
        (keyset(OLD, MIDDLE, ALONE), (), MIDDLE),
        (keyset(OLD, replace(NEW, id="new")), (), None),
        (keyset(OLD, OLDEST), (), None),
        (keyset(OLD, MIDDLE), (OLD,), None),
    ],
)
def test_which_key_pair_is_promoted(found: Keyset, named: tuple[KeysetItem, ...], expected: KeysetItem | None) -> None:
    after = take(found, PROMOTE, *named)
    assert (after.primary_id if after else None) == (expected.id if expected else None)


@pytest.mark.parametrize(
    ("found", "named", "expected"),
    [
        (keyset(OLDEST, OLD, MIDDLE, NEW, first=MIDDLE), (), [OLDEST, OLD]),
        (keyset(OLDEST, OLD, MIDDLE, NEW, first=MIDDLE), (NEW, OLDEST), [OLDEST, NEW]),
        (keyset(replace(NEW, id="0"), MIDDLE, first=MIDDLE), (), []),
        (keyset(replace(OLD, id="0", private_key=None), MIDDLE, first=MIDDLE), (), [replace(OLD, id="0")]),
        (keyset(item(300, **GONE), MIDDLE, first=MIDDLE), (), []),
        (keyset(item(300, **GONE), MIDDLE, first=MIDDLE), (OLD,), []),
    ],
)
def test_which_key_pairs_are_distrusted(
    found: Keyset, named: tuple[KeysetItem, ...], expected: list[KeysetItem]
) -> None:
    """By their certificates' serial numbers, as kops has it, and not by their ids."""
    after = take(found, DISTRUST, *named) or found
    assert set(trusted(found)) - set(trusted(after)) == {each.id for each in expected}


@pytest.mark.parametrize(
    ("found", "kind", "named", "why"),
    [
        (keyset(OLD), DISTRUST, (OLD,), "is the primary"),
        (keyset(OLD, NEW), DISTRUST, (NEW, OLD), "is the primary"),
        (keyset(OLD, NEW), DISTRUST, (NEW, "5"), "no key pair 5, but"),
        (keyset(OLD), TRUST, ("5",), "no key pair 5, but"),
        (keyset(OLD), PROMOTE, ("5",), "no key pair 5, but"),
        (keyset(OLD, item(100, **GONE)), PROMOTE, (NEW,), "trust it first"),
        (keyset(OLD, ALONE), PROMOTE, (NEW,), "no private key"),
        (keyset(OLD, replace(NEW, certificate=None)), PROMOTE, (NEW,), "no certificate"),
        (keyset(OLD, replace(NEW, id="new")), PROMOTE, ("new",), "no number"),
        (keyset(OLD, replace(NEW, private_key=MIDDLE.private_key)), PROMOTE, (), "isn't its certificate's"),
        (keyset(OLD, replace(NEW, private_key=b"x")), PROMOTE, (), "can't be read"),
        (keyset(BROKEN, item(400, **GONE)), TRUST, (OLDEST,), "kops writes no such keyset"),
        (keyset(BROKEN, OLDEST), DISTRUST, (), "kops writes no such keyset"),
        (keyset(BROKEN), PROMOTE, (), "Create one"),
    ],
)
def test_what_is_refused(found: Keyset, kind: StepKind, named: tuple[KeysetItem | str, ...], why: str) -> None:
    with pytest.raises(CommandInvalid, match=re.escape(why)):
        take(found, kind, *named)


@pytest.mark.parametrize(
    "call",
    [
        lambda: require_new_name("foo"),
        lambda: require_new_name("ca"),
        lambda: require_new_name("x-ca/../y"),
        lambda: require_new_name("x-ca\n"),
        lambda: require_wish("foo", Wish(PROMOTE)),
        lambda: require_wish("all", Wish(PROMOTE, ("1",))),
        lambda: require_wish("all", Wish(DISTRUST, ("1",))),
        lambda: require_wish("all", Wish(TRUST)),
    ],
)
def test_names_are_kops_own(call: Callable[[], None]) -> None:
    with pytest.raises(CommandInvalid):
        call()


def test_trust_takes_no_all_whether_or_not_ids_are_given() -> None:
    with pytest.raises(CommandInvalid, match="one by one"):
        require_wish("all", Wish(TRUST, ("1",)))


def test_any_keyset_may_be_distrusted_and_trusted_by_its_name() -> None:
    require_new_name("service-account")
    require_new_name("etcd-peers-ca-main")
    for name, kind in (("all", PROMOTE), ("all", DISTRUST), ("foo", DISTRUST), ("foo", TRUST)):
        require_wish(name, Wish(kind, () if name == "all" else ("1",)))


def test_a_keyset_of_an_old_name_is_written_under_the_current_one() -> None:
    old = replace(keyset(OLD, name="ca"), rest={"metadata": {"name": "other"}})
    assert renamed(old, CA) == keyset(OLD)
    assert renamed(keyset(OLD), CA) == keyset(OLD)


days_ago = st.sampled_from(list(POOL))
additions = st.builds(lambda days, whole, first: ("add", days, whole, first), days_ago, st.booleans(), st.booleans())
wishes = st.builds(lambda kind, days: ("wish", kind, days), st.sampled_from(StepKind), st.lists(days_ago, max_size=2))


@given(st.lists(st.one_of(additions, wishes), max_size=12))
def test_after_any_row_of_commands_the_primary_is_usable(row: list[tuple[object, ...]]) -> None:
    found = add(None, POOL[300], first=True)
    for each in row:
        before = found
        try:
            match each:
                case ("add", int(days), bool(whole), bool(first)):
                    found = add(found, POOL[days] if whole else alone(POOL[days]), first=first)
                case (_, StepKind() as kind, list(days)):
                    found = take(found, kind, *map(item, days)) or found
        except ClusterStateError:
            continue
        chosen = primary(found)
        assert chosen
        assert chosen.id == found.primary_id
        assert is_whole(chosen)
        assert is_usable(chosen)
        assert set(ids(before)) <= set(ids(found)), "nothing is ever removed"
        assert len(set(ids(found))) == len(found.items)


@given(st.sets(st.sampled_from([400, 300, 100]), min_size=1))
def test_trust_takes_a_distrust_back(days: set[int]) -> None:
    named = [item(each) for each in days]
    found = keyset(OLDEST, OLD, MIDDLE, NEW, first=MIDDLE)
    distrusted = take(found, DISTRUST, *named)
    assert distrusted
    assert take(distrusted, DISTRUST, *named) is None
    assert take(distrusted, TRUST, *named) == found
    assert take(found, TRUST, *named) is None


def test_people_are_told_ids_and_certificates_and_no_key() -> None:
    before = keyset(OLDEST, OLD, item(200, **GONE), ALONE)
    after = keyset(item(400, **GONE), OLD, MIDDLE, NEW, first=NEW)
    end = f"{NOW + 365 * DAY:%Y-%m-%d}"
    assert tell_changes(before, after) == [
        f"- {CA}: {OLDEST.id} is distrusted (CN=test, ECDSA, until {end})",
        f"+ {CA}: {MIDDLE.id} is trusted again (CN=test, ECDSA, until {end})",
        f"+ {CA}: {NEW.id} gets its private key (CN=test, ECDSA, until {end})",
        f"~ {CA}: the primary, {OLD.id}, becomes {NEW.id}",
    ]
    assert tell_changes(None, keyset(replace(OLD, private_key=None))) == [
        f"+ {CA}: {OLD.id} is added (CN=test, ECDSA, until {end}, certificate alone)",
        f"+ {CA}: {OLD.id} is the primary",
    ]
    assert tell_changes(before, before) == []


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (Wish(PROMOTE), f"no key pair is newer than the primary, {OLD.id}"),
        (Wish(PROMOTE, (OLD.id,)), f"{OLD.id} is the primary already"),
        (Wish(DISTRUST), "no trusted key pair is older than the primary"),
        (Wish(DISTRUST, ("1", "2")), "1, 2 is distrusted already"),
        (Wish(TRUST, ("1",)), "1 is trusted already"),
    ],
)
def test_why_nothing_is_done(wish: Wish, told: str) -> None:
    assert tell_nothing(keyset(OLD), wish) == f"Keyset {CA}: {told}."


def test_the_next_step_of_a_rotation_is_told() -> None:
    assert tell_next(None, "c", "all") == (
        "Next: kops update cluster c --yes and kops rolling-update cluster c --yes, so that all nodes trust it, then "
        "clusterstate keyset promote all."
    )
    assert "then clusterstate keyset distrust all" in tell_next(PROMOTE, "c", "all")
    assert "all nodes forget it" in tell_next(DISTRUST, "c", "all")
    assert "rolling-update cluster c --force --yes" in tell_next(TRUST, "c", CA)
    assert "all nodes follow" in tell_next(None, "c", CA, primary=True)
