"""Whether the chart's rules are the least that do: at the end of a whole run, what the audit log tells of them.

The operators and node agents of all tests have these rules. Which of the rights was never used, and what somebody
asked for in vain that no rule has, makes the run a failure.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.granted import OWN, Rule, agent_rules, operator_rules
from tests.support.servers import Holder

ACCOUNTS = ("operator", "node-agent")
"""How names of the ServiceAccounts begin that operators and node agents of tests have, each in some namespace."""
_BY = re.compile(rb'"username":"system:serviceaccount:[^":]+:(' + "|".join(ACCOUNTS).encode() + rb')[^":]*"')
_DECISION = "authorization.k8s.io/decision"


class Right(NamedTuple):
    """One thing that may be done."""

    group: str
    resource: str
    """Plural, with "/" and the subresource if there is one."""
    verb: str
    name: str = ""
    """Of which object; empty: of any."""

    def __str__(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {what}{self.name and f' {self.name}'}"


@dataclass
class Usage:
    """What one kind of process did with its rights."""

    used: set[Right] = field(default_factory=set)
    """With the names of the objects."""
    refused: set[Right] = field(default_factory=set)
    """What RBAC forbade, without names."""

    def findings(self, account: str, granted: set[Right]) -> Iterator[str]:
        """Give a line for each right that nobody used, and for each that is lacking."""
        anything = {each._replace(name="") for each in granted}
        for each in sorted(granted - self.used - {used._replace(name="") for used in self.used}):
            yield f"{account}: no test needs `{each}`: take it out of the chart, or test what needs it"
        for each in sorted(self.refused - anything):
            yield f"{account}: `{each}` was asked for and no rule has it: put it into the chart, or don't ask"


def rights(rules: Iterable[Rule]) -> set[Right]:
    """Give rules one by one."""
    return {
        Right(group, resource, verb, _any_shard(name))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    }


def _any_shard(name: str) -> str:
    """Give one name for the Leases of all shards: no test has all sixteen."""
    return re.sub(r"-[0-9]+-of-[0-9]+$", "-I-of-N", name)


def usages(log: Path) -> dict[str, Usage]:
    """Read from an audit log what each kind of process did."""
    found = {account: Usage() for account in ACCOUNTS}
    with log.open("rb") as lines:
        for line in lines:
            if (by := _BY.search(line)) and line.endswith(b"\n"):
                _note(found[by[1].decode()], json.loads(line))
    return found


def _note(usage: Usage, record: dict[str, Any]) -> None:
    about = record.get("objectRef")
    if about is None:
        return  # /version and the like, which everybody may ask for
    subresource = about.get("subresource")
    resource = about["resource"] + (f"/{subresource}" if subresource else "")
    right = Right(about.get("apiGroup", ""), resource, record["verb"], _any_shard(about.get("name", "")))
    if record.get("annotations", {}).get(_DECISION) == "forbid":
        usage.refused.add(right._replace(name=""))
    else:
        usage.used.add(right)


def is_whole(config: pytest.Config) -> bool:
    """Tell whether a run is of all tests: in one of some, most rights go unused."""
    chosen = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "collectonly")
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not any(
        config.getoption(name, None) for name in chosen
    )


class Rights:
    """Judges the rules when all tests are done and have passed."""

    def __init__(self, servers: Holder) -> None:
        self._servers = servers
        self._findings: list[str] = []

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if not is_whole(session.config) or session.exitstatus != pytest.ExitCode.OK:
            return
        plane = self._servers.get("control_plane")
        plane.audit_mark()
        found = usages(plane.audit_log)
        granted = {
            "operator": rights([*operator_rules(), *operator_rules(in_=OWN)]),
            "node-agent": rights(agent_rules([""])),
        }
        self._findings = [line for name, usage in found.items() for line in usage.findings(name, granted[name])]
        if self._findings:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for line in self._findings:
            terminalreporter.write_line(line, red=True)
