"""What was declared once is declared again, unless somebody would undo that; history tells what there is."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from clusterstate.api.annotations import ROLLBACK_MANAGER
from clusterstate.apply.history import History, Keeping
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import delete_revision, list_revisions
from clusterstate.plan.changes import Action, Change, FieldChange, Plan
from clusterstate.plan.desired import DesiredGroup
from clusterstate.plan.observed import Applied
from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.cli import clusterstate
from tests.support.operating import Operating

pytestmark = pytest.mark.apiserver
CHANNEL = Plan((Change("config", Action.UPDATE, (FieldChange("/spec/channel", Action.UPDATE, "hidden", "hidden"),)),))


class Person(Operating):
    """Somebody with kubectl and clusterstate, and no operator."""

    def declare(self, channel: str, *flags: str, how: str = "apply", **spec: Any) -> None:
        body = {
            "apiVersion": "clusterstate.dev/v1alpha1",
            "kind": "ClusterState",
            "metadata": {"name": "prod"},
            "spec": {"store": {"url": "memfs://store"}, "cluster": {"channel": channel}, **spec},
        }
        self.kubectl(how, *flags, "-f", "-", stdin=json.dumps(body))

    def run(self, command: str, *arguments: str, typed: str = "") -> tuple[int, str, str]:
        kubeconfig = self.plane.kubeconfig_for(self.plane.admin_token, namespace=self.namespace)
        done = clusterstate(command, "prod", *arguments, home=self.directory, typed=typed, KUBECONFIG=str(kubeconfig))
        return done.returncode, done.stdout, done.stderr

    def spec(self) -> Any:
        return self.state("prod")["spec"]


@pytest.fixture
def person(plane: ControlPlane, namespace: str, tmp_path: Path) -> Person:
    return Person(plane, namespace, tmp_path)


async def applied(client: Client, person: Person, *declared: Applied) -> Owner:
    """Have the operator's revisions of these declarations."""
    body = await asyncio.to_thread(person.state, "prod")
    owner = Owner(person.namespace, "prod", body["metadata"]["uid"])
    for each in declared:
        run = History(client, owner, await list_revisions(client, owner), Keeping(10, "ann"))
        await run.intend(each, CHANNEL)
        await run.settle(each)
    return owner


def on(channel: str, **groups: dict[str, Any]) -> Applied:
    return Applied({"channel": channel}, {name: DesiredGroup(name, spec) for name, spec in groups.items()})


async def test_history_tells_who_and_what_and_shows_every_declaration(client: Client, person: Person) -> None:
    person.declare("b", how="create")
    assert person.run("history") == (0, "", "clusterstate: Nothing was applied from ClusterState prod yet.\n")
    nodes = {"role": "Node"}
    owner = await applied(client, person, on("a", nodes=nodes), on("b"), on("c"))
    code, table, _ = person.run("history")
    lines = [line.split() for line in table.splitlines()]
    assert code == 0
    assert lines[0] == ["REVISION", "TIME", "FILES", "BY", "CHANGED"]
    assert [(line[0], *line[2:]) for line in lines[1:]] == [
        (number, "1", "ann", "config", "(/spec/channel)") for number in "321"
    ]
    (newest, *_) = json.loads(person.run("history", "-o", "json")[1])["revisions"]
    assert newest.pop("time").endswith("Z")
    assert newest == {"revision": 3, "complete": True, "changes": 1, "by": "ann", "what": "config (/spec/channel)"}
    shown = person.run("history", "--revision", "1")[1]
    assert shown == "cluster:\n  channel: a\ninstanceGroups:\n- name: nodes\n  spec:\n    role: Node\n"
    assert "hidden" not in table + person.run("history", "-o", "yaml")[1]

    await delete_revision(client, (await list_revisions(client, owner))[1])
    code, _, said = person.run("history", "--revision", "1")
    assert (code, said.count("\n")) == (1, 1)
    assert "can't be read any more" in said
    assert "There are: 1, 3" in person.run("history", "--revision", "2")[2]
    assert [line.split()[0] for line in person.run("history")[1].splitlines()[1:]] == ["3", "1"]


async def test_what_was_written_once_is_rolled_back(client: Client, person: Person) -> None:
    groups = [{"name": "nodes", "spec": {"maxSize": 5}}, {"name": "new"}]
    person.declare("c", how="create", instanceGroups=groups, sshPublicKeys=[{"value": "ssh-ed25519 AAAA"}])
    await applied(client, person, on("a", nodes={"maxSize": 3}), on("b"), on("c", nodes={"maxSize": 5}, new={}))
    before = person.state("prod")

    code, shown, said = person.run("rollback", "--to", "1", "--dry-run")
    assert code == 0
    changed = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == ["-  channel: c", "+  channel: a", "-    maxSize: 5", "-- name: new", "+    maxSize: 3"]
    assert "SSH keys" in said
    code, _, said = person.run("rollback")
    assert (code, said.splitlines()[-1]) == (
        1,
        "clusterstate: Nobody is there to be asked, and nothing was written. Say --yes.",
    )
    code, shown, said = person.run("rollback", typed="n\n")
    assert (code, "Write this into ClusterState prod (revision 2)?" in said) == (1, True)
    assert said.endswith("clusterstate: Nothing was written.\n")
    assert person.state("prod") == before

    assert person.run("rollback", typed="y\n")[0] == 0, "to the last one that declared something else"
    assert (person.spec()["cluster"], person.spec().get("instanceGroups")) == ({"channel": "b"}, None)
    code, shown, _ = person.run("rollback", "--to", "1", "--yes")
    assert (code, shown.splitlines()[-1]) == (
        0,
        "ClusterState prod declares again what revision 1 did; the operator follows.",
    )
    assert person.spec() == {
        **before["spec"],
        "cluster": {"channel": "a"},
        "instanceGroups": [{"name": "nodes", "spec": {"maxSize": 3}}],
    }
    (stored,) = [each async for each in client.list(CLUSTER_STATES, person.namespace)]
    managers = {each["manager"]: each["operation"] for each in stored["metadata"]["managedFields"]}
    assert managers[ROLLBACK_MANAGER] == "Update"
    assert person.run("rollback", "--to", "1") == (
        0,
        "Nothing to roll back: revision 1 declares what is declared now.\n",
        "",
    )


@pytest.mark.parametrize(
    ("flags", "who"),
    [(("--server-side", "--field-manager=argocd"), "argocd"), ((), "kubectl-client-side-apply")],
)
async def test_what_would_come_back_is_refused_with_the_way_to_revert_it(
    client: Client, person: Person, flags: tuple[str, ...], who: str
) -> None:
    person.declare("b", *flags)
    await applied(client, person, on("a"), on("b"))
    before = person.state("prod")
    code, shown, said = person.run("rollback", "--yes")
    assert code == 1
    assert "-  channel: b\n+  channel: a\n" in shown
    assert said == (
        f"clusterstate: {who} would undo it: /spec/cluster/channel. Nothing was written. Revert it in git: the lines "
        "above lead to what revision 1 declared.\n"
    )
    assert person.state("prod") == before


def test_an_object_that_isnt_there_is_told_in_one_line(person: Person) -> None:
    where = f"There is no ClusterState prod in namespace {person.namespace}."
    said = f"clusterstate: {where} Name another, or its namespace with -n.\n"
    for command, code in (("history", 1), ("rollback", 1), ("plan", 2)):
        assert person.run(command) == (code, "", said)
