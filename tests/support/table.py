"""The table of stores and checks at the end of a run: what each store was examined in, and how it did.

Every check of `tests.store.conformance` reports the row (its store) and itself; cases of one check count together.
"""

from collections import defaultdict
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.store")  # the exams are no test modules, and should tell as much as these

STORE, CHECK = "store", "check"
"""Names of the properties that a check reports."""


class Table:
    """Collects the reports of a whole run, workers included, and writes the table."""

    def __init__(self) -> None:
        self._results: defaultdict[str, dict[str, bool]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        if STORE not in properties or (report.when != "call" and report.passed):
            return
        row = self._results[str(properties[CHECK])]
        store = str(properties[STORE])
        row[store] = row.get(store, True) and report.passed

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        stores = sorted({store for row in self._results.values() for store in row})
        if not stores:
            return
        terminalreporter.section("stores")
        for line in self.lines(stores):
            terminalreporter.write_line(line)

    def lines(self, stores: list[str]) -> list[str]:
        """Give the table: one line per check, one column per store; `-` where a check isn't for that store."""
        width = max(map(len, self._results))
        numbers = [f"{number:>3}" for number in range(1, len(stores) + 1)]
        head = [f"{number.strip():>3}  {store}" for number, store in zip(numbers, stores, strict=True)]
        body = [
            f"{check:<{width}} " + " ".join(_mark(row.get(store)) for store in stores)
            for check, row in sorted(self._results.items())
        ]
        return [*head, "", f"{'':<{width}} " + " ".join(numbers), *body]


def _mark(passed: bool | None) -> str:  # noqa: FBT001 - one of the table's cells
    return {True: " ok", False: "NOT", None: "  -"}[passed]
