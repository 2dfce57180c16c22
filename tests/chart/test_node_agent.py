"""The chart gives the node agent what its configuration needs, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from clusterstate.api.basics import DNS_NAME
from clusterstate.node.config import load_configuration
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.settings import Address, Settings
from tests.support.helm import CHART, Manifest, helm, rendered, run_helm
from tests.support.nodeagent import file_of
from tests.support.operating import kubectl

pytestmark = pytest.mark.timeout(900)  # the first test that asks for helm has it built

CA = file_of("prod-keyset-kubernetes-ca", "ca.crt", mode="0644")
KEY = file_of("prod-keyset-kubelet-api", "tls.key", "private/tls.key")
SETS = [
    {"directory": "/etc/kubernetes/pki/mirrored", "directoryMode": "0755", "files": [CA, KEY], "removeMissing": True},
    {"directory": "/srv/kubernetes", "directoryMode": "0711", "files": [CA], "reload": ["true"]},
]


def values(sets: list[dict[str, Any]] = SETS, **agent: Any) -> dict[str, Any]:
    config = {"sets": sets, **agent.pop("config", {})}
    image = {"repository": "registry.example.com/clusterstate"}
    return {"image": image, "operator": {"enabled": False}, "nodeAgent": {"enabled": True, "config": config, **agent}}


def objects(home: Path, given: dict[str, Any], release: str = "prod", namespace: str = "system") -> dict[str, Manifest]:
    return {each["kind"]: each for each in rendered(release, namespace, given, home)}


def refusal(home: Path, given: dict[str, Any]) -> str:
    done = run_helm("template", "prod", str(CHART), values=given, home=home)
    assert done.returncode != 0
    return done.stderr


def test_nothing_is_there_unless_asked_for(tmp_path: Path) -> None:
    assert helm().is_file()
    assert list(rendered("prod", "system", {"operator": {"enabled": False}}, tmp_path / "home")) == []


def test_lint_has_nothing_to_say(tmp_path: Path) -> None:
    done = run_helm("lint", "--strict", str(CHART), values=values(), home=tmp_path / "home")
    assert done.returncode == 0, done.stdout


@pytest.mark.apiserver
def test_the_api_server_takes_it_as_it_is(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    text = "\n---\n".join(map(json.dumps, rendered("prod", namespace, values(hostNetwork=True), tmp_path / "home")))
    said = kubectl(
        control_plane, "create", "--dry-run=server", "--validate=strict", "-n", namespace, "-f", "-", stdin=text
    )
    assert len(said.splitlines()) == 5
    assert "Warning" not in said


def test_the_agent_reads_the_named_secrets_alone(tmp_path: Path) -> None:
    made = objects(tmp_path / "home", values(config={"namespace": "clusters"}))
    names = ["prod-keyset-kubelet-api", "prod-keyset-kubernetes-ca"]
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"], "resourceNames": names}
    assert made["Role"]["rules"] == [rule]
    assert made["Role"]["metadata"]["namespace"] == made["RoleBinding"]["metadata"]["namespace"] == "clusters"
    account = {"kind": "ServiceAccount", "name": made["ServiceAccount"]["metadata"]["name"], "namespace": "system"}
    assert made["RoleBinding"]["subjects"] == [account]
    assert made["RoleBinding"]["roleRef"]["name"] == made["Role"]["metadata"]["name"]
    assert made["DaemonSet"]["spec"]["template"]["spec"]["serviceAccountName"] == account["name"]
    assert "ClusterRole" not in made


def test_the_configuration_is_the_agents(tmp_path: Path) -> None:
    made = objects(tmp_path / "home", values())
    configuration = load_configuration(made["ConfigMap"]["data"]["agent.yaml"].encode(), "agent.yaml")
    assert (configuration.namespace, configuration.secrets) == (
        "system",
        ("prod-keyset-kubelet-api", "prod-keyset-kubernetes-ca"),
    )
    assert [each.directory for each in configuration.sets] == [each["directory"] for each in SETS]
    assert (configuration.sets[0].remove_missing, configuration.sets[1].reload) == (True, ("true",))


def test_the_directories_alone_are_mounted_from_the_node(tmp_path: Path) -> None:
    pod = objects(tmp_path / "home", values())["DaemonSet"]["spec"]["template"]["spec"]
    paths = {each["name"]: each["hostPath"] for each in pod["volumes"] if "hostPath" in each}
    assert [each["path"] for each in paths.values()] == [each["directory"] for each in SETS]
    (container,) = pod["containers"]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert {name: mounts[name] for name in paths} == {name: each["path"] for name, each in paths.items()}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()


@pytest.mark.parametrize(
    ("more", "added"), [({}, None), ({"group": 5}, ["CHOWN"]), ({"owner": 5, "group": 5}, ["CHOWN", "DAC_OVERRIDE"])]
)
def test_it_may_do_no_more_than_its_files_need(tmp_path: Path, more: dict[str, int], added: list[str] | None) -> None:
    given = values([{"directory": "/pki", "files": [{**CA, **more}, KEY]}])
    (container,) = objects(tmp_path / "home", given)["DaemonSet"]["spec"]["template"]["spec"]["containers"]
    context = container["securityContext"]
    capabilities = {"drop": ["ALL"]} | ({"add": added} if added else {})
    assert context == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": capabilities,
    }


def test_it_is_ready_once_its_files_are_there(tmp_path: Path) -> None:
    (container,) = objects(tmp_path / "home", values(port=9000))["DaemonSet"]["spec"]["template"]["spec"]["containers"]
    environ = {each["name"]: each["value"] for each in container["env"]}
    assert Settings.from_env(environ).metrics_address == Address("", 9000)
    assert container["ports"] == [{"name": "metrics", "containerPort": 9000}]
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}


@pytest.mark.parametrize("monitor", ["serviceMonitor", "podMonitor"])
def test_prometheus_is_led_to_its_pods(tmp_path: Path, monitor: str) -> None:
    given = {**values(), "monitoring": {monitor: {"enabled": True, "interval": "30s"}}}
    made = objects(tmp_path / "home", given)
    spec = made["PodMonitor"]["spec"]
    labels = made["DaemonSet"]["spec"]["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert spec["podMetricsEndpoints"] == [{"port": "metrics", "interval": "30s"}]


def test_another_configuration_makes_other_pods(tmp_path: Path) -> None:
    sums = {
        objects(tmp_path / "home", values(each))["DaemonSet"]["spec"]["template"]["metadata"]["annotations"][
            "checksum/config"
        ]
        for each in (SETS, SETS[:1])
    }
    assert len(sums) == 2


def test_a_long_name_is_cut(tmp_path: Path) -> None:
    made = objects(tmp_path / "home", values(), release="a" * 51 + "-b")
    for each in made.values():
        name = each["metadata"]["name"]
        assert len(name) <= 63
        assert re.match(DNS_NAME, name)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"operator": {"enabled": False}, "nodeAgent": {"enabled": True, "config": {"sets": SETS}}},
            "image.repository",
        ),
        (values([]), "name at least one set"),
        (values([{"directory": "etc", "files": [CA]}]), "directory"),
        (values([{"directory": "/etc/../root", "files": [CA]}]), "directory"),
        (values([{"directory": "/etc/.", "files": [CA]}]), "directory"),
        (values([{"directory": "/config", "files": [CA]}]), "directory"),
        (values([{"directory": "/config/pki", "files": [CA]}]), "directory"),
        (values(port=0), "port"),
        (values([{"directory": "/etc", "files": [{**CA, "owner": "root"}]}]), "owner"),
        (values([{"directory": "/etc", "files": [{**CA, "mode": 644}]}]), "mode"),
        (values(colour="red"), "colour"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    assert said in refusal(tmp_path / "home", given)
