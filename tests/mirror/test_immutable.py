"""Immutable mirrors: a name for each content, no write where nothing changed, and both ways between the two kinds."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from clusterstate.api.spec import MirrorSpec
from clusterstate.mirror.names import MAX_NAME, stamped, unstamped
from clusterstate.mirror.shapes import make_mirrors
from clusterstate.state.digests import Digests
from clusterstate.state.objects import StoredSecret
from tests.mirror.making import DIGESTS, EVERYTHING, OWNER, item, keyset, state
from tests.mirror.scene import Scene

SPEC = replace(EVERYTHING, immutable=True)
ONE, OTHER = StoredSecret("one", b"1"), StoredSecret("other", b"x")
PLAIN = "prod-secret-one"


def name_of(content: bytes, digests: Digests = DIGESTS, spec: MirrorSpec = SPEC) -> str:
    (mirror,) = make_mirrors(spec, state(StoredSecret("one", content)), OWNER, digests=digests).wanted
    return mirror.name


def value_of(secret: dict[str, Any]) -> bytes:
    return base64.b64decode(secret["data"]["one"])


def test_a_name_goes_with_the_content_and_tells_nothing_of_it() -> None:
    assert name_of(b"1") == name_of(b"1") != name_of(b"2")
    assert unstamped(name_of(b"1")) == unstamped(name_of(b"2")) == PLAIN
    assert name_of(b"1", Digests(b"another key")) != name_of(b"1")
    assert name_of(b"1", spec=replace(SPEC, labels={"a": "b"})) == name_of(b"1")


def test_equal_contents_of_two_sources_have_nothing_in_common() -> None:
    one, two = make_mirrors(
        SPEC, state(StoredSecret("one", b"x"), StoredSecret("two", b"x")), OWNER, digests=DIGESTS
    ).wanted
    assert one.digest != two.digest


@given(name=st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,252}[a-z0-9])?", fullmatch=True))
def test_a_name_of_any_length_has_room_for_the_digest(name: str) -> None:
    name = stamped(name, DIGESTS.of("x", b"x"))
    assert len(name) <= MAX_NAME
    assert stamped(unstamped(name), DIGESTS.of("x", b"x")) == name


@pytest.mark.apiserver
async def test_a_new_content_is_there_before_the_old_one_goes(scene: Scene) -> None:
    old = (await scene.sync(state(ONE, OTHER), SPEC)).created
    assert scene.names() == set(old)
    assert all(scene.get(name)["immutable"] for name in old)

    since = scene.plane.audit_mark()
    assert (await scene.sync(state(ONE, OTHER), SPEC)).unchanged == old
    assert scene.writes(since) == []

    outcome = await scene.sync(state(StoredSecret("one", b"2"), OTHER), SPEC)
    (new,), (gone,) = outcome.created, outcome.deleted
    assert unstamped(new) == unstamped(gone) == PLAIN
    assert [(call.verb, call.name) for call in scene.writes(since)] == [("create", new), ("delete", gone)]
    assert value_of(scene.get(new)) == b"2"

    labelled = replace(SPEC, labels={"team": "a"})
    assert new in (await scene.sync(state(StoredSecret("one", b"2"), OTHER), labelled)).updated
    assert scene.get(new)["metadata"]["labels"]["team"] == "a"


@pytest.mark.apiserver
async def test_it_is_switched_on_and_off(scene: Scene) -> None:
    mutable = replace(SPEC, immutable=False)
    await scene.sync(state(ONE), mutable)
    on = await scene.sync(state(ONE), SPEC)
    (new,) = on.created
    assert on.deleted == (PLAIN,)
    off = await scene.sync(state(ONE), mutable)
    assert (off.created, off.deleted) == ((PLAIN,), (new,))
    assert "immutable" not in scene.get(PLAIN)


@pytest.mark.apiserver
async def test_whoever_puts_another_content_under_the_name_loses(scene: Scene) -> None:
    (name,) = (await scene.sync(state(ONE), SPEC)).created
    secret = scene.get(name)
    scene.delete(name)
    kept = {key: secret["metadata"][key] for key in ("labels", "annotations", "ownerReferences")}
    scene.create(name, data={"one": "eA=="}, metadata=kept, immutable=True)
    assert (await scene.sync(state(ONE), SPEC)).updated == (name,)
    assert value_of(scene.get(name)) == b"1"


@pytest.mark.apiserver
async def test_the_last_good_one_stays_where_the_source_is_broken_or_gone(scene: Scene) -> None:
    (name,) = (await scene.sync(state(keyset("kubelet")), SPEC)).created
    outcome = await scene.sync(state(keyset("kubelet", item(1, trusted=False))), SPEC)
    assert [each.source for each in outcome.problems] == ["keyset/kubelet"]
    assert scene.names() == {name}
    await scene.sync(state(), SPEC)
    assert "keyset/kubelet" in scene.missing
    assert scene.names() == {name}
