"""Sync against a real API server: mirrors come, stay, are put back and go; nothing is written without need."""

import base64

import pytest
from msgspec.structs import replace

from clusterstate.api.spec import MirrorSpec, MissingPolicy, NameRule
from clusterstate.mirror.record import reduce
from clusterstate.mirror.shapes import MAX_SECRET
from clusterstate.state.objects import SshPublicKey, State, StoredSecret
from tests.mirror.making import EVERYTHING, NO_JSON_OBJECTS, item, keyset, mirror_of, pair, state, trust
from tests.mirror.scene import Scene, eventually

pytestmark = pytest.mark.apiserver

SECRETS = MirrorSpec(secrets=NameRule(include=("*",)), labels={"team": "a"}, on_missing=MissingPolicy.DELETE)
ONE = state(StoredSecret("one", b"first"))
NAME = "prod-secret-one"


def decoded(secret: dict[str, dict[str, str]]) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in secret["data"].items()}


async def test_every_kind_arrives_whole(scene: Scene) -> None:
    docker, ssh = StoredSecret("dockerconfig", b'{"auths":{}}'), SshPublicKey("ab", b"ssh-rsa A")
    empty, binary = StoredSecret("empty", b""), StoredSecret("system:dns", bytes(range(256)))
    key_set = keyset("kubelet-api")
    things = state(key_set, docker, ssh, empty, binary)
    spec = MirrorSpec(keysets=(pair("*"),), secrets=EVERYTHING.secrets, ssh_public_keys=EVERYTHING.ssh_public_keys)
    outcome = await scene.sync(things, spec)
    assert not outcome.problems
    for thing in (key_set, docker, ssh, empty, binary):
        mirror = mirror_of(thing, spec)
        secret = scene.get(mirror.name)
        assert decoded(secret) == mirror.data
        assert secret["type"] == mirror.type
        assert mirror.name in outcome.created
    assert len(outcome.created) == 5


async def test_a_restart_asks_and_writes_nothing_where_nothing_differs(scene: Scene) -> None:
    things = state(keyset("kubelet-api"), StoredSecret("empty", b""), StoredSecret("x", b"y"), SshPublicKey("ab", b"A"))
    spec = replace(EVERYTHING, labels={"a": ""}, annotations={"b": "é"})
    first = await scene.sync(things, spec)
    versions, present, since = scene.versions(), scene.present(), scene.plane.audit_mark()
    second = await scene.sync(things, spec, present=present)
    assert second.unchanged == first.created
    assert (second.created, second.updated, second.deleted) == ((), (), ())
    assert scene.calls(since) == []
    assert scene.versions() == versions


async def test_a_deleted_mirror_is_back(scene: Scene) -> None:
    await scene.sync(ONE, SECRETS)
    scene.delete(NAME)
    assert (await scene.sync(ONE, SECRETS)).created == (NAME,)
    assert decoded(scene.get(NAME)) == {"one": b"first"}


async def test_an_edited_mirror_is_put_back_and_only_metadata_of_others_stays(scene: Scene) -> None:
    await scene.sync(ONE, SECRETS)
    scene.edit(
        NAME,
        data={"one": "eA==", "foreign": "eA=="},
        metadata={"labels": {"team": "b", "theirs": "x"}, "annotations": {"theirs": "y"}},
    )
    assert (await scene.sync(ONE, SECRETS)).updated == (NAME,)
    secret = scene.get(NAME)
    assert decoded(secret) == {"one": b"first"}
    assert secret["metadata"]["labels"].items() >= {"team": "a", "theirs": "x"}.items()
    assert secret["metadata"]["annotations"]["theirs"] == "y"
    since = scene.plane.audit_mark()
    await scene.sync(ONE, SECRETS)
    assert scene.writes(since) == []


async def test_a_changed_source_changes_its_mirror_alone(scene: Scene) -> None:
    await scene.sync(state(*(StoredSecret(f"s{n}", b"old") for n in range(5))), SECRETS)
    since = scene.plane.audit_mark()
    things = state(*(StoredSecret(f"s{n}", b"new" if n == 3 else b"old") for n in range(5)))
    assert (await scene.sync(things, SECRETS)).updated == ("prod-secret-s3",)
    assert [(call.verb, call.name) for call in scene.writes(since)] == [("update", "prod-secret-s3")]


async def test_what_is_no_longer_declared_goes_from_labels(scene: Scene) -> None:
    await scene.sync(ONE, SECRETS)
    await scene.sync(ONE, MirrorSpec(secrets=NameRule(include=("*",))))
    assert "team" not in scene.get(NAME)["metadata"]["labels"]


async def test_a_mirror_that_lost_its_label_is_labelled_again(scene: Scene) -> None:
    await scene.sync(ONE, SECRETS)
    scene.edit(NAME, metadata={"labels": {"app.kubernetes.io/managed-by": None}})
    assert scene.present() == {}
    assert (await scene.sync(ONE, SECRETS)).updated == (NAME,)
    assert scene.present().keys() == {NAME}


