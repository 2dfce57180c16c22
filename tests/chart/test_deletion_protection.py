"""The API server itself keeps a protected object, whoever asks, until somebody who may lifts the protection."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterstate.sandbox.apiclient import ApiClient
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.errors import RequestRefused
from tests.support.helm import Manifest, rendered
from tests.support.operating import Operating, install_crd, path_of
from tests.support.people import Person, states
from tests.support.valuesets import IMAGE
from tests.support.world import manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(900)]  # the first test that asks for helm has it built

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
PLURALS = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}
NAME = "clusterstate.dev/deletion-protection"
EDITS = ("get", "list", "create", "update", "patch", "delete", "deletecollection")
MERGE = "application/merge-patch+json"


def path_in_cluster(made: Manifest) -> str:
    return f"{ADMISSION}/{PLURALS[made['kind']]}/{made['metadata']['name']}"


@pytest.fixture
def place(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Operating]:
    """A namespace of a cluster that has the chart's policy."""
    install_crd(control_plane)
    api = control_plane.api()
    made = [
        each for each in rendered(namespace, namespace, {"image": IMAGE}, tmp_path / "helm") if each["kind"] in PLURALS
    ]
    assert [each["kind"] for each in made] == [*PLURALS]
    for each in made:
        api.request("POST", path_in_cluster(each).rpartition("/")[0], each)
    yield Operating(control_plane, namespace, tmp_path)
    for each in made:
        api.request("DELETE", path_in_cluster(each))


def user(place: Operating, name: str, *verbs: str) -> ApiClient:
    Person(place, states(*verbs), name=name)
    return place.plane.api(place.plane.service_account_token(place.namespace, name))


def refusal(api: ApiClient, method: str, path: str, body: Any = None, **more: str) -> str:
    """Give why the API server refuses that."""
    try:
        api.request(method, path, body, **more)
    except RequestRefused as error:
        return str(error) if error.status == 403 else ""
    return ""


def test_a_protected_object_stays_until_who_may_lifts_it(place: Operating) -> None:
    editor, lifter = user(place, "editor", *EDITS), user(place, "lifter", *EDITS, "unprotect")
    for name, value in (("kept", "true"), ("last", "true"), ("free", "false")):
        body = manifest(name, url="s3://acme")
        body["metadata"]["annotations"] = {NAME: value}
        place.apply(body)
    kept, every = path_of(place.namespace, "clusterstate", "kept"), path_of(place.namespace, "clusterstate")
    place.until(lambda: "protected from deletion" in refusal(editor, "DELETE", f"{kept}?dryRun=All"))

    for api in (editor, lifter, place.plane.api()):
        assert f"ClusterState {place.namespace}/kept is protected from deletion" in refusal(api, "DELETE", kept)
    assert "protected" in refusal(editor, "DELETE", every)
    place.until(lambda: place.find("clusterstate", "free") is None)
    for value in (None, "false", "True"):
        lifted = {"metadata": {"annotations": {NAME: value}}}
        assert "verb unprotect" in refusal(editor, "PATCH", kept, lifted, content_type=MERGE)
    assert "verb unprotect" in refusal(editor, "PATCH", kept, {"metadata": {"annotations": None}}, content_type=MERGE)

    editor.request("PATCH", kept, {"spec": {"suspend": True}}, content_type=MERGE)
    place.plane.api().request("PATCH", f"{kept}/status", {"metadata": {"annotations": None}}, content_type=MERGE)
    assert place.state("kept")["metadata"]["annotations"] == {NAME: "true"}
    lifter.request("PATCH", kept, {"metadata": {"annotations": {NAME: None}}}, content_type=MERGE)
    editor.request("DELETE", kept)
    assert place.find("clusterstate", "kept") is None

    admin, space = place.plane.api(), f"/api/v1/namespaces/{place.namespace}"
    admin.request("DELETE", space)
    last = f"ClusterState {place.namespace}/last is protected from deletion"
    place.until(lambda: last in str(admin.request("GET", space)["status"]))
    assert "deletionTimestamp" not in place.state("last")["metadata"]
