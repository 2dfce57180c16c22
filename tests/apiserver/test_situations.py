"""The table of situations in `docs/sync.md` is true, line by line."""

from collections.abc import Iterator

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.s3server import S3Server
from tests.apiserver.rows import Row, read_rows, staging
from tests.apiserver.situations import POLICIES, SITUATIONS, Stage

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

ROWS = read_rows("Situations", POLICIES)


@pytest.fixture(scope="module")
def results(
    plane: ControlPlane, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Row, tuple[str, ...]]]:
    """What came of each row."""
    with staging(plane, s3_server, tmp_path_factory.mktemp("situations")) as world, world.running():
        yield Stage(world).play(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_is_true(row: Row, results: dict[Row, tuple[str, ...]]) -> None:
    assert results[row] == row.results


def test_every_situation_is_told() -> None:
    assert {row.situation for row in ROWS} == set(SITUATIONS)
