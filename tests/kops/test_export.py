"""What the real kops keeps as objects comes into a directory and back, as from any other store."""

from pathlib import Path

import pytest
import yaml

from tests.cli.files.places import Places, files
from tests.kops.test_kops_resources import cluster, create_all, kops_there, objects, operating, shown
from tests.support.kops import Kops
from tests.support.kopscrds import KopsObjects
from tests.support.operating import Operating

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

__all__ = ["cluster", "kops_there", "objects", "operating"]


def test_objects_of_kops_are_exported_changed_and_imported(
    operating: Operating, objects: KopsObjects, kops_there: Kops, cluster: str, tmp_path: Path
) -> None:
    create_all(kops_there, cluster)
    assert objects.namespace
    places = Places(tmp_path, kops_there.store, {"KUBECONFIG": str(operating.plane.kubeconfig)})
    places.run("export", cluster, places.directory, "--with-secrets")
    exported = files(places.directory)
    group = next(key for key in exported if "/instancegroup/node" in key)
    assert {key.partition("/")[2].partition("/")[0] for key in exported} == {
        "config",
        "instancegroup",
        "pki",
        "secrets",
    }
    assert "Nothing to change" in places.bring(cluster).stdout
    path = places.directory / group
    path.write_text(path.read_text().replace("maxSize: ", "maxSize: 1"))
    wanted = yaml.safe_load(path.read_text())["spec"]["maxSize"]
    places.bring(cluster, "--yes")
    assert shown(kops_there, "instancegroup", path.name, cluster)["spec"]["maxSize"] == wanted
    assert "Nothing to change" in places.bring(cluster).stdout
    manifest = yaml.safe_load(places.run("adopt", cluster).stdout)
    assert manifest["spec"]["store"] == {"url": "k8s://", "k8s": {"layout": "KopsResources"}}
