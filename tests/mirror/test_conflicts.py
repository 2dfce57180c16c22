"""Who else is there: foreign Secrets stay untouched, lost races are settled, each failure stays with its mirror."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from clusterstate.api.spec import MirrorSpec, MissingPolicy, NameRule
from clusterstate.kube.client import Client, connect
from clusterstate.mirror.objects import MirrorProblem
from clusterstate.mirror.sync import ATTEMPTS, MirrorOutcome
from clusterstate.reasons import Nature, Reason
from clusterstate.state.objects import State, StoredSecret
from tests.mirror.making import keyset, pair, state, trust
from tests.mirror.scene import Scene

pytestmark = pytest.mark.apiserver

SECRETS = MirrorSpec(secrets=NameRule(include=("*",)), on_missing=MissingPolicy.DELETE)
ONE, TWO = StoredSecret("one", b"1"), StoredSecret("two", b"2")
NAME, OTHER = "prod-secret-one", "prod-secret-two"


def only_problem(outcome: MirrorOutcome) -> MirrorProblem:
    (problem,) = outcome.problems
    assert outcome.problems
    return problem


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"labels": {"app.kubernetes.io/managed-by": "clusterstate", "clusterstate.dev/owner-name": "prod"}},
    ],
    ids=["plain", "with our labels"],
)
async def test_a_foreign_secret_is_left_alone_and_the_others_go_on(scene: Scene, metadata: dict[str, Any]) -> None:
    scene.create(NAME, metadata=metadata, data={"theirs": "eA=="})
    before = scene.get(NAME)
    outcome = await scene.sync(state(ONE, TWO), SECRETS)
    problem = only_problem(outcome)
    assert (problem.secret, problem.source) == (NAME, "secret/one")
    assert (problem.reason, problem.nature) == (Reason.MIRROR_CONFLICT, Nature.STALLED)
    assert f"Secret {scene.namespace}/{NAME}" in problem.message
    assert outcome.created == (OTHER,)
    assert scene.get(NAME) == before
    await scene.sync(State(), None)
    assert scene.get(NAME) == before


async def test_a_mirror_of_another_clusterstate_is_foreign(scene: Scene) -> None:
    other = scene.beside("other")
    spec = MirrorSpec(secrets=SECRETS.secrets, name_template="{name}")
    await other.sync(state(ONE), spec)
    before = scene.get("one")
    assert only_problem(await scene.sync(state(ONE), spec)).reason is Reason.MIRROR_CONFLICT
    assert scene.get("one") == before


async def test_a_mirror_without_its_owner_is_nobody_s_and_comes_back_once_it_is_gone(scene: Scene) -> None:
    await scene.sync(state(ONE), SECRETS)
    scene.edit(NAME, metadata={"ownerReferences": None})
    assert only_problem(await scene.sync(state(ONE), SECRETS)).reason is Reason.MIRROR_CONFLICT
    assert (await scene.sync(State(), None)).deleted == ()
    scene.delete(NAME)
    assert (await scene.sync(state(ONE), SECRETS)).created == (NAME,)


async def test_a_secret_that_waits_for_a_finalizer_is_made_anew_once_it_is_gone(scene: Scene) -> None:
    things, name = state(keyset("kubelet")), "prod-keyset-kubelet"
    await scene.sync(things, MirrorSpec(keysets=(trust("*"),)))
    scene.edit(name, metadata={"finalizers": ["example.com/hold"]})
    pairs = MirrorSpec(keysets=(pair("*"),))
    problem = only_problem(await scene.sync(things, pairs))
    assert problem.nature is Nature.TRANSIENT
    assert "example.com/hold" in problem.message
    scene.edit(name, metadata={"finalizers": None})
    assert (await scene.sync(things, pairs)).created == (name,)


async def test_a_mirror_whose_deletion_waits_for_a_finalizer_is_deleted_once(scene: Scene) -> None:
    await scene.sync(state(ONE), SECRETS)
    scene.edit(NAME, metadata={"finalizers": ["example.com/hold"]})
    assert (await scene.sync(State(), None)).deleted == (NAME,)
    since = scene.plane.audit_mark()
    assert (await scene.sync(State(), None)).deleted == ()
    assert scene.writes(since) == []
    scene.edit(NAME, metadata={"finalizers": None})


async def test_what_the_api_server_refuses_stays_with_its_mirror(scene: Scene) -> None:
    await scene.sync(state(ONE), SECRETS)
    before = scene.get(NAME)
    outcome = await scene.sync(state(ONE, TWO), MirrorSpec(secrets=SECRETS.secrets, labels={"no key!": "x"}))
    assert [(p.secret, p.reason) for p in outcome.problems] == [(n, Reason.KUBE_REFUSED) for n in (NAME, OTHER)]
    assert scene.get(NAME) == before


async def test_a_record_of_a_secret_that_was_replaced_deletes_nothing(scene: Scene) -> None:
    await scene.sync(state(ONE), SECRETS)
    present = scene.present()
    scene.delete(NAME)
    scene.create(NAME, data={"theirs": "eA=="})
    assert (await scene.sync(State(), None, present=present)).deleted == ()
    assert scene.get(NAME)["data"] == {"theirs": "eA=="}


async def test_a_mirror_that_was_given_away_is_not_deleted(scene: Scene) -> None:
    await scene.sync(state(ONE), SECRETS)
    present = scene.present()
    scene.edit(NAME, metadata={"ownerReferences": None})
    assert (await scene.sync(State(), None, present=present)).deleted == ()
    assert scene.find(NAME)


class Rival(Client):
    """The operator's client, with somebody who is faster: `act` comes before each update and each delete."""

    def __init__(self, client: Client, act: Callable[[], object], times: int) -> None:
        super().__init__(client._transport)
        self._act, self._times = act, times

    async def replace(self, *args: Any, **options: Any) -> dict[str, Any]:
        self._be_faster()
        return await super().replace(*args, **options)

    async def delete(self, *args: Any, **options: Any) -> None:
        self._be_faster()
        await super().delete(*args, **options)

    def _be_faster(self) -> None:
        if self._times:
            self._times -= 1
            self._act()


