import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from clusterstate.errors import StoreUnavailable
from clusterstate.store.resolver import DENY_SECONDS, KEEP_SECONDS, MOST_ADDRESSES, MOST_NAMES, RESOLVER, Resolver


class Names:
    """A name server of which some names are dead: they answer when the test ends."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.known = {"one": ("192.0.2.1",), "two": ("192.0.2.2",)}
        self.the_end = threading.Event()
        self.now = 0.0

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        if host.startswith("dead"):
            self.the_end.wait()
        return self.known.get(host, ())

    def clock(self) -> float:
        return self.now


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.the_end.set()


async def test_the_system_knows_loopback() -> None:
    assert "127.0.0.1" in await RESOLVER.addresses("localhost")
    assert await RESOLVER.addresses("127.1") == ("127.0.0.1",)
    assert await asyncio.to_thread(RESOLVER.addresses_blocking, "::1") == ("::1",)


async def test_a_dead_name_holds_one_thread_and_nobody_else(names: Names) -> None:
    resolver = Resolver(names, threads=2, seconds=0.05)
    questions = await asyncio.gather(*(resolver.addresses("dead") for _ in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in questions} == {StoreUnavailable}
    with ThreadPoolExecutor(1) as pool, pytest.raises(StoreUnavailable, match="dead"):
        pool.submit(resolver.addresses_blocking, "dead").result()
    assert await resolver.addresses("one") == ("192.0.2.1",)
    assert sorted(names.asked) == ["dead", "one"]


async def test_who_waits_for_a_thread_in_vain_is_told_and_finds_the_answer_later(names: Names) -> None:
    resolver = Resolver(names, threads=1, seconds=0.05)
    for host in ("dead", "one"):
        with pytest.raises(StoreUnavailable, match=host):
            await resolver.addresses(host)
    names.the_end.set()
    assert await resolver.addresses("one") == ("192.0.2.1",)
    assert names.asked == ["dead", "one"]


async def test_a_cancelled_question_spoils_no_other(names: Names) -> None:
    resolver = Resolver(names, seconds=30)
    names.known["dead"] = ("192.0.2.3",)
    first, second = (asyncio.create_task(resolver.addresses("dead")) for _ in range(2))
    await asyncio.sleep(0.05)
    first.cancel()
    names.the_end.set()
    assert await second == ("192.0.2.3",)


async def test_answers_are_kept_for_a_while(names: Names) -> None:
    resolver = Resolver(names, clock=names.clock)
    for now in (0, KEEP_SECONDS - 1, KEEP_SECONDS, 2 * KEEP_SECONDS - 1):
        names.now = now
        assert await resolver.addresses("one") == ("192.0.2.1",)
    assert names.asked == ["one", "one"]


async def test_refusals_are_kept_for_a_shorter_while(names: Names) -> None:
    resolver = Resolver(names, clock=names.clock)
    for now in (0, DENY_SECONDS - 1, DENY_SECONDS):
        names.now = now
        with pytest.raises(StoreUnavailable, match=r"The name nobody .* doesn't resolve"):
            await resolver.addresses("nobody")
    assert names.asked == ["nobody", "nobody"]


async def test_the_oldest_answer_goes_first(names: Names) -> None:
    resolver = Resolver(names, clock=names.clock)
    names.known |= {str(number): ("192.0.2.9",) for number in range(MOST_NAMES)}
    for host in ("one", "two", *map(str, range(MOST_NAMES - 1)), "two", "one"):
        await resolver.addresses(host)
    assert names.asked.count("one") == 2
    assert names.asked.count("two") == 1


async def test_of_many_addresses_the_first_few_count(names: Names) -> None:
    names.known["many"] = tuple(f"192.0.2.{number}" for number in range(200))
    assert await Resolver(names).addresses("many") == names.known["many"][:MOST_ADDRESSES]
