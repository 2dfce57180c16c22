"""Each step of a rotation leaves the keyset, byte for byte, as the real kops leaves it."""

from dataclasses import replace
from datetime import datetime

import pytest

from clusterstate.state import codec
from clusterstate.state.layout import keyset_key
from clusterstate.state.objects import Keyset
from clusterstate.state.rotation import Step, StepKind, older_trusted, promotable, take_step
from tests.support.keypairs import NOW
from tests.support.kops import Kops
from tests.support.world import COMPLEX, World

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]


@pytest.mark.parametrize("name", ["kubernetes-ca", "service-account"])
def test_a_step_is_what_kops_does(world: World, kops: Kops, name: str) -> None:
    key = keyset_key(name)
    place = f"{COMPLEX}/{key}"

    def run(verb: str, *ids: str) -> bytes:
        kops.run(verb, "keypair", name, *ids, "--name", COMPLEX)
        return world.read(place)

    def taken(found: Keyset, kind: StepKind, *ids: str, at: datetime = NOW) -> bytes:
        return codec.encode_keyset(take_step(found, Step(kind, ids, at)))

    world.load_store()
    created = codec.decode_keyset(run("create"), key)
    newer = promotable(created)
    assert newer
    world.put(place, codec.encode_keyset(replace(created, items=created.items[::-1])))  # kops sorts them
    found = codec.decode_keyset(world.read(place), key)
    promoted = run("promote")
    assert taken(found, StepKind.PROMOTE, newer.id) == promoted

    found = codec.decode_keyset(promoted, key)
    older = [item.id for item in older_trusted(found)]
    assert older
    distrusted = run("distrust")
    left = codec.decode_keyset(distrusted, key)
    (at,) = {item.distrusted_at for item in left.items if item.id in older}
    assert at
    assert taken(found, StepKind.DISTRUST, *older, at=at) == distrusted
    assert taken(left, StepKind.TRUST, *older) == run("trust", *older)
