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
    assert told == [("u1", "m", first), ("u1", "m", second), ("u1", "m", None), ("u2", "m", moved), ("u2", "m", None)]


events = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["u1", "u2", None, "gone"])), max_size=20)


@given(events)
def test_it_holds_exactly_what_came_last(events: list[tuple[str, str | None]]) -> None:
    index, last = MirrorIndex(), dict[str, MirrorRecord | None]()
    for name, owner in events:
        last[name] = None if owner == "gone" else mirror(name, owner)
        index.take("n", name, last[name])
    for uid in ("u1", "u2"):
        assert index.present(uid) == {name: each for name, each in last.items() if each and each.owner_uid == uid}
    assert len(index._records) == len({each.owner_uid for each in last.values() if each and each.owner_uid})
