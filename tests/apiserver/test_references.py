"""What an object refers to is watched by the operator as a process, with as few rights as each mode needs."""

from typing import Any

import pytest

from tests.support.granted import operator_rules
from tests.support.operating import Body, conditions
from tests.support.rights import Right, rights
from tests.support.world import MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
SOON = 6.0
"""Seconds; whoever stalls is looked at again after nine at the earliest, and at its interval after a day."""
CA = "kubernetes-ca"
MIRROR = f"state-keyset-{CA}"


def declaration(world: World, **mirror: Any) -> Body:
    """Give an object that nothing but a change has looked at again."""
    more = {"mirror": mirror} if mirror else {}
    return manifest(url=world.url, clusterName=MINIMAL, sync={"interval": "24h"}, **more)


@pytest.mark.parametrize("mode", ["namespace", "named"])
def test_a_corrected_secret_is_used_at_once(world: World, mode: str) -> None:
    world.environ["CLUSTERSTATE_SECRETS_RBAC"] = mode
    if mode == "named":
        world.rules = operator_rules(secrets="named", secretNames=["store"], mirrorNames=[MIRROR])
    world.load_store(MINIMAL)
    world.set_credentials("wrong" * 8)
    world.apply(declaration(world))
    mark = world.plane.audit_mark()
    with world.running():
        world.settled(condition="Stalled", status="True", reason="AuthenticationFailed")
        world.set_credentials()
        body = world.until(ready(world), world.state, SOON)
        assert conditions(body)["Ready"]["reason"] == "Succeeded"
        if mode == "named":
            mirror_in_every_way(world)
        world.kubectl("delete", "secret/store")
        world.until(lambda: conditions(world.state())["Ready"]["reason"] == "CredentialsNotFound", world.state)
    log = world.log.read_text()
    assert log.count("allow it to") == (1 if mode == "named" else 0), "nobody may list mirrors by name: told once"
    used = {Right("", each.resource, each.verb, each.name) for each in world.plane.calls(mark, user=world.user)}
    assert {each for each in rights(world.rules) if each.name} <= used, "the chart grants no name in vain"


def mirror_in_every_way(world: World) -> None:
    """Have a mirror created, updated, and made anew, since a Secret's type can't change."""
    keysets = [{"include": [CA]}]
    for change in ({"keysets": keysets}, {"keysets": keysets, "labels": {"a": "b"}}):
        world.apply(declaration(world, **change))
        world.settled()
        assert world.get("secret", MIRROR)["metadata"]["labels"].items() >= change.get("labels", {}).items()
    world.apply(declaration(world, keysets=[{"include": [CA], "parts": "KeyPair"}]))
    world.settled()
    assert world.get("secret", MIRROR)["type"] == "kubernetes.io/tls"


def ready(world: World) -> Any:
    return lambda: world._settled("state", "Ready", {"status": "True"})
