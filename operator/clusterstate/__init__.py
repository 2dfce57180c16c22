"""A Kubernetes operator that puts a kops state store under the Kubernetes API.

The data's way, once per run of one `ClusterState`:

    handlers   an event becomes a place in the queue; a worker starts a run
    reconcile  the way itself, read it first:
      relocation brings a state to its new place, if it has one
      gather     opens the store, lists it, reads what changed          bytes -> State
      declared   reads the Secrets and ConfigMaps that are referred to  digests for plan, bytes for apply
      plan       compares declared, applied and observed                pure, inert: a Plan
      apply      writes what the plan says, conditionally, in order     Plan -> store
      mirror     keeps Secrets equal to keysets, secrets and SSH keys   State -> Secrets
      status     tells what happened                                    Outcome -> status, conditions, Events
    removal    the way of an object that is being deleted

Below them: `state` (bytes <-> kops objects), `store` (keys and bytes at a URL), `kube` (the Kubernetes API),
`api` (words shared with users), `settings`, `fence` (who may write), `errors` and their `reasons`. Each layer imports
only from below.
"""

__version__ = "0.1.0"
