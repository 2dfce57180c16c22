"""The table of situations in `docs/sync.md` is true, line by line."""

import secrets
from collections.abc import Iterator

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.s3server import S3Server
from tests.apiserver.situations import SITUATIONS, Row, Stage, rows
from tests.support.operating import kubectl
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

ROWS = rows()


@pytest.fixture(scope="module")
def results(
    plane: ControlPlane, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Row, tuple[str, ...]]]:
    """What came of each row."""
    name = f"test-{secrets.token_hex(5)}"
    kubectl(plane, "create", "namespace", name)
    world = World(plane, name, tmp_path_factory.mktemp("situations"), s3_server, s3_server.create_bucket(name))
    with world.running():
        yield Stage(world).play(ROWS)
    kubectl(plane, "delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_is_true(row: Row, results: dict[Row, tuple[str, ...]]) -> None:
    assert results[row] == row.results


def test_every_situation_is_told() -> None:
    assert {row.situation for row in ROWS} == set(SITUATIONS)
