"""Clusters and instance groups that tests declare, as parts of ClusterStates and as kops's own manifests."""

from copy import deepcopy

from tests.support.operating import Body

NEW = "new.example.com"

GROUP: Body = {
    "name": "batch",
    "labels": {"example.com/team": "data"},
    "spec": {"role": "Node", "machineType": "m6i.large", "minSize": 0, "maxSize": 10, "subnets": ["us-east-1a"]},
}

CLUSTER: Body = {
    "api": {"loadBalancer": {"class": "Network", "type": "Public"}},
    "authorization": {"rbac": {}},
    "channel": "stable",
    "cloudProvider": "aws",
    "etcdClusters": [
        {
            "name": name,
            "cpuRequest": "200m",
            "memoryRequest": "100Mi",
            "etcdMembers": [{"name": "a", "instanceGroup": "control-plane-us-east-1a", "encryptedVolume": True}],
            "manager": {"backupRetentionDays": 90},
        }
        for name in ("main", "events")
    ],
    "iam": {"allowContainerRegistry": True, "legacy": False},
    "kubernetesApiAccess": ["0.0.0.0/0", "::/0"],
    "kubernetesVersion": "v1.32.0",
    "networkCIDR": "172.20.0.0/16",
    "networking": {"cilium": {"enableNodePort": True, "ipam": "eni"}},
    "nonMasqueradeCIDR": "100.64.0.0/10",
    "sshAccess": ["0.0.0.0/0"],
    "subnets": [{"name": "us-east-1a", "zone": "us-east-1a", "type": "Public", "cidr": "172.20.0.0/16"}],
    "topology": {"dns": {"type": "None"}},
}
"""All that kops needs to create one, with nothing left for it to assign."""

GROUPS: list[Body] = [
    {
        "name": "control-plane-us-east-1a",
        "spec": {"role": "ControlPlane", "machineType": "m3.medium", "minSize": 1, "maxSize": 1},
    },
    {"name": "nodes", "spec": {"role": "Node", "machineType": "t2.medium", "minSize": 1, "maxSize": 3}},
]
for _group in GROUPS:
    _group["spec"]["subnets"] = ["us-east-1a"]

SPELLINGS: Body = {
    "additionalPolicies": {"control-plane": '[{"Effect": "Allow", "Action": ["a:b"], "Resource": ["*"]}]\n'},
    "cloudLabels": {"team/a": "yes", "on": "", "n": "08", "v": "1e3", "t": "2017-01-01T00:00:00Z"},
    "dnsZone": "",
    "externalDns": {"provider": "none"},
    "fileAssets": [{"name": "a", "path": "/etc/a", "content": "x: y\n\tz\n", "roles": ["ControlPlane", "Node"]}],
    "kubeAPIServer": {
        "cpuRequest": "1000m",
        "memoryLimit": "2048Mi",
        "logLevel": 0,
        "oidcIssuerURL": "https://issuer.example.com",
        "oidcRequiredClaim": ["b=1", "a=2"],
    },
    "kubeControllerManager": {"nodeMonitorGracePeriod": "60s", "terminatedPodGCThreshold": 0},
    "kubelet": {
        "anonymousAuth": False,
        "evictionPressureTransitionPeriod": "90s",
        "featureGates": {"A": "true"},
        "kubeReserved": {"cpu": "1000m"},
    },
    "sysctlParameters": [],
}
"""What kops spells differently, or leaves out, when it writes it."""

GROUP_SPELLINGS: Body = {
    "additionalUserData": [{"name": "a.sh", "type": "text/x-shellscript", "content": "#!/bin/sh\necho yes\n"}],
    "hooks": [{"name": "a.service", "before": ["b"], "manifest": "[Unit]\n", "roles": ["ControlPlane", "Node"]}],
    "maxInstanceLifetime": "36h",
    "nodeLabels": {"a": "1", "b": ""},
    "rollingUpdate": {"maxSurge": "25%", "drainAndTerminate": True},
    "suspendProcesses": [],
    "taints": ["a=b:NoSchedule"],
    "volumes": [{"device": "/dev/xvdb", "size": 20, "type": "gp3"}],
}


def manifests(name: str, url: str, cluster: Body, groups: list[Body]) -> list[Body]:
    """Give what kops would be handed for a declaration; configBase it takes from nowhere else."""
    head = {"apiVersion": "kops.k8s.io/v1alpha2"}
    bodies = [
        {**head, "kind": "Cluster", "metadata": {"name": name}, "spec": {"configBase": f"{url}/{name}", **cluster}}
    ]
    for group in groups:
        labels = {"kops.k8s.io/cluster": name, **group.get("labels", {})}
        metadata = {"name": group["name"], "labels": labels}
        bodies.append({**head, "kind": "InstanceGroup", "metadata": metadata, "spec": group["spec"]})
    return deepcopy(bodies)
