"""A bucket as the chosen store."""

from pathlib import Path

import pytest

from clusterstate.sandbox.s3server import S3Server
from tests.support.shelf import Shelf


@pytest.fixture
def shelf(s3_server: S3Server, bucket: str, tmp_path: Path) -> Shelf:
    return Shelf(s3_server, bucket, tmp_path)
