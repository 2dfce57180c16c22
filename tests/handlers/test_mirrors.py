"""The index of our Secrets: whose each is, and who is told when it changes."""

from hypothesis import given
from hypothesis import strategies as st

from clusterstate.handlers.mirrors import MirrorIndex
from clusterstate.mirror.record import MirrorRecord
from tests.handlers.objects import mirror


def test_owners_are_told_of_what_comes_changes_moves_and_goes() -> None:
    index, told = MirrorIndex(), []
    index.on_change = lambda *news: told.append(news)
    first, second, moved = mirror("m", "u1"), mirror("m", "u1", "e"), mirror("m", "u2", "e")
    for each in (first, second, moved, None, None):
        index.take("n", "m", each)
    expected = [("u1", first), ("u1", second), ("u1", None), ("u2", moved), ("u2", None)]
    assert told == [("n", owner, "m", record) for owner, record in expected]


events = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["u1", "u2", None, "gone"])), max_size=20)


@given(events)
def test_it_holds_exactly_what_came_last(events: list[tuple[str, str | None]]) -> None:
    index, last = MirrorIndex(), dict[str, MirrorRecord | None]()
    for name, owner in events:
        last[name] = None if owner == "gone" else mirror(name, owner)
        index.take("n", name, last[name])
    for uid in ("u1", "u2"):
        assert index.present("n", uid) == {name: each for name, each in last.items() if each and each.owner_uid == uid}
    assert len(index._records) == len({each.owner_uid for each in last.values() if each and each.owner_uid})


def test_a_copied_reference_in_another_namespace_is_somebody_else() -> None:
    index, told = MirrorIndex(), []
    index.on_change = lambda namespace, owner, *_: told.append((namespace, owner))
    ours, forged = mirror("m", "u1"), mirror("m", "u1", "forged")
    index.take("n", "m", ours)
    index.take("foreign", "m", forged)
    assert index.present("n", "u1") == {"m": ours}
    assert index.present("foreign", "u1") == {"m": forged}
    index.take("foreign", "m", None)
    assert index.present("n", "u1") == {"m": ours}
    assert told == [("n", "u1"), ("foreign", "u1"), ("foreign", "u1")]
