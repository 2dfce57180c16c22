"""Which fields of a Cluster spec kops rewrites when `kops update cluster` completes it: data.

Read in kops 1.35.2: `upup/pkg/fi/cloudup/{populate_cluster_spec,defaults,spec_builder}.go` and the option builders in
`pkg/model/components`. Everything else is only filled in where it was empty, so that what `config` says is found
again in `cluster-completed.spec`.
"""

from collections.abc import Mapping
from typing import Final

_KUBELET: Final = (
    "allowPrivileged",
    "cgroupDriver",
    "cgroupRoot",
    "cloudProvider",
    "clusterDomain",
    "enableDebuggingHandlers",
    "hairpinMode",
    "kubeconfigPath",
    "logLevel",
    "podManifestPath",
    "registerSchedulable",
    "shutdownGracePeriod",
    "shutdownGracePeriodCriticalPods",
)

_BELOW: Final[Mapping[str, tuple[str, ...]]] = {
    "cloudConfig": ("multizone", "nodeTags"),
    "cloudConfig.awsEBSCSIDriver": ("enabled",),
    "cloudControllerManager": (
        "allocateNodeCIDRs",
        "allowUntaggedCloud",
        "cidrAllocatorType",
        "cloudProvider",
        "clusterName",
        "configureCloudRoutes",
        "leaderElection",
        "nodeStatusUpdateFrequency",
    ),
    "clusterAutoscaler": ("createPriorityExpanderConfig",),
    "containerd": ("logLevel", "runc"),
    "kubeAPIServer": (
        "allowPrivileged",
        "anonymousAuth",
        "authenticationTokenWebhookConfigFile",
        "authorizationMode",
        "bindAddress",
        "cloudProvider",
        "enableAdmissionPlugins",
        "etcdServers",
        "etcdServersOverrides",
        "image",
        "insecureBindAddress",
        "insecurePort",
        "logLevel",
        "requestheaderAllowedNames",
        "requestheaderExtraHeaderPrefixes",
        "requestheaderGroupHeaders",
        "requestheaderUsernameHeaders",
        "securePort",
        "serviceAccountJWKSURI",
        "serviceClusterIPRange",
    ),
    "kubeControllerManager": (
        "allocateNodeCIDRs",
        "attachDetachReconcileSyncPeriod",
        "cidrAllocatorType",
        "cloudProvider",
        "clusterName",
        "configureCloudRoutes",
        "image",
        "leaderElection",
        "nodeCIDRMaskSize",
    ),
    "kubeProxy": ("image",),
    "kubelet": _KUBELET,
    "masterKubelet": _KUBELET,
    "networking.calico": ("encapsulationMode", "vxlanMode"),
}

REWRITTEN: Final[frozenset[str]] = frozenset(
    {
        "containerRuntime",
        "nonMasqueradeCIDR",
        *(f"{parent}.{name}" for parent, names in _BELOW.items() for name in names),
    }
)
"""Below `spec`; the update may give each of these another value than the one in `config`."""
VERSION: Final = "kubernetesVersion"
"""Loses its leading `v`."""
PROXY_EXCLUDES: Final = "egressProxy.excludes"
"""A comma-separated list that is appended to."""
