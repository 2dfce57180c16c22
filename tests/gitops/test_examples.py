"""The complete examples for Argo CD and Flux: what they hold fits together, and their ClusterStates can be loaded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from clusterstate.api.load import load
from tests.support.helm import rendered
from tests.support.operating import Body

ROOT = Path(__file__).parents[2]
GITOPS = ROOT / "examples" / "gitops"
VERSIONS = {
    "Application": "argoproj.io/v1alpha1",
    "ClusterState": "clusterstate.dev/v1alpha1",
    "ConfigMap": "v1",
    "GitRepository": "source.toolkit.fluxcd.io/v1",
    "HelmRelease": "helm.toolkit.fluxcd.io/v2",
    "Kustomization": "kustomize.toolkit.fluxcd.io/v1",
    "Namespace": "v1",
}
REQUIRED = {
    "Application": {"project", "source", "destination"},
    "GitRepository": {"interval", "url", "ref"},
    "HelmRelease": {"interval", "chart"},
    "Kustomization": {"interval", "sourceRef", "path", "prune"},
}


def documents(tool: str) -> Iterator[Body]:
    for path in sorted((GITOPS / tool).rglob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


def of_kind(tool: str, kind: str) -> dict[str, Body]:
    return {each["metadata"]["name"]: each for each in documents(tool) if each["kind"] == kind}


@pytest.mark.parametrize("tool", ["argocd", "flux"])
def test_every_object_is_of_a_kind_and_version_that_there_is(tool: str) -> None:
    for each in documents(tool):
        assert each["apiVersion"] == VERSIONS[each["kind"]]
        assert each.get("spec", {}).keys() >= REQUIRED.get(each["kind"], set())


@pytest.mark.parametrize("tool", ["argocd", "flux"])
def test_the_clusterstate_can_be_loaded_and_has_every_fields_right_name(tool: str) -> None:
    for body in of_kind(tool, "ClusterState").values():
        metadata = {"uid": "1", "resourceVersion": "1", "generation": 1, **body["metadata"]}
        state = load({**body, "metadata": metadata})
        assert state.spec.mirror is not None
        assert state.spec.store.url == "s3://acme-state-store"


def test_both_declare_the_same_but_for_what_argo_cd_needs_on_mirrors() -> None:
    ours, theirs = (of_kind(tool, "ClusterState")["prod"]["spec"] for tool in ("argocd", "flux"))
    assert ours["mirror"].pop("annotations") == {
        "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
        "argocd.argoproj.io/sync-options": "Prune=false",
    }
    assert ours == theirs


def test_argo_cd_brings_the_operator_before_the_clusterstates() -> None:
    found = of_kind("argocd", "Application")
    waves = {name: int(each["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]) for name, each in found.items()}
    assert waves["clusterstate"] < waves["clusters"]
    assert all("ServerSideApply=true" in each["spec"]["syncPolicy"]["syncOptions"] for each in found.values())
    assert (ROOT / found["clusterstate"]["spec"]["source"]["path"] / "Chart.yaml").is_file()


@pytest.mark.timeout(900)  # the first test that asks for helm has it built
def test_both_give_the_chart_values_that_do(tmp_path: Path) -> None:
    argo, flux = of_kind("argocd", "Application")["clusterstate"], of_kind("flux", "HelmRelease")["clusterstate"]
    given = argo["spec"]["source"]["helm"]["valuesObject"]
    assert given == flux["spec"]["values"]
    assert argo["spec"]["destination"]["namespace"] == flux["metadata"]["namespace"] == "clusterstate"
    assert list(rendered("clusterstate", "clusterstate", given, tmp_path / "home"))


def test_flux_waits_for_the_clusterstates_of_its_own_folder() -> None:
    found = of_kind("flux", "Kustomization")
    assert found["clusterstate"]["spec"]["wait"]
    assert found["clusters"]["spec"]["dependsOn"] == [{"name": "clusterstate"}]
    there = of_kind("flux", "ClusterState")
    checked = [{"name": name, "namespace": each["metadata"]["namespace"]} for name, each in there.items()]
    kind = {"apiVersion": VERSIONS["ClusterState"], "kind": "ClusterState"}
    assert found["clusters"]["spec"]["healthChecks"] == [kind | each for each in checked]
    for each in found.values():
        assert each["spec"]["sourceRef"]["name"] in of_kind("flux", "GitRepository")
        assert (GITOPS / "flux" / each["spec"]["path"]).is_dir()
