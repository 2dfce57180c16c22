"""Values that suit the chart pass its schema, and those that can't work are refused by name."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.helm import CHART, run_helm
from tests.support.valuesets import IMAGE, SETS

pytestmark = pytest.mark.timeout(900)  # the first test that asks for helm has it built


@pytest.mark.parametrize("title", ["some namespaces", "watched, with agents"])
def test_lint_has_nothing_to_say(tmp_path: Path, title: str) -> None:
    done = run_helm("lint", "--strict", str(CHART), values=SETS[title], home=tmp_path / "home")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("nothing but the image", ["watches all namespaces", "no policy yet", "every Secret of the cluster"]),
        ("some namespaces", ["watches the namespaces default, kube-public", "every Secret of these namespaces"]),
        ("somebody else's rights", ["The resource is yours"]),
        ("watched, with agents", ["node agent prod-node-agent"]),
    ],
)
def test_a_release_says_what_there_is_to_know(tmp_path: Path, title: str, said: list[str]) -> None:
    done = run_helm("install", "prod", str(CHART), "--dry-run=client", values=SETS[title], home=tmp_path / "home")
    notes = done.stdout.partition("NOTES:")[2]
    assert all(each in notes for each in said)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"image": {}}, "image.repository"),
        ({"replicas": 2}, "replicas"),
        ({"operator": {"replicas": 0}}, "replicas"),
        ({"operator": {"lease": {"duration": 8}}}, "operator.lease"),
        ({"operator": {"shards": 17}}, "shards"),
        ({"operator": {"port": 80}}, "port"),
        ({"operator": {"namespaces": ["team-*"]}}, "namespaces"),
        ({"operator": {"workers": 0}}, "workers"),
        ({"operator": {"policy": {"rules": [{"namespaces": ["a"], "stores": ["states"]}]}}}, "stores"),
        ({"operator": {"policy": {"rules": [{"namespaces": ["A"], "stores": []}]}}}, "namespaces"),
        ({"operator": {"fileRoots": ["review"]}}, "fileRoots"),
        ({"operator": {"afterPushNamespaces": ["a,b"]}}, "afterPushNamespaces"),
        ({"rbac": {"secrets": "some"}}, "secrets"),
        ({"serviceAccount": {"create": False}}, "serviceAccount.name"),
        ({"monitoring": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}}, "comes twice"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    done = run_helm("template", "prod", str(CHART), values={"image": IMAGE, **given}, home=tmp_path / "home")
    assert done.returncode != 0
    assert said in done.stderr
