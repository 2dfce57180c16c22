"""The chart gives the operator what it needs, and no more, for every set of values that people may have."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import yaml

from clusterstate.plan.shards import Sharding
from clusterstate.policy import Policy, load_policy
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.errors import RequestRefused
from clusterstate.settings import MOST_SHARDS, Address, Election, Settings
from tests.support.granted import operator_rules
from tests.support.helm import Manifest
from tests.support.operating import CRD, kubectl
from tests.support.promcrds import install_monitoring_crds
from tests.support.valuesets import SETS

pytestmark = pytest.mark.timeout(900)  # the first test that asks for helm has it built

Render = Callable[[str], list[Manifest]]
OPTIONAL = ("serviceaccounts/token", "jobs", "deployments", "daemonsets", "statefulsets")
"""What is granted in some namespaces only, and by default in none."""


def of_kind(objects: Iterable[Manifest], kind: str) -> list[Manifest]:
    return [each for each in objects if each["kind"] == kind]


def the(objects: Iterable[Manifest], kind: str) -> Manifest:
    (found,) = of_kind(objects, kind)
    return found


def container(objects: Iterable[Manifest]) -> Any:
    (found,) = the(objects, "Deployment")["spec"]["template"]["spec"]["containers"]
    return found


def environ(objects: Iterable[Manifest]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(objects)["env"]}


def grants(rules: Iterable[Manifest]) -> set[tuple[str, str, str, tuple[str, ...]]]:
    """Give rules as what each allows: group, resource, verb, and the names if not all."""
    return {
        (group, resource, verb, tuple(rule.get("resourceNames", ())))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def roles(objects: Iterable[Manifest]) -> dict[str, Manifest]:
    """Give the operator's Roles by namespace, but for the installation's key."""
    return {each["metadata"]["namespace"]: each for each in of_kind(objects, "Role") if is_operators(each)}


def is_operators(role: Manifest) -> bool:
    return str(role["metadata"]["name"]) == "prod-operator"


def cluster_role(objects: Iterable[Manifest]) -> Manifest:
    (found,) = filter(is_operators, of_kind(objects, "ClusterRole"))
    return found


def needed(*optional: str) -> set[tuple[str, str, str, tuple[str, ...]]]:
    """Give what the operator has in a namespace, in all tests, which `tests.support.rights` judges."""
    return {each for each in grants(operator_rules()) if each[1] not in OPTIONAL or each[1] in optional}


def test_the_definition_is_that_of_the_project(render: Render) -> None:
    made = the(render("nothing but the image"), "CustomResourceDefinition")
    assert made["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert made == yaml.safe_load(CRD.read_text())
    assert of_kind(render("somebody else's rights"), "CustomResourceDefinition") == []


@pytest.mark.apiserver
def test_the_api_server_takes_every_set_as_it_is(control_plane: ControlPlane, render: Render) -> None:
    install_monitoring_crds(control_plane)
    once = {json.dumps(each, sort_keys=True) for title in SETS for each in render(title)}
    said = kubectl(
        control_plane,
        *("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-"),
        stdin="\n---\n".join(once),
    )
    assert len(said.splitlines()) == len(once)
    assert "Warning" not in said


def test_cluster_wide_it_may_do_what_it_needs_everywhere(render: Render) -> None:
    made = render("nothing but the image")
    assert grants(cluster_role(made)["rules"]) == needed()
    assert roles(made) == {}
    assert grants(cluster_role(render("every right"))["rules"]) == needed(*OPTIONAL)


def test_in_some_namespaces_it_may_do_nothing_elsewhere(render: Render) -> None:
    made = render("some namespaces")
    assert {name: grants(each["rules"]) for name, each in roles(made).items()} == {
        "default": needed(),
        "kube-public": needed(),
    }
    assert [each["metadata"]["name"] for each in of_kind(made, "ClusterRole")] == [
        "prod-unprotect",
        "prod-view",
        "prod-edit",
    ]
    assert of_kind(made, "ClusterRoleBinding") == []
    assert Settings.from_env(environ(made)).namespaces == ("default", "kube-public")


def test_more_is_granted_only_where_it_is_asked_for(render: Render) -> None:
    made = render("rights in some namespaces")
    assert grants(cluster_role(made)["rules"]) == needed("serviceaccounts/token")
    assert {name: grants(each["rules"]) for name, each in roles(made).items()} == {
        "default": {each for each in needed(*OPTIONAL) if each[1] in {"serviceaccounts/token", "jobs"}}
    }


def test_named_secrets_are_all_that_it_can_read(render: Render) -> None:
    made = render("named Secrets")
    (role,) = roles(made).values()
    assert {each for each in grants(role["rules"]) if each[1] in {"secrets", "configmaps"}} == {
        *(("", "secrets", verb, ("store",)) for verb in ("get", "list", "watch")),
        *(("", "configmaps", verb, ("ca",)) for verb in ("get", "list", "watch")),
        *(("", "secrets", verb, ("state-ca",)) for verb in ("get", "update", "delete")),
        ("", "secrets", "create", ()),
    }
    assert Settings.from_env(environ(made)).secrets_rbac == "named"


def test_every_binding_is_of_the_one_account_that_runs_it(render: Render) -> None:
    for title in SETS:
        assert_bound([each for each in render(title) if "node-agent" not in each["metadata"]["name"]])


def assert_bound(made: list[Manifest]) -> None:
    account = the(made, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"]
    subject = {"kind": "ServiceAccount", "name": account, "namespace": "default"}
    bindings = [*of_kind(made, "RoleBinding"), *of_kind(made, "ClusterRoleBinding")]
    assert all(each["subjects"] == [subject] for each in bindings)
    bound = {(each["metadata"].get("namespace"), each["roleRef"]["name"]) for each in bindings}
    own = [*of_kind(made, "Role"), *filter(is_operators, of_kind(made, "ClusterRole"))]
    assert bound == {(each["metadata"].get("namespace"), each["metadata"]["name"]) for each in own}


@pytest.mark.apiserver
def test_a_restricted_namespace_takes_its_pods_and_no_agents(
    control_plane: ControlPlane, namespace: str, render: Render
) -> None:
    """Pod security is the API server's own; nothing runs a Deployment's Pods here, so they are made of its template."""
    kubectl(control_plane, "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
    pods = [pod for title in SETS for pod in (*pods_of(render(title), "Deployment"), the(render(title), "Pod"))]
    for text in {json.dumps(in_namespace(pod, namespace), sort_keys=True) for pod in pods}:
        assert control_plane.api().request("POST", path, json.loads(text))["kind"] == "Pod"
    (agent,) = pods_of(render("watched, with agents"), "DaemonSet")
    with pytest.raises(RequestRefused, match='violates PodSecurity "restricted:latest"'):
        control_plane.api().request("POST", path, in_namespace(agent, namespace))


def pods_of(objects: Iterable[Manifest], kind: str) -> list[Manifest]:
    """Give the Pods that objects of a kind ask for."""
    return [each["spec"]["template"] for each in of_kind(objects, kind)]


def in_namespace(pod: Manifest, namespace: str) -> Manifest:
    return {"metadata": {**pod["metadata"], "name": "pod", "namespace": namespace}, "spec": pod["spec"]}


def test_its_pods_keep_the_restricted_standard(render: Render) -> None:
    for title in SETS:
        assert_restricted(render(title))


def assert_restricted(made: list[Manifest]) -> None:
    pods = [the(made, "Deployment")["spec"]["template"]["spec"], the(made, "Pod")["spec"]]
    for pod in pods:
        (one,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    mounts = {each["name"]: each["mountPath"] for each in container(made)["volumeMounts"]}
    assert mounts["temporary"] == environ(made)["TMPDIR"]


def test_every_setting_reaches_the_operator(render: Render) -> None:
    given = SETS["files for review"]["operator"]
    made = render("files for review")
    read = Settings.from_env(environ(made))
    assert (read.file_roots, read.memory_allowed, read.token_urls) == (("/review",), True, tuple(given["tokenURLs"]))
    assert read.allowed_endpoints == tuple(given["allowedEndpoints"])
    assert Settings.from_env(environ(render("every right"))).after_push_namespaces == ("*",)
    assert policy_of(render("single tenant")).of("any").places(ambient=True) is None
    assert policy_of(made).of("clusters").kubernetes == ("*-example-com",)
    assert read.election == Election(wanted=True, name="prod-operator", duration=60, deadline=40, retry=5)
    assert read.shards == 3
    default = Settings(metrics_address=Address("", 8080), election=Election(wanted=True, name="prod-operator"))
    assert Settings.from_env(environ(render("nothing but the image"))) == default


def test_the_pod_is_placed_dressed_and_identified_as_asked(render: Render) -> None:
    given, made = SETS["placed"]["operator"], render("placed")
    template = the(made, "Deployment")["spec"]["template"]
    for name in ("priorityClassName", "tolerations", "affinity"):
        assert template["spec"][name] == given[name]
    (spread,) = template["spec"]["topologySpreadConstraints"]
    assert spread.pop("labelSelector")["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert [spread] == given["topologySpreadConstraints"]
    assert container(made)["resources"]["requests"].items() >= given["resources"]["requests"].items()
    assert template["metadata"]["annotations"].items() >= given["podAnnotations"].items()
    assert template["metadata"]["labels"].items() >= given["podLabels"].items()
    account = the(render("single tenant"), "ServiceAccount")
    assert account["metadata"]["annotations"] == SETS["single tenant"]["serviceAccount"]["annotations"]


def test_what_is_added_to_the_pod_is_there(render: Render) -> None:
    given, made = SETS["files for review"]["operator"], render("files for review")
    assert container(made)["envFrom"] == given["extraEnvFrom"]
    assert all(each in container(made)["volumeMounts"] for each in given["extraVolumeMounts"])
    volumes = the(made, "Deployment")["spec"]["template"]["spec"]["volumes"]
    assert all(each in volumes for each in given["extraVolumes"])
    sizes = {each["name"]: each.get("emptyDir", {}).get("sizeLimit") for each in volumes}
    assert sizes["temporary"] == given["temporary"]["sizeLimit"]
    assert SETS["single tenant"]["operator"]["extraEnv"][0] in container(render("single tenant"))["env"]
    locked = the(render("locked in"), "Deployment")["spec"]["template"]["spec"]
    assert locked["imagePullSecrets"] == [{"name": "registry"}]
    assert locked["containers"][0]["image"].endswith(f"@{SETS['locked in']['image']['digest']}")


def policy_of(made: list[Manifest]) -> Policy:
    """Give the policy that the operator reads in its Pod."""
    pod, path = the(made, "Deployment")["spec"]["template"]["spec"], Settings.from_env(environ(made)).policy
    (volume,) = [each for each in pod["volumes"] if each["name"] == "policy"]
    (mount,) = [each for each in container(made)["volumeMounts"] if each["name"] == "policy"]
    (found,) = [each for each in of_kind(made, "ConfigMap") if each["metadata"]["name"] == volume["configMap"]["name"]]
    folder, _, name = path.rpartition("/")
    assert (folder, [*found["data"]]) == (mount["mountPath"], [name])
    return load_policy(found["data"][name].encode(), path)


def test_its_pods_elect_a_leader_and_a_new_one_waits_for_no_old_one(render: Render) -> None:
    made = render("nothing but the image")
    deployment = the(made, "Deployment")["spec"]
    assert deployment["replicas"] == 2
    assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert the(made, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1, "a drain is never held up for good"
    (own,) = (each for each in of_kind(made, "Role") if each["metadata"]["name"] == "prod-operator-installation")
    assert own["metadata"]["namespace"] == "default"
    most = range(1, MOST_SHARDS + 1)
    leases = tuple(lease for count in most for lease in Sharding("prod-operator", count).leases)
    assert {each for each in grants(own["rules"]) if each[1] == "leases"} == {
        ("coordination.k8s.io", "leases", "get", leases),
        ("coordination.k8s.io", "leases", "update", leases),
        ("coordination.k8s.io", "leases", "create", ()),
    }


def test_it_is_probed_where_it_answers(render: Render) -> None:
    made = render("nothing but the image")
    one = container(made)
    assert one["args"] == ["run"]
    assert one["ports"] == [{"name": "metrics", "containerPort": 8080}]
    probes = {one[f"{kind}Probe"]["httpGet"]["path"] for kind in ("readiness", "liveness")}
    assert probes == {"/readyz", "/healthz"}
    assert the(made, "Pod")["spec"]["containers"][0]["command"][-1] == "http://prod-operator.default:8080/readyz"


def test_what_selects_the_operator_finds_its_pods_alone(render: Render) -> None:
    wanted = {
        kind: the(render(title), kind)["spec"]
        for title, kinds in {
            "locked in": ["Service", "PodDisruptionBudget", "NetworkPolicy"],
            "watched, with agents": ["ServiceMonitor"],
            "watched by Pod": ["PodMonitor"],
        }.items()
        for kind in kinds
    }
    made = render("watched, with agents")
    own, test, agent = (
        the(made, "Deployment")["spec"]["template"]["metadata"]["labels"],
        the(made, "Pod")["metadata"]["labels"],
        the(made, "DaemonSet")["spec"]["template"]["metadata"]["labels"],
    )
    for spec in wanted.values():
        selector = spec.get("selector") or spec["podSelector"]
        labels = selector.get("matchLabels", selector).items()
        assert labels <= own.items()
        assert not labels <= test.items()
        assert not labels <= agent.items()


def test_who_may_edit_a_namespace_may_not_edit_states_by_default(render: Render) -> None:
    def aggregated(title: str) -> dict[str, set[str]]:
        prefix = "rbac.authorization.k8s.io/aggregate-to-"
        return {
            each["metadata"]["name"]: {
                label.removeprefix(prefix) for label in each["metadata"]["labels"] if label.startswith(prefix)
            }
            for each in of_kind(render(title), "ClusterRole")
            if not is_operators(each)
        }

    own = {"prod-view": {"view"}, "prod-unprotect": {"admin"}}
    assert aggregated("nothing but the image") == {**own, "prod-edit": {"admin"}}
    assert aggregated("watched by Pod") == {**own, "prod-edit": {"edit", "admin"}}
