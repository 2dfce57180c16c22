"""Where an object's state lies, as far as its own text tells. Pure."""

from clusterstate.api.store import Layout, StoreSpec
from clusterstate.store.location import Location


def locate_store(spec: StoreSpec, namespace: str, cluster_name: str) -> Location:
    """Give the place of the store; raise `SpecInvalid` for a URL that is none.

    A store in Kubernetes is in the object's own namespace unless it names another, and in the one that kops derives
    from the cluster's name where it is kept as kops's own objects (kops, pkg/client/simple/api/clientset.go).
    """
    if spec.k8s is not None and spec.k8s.layout is Layout.KOPS_RESOURCES:
        namespace = cluster_name.replace(".", "-")
    return Location.parse(spec.url).within(namespace)


def locate_state(spec: StoreSpec, namespace: str, cluster_name: str) -> Location:
    """Give the place of the state, `{store}/{cluster}`; raise `SpecInvalid` for a URL that is none."""
    return locate_store(spec, namespace, cluster_name).child(cluster_name)
