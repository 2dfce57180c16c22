"""Restart against a real API server: who uses a changed mirror is rolled once, and what fails holds up nobody."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from clusterstate.api.annotations import MIRRORS_IN_USE
from clusterstate.api.spec import MirrorSpec, NameRule, RestartTarget
from clusterstate.kube.client import Client, connect
from clusterstate.mirror.names import unstamped
from clusterstate.mirror.restart import ABSENT, MOST_ROLLS, Restarts
from clusterstate.reasons import Nature, Reason
from clusterstate.sandbox.audit import WRITES
from clusterstate.state.objects import State, StoredSecret
from tests.mirror.making import EVERYTHING, state
from tests.mirror.scene import Scene

pytestmark = pytest.mark.apiserver

ALL = (("Deployment", "web"), ("DaemonSet", "agent"), ("StatefulSet", "db"))
NAME = "prod-secret-one"
PLURALS = {kind: f"{kind.lower()}s" for kind, _ in ALL}


def asking(*targets: tuple[Any, str], **more: Any) -> MirrorSpec:
    restart = tuple(RestartTarget(kind=kind, name=name) for kind, name in targets)
    return replace(EVERYTHING, restart=restart, **more)


def holding(content: bytes, *others: str) -> State:
    return state(StoredSecret("one", content), *(StoredSecret(name, b"x") for name in others))


def url(scene: Scene, kind: str, name: str = "") -> str:
    return f"/apis/apps/v1/namespaces/{scene.namespace}/{PLURALS[kind]}" + (f"/{name}" if name else "")


def deploy(scene: Scene, kind: str, name: str, secret: str = NAME) -> None:
    container = {"name": "main", "image": "example.com/main", "envFrom": [{"secretRef": {"name": secret}}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    more = {"serviceName": name} if kind == "StatefulSet" else {}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template, **more}
    scene.api.request("POST", url(scene, kind), {"metadata": {"name": name}, "spec": spec})


def roll_out(scene: Scene, kind: str, name: str, **status: int) -> None:
    """Tell what the controller, which doesn't run here, tells of a Deployment."""
    there = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1, **status}
    seen = scene.api.request("GET", url(scene, kind, name))["metadata"]["generation"]
    patch = {"status": {"observedGeneration": seen, **there}}
    content_type = "application/merge-patch+json"
    scene.api.request("PATCH", url(scene, kind, name) + "/status", patch, content_type=content_type)


def look(scene: Scene, kind: str, name: str) -> tuple[int, dict[str, str], str]:
    """Generation, what its Pods were started with, and the Secret that they use."""
    body = scene.api.request("GET", url(scene, kind, name))
    template = body["spec"]["template"]
    note = template["metadata"].get("annotations", {}).get(MIRRORS_IN_USE, "{}")
    (source,) = template["spec"]["containers"][0]["envFrom"]
    return body["metadata"]["generation"], msgspec.json.decode(note), source["secretRef"]["name"]


def writes(scene: Scene, since: int) -> Sequence[str]:
    calls = [call for call in scene.plane.calls(since) if call.namespace == scene.namespace and call.verb in WRITES]
    deeds = [f"{call.verb} {call.resource}/{call.name}" for call in calls if "kube-system" not in call.user]
    return [deed for deed in deeds if "/status" not in deed]


async def test_every_kind_is_rolled_once_for_each_content(scene: Scene) -> None:
    for kind, name in ALL:
        deploy(scene, kind, name)
    deploy(scene, "Deployment", "bystander", "theirs")
    spec = asking(*ALL, ("Deployment", "bystander"))
    first = await scene.sync(holding(b"1"), spec)
    assert first.restarts.rolled == tuple(f"{kind} {name} (secret/one)" for kind, name in ALL)
    before = [look(scene, *each) for each in ALL]

    since = scene.plane.audit_mark()
    again = await scene.sync(holding(b"1"), spec)
    assert (again.restarts.rolled, again.restarts.looks) == ((), first.restarts.looks)
    await scene.sync(holding(b"1", "another"), spec)
    assert [each for each in writes(scene, since) if "secrets/" not in each] == []

    await scene.sync(holding(b"2"), spec)
    after = [look(scene, *each) for each in ALL]
    assert [generation for generation, *_ in after] == [generation + 1 for generation, *_ in before]
    assert {note["secret/one"] for _, note, _ in after}.isdisjoint({note["secret/one"] for _, note, _ in before})
    assert look(scene, "Deployment", "bystander")[:2] == (1, {})


