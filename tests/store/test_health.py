"""One look for many: what a store that fails costs those who share it, and who hears when it answers again."""

from itertools import pairwise

import pytest

from clusterstate.errors import (
    AccessDenied,
    AuthenticationFailed,
    LostRace,
    StoreError,
    StoreNotFound,
    StoreRefused,
    StoreUnavailable,
)
from clusterstate.store.health import FIRST_DELAY, FRESH, LONGEST_DELAY, MOST_STORES, Health

FOR_ALL = [StoreUnavailable, StoreNotFound, AuthenticationFailed]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health[str]:
    return Health(clock)


def look(
    health: Health[str], who: str, answer: StoreError | None = None, *, store: str = "s", forced: bool = False
) -> str:
    """Look as a run does; tell what came of it: `asked`, or what others were told."""
    asked = False
    try:
        with health.look(store, who, forced=forced):
            asked = True
            if answer is not None:
                raise answer
    except StoreError as error:
        return "asked" if asked else error.fact
    return "asked"


def freed(health: Health[str], who: str, *, store: str = "s") -> set[str]:
    with health.look(store, who) as others:
        pass
    return set(others)


def test_a_store_that_answers_holds_nobody_up(health: Health[str]) -> None:
    for who in "abc":
        assert freed(health, who) == set()


@pytest.mark.parametrize("kind", FOR_ALL)
def test_what_fails_for_one_is_told_to_all(health: Health[str], clock: Clock, kind: type[StoreError]) -> None:
    assert look(health, "a", kind("it is so", retry_after=7)) == "asked"
    for who in ("a", "b", "c"):
        with pytest.raises(kind, match="it is so") as caught, health.look("s", who):
            pass
        assert caught.value.retry_after == 7
    clock.now += FIRST_DELAY
    assert freed(health, "b") == {"a", "c"}
    assert freed(health, "c") == set()


def test_other_stores_and_credentials_are_not_concerned(health: Health[str]) -> None:
    assert look(health, "a", StoreUnavailable("down")) == "asked"
    assert look(health, "b", store="other") == "asked"


def test_a_thousand_objects_are_one_look_at_a_time_ever_farther_apart(health: Health[str], clock: Clock) -> None:
    looks = []
    for second in range(600):
        for who in range(1000):
            looks += [second] * (look(health, str(who), StoreUnavailable("down")) == "asked")
        clock.now += 1
    assert looks[:6] == [0, 1, 3, 7, 15, 31]
    assert {later - sooner for sooner, later in pairwise(looks[6:])} == {int(LONGEST_DELAY)}


def test_while_one_looks_the_others_wait(health: Health[str], clock: Clock) -> None:
    look(health, "a", StoreUnavailable("down"))
    clock.now += FIRST_DELAY
    with health.look("s", "a"):
        assert look(health, "b") == "down"
    assert look(health, "b") == "asked"


def test_who_gives_up_while_looking_leaves_it_to_the_next(health: Health[str], clock: Clock) -> None:
    look(health, "a", StoreUnavailable("down"))
    clock.now += FIRST_DELAY
    with pytest.raises(TimeoutError), health.look("s", "a"):
        raise TimeoutError
    assert look(health, "b") == "asked"


def of_one(error: StoreError) -> StoreError:
    error.alone = True
    return error


@pytest.mark.parametrize("error", [LostRace("lost"), StoreRefused("no"), *(of_one(kind("no")) for kind in FOR_ALL)])
def test_what_concerns_one_object_is_not_shared(health: Health[str], error: StoreError) -> None:
    look(health, "a", error)
    assert look(health, "b") == "asked"
    assert look(health, "a") == "asked"


def test_a_denial_is_everybodys_own(health: Health[str], clock: Clock) -> None:
    """A policy may allow one folder and deny the next."""
    assert look(health, "a", AccessDenied("not a")) == "asked"
    assert look(health, "b", AccessDenied("not b")) == "asked"
    assert look(health, "c") == "asked"
    assert (look(health, "a"), look(health, "b")) == ("not a", "not b")
    clock.now += LONGEST_DELAY
    assert look(health, "b", AccessDenied("not b")) == "asked"
    assert look(health, "a") == "not a"


def test_who_is_denied_shares_one_look(health: Health[str], clock: Clock) -> None:
    for who in "abc":
        look(health, who, AccessDenied("no"))
    for second in range(120):
        clock.now += 1
        assert look(health, "allowed") == "asked", second
        asked = [who for who in "abc" if look(health, who, AccessDenied("no")) == "asked"]
        assert len(asked) <= 1
    clock.now += LONGEST_DELAY
    assert freed(health, "allowed") == set(), "its luck is no news for those who are denied"
    assert freed(health, "b") == {"a", "c"}
    assert look(health, "a") == "asked"


def test_a_person_who_asks_is_answered(health: Health[str], clock: Clock) -> None:
    for _ in range(6):
        clock.now += LONGEST_DELAY
        look(health, "a", StoreUnavailable("down"))
    clock.now += FRESH
    assert look(health, "b") == "down"
    assert look(health, "b", forced=True) == "asked"
    assert look(health, "c") == "asked", "it answered the person"


def test_of_many_that_are_asked_for_at_once_one_asks(health: Health[str], clock: Clock) -> None:
    """As when a repository with hundreds of objects is applied."""
    asked = [who for who in range(500) if look(health, str(who), StoreUnavailable("down"), forced=True) == "asked"]
    assert asked == [0]
    clock.now += FRESH
    assert look(health, "7", forced=True) == "asked"


def test_fresh_news_for_a_person_do_not_stay_long(health: Health[str], clock: Clock) -> None:
    for _ in range(6):
        clock.now += LONGEST_DELAY
        look(health, "a", StoreUnavailable("down"))
    assert look(health, "b", forced=True) == "down"
    clock.now += FRESH
    assert look(health, "b") == "asked", "its own retry, though the others' look was a minute away"


def test_who_leaves_is_forgotten_and_the_store_with_the_last(health: Health[str]) -> None:
    look(health, "a", AccessDenied("no"))
    look(health, "b", AccessDenied("no"))
    health.leave("s", "a")
    assert (look(health, "a"), look(health, "b")) == ("asked", "no")
    look(health, "a", StoreUnavailable("down"))
    for who in "abc":
        health.leave("s", who)
    assert look(health, "d") == "asked"


def test_what_is_remembered_is_bounded(health: Health[str]) -> None:
    for number in range(MOST_STORES + 1):
        look(health, "a", StoreUnavailable("down"), store=str(number))
    assert look(health, "b", store="0") == "asked"
    assert look(health, "b", store="1") == "down"
