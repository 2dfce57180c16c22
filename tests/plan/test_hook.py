"""Which Job is due, and what becomes of a template."""

from typing import Any

import pytest

from clusterstate.errors import SpecInvalid
from clusterstate.plan.hook import (
    MAX_TEMPLATE,
    WANTED,
    Hook,
    JobState,
    due,
    job_name,
    job_state,
    latest,
    make_job,
    needed,
    read_template,
    running,
)

TEMPLATE = """
apiVersion: batch/v1
kind: Job
metadata:
  name: theirs
  namespace: kube-system
  generateName: x
  ownerReferences: [{name: somebody}]
  finalizers: [a/b]
  labels: {team: a, clusterstate.dev/owner-uid: forged, clusterstate.dev/mirror: forged}
  annotations: {note: b, clusterstate.dev/started: forged}
status: {succeeded: 1}
spec:
  suspend: false
  ttlSecondsAfterFinished: 60
  template:
    spec:
      restartPolicy: Never
      initContainers: [{name: i}]
      containers: [{name: c, env: [{name: KOPS_CLUSTER_NAME, value: own}]}]
"""
OURS: dict[str, Any] = {
    "name": "n",
    "namespace": "ours",
    "labels": {"clusterstate.dev/owner-uid": "u"},
    "ownerReferences": [{"uid": "u"}],
}


@pytest.mark.parametrize(
    ("hooks", "to_watch", "to_start", "ended"),
    [
        ([], None, None, None),
        ([Hook(1)], None, None, None),
        ([Hook(1, WANTED)], None, 1, None),
        ([Hook(1, WANTED), Hook(2, WANTED)], None, 2, None),
        ([Hook(1, WANTED), Hook(2)], None, None, None),
        ([Hook(1, "uid")], 1, None, None),
        ([Hook(1, "uid"), Hook(2, WANTED)], 1, 2, None),
        ([Hook(1, "uid", JobState.FAILED), Hook(2, WANTED)], None, 2, 1),
        ([Hook(1, "a", JobState.FAILED), Hook(2, "b", JobState.SUCCEEDED)], None, None, 2),
    ],
)
def test_one_job_at_a_time_and_none_twice(
    hooks: list[Hook], to_watch: int | None, to_start: int | None, ended: int | None
) -> None:
    found = [each and each.revision for each in (running(hooks), due(hooks), latest(hooks))]
    assert found == [to_watch, to_start, ended]


def test_of_a_template_only_what_harms_nobody_counts() -> None:
    job = make_job(read_template(TEMPLATE, "t"), OURS, {"KOPS_CLUSTER_NAME": "a.example.com", "X": "y"})
    assert job["metadata"] == {
        "name": "n",
        "namespace": "ours",
        "labels": {"team": "a", "clusterstate.dev/owner-uid": "u"},
        "annotations": {"note": "b"},
        "ownerReferences": [{"uid": "u"}],
    }
    assert job["spec"]["suspend"] is True
    assert "status" not in job
    pod = job["spec"]["template"]["spec"]
    assert pod["initContainers"][0]["env"][0] == {"name": "KOPS_CLUSTER_NAME", "value": "a.example.com"}
    assert pod["containers"][0]["env"] == [{"name": "X", "value": "y"}, {"name": "KOPS_CLUSTER_NAME", "value": "own"}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "[]",
        "kind: Pod\nspec: {}",
        "kind: Job",
        "kind: Job\nspec: []",
        "kind: [",
        "apiVersion: batch/v2\nkind: Job\nspec: {}",
        "spec: []",
        "data: {}",
        "a: &a [x]\nkind: Job\nspec: {b: *a, c: *a}\n---\nkind: Job",
        "kind: Job\nspec: {a: " + "x" * MAX_TEMPLATE + "}",
    ],
)
def test_what_is_no_job_is_refused(text: str) -> None:
    with pytest.raises(SpecInvalid):
        read_template(text, "job.yaml of ConfigMap a/b")


@pytest.mark.parametrize("text", ["kind: Job\nspec: {template: {}}", "spec: {template: {}}", "template: {}"])
def test_a_job_may_be_bare(text: str) -> None:
    assert read_template(text, "t")["spec"] == {"template": {}}


def test_a_small_text_that_is_a_huge_job_is_refused() -> None:
    text = f"spec: {{a: &a {'x' * 60_000}, b: [{'*a, ' * 10_000}]}}"
    with pytest.raises(SpecInvalid, match="more than"):
        make_job(read_template(text, "t"), OURS, {})


def test_what_must_be_kept_of_the_past() -> None:
    hooks = [
        Hook(1, "a", JobState.SUCCEEDED),
        Hook(2, "b", JobState.FAILED),
        Hook(3, "c", JobState.FAILED),
        Hook(4, "d"),
        Hook(5, WANTED),
        Hook(6, WANTED),
    ]
    assert needed(hooks) >= {1, 3, 4, 6}
    assert not needed(hooks) & {2, 5}


@pytest.mark.parametrize("template", [{}, {"template": "x"}, {"template": {"spec": {"containers": "x"}}}])
def test_an_odd_pod_is_left_to_the_api_server(template: dict[str, Any]) -> None:
    assert make_job({"spec": template}, OURS, {"X": "y"})["spec"] == {**template, "suspend": True}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (None, JobState.RUNNING),
        ({"conditions": [{"type": "Suspended", "status": "True"}]}, JobState.RUNNING),
        ({"conditions": [{"type": "Complete", "status": "False"}]}, JobState.RUNNING),
        ({"conditions": [{"type": "Complete", "status": "True"}]}, JobState.SUCCEEDED),
        ({"conditions": [{"type": "Failed", "status": "True", "message": "m"}]}, JobState.FAILED),
    ],
)
def test_how_a_job_is_doing(status: Any, state: JobState) -> None:
    assert job_state({"status": status})[0] is state


def test_names_fit() -> None:
    assert len(job_name("x" * 253, "12345678-1234", 10**6)) <= 63 - len("-abcde")
    assert job_name("a" * 29 + ".b", "12345678-1", 7) == "a" * 29 + "-12345678-7"
    assert job_name("prod.example.com", "12345678-1", 7) == "prod-example-com-12345678-7"
