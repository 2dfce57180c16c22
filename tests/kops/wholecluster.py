"""A cluster with a bit of everything that a store may hold of one, its keys and secrets elsewhere, to be deleted."""

from typing import Protocol

from tests.support.world import COMPLEX, MINIMAL

KEY, SECRET = "keys/private/kubernetes-ca/keyset.yaml", "secrets/dockerconfig"
BACKUP = "backups/etcd/main/1/etcd.backup.gz"
MORE = (
    BACKUP,
    "addons/bootstrap-channel.yaml",
    "clusteraddons/default",
    "igconfig/node/nodes/nodeupconfig.yaml",
    "kops-version.txt",
    "manifests/etcd/main-a.yaml",
    "pki/issued/kubernetes-ca/keyset.yaml",
)


class Bucket(Protocol):
    """Where it is put."""

    @property
    def url(self) -> str: ...

    def load_store(self, cluster: str, /) -> None: ...

    def put(self, key: str, data: bytes, /) -> None: ...

    def read(self, key: str, /) -> bytes: ...


def load(bucket: Bucket) -> None:
    """Put it beside another cluster."""
    bucket.load_store(COMPLEX)
    bucket.load_store(MINIMAL)
    for key in MORE:
        bucket.put(f"{COMPLEX}/{key}", b"x")
    bucket.put(KEY, bucket.read(f"{COMPLEX}/pki/private/kubernetes-ca/keyset.yaml"))
    bucket.put(SECRET, bucket.read(f"{COMPLEX}/secrets/dockerconfig"))
    places = f"\nspec:\n  keyStore: {bucket.url}/keys\n  secretStore: {bucket.url}/secrets\n".encode()
    config = bucket.read(f"{COMPLEX}/config").replace(b"\nspec:\n", places, 1)
    bucket.put(f"{COMPLEX}/config", config)
    bucket.put(f"{COMPLEX}/cluster-completed.spec", config)