def faster(scene: Scene, times: int) -> Scene:
    """The same scene, with somebody who edits the mirror just before the operator writes it."""
    marks = count()
    scene.client = Rival(scene.client, lambda: scene.edit(NAME, metadata={"labels": {"mark": str(next(marks))}}), times)
    return scene


SECOND = state(StoredSecret("one", b"second"))


async def test_a_lost_race_is_settled_by_a_new_look(scene: Scene) -> None:
    await scene.sync(state(ONE), SECRETS)
    assert (await faster(scene, ATTEMPTS - 1).sync(SECOND, SECRETS)).updated == (NAME,)
    secret = scene.get(NAME)
    assert secret["data"] == {"one": "c2Vjb25k"}
    assert secret["metadata"]["labels"]["mark"] == str(ATTEMPTS - 2)


async def test_a_race_that_is_never_won_is_reported(scene: Scene) -> None:
    await scene.sync(state(ONE), SECRETS)
    problem = only_problem(await faster(scene, ATTEMPTS).sync(SECOND, SECRETS))
    assert (problem.secret, problem.nature) == (NAME, Nature.TRANSIENT)
    assert "changed by others" in problem.message


async def test_an_edit_does_not_keep_a_mirror_that_must_go(scene: Scene) -> None:
    await scene.sync(state(ONE), SECRETS)
    assert (await faster(scene, ATTEMPTS - 1).sync(State(), SECRETS)).deleted == (NAME,)
    assert scene.names() == set()


async def test_a_mirror_that_others_edit_for_ever_is_reported_when_it_must_go(scene: Scene) -> None:
    await scene.sync(state(ONE), SECRETS)
    assert only_problem(await faster(scene, ATTEMPTS).sync(State(), SECRETS)).source == "secret/one"


async def test_a_mirror_that_is_deleted_while_it_is_updated_is_created(scene: Scene) -> None:
    await scene.sync(state(ONE), SECRETS)
    scene.client = Rival(scene.client, lambda: scene.delete(NAME), 1)
    assert (await scene.sync(SECOND, SECRETS)).created == (NAME,)
    assert scene.get(NAME)["data"] == {"one": "c2Vjb25k"}


async def test_a_foreign_secret_that_takes_the_name_meanwhile_is_left_alone(scene: Scene) -> None:
    await scene.sync(state(ONE), SECRETS)

    def take_the_name() -> None:
        scene.delete(NAME)
        scene.create(NAME, data={"theirs": "eA=="})

    scene.client = Rival(scene.client, take_the_name, 1)
    assert only_problem(await scene.sync(SECOND, SECRETS)).reason is Reason.MIRROR_CONFLICT
    assert scene.get(NAME)["data"] == {"theirs": "eA=="}


async def test_two_operators_at_once_end_with_one_set_of_mirrors(scene: Scene) -> None:
    many = state(*(StoredSecret(f"s{n}", b"x") for n in range(20)))
    one, other = await asyncio.gather(*(scene.sync(many, SECRETS, present={}) for _ in range(2)))
    assert not one.problems
    assert not other.problems
    assert sorted(one.created + other.created) == sorted(scene.names())
    assert sorted(one.unchanged + other.unchanged) == sorted(scene.names())


async def test_whoever_may_not_write_hears_so_for_each_mirror(scene: Scene) -> None:
    token = scene.plane.service_account_token(scene.namespace, "nobody")
    async with await connect(scene.plane.kubeconfig_for(token)) as client:
        scene.client = client
        outcome = await scene.sync(state(ONE, TWO), SECRETS)
    assert [(p.secret, p.reason) for p in outcome.problems] == [(n, Reason.KUBE_FORBIDDEN) for n in (NAME, OTHER)]
    assert scene.names() == set()
