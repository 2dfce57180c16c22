"""The chart's rules are the least that do: what a whole run used says so, and the documents tell the same rules."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.support.granted import OWN, operator_rules
from tests.support.rights import Right, Usage, is_whole, rights, usages

pytestmark = pytest.mark.timeout(900)  # the first test that asks for helm has it built
PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
SOURCES = pytest.Config.ArgsSource


def record(
    verb: str, *, user: str = "system:serviceaccount:test-1:operator", allowed: bool = True, **about: str
) -> str:
    """Give a line of an audit log, by default of an operator and about a Secret."""
    return json.dumps(
        {
            "user": {"username": user},
            "verb": verb,
            "objectRef": {"resource": "secrets", **about},
            "annotations": {"authorization.k8s.io/decision": "allow" if allowed else "forbid"},
        },
        separators=(",", ":"),
    )


def findings(tmp_path: Path, lines: Iterable[str], *rules: dict[str, Any]) -> list[str]:
    """Give what is found of an operator that has these rules and made these calls."""
    log = tmp_path / "audit.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    return list(usages(log)["operator"].findings("operator", rights(rules)))


def rule(*verbs: str, group: str = "", resource: str = "secrets", **more: Any) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs), **more}


def test_rules_that_are_used_are_no_finding(tmp_path: Path) -> None:
    lines = [
        record("get", name="ca"),
        record("patch", resource="clusterstates", subresource="status", apiGroup="clusterstate.dev", name="state"),
    ]
    status = rule("patch", group="clusterstate.dev", resource="clusterstates/status")
    assert findings(tmp_path, lines, rule("get"), status) == []


def test_a_right_that_nobody_used_is_named(tmp_path: Path) -> None:
    lines = [
        record("get", name="ca"),
        record("watch", user="admin"),
        record("watch", user="system:serviceaccount:test-1:reader"),
        record("watch", allowed=False),
        record("watch", resource="secrets", apiGroup="example.com"),
    ]
    (line,) = findings(tmp_path, lines, rule("get", "watch"))
    assert line.startswith("operator: no test needs `watch secrets`")


def test_a_right_to_one_object_is_used_by_that_object_alone(tmp_path: Path) -> None:
    one = rule("get", resourceNames=["clusterstate-installation"])
    (line,) = findings(tmp_path, [record("get", name="another")], one)
    assert "`get secrets clusterstate-installation`" in line
    assert findings(tmp_path, [record("get", name="clusterstate-installation")], one) == []


def test_what_is_refused_and_in_no_rule_is_named(tmp_path: Path) -> None:
    """A right that the chart has and one namespace lacks, or had until it went, is no matter of the chart."""
    lines = [record("get"), record("get", allowed=False), record("list", resource="pods", allowed=False)]
    (line,) = findings(tmp_path, lines, rule("get"))
    assert line.startswith("operator: `list pods` was asked for and no rule has it")


def test_agents_and_operators_are_told_apart(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(f"{record('get', user='system:serviceaccount:test-1:node-agent', name='ca')}\nnot whole yet")
    assert usages(log) == {"operator": Usage(), "node-agent": Usage(used={Right("", "secrets", "get", "ca")})}


@pytest.mark.parametrize(
    ("source", "given", "whole"),
    [
        (SOURCES.TESTPATHS, {}, True),
        (SOURCES.TESTPATHS, {"keyword": "mirror"}, False),
        (SOURCES.TESTPATHS, {"markexpr": "soak"}, False),
        (SOURCES.ARGS, {}, False),
    ],
)
def test_only_a_run_of_all_tests_is_judged(source: object, given: dict[str, str], whole: bool) -> None:  # noqa: FBT001
    config: Any = SimpleNamespace(args_source=source, getoption=given.get)
    assert is_whole(config) is whole


def test_the_documents_tell_the_operators_rules() -> None:
    """All of the page but what `CLUSTERSTATE_SECRETS_RBAC=named` has in place of the rules for Secrets."""
    told = [each for each in rules_in(PAGE) if "resourceNames" not in each]
    assert rights(told) == rights(operator_rules())
    named = [each for each in rules_in(PAGE) if "resourceNames" in each]
    chart = operator_rules(secrets="named", secretNames=["acme-state"], configMapNames=["corporate-ca"])
    assert rights(named) == {each for each in rights(chart) if each.name}
    assert rights(operator_rules(in_=OWN)) == {
        Right("", "secrets", "get", "clusterstate-installation"),
        Right("", "secrets", "create"),
        *(
            Right("coordination.k8s.io", "leases", verb, f"clusterstate-operator{shard}")
            for verb in ("get", "update")
            for shard in ("", "-I-of-N")
        ),
        Right("coordination.k8s.io", "leases", "create"),
    }


def rules_in(page: Path) -> list[dict[str, Any]]:
    """Give the rules of all Roles, and of parts of them, that a page shows."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    documents = [each for block in blocks if "apiGroups" in block for each in yaml.safe_load_all(block)]
    return [rule for each in documents for rule in (each if isinstance(each, list) else each.get("rules", []))]
