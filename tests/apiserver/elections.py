"""Operators of which there are several: the Lease of a release of the chart, with times that a test can wait for."""

LEASE = "clusterstate-operator"
TIMES = {
    "CLUSTERSTATE_LEADER_ELECTION": "true",
    "CLUSTERSTATE_LEASE_NAME": LEASE,
    "CLUSTERSTATE_LEASE_DURATION": "6",
    "CLUSTERSTATE_LEASE_RENEW_DEADLINE": "4",
    "CLUSTERSTATE_LEASE_RETRY_PERIOD": "1",
    "CLUSTERSTATE_METRICS_ADDRESS": "127.0.0.1:0",
}
