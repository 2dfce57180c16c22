"""Missing sources: their mirrors stay or go as `onMissing` says, and never a Secret that isn't a mirror of ours."""

from dataclasses import replace as replace_record

import pytest
from msgspec.structs import replace

from clusterstate.api.annotations import MIRROR_SOURCE
from clusterstate.api.spec import MirrorSpec, MissingPolicy, NameRule
from clusterstate.mirror.missing import keep_missing
from clusterstate.mirror.objects import Mirrors
from clusterstate.mirror.record import MirrorRecord
from clusterstate.mirror.shapes import make_mirrors
from clusterstate.state.objects import SshPublicKey, State, StoredSecret
from tests.mirror.making import EVERYTHING, OWNER, keyset, state, trust
from tests.mirror.scene import Scene

THINGS = state(keyset("kubelet"), StoredSecret("token", b"x"), SshPublicKey("ab", b"ssh-rsa A"))
NAMES = {"prod-keyset-kubelet", "prod-secret-token", "prod-ssh-ab"}
DELETE = replace(EVERYTHING, on_missing=MissingPolicy.DELETE)


def record(source: str, *, owner: str = OWNER.uid, deleting: bool = False) -> MirrorRecord:
    return MirrorRecord("clusters", source.replace("/", "-"), "u", "1", owner, source, "Opaque", deleting, "d")


@pytest.mark.parametrize(
    ("spec", "one", "missed"),
    [
        (EVERYTHING, record("keyset/a"), True),
        (EVERYTHING, record("secret/a"), True),
        (EVERYTHING, record("ssh/a"), True),
        (DELETE, record("keyset/a"), False),
        (EVERYTHING, record("nonsense/a"), True),
        (EVERYTHING, record("/a"), True),
        (EVERYTHING, record("keyset/"), True),
        (MirrorSpec(), record("/"), True),
        (DELETE, record("/"), False),
        (None, record("/"), False),
        (None, record("keyset/a"), False),
        (MirrorSpec(), record("keyset/a"), False),
        (MirrorSpec(keysets=(trust("*", exclude=("a",)),)), record("keyset/a"), False),
        (MirrorSpec(keysets=(trust("*", exclude=("a",)), trust("a"))), record("keyset/a"), True),
        (MirrorSpec(secrets=NameRule(include=("*",))), record("ssh/a"), False),
        (EVERYTHING, record("keyset/a", owner="somebody"), False),
        (EVERYTHING, record("/", owner="somebody"), False),
        (EVERYTHING, record("keyset/a", deleting=True), False),
    ],
)
def test_what_is_kept_is_of_a_source_that_a_rule_chooses_or_of_none_that_can_be_read(
    spec: MirrorSpec | None, one: MirrorRecord, *, missed: bool
) -> None:
    kept = keep_missing(Mirrors(OWNER, ()), spec, [one], config_there=True)
    assert kept.kept == ({one.name} if missed else set())
    assert bool(kept.missing) is missed
    assert kept.problems == ()


def test_nothing_has_vanished_from_a_state_that_is_gone_as_a_whole() -> None:
    records = [record("keyset/a"), record("secret/b"), record("/"), record("keyset/c", owner="somebody")]
    spec = MirrorSpec(keysets=(trust("*"),), on_missing=MissingPolicy.DELETE)
    kept = keep_missing(Mirrors(OWNER, ()), spec, records, config_there=False)
    assert kept.kept == {"keyset-a", "-"}
    assert "Nothing is deleted while config isn't in the store" in kept.missing
    assert "keyset/a" in kept.missing


def test_what_is_mirrored_under_its_name_or_from_its_source_is_not_missed() -> None:
    mirrors = make_mirrors(EVERYTHING, state(StoredSecret("a", b"x")), OWNER)
    (name,) = (each.name for each in mirrors.wanted)
    renamed, edited = record("secret/a"), replace_record(record("nonsense/a"), name=name)
    assert keep_missing(mirrors, EVERYTHING, [renamed, edited], config_there=True) == mirrors


@pytest.mark.apiserver
async def test_it_keeps_its_last_content_and_is_told(scene: Scene) -> None:
    await scene.sync(THINGS, EVERYTHING)
    since = scene.plane.audit_mark()
    outcome = await scene.sync(State(), EVERYTHING)
    assert (outcome.problems, outcome.deleted, scene.names()) == ((), (), NAMES)
    assert "keyset/kubelet, secret/token, ssh/ab" in scene.missing
    assert scene.writes(since) == []

    scene.delete("prod-secret-token")
    scene.edit("prod-ssh-ab", metadata={"annotations": {MIRROR_SOURCE: None}})
    assert (await scene.sync(State(), EVERYTHING)).deleted == ()
    assert "keyset/kubelet." in scene.missing
    assert "Secrets prod-ssh-ab." in scene.missing
    assert scene.names() == NAMES - {"prod-secret-token"}

    assert (await scene.sync(State(), DELETE, config_there=False)).deleted == ()
    restored = await scene.sync(THINGS, EVERYTHING)
    assert (restored.created, restored.updated, scene.missing) == (("prod-secret-token",), ("prod-ssh-ab",), "")


@pytest.mark.apiserver
@pytest.mark.parametrize(
    ("spec", "things"), [(DELETE, State()), (MirrorSpec(), State()), (MirrorSpec(), THINGS), (None, THINGS)]
)
async def test_exactly_ours_go(scene: Scene, spec: MirrorSpec | None, things: State) -> None:
    scene.create("theirs", metadata={"labels": {"app.kubernetes.io/managed-by": "clusterstate"}})
    other = scene.beside("other")
    await scene.sync(THINGS, EVERYTHING)
    await other.sync(state(StoredSecret("token", b"x")), EVERYTHING)
    outcome = await scene.sync(things, spec)
    assert (set(outcome.deleted), outcome.problems) == (NAMES, ())
    assert scene.names() == {"theirs", "other-secret-token"}
