"""Who watches a real operator: its lines, its traces and its metrics agree, and agree with what the store was asked."""

import json
import re
import urllib.request
from collections import Counter
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.collector import Collector, attributes, collecting
from tests.support.exposition import labels_by_series
from tests.support.kubestatemetrics import look_up, paths
from tests.support.operating import Body
from tests.support.promtool import run_promtool
from tests.support.world import MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore, pytest.mark.timeout(900)]  # promtool is built once

LINE = {"ts", "level", "logger", "message"}
RUN = {"namespace", "name", "duration_seconds", "requests", "result", "reason"}
NAMES = {"k8s.namespace.name", "clusterstate.name"}
ENDED = {"clusterstate.result", "clusterstate.reason", "clusterstate.requests"}
REQUEST = {f"clusterstate.store.{each}" for each in ("scheme", "operation", "status", "received_bytes", "sent_bytes")}


def lines(world: World) -> list[Body]:
    return [json.loads(each) for each in world.log.read_text().splitlines()]


def runs(world: World) -> list[Body]:
    return [each for each in lines(world) if "result" in each]


def scrape(world: World) -> str:
    (address,) = re.findall(r"metrics are at ([^\s\"]+)", world.log.read_text())
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def test_lines_traces_and_metrics_tell_the_same(world: World) -> None:
    world.load_store(MINIMAL)
    mirror = {"keysets": [{"include": ["*"]}]}
    with collecting(world.environ) as collector:
        world.environ |= {"CLUSTERSTATE_LOG_FORMAT": "json", "CLUSTERSTATE_METRICS_ADDRESS": "127.0.0.1:0"}
        since = world.server.mark()
        world.apply(
            manifest(url=world.url, clusterName=MINIMAL, cluster={"kubernetesVersion": "v1.33.1"}, mirror=mirror)
        )
        with world.running():
            world.settled()
            world.apply(manifest("broken", url="s3://other", store={"credentialsSecretRef": {"name": "none"}}))
            world.settled("broken", status="False", reason="CredentialsNotFound")
            world.until(lambda: {"state", "broken"} <= {each["name"] for each in runs(world)})
            world.until(lambda: {"state", "broken"} <= set(traced(collector).values()))
            text, body = scrape(world), world.state()
            check_columns(world)
        asked = world.server.requests(since, bucket=world.bucket)
    check_lines(world)
    check_spans(collector, runs(world))
    check_metrics(text, sum(each["requests"] for each in runs(world)))
    lists = sum(each.operation == "ListObjectsV2" for each in asked)
    assert sum(span.name == "store list" for span in collector.spans) == lists
    secret = b"|".join(re.escape(each.encode()) for each in (world.bucket, world.server.secret_key, "keyset.yaml"))
    assert not [each for each in collector.bodies if re.search(secret, each)]
    for metric, path in set(paths()):
        if (
            metric not in {"spec_suspended", "status_keyset_phase"}
            and path[1] != "plan"
            and path != ("spec", "sync", "direction")
        ):
            assert look_up(body, path), f"{metric}: nothing at {path}"


def check_columns(world: World) -> None:
    header, *rows = world.kubectl("get", "clusterstates").splitlines()
    assert header.split() == ["NAME", "STORE", "READY", "STATUS", "DRIFT", "AGE"]
    state = next(each for each in rows if each.startswith("state"))
    columns = re.split(r" {2,}", state)
    assert columns[:-1] == ["state", world.url, "True", f"In sync with {world.url}/{MINIMAL}.", "InSync"]


def check_lines(world: World) -> None:
    for line in lines(world):
        assert line.keys() >= LINE
        assert line.keys() - LINE in (set(), RUN, {"namespace", "name"}), line
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["ts"])
    assert {each["logger"].partition(".")[0] for each in lines(world)} <= {"clusterstate", "kopf"}
    results = {(each["name"], each["level"], each["result"], each["reason"]) for each in runs(world)}
    assert ("state", "INFO", "succeeded", "Succeeded") in results
    assert ("broken", "WARNING", "retrying", "CredentialsNotFound") in results
    pushed = next(each for each in runs(world) if each["result"] == "succeeded")
    assert pushed["message"] == f"{world.namespace}/state: In sync with {world.url}/{MINIMAL}."
    assert pushed["duration_seconds"] > 0


def traced(collector: Collector) -> dict[bytes, str]:
    """Give the runs that were traced, by their span."""
    return {each.span_id: attributes(each)["clusterstate.name"] for each in collector.spans if each.name == "run"}


def check_spans(collector: Collector, told: list[Body]) -> None:
    assert {each["service.name"] for each in collector.resources} == {"clusterstate"}
    by_id = {each.span_id: each for each in collector.spans}
    of_runs = [each for each in collector.spans if each.name == "run"]
    assert Counter(attributes(each)["clusterstate.result"] for each in of_runs) == Counter(
        each["result"] for each in told
    )
    for span in collector.spans:
        parent = by_id.get(span.parent_span_id)
        found = attributes(span)
        if parent is None:
            assert (span.name, found.keys()) == ("run", NAMES | ENDED)
        elif parent.name == "run":
            assert found == {}
        else:
            assert by_id[parent.parent_span_id].name == "run"
            assert found.keys() == REQUEST
            assert parent.start_time_unix_nano <= span.end_time_unix_nano
    stages = {each.name for each in collector.spans}
    assert stages >= {"run", "access", "list", "read", "plan", "push", "mirror", "report", "store list", "store write"}
    writes = [by_id[each.parent_span_id].name for each in collector.spans if each.name == "store write"]
    assert set(writes) == {"push"}
    requests = sum(each.name.startswith("store ") for each in collector.spans)
    assert requests == sum(each["requests"] for each in told)


def check_metrics(text: str, requests: int) -> None:
    assert run_promtool("check", "metrics", stdin=text) == ""
    samples: list[Any] = [each for family in text_string_to_metric_families(text) for each in family.samples]
    assert {each.name for each in samples} <= labels_by_series().keys()
    assert sum(each.value for each in samples if each.name == "clusterstate_store_requests_total") == requests
    assert {each.labels["clusterstate"]: each.value for each in samples if each.name == "clusterstate_ready"} == {
        "state": 1,
        "broken": 0,
    }
