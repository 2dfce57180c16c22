"""Files are changed one by one, never over what somebody else wrote meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from clusterstate.cli.keys.changing import ATTEMPTS, Decision, Found, Job, OpenState, carry_out
from clusterstate.cli.words import Consent
from clusterstate.errors import CommandInvalid, KeyNotFound, LostRace, Unconfirmed
from clusterstate.state.tree import Listing, Tree
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Expect, Page, Version

KEY, OTHER = "secrets/one", "secrets/two"
YES = Consent(yes=True)


@dataclass
class Crowded:
    """A store into which others write just before we do, as often as they have something to write."""

    inner: MemoryStore
    others: list[bytes] = field(default_factory=list)
    crowded: str = KEY
    """Where they write."""

    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    @property
    def endpoint(self) -> str | None:
        return self.inner.endpoint

    async def read(self, key: str) -> Blob:
        return await self.inner.read(key)

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        if self.others and key == self.crowded:
            await self.inner.write(key, self.others.pop(0))
        return await self.inner.write(key, data, expect=expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        if self.others and key == self.crowded:
            await self.inner.write(key, self.others.pop(0))
        await self.inner.delete(key, expect=expect)

    def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        return self.inner.list(prefix, after=after, shallow=shallow)

    async def close(self) -> None:
        await self.inner.close()


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Crowded:
    return Crowded(MemoryStore(request.node.name))


def state(store: Crowded) -> OpenState:
    return OpenState("prod", Tree(store), Listing({}), keeps_objects=False)


def append(found: Found, *, asks: bool = False) -> Decision | None:
    """Add a letter to what is there, up to five of them."""
    before = found.data or b""
    if len(before) == 5:
        return None
    return Decision(before + b"x", [f"+ {len(before)}"], f"Wrote {found.key}", asks=asks)


def delete(_: Found) -> Decision:
    return Decision(None, ["- it"], "Deleted it", asks=True)


async def read(store: Crowded, key: str = KEY) -> bytes:
    return (await store.read(key)).data


async def test_who_loses_a_race_decides_anew_by_what_is_there(
    store: Crowded, capsys: pytest.CaptureFixture[str]
) -> None:
    store.others = [b"aa", b"bbb"]
    assert await carry_out(state(store), [Job(KEY, append)], YES, "?")
    assert await read(store) == b"bbbx"
    told = capsys.readouterr()
    assert told.out == f"+ 0\n+ 2\n+ 3\nWrote {KEY}\n"
    assert told.err.count("was changed by somebody else meanwhile: it is read again.") == 2


async def test_where_others_did_it_meanwhile_nothing_is_left_to_do(store: Crowded) -> None:
    store.others = [b"aaaaa"]
    assert not await carry_out(state(store), [Job(KEY, append)], YES, "?")
    assert await read(store) == b"aaaaa"


async def test_where_it_is_refused_meanwhile_theirs_stays(store: Crowded) -> None:
    def only_new(found: Found) -> Decision | None:
        if found.data is not None:
            raise CommandInvalid("It is there.")
        return append(found)

    store.others = [b"a"]
    with pytest.raises(CommandInvalid, match="It is there"):
        await carry_out(state(store), [Job(KEY, only_new)], YES, "?")
    assert await read(store) == b"a"


async def test_it_gives_up_where_others_write_faster(store: Crowded) -> None:
    store.others = [b"a", b"b"] * ATTEMPTS
    with pytest.raises(LostRace, match="again and again"):
        await carry_out(state(store), [Job(KEY, append)], YES, "?")
    assert await read(store) in {b"a", b"b"}
    assert len(store.others) == ATTEMPTS


async def test_what_was_done_is_told_also_where_the_rest_fails(
    store: Crowded, capsys: pytest.CaptureFixture[str]
) -> None:
    store.crowded, store.others = OTHER, [b"a", b"b"] * ATTEMPTS
    with pytest.raises(LostRace):
        await carry_out(state(store), [Job(KEY, append), Job(OTHER, append), Job("third", append)], YES, "?")
    assert capsys.readouterr().out.endswith(f"\nWrote {KEY}\n")
    assert await read(store) == b"x"
    with pytest.raises(KeyNotFound):
        await read(store, "third")


async def test_nothing_is_deleted_that_wasnt_looked_at(store: Crowded) -> None:
    await store.inner.write(KEY, b"a")
    store.others = [b"b"] * 10
    with pytest.raises(LostRace):
        await carry_out(state(store), [Job(KEY, delete)], YES, "?")
    assert await read(store) == b"b"


async def test_nothing_is_written_before_all_is_decided_and_agreed_to(store: Crowded) -> None:
    def refuse(_: Found) -> Decision:
        raise CommandInvalid("No.")

    with pytest.raises(CommandInvalid):
        await carry_out(state(store), [Job(KEY, append), Job(OTHER, refuse)], YES, "?")
    with pytest.raises(Unconfirmed):
        await carry_out(state(store), [Job(KEY, append), Job(OTHER, delete)], Consent(), "?")
    assert not await carry_out(state(store), [Job(KEY, append), Job(OTHER, append)], Consent(dry_run=True), "?")
    assert [page async for page in store.list() if page.entries] == []
    assert await carry_out(state(store), [Job(KEY, append), Job(OTHER, append)], Consent(), "?"), "nobody is asked"


async def test_what_lies_under_an_old_name_is_read_there_and_written_under_the_current_one(store: Crowded) -> None:
    await store.inner.write(OTHER, b"aa")
    assert await carry_out(state(store), [Job(KEY, append, OTHER)], YES, "?")
    assert (await read(store), await read(store, OTHER)) == (b"aax", b"aa")
    assert await carry_out(state(store), [Job(KEY, append, OTHER)], YES, "?")
    assert await asyncio.gather(read(store), read(store, OTHER)) == [b"aaxx", b"aa"]


async def test_among_kops_objects_nothing_is_written_that_kops_would_not_find(store: Crowded) -> None:
    objects = replace(state(store), keeps_objects=True)
    odd = Job("secrets/Foo_Bar", append)
    with pytest.raises(
        CommandInvalid, match="No object in Kubernetes may have the name that kops gives secrets/Foo_Bar"
    ):
        await carry_out(objects, [odd], YES, "?")
    assert await carry_out(state(store), [odd], YES, "?"), "a file may have it"
    assert await carry_out(objects, [Job("secrets/Foo_Bar", delete)], YES, "?"), "and what is there can go"
    assert await carry_out(objects, [Job("secrets/foo", append)], YES, "?")
