"""Tables of `docs/sync.md` as test data: each line is played in a cluster of its own, all of them side by side."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.s3server import S3Server
from tests.support.operating import kubectl
from tests.support.world import World

DOCUMENT = Path(__file__).parents[2] / "docs" / "sync.md"


@dataclass(frozen=True)
class Row:
    """A line of a table with one value for each policy."""

    number: int
    situation: str
    policies: tuple[tuple[str, str], ...]
    """Names and values."""
    results: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the object; the cluster has it too."""
        return f"row-{self.number}.example.com"

    @property
    def policy(self) -> dict[str, str]:
        return dict(self.policies)

    def __str__(self) -> str:
        return "-".join([self.situation, *self.policy.values()]).replace(" ", "_")


def read_rows(heading: str, known: Mapping[str, tuple[str, ...]]) -> list[Row]:
    """Read the table below a heading: a situation, a value for each policy, results.

    A cell may name several values, and `any` means all of them. Each is tried once at least: all wheels turn together
    until the longest has been round.
    """
    text = DOCUMENT.read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    found: list[Row] = []
    for line in lines:
        situation, *cells = (cell.strip().replace("`", "") for cell in line.strip("| ").split(" | "))
        values = {name: _values(known[name], cell) for name, cell in zip(known, cells, strict=False)}
        for turn in range(max(map(len, values.values()))):
            policies = tuple((name, each[turn % len(each)]) for name, each in values.items())
            found.append(Row(len(found), situation, policies, tuple(cells[len(known) :])))
    return found


def _values(known: tuple[str, ...], cell: str) -> tuple[str, ...]:
    found = known if cell == "any" else tuple(cell.split(", "))
    assert set(found) <= set(known), f"{cell}: no such policy"
    return found


@contextmanager
def staging(plane: ControlPlane, s3_server: S3Server, folder: Path) -> Iterator[World]:
    """Give a world for all rows of a table, with a namespace and a bucket that no other test has."""
    name = f"test-{secrets.token_hex(5)}"
    kubectl(plane, "create", "namespace", name)
    yield World(plane, name, folder, s3_server, s3_server.create_bucket(name))
    kubectl(plane, "delete", "namespace", name, "--wait=false")