async def test_a_roll_that_a_run_did_not_come_to_is_made_by_the_next(scene: Scene) -> None:
    deploy(scene, "Deployment", "web")
    spec = asking(ALL[0])
    await scene.sync(holding(b"1"), spec)
    await scene.sync(holding(b"2"), EVERYTHING)  # as a run that is killed once the Secret is written
    outcome = await scene.sync(holding(b"2"), spec)
    assert outcome.unchanged == (NAME,)
    assert outcome.restarts.rolled == ("Deployment web (secret/one)",)


async def test_references_follow_immutable_mirrors(scene: Scene) -> None:
    deploy(scene, "Deployment", "web")
    spec = asking(ALL[0], immutable=True)
    (first,) = (await scene.sync(holding(b"1"), spec)).created
    assert look(scene, *ALL[0])[2] == first
    since = scene.plane.audit_mark()
    outcome = await scene.sync(holding(b"2"), spec)
    (second,) = outcome.created
    assert unstamped(second) == unstamped(first) == NAME
    assert look(scene, *ALL[0])[2] == second
    assert (outcome.held, outcome.deleted, outcome.problems) == ((first,), (), ())
    roll_out(scene, *ALL[0], availableReplicas=0)
    assert (await scene.sync(holding(b"2"), spec)).held == (first,)
    assert writes(scene, since) == [f"create secrets/{second}", "patch deployments/web"]
    roll_out(scene, *ALL[0])
    outcome = await scene.sync(holding(b"2"), spec)
    assert (outcome.held, outcome.deleted) == ((), (first,))
    await scene.sync(holding(b"2"), asking(ALL[0]))
    assert look(scene, *ALL[0])[2] == NAME


async def test_a_rollout_holds_only_what_its_pods_may_use(scene: Scene) -> None:
    deploy(scene, "Deployment", "web")
    spec = asking(ALL[0], immutable=True)
    await scene.sync(state(StoredSecret("one", b"1"), StoredSecret("two", b"1")), spec)
    outcome = await scene.sync(state(StoredSecret("one", b"2"), StoredSecret("two", b"2")), spec)
    assert [unstamped(name) for name in outcome.held] == [NAME]
    assert [unstamped(name) for name in outcome.deleted] == ["prod-secret-two"]
    unasked = replace(spec, secrets=NameRule(include=("*",), exclude=("one",)))
    outcome = await scene.sync(state(StoredSecret("one", b"2"), StoredSecret("two", b"2")), unasked)
    assert (outcome.held, {unstamped(name) for name in outcome.deleted}) == ((), {NAME})


async def test_whoever_undoes_each_roll_is_given_way_until_something_changes(scene: Scene) -> None:
    deploy(scene, "Deployment", "web")
    before = scene.api.request("GET", url(scene, *ALL[0]))["spec"]["template"]
    spec = asking(ALL[0])

    async def undone(content: bytes) -> Restarts:
        body = scene.api.request("GET", url(scene, *ALL[0]))
        body["spec"]["template"] = before
        scene.api.request("PUT", url(scene, *ALL[0]), body)
        return (await scene.sync(holding(content), spec)).restarts

    assert [bool((await undone(b"1")).rolled) for _ in range(MOST_ROLLS + 2)] == [True] * MOST_ROLLS + [False] * 2
    (problem,) = (await undone(b"1")).problems
    assert (problem.reason, problem.nature) == (Reason.RESTART_FAILED, Nature.STALLED)
    assert "somebody has put the same Pod template back" in problem.message
    assert (await undone(b"2")).rolled
    assert (await undone(b"1")).rolled
    for _ in range(MOST_ROLLS):
        await undone(b"1")
    assert (await undone(b"1")).problems
    scene.rolls.forget()
    assert (await undone(b"1")).rolled


