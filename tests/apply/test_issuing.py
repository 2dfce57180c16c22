"""Key pairs that the operator makes: what they are, in whose time, and that two who make one end with one."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from clusterstate.api.keysets import KeyAlgorithm
from clusterstate.apply.contents import make_bodies
from clusterstate.apply.issuing import issue, make_key_pairs
from clusterstate.apply.run import make_files, write_files
from clusterstate.errors import LostRace
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.plan.desired import Generation, KeyRequest
from clusterstate.plan.diff import make_plan
from clusterstate.plan.observed import Observed
from clusterstate.state.keypair import find_newest, newest_id, serial_at
from clusterstate.state.layout import keyset_key
from clusterstate.state.objects import Keyset, KeysetItem, State
from clusterstate.state.tree import Tree, Wanted, read_state
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.base import ANYTHING, Expect, Version
from tests.plan.states import cluster, declare

NOW = datetime(2026, 11, 27, 12, 0, 0, 123456, tzinfo=UTC)
KEY = keyset_key("kubernetes-ca")
QUICK = KeyRequest(KeyAlgorithm.ECDSA, 256, "kubernetes-ca", timedelta(days=3650))


@pytest.mark.parametrize(("size", "signed"), [(256, SHA256), (384, SHA384), (521, SHA512), (2048, SHA256)])
def test_a_key_pair_is_what_was_asked_for(size: int, signed: type) -> None:
    algorithm = KeyAlgorithm.ECDSA if size < 1000 else KeyAlgorithm.RSA
    pair = issue(KeyRequest(algorithm, size, "prod ÄÖÜ", timedelta(hours=5)), NOW)
    assert "PRIVATE" not in repr(pair)
    assert pair.private_key.startswith(b"-----BEGIN RSA " if size == 2048 else b"-----BEGIN EC ")
    found = x509.load_pem_x509_certificate(pair.certificate)
    key = load_pem_private_key(pair.private_key, None)
    assert key.public_key() == found.public_key()
    assert key.key_size == size  # type: ignore[union-attr] # both kinds have one
    assert isinstance(found.signature_hash_algorithm, signed)
    found.verify_directly_issued_by(found)
    assert (pair.facts.authority, pair.facts.algorithm) == (True, algorithm)
    second = NOW.replace(microsecond=0)
    assert (found.not_valid_before_utc, found.not_valid_after_utc) == (
        second - timedelta(days=2),
        second + timedelta(hours=5),
    )
    assert serial_at(NOW, 0) <= found.serial_number < serial_at(NOW + timedelta(microseconds=1), 0)
    names = {each.oid: each.value for each in found.subject}
    assert names == {NameOID.COMMON_NAME: "prod ÄÖÜ", NameOID.SERIAL_NUMBER: str(found.serial_number)}


def test_it_is_the_newest_of_its_keyset_whatever_ids_there_are() -> None:
    pair = issue(QUICK, NOW)
    serial = pair.facts.serial
    assert newest_id(serial, None) == str(serial)
    later = Keyset(
        "x", "1", (KeysetItem(str(serial + 5), pair.certificate, pair.private_key), KeysetItem("x", None, None))
    )
    assert newest_id(serial, later) == str(serial + 6)


def test_when_a_key_pair_was_made_is_told_by_its_id_its_serial_or_its_certificate() -> None:
    pair = issue(QUICK, NOW)

    def made(key_id: str) -> datetime:
        found = find_newest(Keyset("x", key_id, (KeysetItem(key_id, pair.certificate, pair.private_key),)))
        assert found is not None
        return found.made

    assert made(str(serial_at(NOW + timedelta(days=1), 7))) == NOW + timedelta(days=1)
    for odd in ("7", "x", str(1 << 158), str(serial_at(NOW + timedelta(days=9999), 0))):
        assert made(odd) == NOW
    assert find_newest(Keyset("x", "7", (KeysetItem("7", None, pair.private_key),))) is None


async def test_other_work_goes_on_while_a_key_is_made() -> None:
    request = KeyRequest(KeyAlgorithm.RSA, 4096, "kubernetes-ca", timedelta(days=1))
    making = asyncio.create_task(make_key_pairs(Plan((Change(KEY, Action.CREATE, generate=request),)), NOW))
    turns = 0
    while not making.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 10
    assert (await making).keys() == {"kubernetes-ca"}


class Careless(MemoryStore):
    """A store that keeps no conditions; two who write at once have both written before either goes on."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.both = asyncio.Barrier(2)

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        del expect
        version = await super().write(key, data)
        await self.both.wait()
        return version


async def push(store: MemoryStore) -> Plan:
    """Do what a run does from reading to writing."""
    tree = Tree(store)
    listing = await tree.list_files()
    read = await read_state(tree, listing, Wanted())
    state = replace(read.state, cluster=cluster({}))
    desired = replace(declare(), generate={"kubernetes-ca": Generation(QUICK)})
    plan = make_plan(desired, Observed(state, read.versions), NOW)
    bodies = make_bodies(plan, state, {}, await make_key_pairs(plan, NOW))
    await write_files(tree, make_files(plan, bodies), listing, NOW)
    return plan


@pytest.mark.parametrize("kind", [MemoryStore, Careless])
async def test_two_who_make_one_at_once_end_with_one(kind: type[MemoryStore], request: pytest.FixtureRequest) -> None:
    store = kind(request.node.nodeid)
    done = await asyncio.gather(push(store), push(store), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["LostRace", "Plan"]
    assert any(isinstance(each, LostRace) and KEY in each.message for each in done)
    for _ in range(2):
        assert not (await push(store)).changes, "both find the winner's"
    state = (await read_state(Tree(store), await Tree(store).list_files(), Wanted())).state
    assert isinstance(state, State)
    assert [len(each.items) for each in state.keysets.values()] == [1]
