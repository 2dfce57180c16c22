"""The judge of YAML: sigs.k8s.io/yaml itself, built once into the user's cache before the first test runs."""

import os
from collections.abc import Iterator

import pytest

from tests.state.judge import Judge, build_judge


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.config.option.collectonly and any("goyaml" in _fixtures(item) for item in session.items):
        build_judge(os.environ)


def _fixtures(item: pytest.Item) -> tuple[str, ...]:
    return tuple(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def goyaml() -> Iterator[Judge]:
    """sigs.k8s.io/yaml v1.6.0, which kops reads and writes its files with."""
    with Judge(build_judge(os.environ)) as judge:
        yield judge
