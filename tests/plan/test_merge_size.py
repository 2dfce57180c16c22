"""The largest spec that is promised merges without holding up anybody."""

import json
import time

from clusterstate.plan.desired import Policy
from clusterstate.plan.merge import merge


def test_half_a_mebibyte_takes_well_under_a_second() -> None:
    assets = [{"name": f"asset-{each}", "path": f"/etc/{each}", "content": "x" * 64} for each in range(4500)]
    declared = {"fileAssets": assets, "cloudLabels": {f"key-{each}": "value" for each in range(1000)}}
    assert len(json.dumps(declared)) > 500 * 1024
    started = time.process_time()
    pushed = merge("Cluster", None, declared, {}, Policy())
    merge("Cluster", pushed.applied, declared, pushed.spec, Policy(), pushed.created)
    assert time.process_time() - started < 1