async def test_what_is_not_there_has_nothing_to_roll_until_it_is(scene: Scene) -> None:
    deploy(scene, "Deployment", "web")
    spec = asking(("Deployment", "later"), ALL[0], immutable=True)
    outcome = await scene.sync(holding(b"1"), spec)
    assert (outcome.restarts.absent, outcome.restarts.problems) == (("Deployment later",), ())
    assert outcome.restarts.rolled == ("Deployment web (secret/one)",)
    roll_out(scene, *ALL[0])
    before = (await scene.sync(holding(b"1"), spec)).restarts
    deploy(scene, "Deployment", "later")
    after = (await scene.sync(holding(b"1"), spec)).restarts
    assert (before.looks[0], after.absent) == (ABSENT, ())
    assert after.rolled == ("Deployment later (secret/one)",)


async def test_without_the_right_mirrors_go_on_and_what_pods_may_use_stays(scene: Scene) -> None:
    deploy(scene, "Deployment", "web")
    spec = asking(ALL[0], immutable=True)
    (first,) = (await scene.sync(holding(b"1"), spec)).created
    whole, token = scene.client, scene.plane.service_account_token(scene.namespace, "limited")
    allow(scene, "limited", {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]})
    async with await connect(scene.plane.kubeconfig_for(token)) as client:
        scene.client = client
        outcome = await scene.sync(holding(b"2"), spec)
    (problem,) = outcome.restarts.problems
    assert problem.reason is Reason.RESTART_FAILED
    assert "deployments of the group apps" in problem.message
    assert 'cannot get resource "deployments" in API group "apps"' in problem.message
    assert (len(outcome.created), outcome.deleted) == (1, ())
    assert scene.names() == {first, *outcome.created}
    scene.client = whole
    await scene.sync(holding(b"2"), spec)
    roll_out(scene, *ALL[0])
    assert (await scene.sync(holding(b"2"), spec)).deleted == (first,)


class Rival(Client):
    """The operator's client, with a person who is faster: they scale the workload before each patch."""

    def __init__(self, scene: Scene, times: int) -> None:
        super().__init__(scene.client._transport)
        self.scene, self.times = scene, times

    async def merge_patch(self, *args: Any, **options: Any) -> dict[str, Any]:
        if self.times:
            self.times -= 1
            patch, content_type = {"spec": {"replicas": self.times + 2}}, "application/merge-patch+json"
            self.scene.api.request("PATCH", url(self.scene, *ALL[0]), patch, content_type=content_type)
        return await super().merge_patch(*args, **options)


@pytest.mark.parametrize(("times", "nature"), [(4, None), (5, Nature.TRANSIENT)])
async def test_a_lost_race_is_settled_or_told(scene: Scene, times: int, nature: Nature | None) -> None:
    deploy(scene, "Deployment", "web")
    scene.client = Rival(scene, times)
    restarts = (await scene.sync(holding(b"1"), asking(ALL[0]))).restarts
    assert [each.nature for each in restarts.problems] == ([nature] if nature else [])
    assert bool(restarts.rolled) is not bool(nature)


def allow(scene: Scene, account: str, rule: dict[str, Any]) -> None:
    root = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{scene.namespace}"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account}
    subject = {"kind": "ServiceAccount", "name": account, "namespace": scene.namespace}
    scene.api.request("POST", f"{root}/roles", {"metadata": {"name": account}, "rules": [rule]})
    binding = {"metadata": {"name": account}, "roleRef": role, "subjects": [subject]}
    scene.api.request("POST", f"{root}/rolebindings", binding)
