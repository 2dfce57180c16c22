"""Clients are shared by equal inputs, and by nothing less."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from clusterstate.store.clients import Clients
from clusterstate.store.credentials import Credentials, Source

ME = Credentials(Source.SECRET, (("KEY", "mine"),))
YOU = Credentials(Source.SECRET, (("KEY", "yours"),))


@dataclass(frozen=True)
class Inputs:
    name: str


class Client:
    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs


def get(clients: Clients, name: str, credentials: Credentials = ME) -> Client:
    return clients.get(Inputs(name), credentials, Client)


def test_equal_inputs_share_one_and_others_never() -> None:
    clients = Clients()
    assert get(clients, "a") is get(clients, "a")
    assert get(clients, "a") is not get(clients, "b")


def test_many_threads_make_one_client() -> None:
    clients = Clients()
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: get(clients, "a"), range(32)))
    assert len(set(map(id, made))) == 1


def test_the_longest_unused_goes_first() -> None:
    clients = Clients(most=2)
    first, second = get(clients, "a"), get(clients, "b")
    assert get(clients, "a") is first
    get(clients, "c")
    assert get(clients, "a") is first
    assert get(clients, "b") is not second


def test_what_nobody_asks_for_is_dropped_with_its_keys() -> None:
    now = [0.0]
    clients = Clients(seconds=60, clock=lambda: now[0])
    old = weakref.ref(get(clients, "a"))
    now[0] = 59
    get(clients, "b")
    assert old() is get(clients, "a")
    now[0] = 120
    get(clients, "b")
    gc.collect()
    assert old() is None


def test_exchanged_credentials_take_their_clients_along() -> None:
    clients = Clients()
    mine, near = weakref.ref(get(clients, "a")), weakref.ref(get(clients, "a near the bucket"))
    yours = get(clients, "b", YOU)
    clients.forget(ME)
    gc.collect()
    assert mine() is near() is None
    assert get(clients, "b", YOU) is yours
