"""Charts rendered once for all tests that look at them."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.support.helm import Manifest, rendered
from tests.support.valuesets import SETS

Render = Callable[[str], list[Manifest]]
RELEASE, NAMESPACE = "prod", "default"


@pytest.fixture(scope="session")
def render(tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Give the objects of a value set, of release `prod` in namespace `default`, which is there."""
    home: Path = tmp_path_factory.mktemp("helm")

    @cache
    def one(title: str) -> list[Manifest]:
        return list(rendered(RELEASE, NAMESPACE, SETS[title], home))

    return one
