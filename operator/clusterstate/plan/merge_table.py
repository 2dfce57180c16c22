"""Which list of a kops spec merges how, by schema path: data, and the small tree that finds a path's rule.

After the types and their uniqueness in kops 1.35.2, `pkg/apis/kops` (kops.k8s.io/v1alpha2). A list that isn't named
here is atomic: the declared one wins whole. That holds on purpose for access lists (`sshAccess`,
`kubernetesApiAccess`, `nodePortAccess`), where a removal must be total, and for `mixedInstancesPolicy.instances`,
where order can mean priority.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from clusterstate.state.objects import JsonObject
from clusterstate.state.schema import Kind


@dataclass(frozen=True, slots=True)
class Keyed:
    """A list of objects that merges item by item; `fields` name the key, or the first alternative that is set."""

    alternatives: tuple[tuple[str, ...], ...]

    def fields_of(self, item: JsonObject) -> tuple[str, ...]:
        """Give the names of the fields that make this item's key, none where it has no key."""
        for fields in self.alternatives:
            if all(isinstance(item.get(name), str) and item[name] for name in fields):
                return fields
        return ()

    def key_of(self, item: JsonObject) -> str | None:
        """Give the item's key as pointers show it, `name=value`; None where it has none."""
        return ",".join(f"{name}={item[name]}" for name in self.fields_of(item)) or None


@dataclass(frozen=True, slots=True)
class MergeSet:
    """A list of strings whose order means nothing: a union, with three-way removal."""


@dataclass(frozen=True, slots=True, repr=False)
class Rules:
    """How one path merges, and what lies below it."""

    items: Keyed | MergeSet | None = None
    """For a list; None is atomic."""
    fields: Mapping[str, "Rules"] = field(default_factory=dict)
    any_key: "Rules | None" = None
    """Of a map whose keys are data, such as `externalPolicies`."""
    item: "Rules | None" = None

    def below(self, name: str) -> "Rules":
        """Give the rules of one key of a map."""
        return self.fields.get(name) or self.any_key or ATOMIC

    @property
    def each(self) -> "Rules":
        """Give the rules of a list's items."""
        return self.item or ATOMIC


ATOMIC: Final = Rules()
SET: Final = MergeSet()
BY_NAME: Final = Keyed((("name",),))

CLUSTER: Final[Mapping[str, Keyed | MergeSet]] = {
    "subnets": BY_NAME,
    "subnets[].additionalRoutes": Keyed((("cidr",),)),
    "etcdClusters": BY_NAME,
    "etcdClusters[].etcdMembers": BY_NAME,
    "etcdClusters[].manager.env": BY_NAME,
    "api.loadBalancer.subnets": BY_NAME,
    "api.loadBalancer.additionalSecurityGroups": SET,
    "topology.bastion.loadBalancer.additionalSecurityGroups": SET,
    "iam.serviceAccountExternalPermissions": Keyed((("namespace", "name"),)),
    "iam.serviceAccountExternalPermissions[].aws.policyARNs": SET,
    "authentication.aws.identityMappings": Keyed((("arn",),)),
    "authentication.aws.identityMappings[].groups": SET,
    "addons": Keyed((("manifest",),)),
    "fileAssets": BY_NAME,
    "fileAssets[].roles": SET,
    "hooks": BY_NAME,
    "kubeAPIServer.env": BY_NAME,
    "networking.amazonvpc.env": BY_NAME,
    "externalPolicies.*": SET,
    "packages": SET,
}
"""Below `spec` of a Cluster: `[]` are a list's items, `*` any key of a map."""

INSTANCE_GROUP: Final[Mapping[str, Keyed | MergeSet]] = {
    "taints": SET,
    "volumes": Keyed((("device",),)),
    "volumeMounts": Keyed((("device",),)),
    "additionalUserData": BY_NAME,
    "externalLoadBalancers": Keyed((("targetGroupArn",), ("loadBalancerName",))),
    "guestAccelerators": Keyed((("acceleratorType",),)),
    "additionalSecurityGroups": SET,
    "suspendProcesses": SET,
    "fileAssets": BY_NAME,
    "fileAssets[].roles": SET,
    "hooks": BY_NAME,
    "packages": SET,
}
"""Below `spec` of an InstanceGroup."""


def rules_of(kind: Kind) -> Rules:
    """Give the rules of a whole spec."""
    return _RULES[kind]


def _grow(table: Mapping[tuple[str, ...], Keyed | MergeSet]) -> Rules:
    """Turn a table of paths into a tree."""
    branches: dict[str, dict[tuple[str, ...], Keyed | MergeSet]] = {}
    for path, rule in table.items():
        if path:
            branches.setdefault(path[0], {})[path[1:]] = rule
    grown = {step: _grow(branch) for step, branch in branches.items()}
    any_key, item = grown.pop("*", None), grown.pop("[]", None)
    return Rules(items=table.get(()), fields=grown, any_key=any_key, item=item)


def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.replace("[]", ".[]").split("."))


_RULES: Final[Mapping[Kind, Rules]] = {
    "Cluster": _grow({_steps(path): rule for path, rule in CLUSTER.items()}),
    "InstanceGroup": _grow({_steps(path): rule for path, rule in INSTANCE_GROUP.items()}),
}