async def test_a_mirror_that_the_informer_has_not_seen_yet_is_not_written(scene: Scene) -> None:
    await scene.sync(ONE, SECRETS)
    version = scene.versions()[NAME]
    assert (await scene.sync(ONE, SECRETS, present={})).unchanged == (NAME,)
    assert scene.versions()[NAME] == version


async def test_a_changed_type_makes_a_new_secret(scene: Scene) -> None:
    things, name = state(keyset("kubelet-api")), "prod-keyset-kubelet-api"
    await scene.sync(things, MirrorSpec(keysets=(trust("*"),)))
    before = scene.edit(name, metadata={"labels": {"theirs": "x"}})
    assert (await scene.sync(things, MirrorSpec(keysets=(pair("*"),)))).updated == (name,)
    after = scene.get(name)
    assert (before["type"], after["type"]) == ("Opaque", "kubernetes.io/tls")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["metadata"]["labels"]["theirs"] == "x"


async def test_a_mirror_that_somebody_made_immutable_is_made_anew(scene: Scene) -> None:
    await scene.sync(ONE, SECRETS)
    scene.edit(NAME, immutable=True)
    assert (await scene.sync(state(StoredSecret("one", b"second")), SECRETS)).updated == (NAME,)
    secret = scene.get(NAME)
    assert decoded(secret) == {"one": b"second"}
    assert "immutable" not in secret


async def test_mirrors_that_are_no_longer_wanted_go_and_nothing_else(scene: Scene) -> None:
    scene.create("theirs", metadata={"labels": {"app.kubernetes.io/managed-by": "clusterstate"}})
    await scene.sync(state(StoredSecret("one", b"1"), StoredSecret("two", b"2")), SECRETS)
    assert (await scene.sync(ONE, SECRETS)).deleted == ("prod-secret-two",)
    assert (await scene.sync(ONE, None)).deleted == (NAME,)
    assert scene.names() == {"theirs"}


async def test_a_new_name_replaces_the_old_one(scene: Scene) -> None:
    await scene.sync(ONE, SECRETS)
    outcome = await scene.sync(ONE, MirrorSpec(secrets=SECRETS.secrets, name_template="{name}-of-{clusterState}"))
    assert (outcome.created, outcome.deleted) == (("one-of-prod",), (NAME,))
    assert scene.names() == {"one-of-prod"}


async def test_the_last_good_mirror_of_a_broken_source_stays(scene: Scene) -> None:
    spec, name = MirrorSpec(keysets=(trust("*"),)), "prod-keyset-kubelet"
    await scene.sync(state(keyset("kubelet")), spec)
    version = scene.versions()[name]
    broken = state(keyset("kubelet", item(1, trusted=False)))
    for each in (spec, MirrorSpec(keysets=spec.keysets, name_template="x-{kind}-{name}")):
        outcome = await scene.sync(broken, each)
        assert [problem.source for problem in outcome.problems] == ["keyset/kubelet"]
        assert scene.versions() == {name: version}


async def test_two_owners_in_one_namespace_leave_each_other_alone(scene: Scene) -> None:
    other = scene.beside("other")
    await scene.sync(ONE, SECRETS)
    assert (await other.sync(ONE, SECRETS)).created == ("other-secret-one",)
    assert (await scene.sync(ONE, SECRETS)).unchanged == (NAME,)
    assert (await other.sync(State(), SECRETS)).deleted == ("other-secret-one",)
    assert scene.names() == {NAME}


async def test_mirrors_go_with_their_owner(scene: Scene) -> None:
    scene.create("theirs")
    await scene.sync(ONE, SECRETS)
    scene.delete_owner()
    assert eventually(lambda: scene.names() == {"theirs"})


async def test_a_namesake_of_the_owner_waits_until_the_old_mirrors_are_gone(scene: Scene) -> None:
    await scene.sync(ONE, SECRETS)
    scene.delete_owner()
    namesake = scene.beside("prod")
    assert eventually(lambda: scene.find(NAME) is None)
    assert (await namesake.sync(ONE, SECRETS)).created == (NAME,)
    assert reduce(scene.get(NAME)).owner_uid == namesake.owner.uid != scene.owner.uid


@pytest.mark.parametrize("number", range(len(NO_JSON_OBJECTS)))
async def test_whatever_a_docker_configuration_holds_it_is_mirrored(scene: Scene, number: int) -> None:
    outcome = await scene.sync(state(StoredSecret("dockerconfig", NO_JSON_OBJECTS[number])), SECRETS)
    assert not outcome.problems


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp, above a megabyte at once
async def test_a_megabyte_and_many_at_once_are_taken(scene: Scene) -> None:
    many = [StoredSecret(f"s{n}", b"x") for n in range(60)]
    outcome = await scene.sync(state(StoredSecret("big", b"x" * MAX_SECRET), *many), SECRETS)
    assert not outcome.problems
    assert len(outcome.created) == 61
