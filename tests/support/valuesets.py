"""Values of the chart that people may have, each rendered and shown to a real API server."""

from typing import Any

Values = dict[str, Any]
IMAGE = {"repository": "registry.example.com/clusterstate"}
EVERYWHERE = ["*"]
NODE_AGENT = {
    "enabled": True,
    "config": {
        "sets": [{"directory": "/srv/kubernetes", "files": [{"path": "ca.crt", "secret": "ca", "key": "ca.crt"}]}]
    },
}
SPREAD = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
AMAZON = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/clusterstate"}


def _set(**more: Any) -> Values:
    return {"image": IMAGE, **more}


SETS: dict[str, Values] = {
    "nothing but the image": _set(),
    "single tenant": _set(
        operator={
            "policy": {"rules": [{"namespaces": EVERYWHERE, "stores": EVERYWHERE, "ambient": True}]},
            "extraEnv": [{"name": "S3_ENDPOINT", "value": "https://s3.example.com"}],
        },
        serviceAccount={"annotations": AMAZON},
    ),
    "some namespaces": _set(operator={"namespaces": ["default", "kube-public"]}),
    "named Secrets": _set(
        operator={"namespaces": ["default"]},
        rbac={"secrets": "named", "secretNames": ["store"], "configMapNames": ["ca"], "mirrorNames": ["state-ca"]},
    ),
    "every right": _set(
        operator={"afterPushNamespaces": EVERYWHERE}, rbac={"serviceAccountTokens": EVERYWHERE, "restarts": EVERYWHERE}
    ),
    "rights in some namespaces": _set(
        operator={"afterPushNamespaces": ["default"]}, rbac={"serviceAccountTokens": ["kube-*", "default"]}
    ),
    "locked in": _set(
        image={**IMAGE, "digest": f"sha256:{'0' * 64}"},
        imagePullSecrets=["registry"],
        operator={
            "networkPolicy": {"enabled": True, "metricsFrom": [{"namespaceSelector": {}}]},
            "replicas": 1,
        },
    ),
    "placed": _set(
        operator={
            "priorityClassName": "system-cluster-critical",
            "tolerations": [{"operator": "Exists"}],
            "affinity": {"nodeAffinity": {}},
            "topologySpreadConstraints": [SPREAD],
            "podAnnotations": {"example.com/team": "platform"},
            "podLabels": {"team": "platform"},
            "resources": {"requests": {"cpu": "1"}},
        }
    ),
    "files for review": _set(
        operator={
            "fileRoots": ["/review"],
            "allowMemory": True,
            "tokenURLs": ["https://tokens.example.com/"],
            "policy": {"rules": [{"namespaces": ["clusters"], "stores": ["k8s:///*-example-com", "file:///review"]}]},
            "allowedEndpoints": ["10.0.0.1", "127.0.0.0/8"],
            "extraEnvFrom": [{"secretRef": {"name": "proxy", "optional": True}}],
            "extraVolumes": [{"name": "review", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "review", "mountPath": "/review"}],
            "temporary": {"sizeLimit": "10Gi"},
            "lease": {"duration": 60, "renewDeadline": 40, "retryPeriod": 5},
            "shards": 3,
        }
    ),
    "somebody else's rights": _set(
        crds={"install": False},
        deletionProtection={"enabled": False},
        rbac={"create": False},
        serviceAccount={"create": False, "name": "default"},
        userRoles={"create": False},
    ),
    "watched, with agents": _set(
        nodeAgent=NODE_AGENT, monitoring={name: {"enabled": True} for name in ("serviceMonitor", "rules", "dashboard")}
    ),
    "watched by Pod": _set(
        userRoles={"aggregate": {"edit": True}},
        monitoring={"podMonitor": {"enabled": True, "labels": {"release": "prom"}}},
    ),
}
