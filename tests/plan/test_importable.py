"""What an import lets pass is what kops can read; bytes that mean nothing to us are nobody's to judge."""

from pathlib import Path

import pytest

from clusterstate.errors import StateError
from clusterstate.plan.importable import require_sound
from clusterstate.state.limits import MAX_DOCUMENT

DATA = Path(__file__).parents[1] / "data"
CLUSTER = "apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\n"


@pytest.mark.parametrize("store", ["kops-store/minimal.example.com", "kops-store-updated/minimal.example.com"])
def test_whatever_kops_wrote_passes(store: str) -> None:
    root = DATA / store
    keys = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    for key, data in keys.items():
        require_sound(key, data)
    assert keys


@pytest.mark.parametrize(
    ("key", "data", "said"),
    [
        ("config", b"a: [", "config"),
        ("config", f"{CLUSTER}spec: {{kubelet: {{maxPods: many}}}}\n".encode(), "config: /spec/kubelet/maxPods: "),
        ("instancegroup/a", CLUSTER.encode(), "kind InstanceGroup"),
        ("cluster-completed.spec", b"", "cluster-completed.spec"),
        ("pki/private/ca/keyset.yaml", b"a: b", "pki/private/ca/keyset.yaml"),
        ("secrets/a", b"a", "isn't a kops secret"),
        ("pki/ssh/public/admin/a", b"a", "no SSH public key"),
        ("addons/a", b"a" * (MAX_DOCUMENT + 1), "addons/a has "),
    ],
)
def test_what_kops_couldnt_use_is_named(key: str, data: bytes, said: str) -> None:
    with pytest.raises(StateError, match=said):
        require_sound(key, data)


@pytest.mark.parametrize("key", ["notes", "pki/issued/ca/1.crt", "backups/etcd/a", "kops-version.txt"])
def test_other_files_are_taken_as_they_are(key: str) -> None:
    require_sound(key, b"\xff")
