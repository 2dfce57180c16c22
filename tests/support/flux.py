"""Flux's side of `healthCheckExprs`: its expressions, evaluated by the CEL of the API server on the live objects.

A ValidatingAdmissionPolicy refuses every dry run that asks it, and answers in the message. Nothing is ever written.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml

from clusterstate.sandbox.errors import RequestRefused
from tests.support.operating import Body, Operating, path_of

KUSTOMIZATIONS: Final = Path(__file__).parents[2] / "examples" / "gitops" / "flux" / "kustomizations.yaml"
ASK: Final = "flux.example.com/ask"
API: Final = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
MERGE: Final = "application/merge-patch+json"


def expressions() -> dict[str, str]:
    """Give the expressions of the example by what each tells, with the API server's name for the object."""
    (rules,) = (
        each["spec"]["healthCheckExprs"]
        for each in yaml.safe_load_all(KUSTOMIZATIONS.read_text())
        if "healthCheckExprs" in each["spec"]
    )
    (rule,) = rules
    assert (rule.pop("apiVersion"), rule.pop("kind")) == ("clusterstate.dev/v1alpha1", "ClusterState")
    return {name: re.sub(r"(?<![\w.])status\.", "object.status.", text) for name, text in rule.items()}


@contextmanager
def evaluator(operating: Operating) -> Iterator[None]:
    """Let `health` be asked in a namespace."""
    api, name = operating.plane.api(), f"flux-{operating.namespace}"
    policy, binding = _policy(name), _binding(name, operating.namespace)
    api.request("POST", f"{API}ies", policy)
    api.request("POST", f"{API}ybindings", binding)
    try:
        yield
    finally:
        api.request("DELETE", f"{API}ybindings/{name}")
        api.request("DELETE", f"{API}ies/{name}")


def health(operating: Operating, name: str) -> str:
    """Give what Flux takes an object for, by its own rules; empty while the policy isn't in force yet."""
    body = operating.state(name)
    observed = body.get("status", {}).get("observedGeneration")
    if observed is not None and observed != body["metadata"]["generation"]:
        return "InProgress"
    path = f"{path_of(operating.namespace, 'clusterstate', name)}?dryRun=All"
    try:
        operating.plane.api().request("PATCH", path, {"metadata": {"annotations": {ASK: ""}}}, content_type=MERGE)
    except RequestRefused as error:
        answer = re.search(r"Flux says (\w+)", str(error))
        return answer[1] if answer else "Unknown"  # an expression failed: Flux looks again until its timeout
    return ""


def _policy(name: str) -> Body:
    found = expressions()
    verdict = f"'Flux says ' + (({found['failed']}) ? 'Failed' : ({found['current']}) ? 'Current' : 'InProgress')"
    return {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["clusterstate.dev"],
                        "apiVersions": ["*"],
                        "operations": ["UPDATE"],
                        "resources": ["clusterstates"],
                    }
                ]
            },
            "matchConditions": [
                {"name": "asks", "expression": f"'{ASK}' in object.metadata.?annotations.orValue({{}})"}
            ],
            "validations": [{"expression": "false", "messageExpression": verdict}],
        },
    }


def _binding(name: str, namespace: str) -> Body:
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    return {
        "metadata": {"name": name},
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": selector},
        },
    }
