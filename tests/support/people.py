"""Somebody with a kubeconfig who may do so much in one namespace and no more, and runs the installed command."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.cli import clusterstate
from tests.support.operating import Operating, apply


class Person:
    """A service account's user with rights of their own."""

    def __init__(self, place: Operating, *rules: Mapping[str, Any], name: str = "person") -> None:
        self.place = place
        self.user = f"system:serviceaccount:{place.namespace}:{name}"
        token = place.plane.service_account_token(place.namespace, name)
        self.kubeconfig = place.plane.kubeconfig_for(token, namespace=place.namespace)
        subject = {"kind": "ServiceAccount", "name": name, "namespace": place.namespace}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        role = {"kind": "Role", "metadata": {"name": name}, "rules": [*rules]}
        binding = {"kind": "RoleBinding", "metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
        for each in (role, binding):
            apply(place.plane, place.namespace, {"apiVersion": "rbac.authorization.k8s.io/v1", **each})

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run one command; give its exit code, what it printed and what it said."""
        done = clusterstate(*arguments, home=self.place.directory, KUBECONFIG=str(self.kubeconfig))
        return done.returncode, done.stdout, done.stderr

    def read(self, *arguments: str) -> Any:
        """Run one command that prints JSON; give that."""
        code, shown, said = self.run(*arguments, "-o", "json")
        assert code == 0, said
        return json.loads(shown)


def states(*verbs: str) -> dict[str, Sequence[str]]:
    """Give the rule that lets somebody do that to ClusterStates."""
    return {"apiGroups": ["clusterstate.dev"], "resources": ["clusterstates"], "verbs": verbs}
