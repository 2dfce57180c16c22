"""What kops's commands call fields that its files spell otherwise: `kops edit --set` names those of kops's newer API.

After `pkg/apis/kops/v1alpha2/conversion.go` of kops 1.35.2. Names that differ in upper and lower case alone, such as
`externalDNS`, aren't here: paths are read without regard to that where only one field can be meant.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from clusterstate.state.schema import Kind

EACH: Final = "[]"
"""Any item of a list, in the paths of this table."""


class Renamed(NamedTuple):
    """How files spell a field."""

    path: tuple[str, ...]
    inverted: bool = False
    """Whether they say the opposite."""


_MOVED: Final[Mapping[str, str]] = {
    "api.access": "kubernetesApiAccess",
    "api.additionalSANs": "additionalSans",
    "api.publicName": "masterPublicName",
    "authentication.oidc.clientID": "kubeAPIServer.oidcClientID",
    "authentication.oidc.groupsPrefix": "kubeAPIServer.oidcGroupsPrefix",
    "authentication.oidc.issuerURL": "kubeAPIServer.oidcIssuerURL",
    "authentication.oidc.usernameClaim": "kubeAPIServer.oidcUsernameClaim",
    "authentication.oidc.usernamePrefix": "kubeAPIServer.oidcUsernamePrefix",
    "cloudProvider.aws.disableSecurityGroupIngress": "cloudConfig.disableSecurityGroupIngress",
    "cloudProvider.aws.ebsCSIDriver": "cloudConfig.awsEBSCSIDriver",
    "cloudProvider.aws.elbSecurityGroup": "cloudConfig.elbSecurityGroup",
    "cloudProvider.aws.loadBalancerController": "awsLoadBalancerController",
    "cloudProvider.aws.nodeIPFamilies": "cloudConfig.nodeIPFamilies",
    "cloudProvider.aws.nodeTerminationHandler": "nodeTerminationHandler",
    "cloudProvider.aws.podIdentityWebhook": "podIdentityWebhook",
    "cloudProvider.aws.spotinstOrientation": "cloudConfig.spotinstOrientation",
    "cloudProvider.aws.spotinstProduct": "cloudConfig.spotinstProduct",
    "cloudProvider.aws.warmPool": "warmPool",
    "cloudProvider.azure": "cloudConfig.azure",
    "cloudProvider.gce.multizone": "cloudConfig.multizone",
    "cloudProvider.gce.nodeInstancePrefix": "cloudConfig.nodeInstancePrefix",
    "cloudProvider.gce.nodeTags": "cloudConfig.nodeTags",
    "cloudProvider.gce.pdCSIDriver": "cloudConfig.gcpPDCSIDriver",
    "cloudProvider.gce.project": "project",
    "cloudProvider.gce.serviceAccount": "cloudConfig.gceServiceAccount",
    "cloudProvider.gce.useStartupScript": "cloudConfig.gceUseStartupScript",
    "cloudProvider.openstack": "cloudConfig.openstack",
    "configStore.base": "configBase",
    "configStore.keypairs": "keyStore",
    "configStore.secrets": "secretStore",
    "controlPlaneKubelet": "masterKubelet",
    "networking.additionalNetworkCIDRs": "additionalNetworkCIDRs",
    "networking.amazonVPC.image": "networking.amazonvpc.imageName",
    "networking.amazonVPC.initImage": "networking.amazonvpc.initImageName",
    "networking.egressProxy": "egressProxy",
    "networking.gcp": "networking.gce",
    "networking.isolateControlPlane": "isolateMasters",
    "networking.networkCIDR": "networkCIDR",
    "networking.networkID": "networkID",
    "networking.nonMasqueradeCIDR": "nonMasqueradeCIDR",
    "networking.podCIDR": "podCIDR",
    "networking.serviceClusterIPRange": "serviceClusterIPRange",
    "networking.subnets": "subnets",
    "networking.topology": "topology",
    "networking.topology.bastion.publicName": "topology.bastion.bastionPublicName",
    "networking.topology.dns": "topology.dns.type",
}
_INVERTED: Final[Mapping[str, str]] = {
    "hooks[].enabled": "hooks[].disabled",
    "networking.canal.flanneldIptablesForwardRules": "networking.canal.disableFlannelForwardRules",
    "networking.cilium.installIptablesRules": "networking.cilium.IPTablesRulesNoinstall",
    "networking.cilium.masquerade": "networking.cilium.disableMasquerade",
    "networking.tagSubnets": "DisableSubnetTags",
}
_OF_GROUPS: Final[Mapping[str, str]] = {
    "rootVolume.encryption": "rootVolumeEncryption",
    "rootVolume.encryptionKey": "rootVolumeEncryptionKey",
    "rootVolume.iops": "rootVolumeIops",
    "rootVolume.optimization": "rootVolumeOptimization",
    "rootVolume.size": "rootVolumeSize",
    "rootVolume.throughput": "rootVolumeThroughput",
    "rootVolume.type": "rootVolumeType",
}


def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.replace(EACH, f".{EACH}").split("."))


def _table(moved: Mapping[str, str], inverted: Mapping[str, str]) -> Mapping[tuple[str, ...], Renamed]:
    return {_steps(old): Renamed(_steps(new)) for old, new in moved.items()} | {
        _steps(old): Renamed(_steps(new), inverted=True) for old, new in inverted.items()
    }


RENAMED: Final[Mapping[Kind, Mapping[tuple[str, ...], Renamed]]] = {
    "Cluster": _table(_MOVED, _INVERTED),
    "InstanceGroup": _table(_OF_GROUPS, {"hooks[].enabled": "hooks[].disabled"}),
}
"""Paths below `spec`, each with what it is called in a file; the longest one that a path begins with counts."""
