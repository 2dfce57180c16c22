"""Places that a test may play with."""

from pathlib import Path

import pytest

from tests.cli.files.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A store in a folder with one cluster that kops wrote, and a directory that isn't there yet."""
    places = Places(tmp_path)
    places.load()
    return places
