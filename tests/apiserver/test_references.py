"""What an object refers to is watched by the operator as a process, with as few rights as each mode needs."""

from typing import Any

import pytest

from tests.support.operating import RULES, conditions
from tests.support.world import MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
SOON = 6.0
"""Seconds; whoever stalls is looked at again after nine at the earliest, and at its interval after a day."""


def named_rules() -> list[dict[str, Any]]:
    """Give the operator's rules with the Secrets that it may see by name, and no more of ConfigMaps."""
    others = [rule for rule in RULES if not {"secrets", "configmaps"} & set(rule["resources"])]
    secrets = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["store"]}
    return [*others, {**secrets, "verbs": ["get", "list", "watch"]}]


@pytest.mark.parametrize("mode", ["namespace", "named"])
def test_a_corrected_secret_is_used_at_once(world: World, mode: str) -> None:
    world.environ["CLUSTERSTATE_SECRETS_RBAC"] = mode
    if mode == "named":
        world.rules = named_rules()
    world.load_store(MINIMAL)
    world.set_credentials("wrong" * 8)
    world.apply(manifest(url=world.url, clusterName=MINIMAL, sync={"interval": "24h"}))
    with world.running():
        world.settled(condition="Stalled", status="True", reason="AuthenticationFailed")
        world.set_credentials()
        body = world.until(ready(world), world.state, SOON)
        assert conditions(body)["Ready"]["reason"] == "Succeeded"
        world.kubectl("delete", "secret/store")
        world.until(lambda: conditions(world.state())["Ready"]["reason"] == "CredentialsNotFound", world.state)
    log = world.log.read_text()
    assert log.count("allow it to") == (1 if mode == "named" else 0), "nobody may list mirrors by name: told once"


def ready(world: World) -> Any:
    return lambda: world._settled("state", "Ready", {"status": "True"})
