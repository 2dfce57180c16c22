"""The edge to kopf: events in, runs out. Thin, and the only room that knows the framework."""

import clusterstate.kube  # noqa: F401 (before kopf, which would load all of `kubernetes`)
