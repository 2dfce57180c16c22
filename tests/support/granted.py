"""What the chart lets the operator and the node agent do, for the processes of all tests, as the real helm renders it.

Nobody writes these rules a second time: a rule that the chart lacks fails whatever needs it, and `tests.support.rights`
finds those that nothing needs.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.helm import Manifest, rendered
from tests.support.valuesets import EVERYWHERE, IMAGE

Rule = Mapping[str, Any]

RELEASE = "clusterstate"
"""Its operator has the names of things that are the operator's defaults."""
OWN, WATCHED = "the-operators", "the-watched"
"""The namespaces of the release that is rendered."""


def operator_rules(*, in_: str = WATCHED, **rbac: object) -> Sequence[Rule]:
    """Give what the operator may do in a namespace that it watches, or in its own, with every feature on.

    `rbac` are values of that name, for example `secrets="named"`.
    """
    values = {
        "image": IMAGE,
        "operator": {"namespaces": [WATCHED], "afterPushNamespaces": EVERYWHERE},
        "rbac": {"serviceAccountTokens": EVERYWHERE, "restarts": EVERYWHERE, **rbac},
    }
    return _rules(json.dumps(values), in_)


def agent_rules(names: Sequence[str]) -> Sequence[Rule]:
    """Give what a node agent may do that keeps files of the Secrets of these names."""
    files = [{"path": "file", "secret": "the-secret", "key": "key"}]
    agent = {"enabled": True, "config": {"sets": [{"directory": "/srv/files", "files": files}]}}
    values = {"image": IMAGE, "operator": {"enabled": False}, "nodeAgent": agent}
    rules = _rules(json.dumps(values), OWN)
    assert all(rule["resourceNames"] == ["the-secret"] for rule in rules)
    return [{**rule, "resourceNames": list(names)} for rule in rules]


@cache
def _rules(values: str, namespace: str) -> Sequence[Rule]:
    return [
        rule
        for each in _chart(values)
        if each["kind"] == "Role" and each["metadata"]["namespace"] == namespace
        for rule in each["rules"]
    ]


@cache
def _chart(values: str) -> Sequence[Manifest]:
    with TemporaryDirectory() as home:
        return list(rendered(RELEASE, OWN, json.loads(values), Path(home)))
