"""Suites that not every run has: what decides, and the line that says so.

Tests of a suite that can't run, or that nobody asked for, are deselected and counted in one line at the end;
they are never skipped, since a skip in CI is a failure.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support import image

COUNTS = pytest.StashKey[dict[str, int]]()


@dataclass(frozen=True)
class Suite:
    marker: str
    wanted: Callable[[pytest.Config], bool]
    line: str
    """What to say when its tests are left out."""


def find_kops(environ: Mapping[str, str]) -> str | None:
    """Give the real kops: KOPS_BIN, else `kops` of PATH."""
    return shutil.which(environ.get("KOPS_BIN") or "kops", path=environ.get("PATH"))


def _soak_wanted(config: pytest.Config) -> bool:
    return bool(config.getoption("--soak")) or "soak" in config.getoption("markexpr")


SUITES = (
    Suite("image", lambda _: image.can_build(), "they need root, buildah and debootstrap"),
    Suite("kops", lambda _: find_kops(os.environ) is not None, "neither KOPS_BIN nor PATH has the real kops"),
    Suite("soak", _soak_wanted, "too long for every run; --soak or `make soak` runs them"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the tests that are too long for every run, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    counts = config.stash.setdefault(COUNTS, {})
    for suite in SUITES:
        left_out = [] if suite.wanted(config) else [i for i in items if i.get_closest_marker(suite.marker)]
        if left_out:
            counts[suite.marker] = len(left_out)
            items[:] = [item for item in items if item not in set(left_out)]
            config.hook.pytest_deselected(items=left_out)
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = counts


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the counts from a worker of pytest-xdist; each worker collects all tests."""
    node.config.stash.setdefault(COUNTS, {}).update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counts = config.stash.get(COUNTS, {})
    for suite in SUITES:
        if suite.marker in counts:
            terminalreporter.write_line(f"{suite.marker}: {counts[suite.marker]} tests left out: {suite.line}")
    if forbidden_skips(terminalreporter):
        terminalreporter.write_line("CI=true: a skipped test is a failed run", red=True)


def forbidden_skips(terminalreporter: Any) -> bool:
    """Tell whether tests were skipped where nobody looks at skips."""
    return os.environ.get("CI", "").lower() in {"true", "1"} and bool(terminalreporter.stats.get("skipped"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    terminalreporter = session.config.pluginmanager.get_plugin("terminalreporter")
    is_worker = hasattr(session.config, "workerinput")
    if not is_worker and forbidden_skips(terminalreporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
