"""A person sees beforehand what the operator will do, by their own rights, and afterwards what it did."""

import json
from typing import Any

import pytest

from clusterstate.sandbox.audit import WRITES
from tests.support.cli import clusterstate
from tests.support.operating import kubectl
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
RULES = [
    {"apiGroups": ["clusterstate.dev"], "resources": ["clusterstates"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]},
    {"apiGroups": ["apps"], "resources": ["controllerrevisions"], "verbs": ["list"]},
]
"""All that somebody who looks needs."""


class Person:
    """Somebody who may look at one namespace."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.user = f"system:serviceaccount:{world.namespace}:person"
        token = world.plane.service_account_token(world.namespace, "person")
        self.kubeconfig = world.plane.kubeconfig_for(token, namespace=world.namespace)
        subject = {"kind": "ServiceAccount", "name": "person", "namespace": world.namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "person"}
        role: dict[str, Any] = {"kind": "Role", "metadata": {"name": "person"}, "rules": RULES}
        binding = {"kind": "RoleBinding", "metadata": {"name": "person"}, "roleRef": reference, "subjects": [subject]}
        for each in (role, binding):
            body = {"apiVersion": "rbac.authorization.k8s.io/v1", **each}
            kubectl(world.plane, "-n", world.namespace, "apply", "-f", "-", stdin=json.dumps(body))

    def run(self, *arguments: str) -> tuple[int, str, str]:
        done = clusterstate(
            *arguments,
            home=self.world.directory,
            KUBECONFIG=str(self.kubeconfig),
            CLUSTERSTATE_ALLOWED_ENDPOINTS="127.0.0.1",
        )
        return done.returncode, done.stdout, done.stderr

    def plan(self) -> tuple[int, Any]:
        code, shown, said = self.run("plan", "state", "-o", "json")
        assert said == "" or code == 2, said
        return code, json.loads(shown)


def rows(plan: Any) -> list[Any]:
    """What status shows of such a plan."""
    return [
        {"path": change["path"], "field": field["field"], "action": field["action"]}
        for change in plan["changes"]
        for field in change["fields"]
    ]


def test_what_is_planned_is_done_told_and_undone(world: World) -> None:
    world.load_store()
    nodes = {"name": "nodes-new", "spec": {"role": "Node", "maxSize": 2, "subnets": ["us-east-1a"]}}
    sync = {"dryRun": True}
    body = manifest(url=world.url, cluster={"channel": "alpha"}, instanceGroups=[nodes], sync=sync)
    world.kubectl("create", "-f", "-", stdin=json.dumps(body))
    person, before, mark = Person(world), world.files(), world.plane.audit_mark()
    code, shown, said = person.run("plan", "state")
    assert (code, said) == (1, "")
    lines = shown.splitlines()
    assert lines[:3] == ["~ config", '    ~ /spec/channel: "stable" -> "alpha"', "+ instancegroup/nodes-new"]
    assert "    + /spec/maxSize: 2" in lines
    assert lines[-1] == f"1 to change, 1 to create in {world.url}/{COMPLEX}."
    code, plan = person.plan()
    assert (code, plan["url"], plan["drift"], plan["refusal"]) == (1, f"{world.url}/{COMPLEX}", [], "")
    assert world.plane.calls(mark, user=person.user, verbs=WRITES) == []
    assert world.files() == before

    with world.running():
        status = world.settled()["status"]
        told = [{name: row[name] for name in ("path", "field", "action")} for row in status["plan"]["changes"]]
        assert rows(plan) == told
        assert f"{status['summary'][0].upper()}{status['summary'][1:]}." == lines[-1]
        world.kubectl("patch", "clusterstate/state", "--type=merge", "-p", '{"spec":{"sync":{"dryRun":false}}}')
        world.settled(condition="InSync")
        assert person.plan()[0] == 0
        world.kubectl("patch", "clusterstate/state", "--type=merge", "-p", '{"spec":{"cluster":{"channel":"beta"}}}')
        newest, oldest = world.settled(condition="InSync")["status"]["history"]
        assert (newest["by"], newest["what"], newest["changes"]) == ("kubectl-patch", "config (/spec/channel)", 1)
        assert oldest["what"] == "config (/spec/channel), instancegroup/nodes-new (created)"
        assert b"channel: beta" in world.read(f"{COMPLEX}/config")

        code, shown, _ = person.run("history", "state")
        assert [line.split()[0] for line in shown.splitlines()[1:]] == ["2", "1"]
        code, _, said = person.run("rollback", "state", "--yes")
        assert (code, "cannot patch" in said) == (1, True), "looking is not enough"
        admin = str(world.plane.kubeconfig)
        place = ("--kubeconfig", admin, "-n", world.namespace)
        assert clusterstate("rollback", "state", "--yes", *place, home=world.directory).returncode == 0
        world.settled(condition="InSync")
        assert b"channel: alpha" in world.read(f"{COMPLEX}/config")
        assert world.state()["status"]["history"][0]["by"] == "clusterstate-rollback"

        world.edit(f"{COMPLEX}/config", lambda config: config["spec"].update(channel="theirs"))
        world.stop_operator()
        patch = '{"spec":{"cluster":{"channel":"ours"}}}'
        world.kubectl("patch", "clusterstate/state", "--type=merge", "-p", patch)
        code, plan = person.plan()
        place = {"path": "config", "field": "/spec/channel"}
        assert (code, plan["changes"]) == (2, [])
        assert plan["conflicts"] == [{**place, "declared": "ours", "observed": "theirs"}]
        assert "config/spec/channel" in plan["refusal"]
        sees_a_move(person, world)


def sees_a_move(person: Person, world: World) -> None:
    """The state is planned for where it still is, and where it would go is told."""
    old, new = f"{world.url}/{COMPLEX}", f"{world.url}/elsewhere/{COMPLEX}"
    patch = {"spec": {"store": {"url": f"{world.url}/elsewhere"}}}
    world.kubectl("patch", "clusterstate/state", "--type=merge", "-p", json.dumps(patch))
    code, plan = person.plan()
    assert (code, plan["url"], plan["movesTo"]) == (2, old, new)
    assert person.run("plan", "state")[1].startswith(f"The state moves from {old} to {new} first")
    patch["spec"]["store"]["url"] = old
    world.kubectl("patch", "clusterstate/state", "--type=merge", "-p", json.dumps(patch))
    assert "lie one in the other" in person.plan()[1]["refusal"]
