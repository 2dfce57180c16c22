"""Names that appear in metadata: annotations people set, labels we set, managers under which we write.

They are part of the promise to users: a name stays as long as its API version does.
"""

from typing import Final

GROUP: Final = "clusterstate.dev"
"""The API group, and the prefix of every name of ours."""

RECONCILE_REQUESTED_AT: Final = f"{GROUP}/reconcile-requested-at"
"""Annotation of people: a new value forces a run and comes back in `status.lastHandledReconcileAt`."""
CLOUD_UPDATED: Final = f"{GROUP}/cloud-updated"
"""Annotation of people: the number of the revision for which `kops update cluster` has been run."""
CONFIRM_PLAN: Final = f"{GROUP}/confirm-plan"
"""Annotation of people: the digest (`status.plan.digest`) of a plan that the breaker stopped and that may run."""
CLOUD_RESOURCES_GONE: Final = f"{GROUP}/cloud-resources-gone"
"""Annotation of people: `true` says that `kops delete cluster` has removed the cloud's resources, or there are none."""
ROLLED: Final = f"{GROUP}/rolled"
"""Annotation of people: what rolling updates have reached every node with, separated by commas: ids of key pairs (and
`ID/promoted`), after a migration the new state's URL."""

FINALIZER: Final = f"{GROUP}/state"
"""Finalizer of objects with `deletionPolicy: Delete`: their state is deleted before they are."""

OWNER_UID_LABEL: Final = f"{GROUP}/owner-uid"
"""Label of everything that belongs to one ClusterState: its uid, so that a namesake finds nothing."""
OWNER_NAME_LABEL: Final = f"{GROUP}/owner-name"
"""Label of mirrors for people to select by: the ClusterState's name, cut to the 63 characters of a label."""
MIRROR_KIND_LABEL: Final = f"{GROUP}/mirror"
"""Label of mirrors: `keyset`, `secret` or `ssh`."""
MIRROR_SOURCE: Final = f"{GROUP}/from"
"""Annotation of mirrors: the name of the keyset, secret or SSH key that the Secret is kept equal to."""
MIRRORS_IN_USE: Final = f"{GROUP}/mirrors"
"""Annotation of Pod templates: digests, under the installation's key, of the mirrors that the Pods use, as JSON."""
SHARD_LABEL: Final = f"sharding.{GROUP}/key"
"""Label of ClusterStates: the number of the shard that works on them, from 0; the operator's, unless people give it."""
MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
"""Kubernetes' own label for the tool that manages an object."""
MANAGED_BY: Final = "clusterstate"
"""Our value of `MANAGED_BY_LABEL`."""

FIELD_MANAGER: Final = "clusterstate"
"""Field manager of every object that the operator writes."""
PULL_MANAGER: Final = "clusterstate-pull"
"""Field manager of what Pull and Both write into a spec."""
SHARD_MANAGER: Final = "clusterstate-shards"
"""Field manager of `SHARD_LABEL`."""
ROLLBACK_MANAGER: Final = "clusterstate-rollback"
"""Field manager of the declarations that `clusterstate rollback` writes."""
COMMAND_MANAGER: Final = "clusterstate-command"
"""Field manager of what other commands write into an object for a person: `spec.suspend`, a request to run."""

OUR_NAMES: Final = (f"{GROUP}/", MANAGED_BY_LABEL)
"""How the labels and annotations start that users may not put on mirrors: we find our mirrors by them."""
