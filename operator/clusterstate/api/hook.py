"""`spec.afterPush`: what runs after a push. See `spec` for how to read it."""

from clusterstate.api.basics import Declared, Name


class JobTemplateReference(Declared, frozen=True, kw_only=True):
    """A ConfigMap in the ClusterState's own namespace."""

    name: Name
    """Name of the ConfigMap; its key job.yaml holds a Job."""


class AfterPush(Declared, frozen=True, kw_only=True):
    """A Job after a push, for example kops update cluster --yes."""

    job_template_ref: JobTemplateReference
    """The ConfigMap with the Job. A pushed revision gets one Job at most; of several that wait, the newest."""
